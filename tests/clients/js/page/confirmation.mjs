/** Something that has to be confirmed, with the SDK's own code for that; runs in the page. */

import { createClient } from "matrix-js-sdk";
import { AuthType, InteractiveAuth } from "matrix-js-sdk/lib/interactive-auth.js";

export class Confirmation {
    /** Logs in with all that is typed as the password; the error code, if that is refused. */
    async login(baseUrl, user, password) {
        const wanted = { type: "m.login.password", identifier: { type: "m.id.user", user }, password };
        try {
            const session = await createClient({ baseUrl }).loginRequest(wanted);
            this.client = createClient({ baseUrl, userId: session.user_id, accessToken: session.access_token });
            this.device = session.device_id;
        } catch (refusal) {
            return refusal.errcode;
        }
    }

    /** Wants to sign this device out; the stage at which the page of the server is needed. */
    begin() {
        return this.#begin((auth) => this.client.deleteMultipleDevices([this.device], auth ?? undefined));
    }

    /** The same for who wants to register. */
    register(baseUrl, username, password) {
        this.client = createClient({ baseUrl });
        const wanted = { username, password, inhibit_login: true };
        return this.#begin((auth) => this.client.registerRequest({ ...wanted, auth: auth ?? undefined }));
    }

    #begin(doRequest) {
        return new Promise((resolve, reject) => {
            this.auth = new InteractiveAuth({
                matrixClient: this.client,
                doRequest,
                stateUpdated: (stage) => resolve(stage),
                requestEmailToken: async () => ({ sid: "" }),
                supportedStages: [AuthType.Sso],
            });
            this.done = this.auth.attemptAuth();
            this.done.catch(reject);
        });
    }

    /** Opens that page, as Element Web does. */
    open(stage) {
        const url = this.client.getFallbackAuthUrl(stage, this.auth.getSessionId());
        this.told = new Promise((resolve) => {
            window.addEventListener("message", (event) => {
                if (event.data === "authDone" && event.source === this.popup) resolve(event.origin);
            });
        });
        this.popup = window.open(url);
    }

    /** Waits for the page to say that it is confirmed, and goes on; from where it was said. */
    async finish() {
        const origin = await this.told;
        await this.auth.submitAuthDict({});
        await this.done;
        return origin;
    }

    /** Whether the session is still there. */
    isLoggedIn() {
        return this.client.whoami().then(() => true, () => false);
    }
}
