/** An application that is let in by OAuth, with the SDK's own code for that; runs in the page. */

import { createClient } from "matrix-js-sdk";
import { OAuth2 } from "matrix-js-sdk/lib/oauth/index.js";
import { TokenRefresher } from "matrix-js-sdk/lib/oauth/tokenRefresher.js";

export class Application {
    /** Registers; returns where the user has to go, and what to remember until they are back. */
    async begin(baseUrl, redirectUri, prompt) {
        const metadata = await createClient({ baseUrl }).getAuthMetadata();
        const clientId = await OAuth2.registerClient(metadata, {
            client_name: "Client under test",
            client_uri: redirectUri,
            redirect_uris: [redirectUri],
            application_type: "web",
        });
        const oauth = new OAuth2(metadata, { clientId });
        const url = await oauth.generateAuthorizationCodeGrantUrl("state-1", redirectUri, "fragment", prompt);
        return { url, context: oauth.context };
    }

    /** Exchanges the code with which the user came back. */
    async complete(baseUrl, redirectUri, context, fragment) {
        const answer = new URLSearchParams(fragment);
        if (answer.get("state") !== "state-1") throw new Error("This is the answer to another question.");
        const metadata = await createClient({ baseUrl }).getAuthMetadata();
        this.oauth = new OAuth2(metadata, context);
        const tokens = await this.oauth.completeAuthorizationCodeGrant(answer.get("code"), redirectUri);
        await this.#use(baseUrl, tokens);
    }

    /** Shows a code and waits until the user has let this device in. */
    async wait(baseUrl) {
        const metadata = await createClient({ baseUrl }).getAuthMetadata();
        const clientId = await OAuth2.registerClient(metadata, {
            client_name: "Television",
            client_uri: "http://127.0.0.1/",
            redirect_uris: ["http://127.0.0.1/"],
            application_type: "web",
            grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        });
        this.oauth = new OAuth2(metadata, { clientId });
        this.waiting = await this.oauth.startDeviceAuthorizationGrant();
        return { url: this.waiting.verification_uri, code: this.waiting.user_code };
    }

    /** Goes on when the user has let it in. */
    async enter(baseUrl) {
        await this.#use(baseUrl, await this.oauth.waitForDeviceAuthorizationGrant(this.waiting));
    }

    async #use(baseUrl, tokens) {
        if (!tokens.access_token) throw new Error(`There are no tokens: ${JSON.stringify(tokens)}`);
        const refresher = new TokenRefresher(this.oauth, (fresh) => {
            this.refreshed = fresh;
        });
        this.refreshToken = tokens.refresh_token;
        this.client = createClient({
            baseUrl,
            accessToken: tokens.access_token,
            refreshToken: tokens.refresh_token,
            tokenRefreshFunction: (token) => refresher.refreshTokens(token),
        });
        this.refresher = refresher;
    }

    /** Who the server takes it for. */
    whoami() {
        return this.client.whoami();
    }

    /** Refreshes; returns whether the tokens are others. */
    async refresh() {
        const before = this.client.getAccessToken();
        const fresh = await this.refresher.refreshTokens(this.refreshToken);
        this.client.setAccessToken(fresh.accessToken);
        this.refreshToken = fresh.refreshToken;
        return fresh.accessToken !== before;
    }

    /** Gives both tokens back at the same time, as Element Web does. */
    async logout() {
        const access = this.client.getAccessToken();
        await Promise.all([
            this.oauth.revokeToken(access, "access_token"),
            this.oauth.revokeToken(this.refreshToken, "refresh_token"),
        ]);
    }

    /** Whether the token is good. */
    async isLoggedIn() {
        return this.client.whoami().then(() => true, () => false);
    }
}
