/** An account and its session. */

import { createClient, ClientEvent, PendingEventOrdering } from "matrix-js-sdk";

const PASSWORD = "correct horse battery staple";
const PATIENCE_MS = 60_000;

/** Waits until `claim` returns something true, and returns that. */
export async function until(claim, what) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
        const found = await claim();
        if (found) return found;
        if (Date.now() > end) throw new Error(`It did not happen: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

export class Session {
    /** The key of the secret storage, which people keep elsewhere. */
    recoveryKey;

    /** Registers, after learning what that takes, and starts to sync. */
    async register(baseUrl, username) {
        const stranger = createClient({ baseUrl });
        const wanted = { username, password: PASSWORD, initial_device_display_name: "First", refresh_token: true };
        const asked = await stranger.registerRequest(wanted).catch((refusal) => refusal.data);
        const auth = { type: "m.login.dummy", session: asked.session };
        await this.#start(baseUrl, await stranger.registerRequest({ ...wanted, auth }));
    }

    /** Logs in as a new device, and starts to sync. */
    async login(baseUrl, userId) {
        const stranger = createClient({ baseUrl });
        const { flows } = await stranger.loginFlows();
        const session = await stranger.loginRequest({
            type: "m.login.password",
            identifier: { type: "m.id.user", user: userId },
            password: PASSWORD,
            initial_device_display_name: "Second",
        });
        await this.#start(baseUrl, session);
        return flows.map((flow) => flow.type);
    }

    async #start(baseUrl, session) {
        this.client = createClient({
            baseUrl,
            userId: session.user_id,
            deviceId: session.device_id,
            accessToken: session.access_token,
            refreshToken: session.refresh_token,
            tokenRefreshFunction: async (refreshToken) => {
                const fresh = await createClient({ baseUrl }).refreshToken(refreshToken);
                return { accessToken: fresh.access_token, refreshToken: fresh.refresh_token };
            },
            timelineSupport: true,
            cryptoCallbacks: {
                getSecretStorageKey: async ({ keys }) => [Object.keys(keys)[0], this.recoveryKey],
                cacheSecretStorageKey: (_id, _info, key) => {
                    this.recoveryKey = key;
                },
            },
        });
        await this.client.initRustCrypto();
        const ready = new Promise((resolve) => {
            this.client.on(ClientEvent.Sync, (state) => state === "PREPARED" && resolve());
        });
        await this.client.startClient({
            lazyLoadMembers: true,
            threadSupport: true,
            pendingEventOrdering: PendingEventOrdering.Detached,
        });
        await ready;
    }

    /** Ends the session. */
    async logout() {
        await this.client.logout(true);
    }

    id() {
        return this.client.getUserId();
    }

    device() {
        return this.client.getDeviceId();
    }

    /** Proof that the person is there, for a request that asks for it. */
    async proven(request) {
        try {
            return await request(null);
        } catch (refusal) {
            if (refusal.httpStatus !== 401) throw refusal;
            const identifier = { type: "m.id.user", user: this.id() };
            const { session } = refusal.data;
            return await request({ type: "m.login.password", identifier, password: PASSWORD, session });
        }
    }

    async devices() {
        const { devices } = await this.client.getDevices();
        return devices.map((device) => [device.device_id, device.display_name]);
    }

    async deleteDevice(id) {
        await this.proven((auth) => this.client.deleteDevice(id, auth ?? undefined));
    }

    /** Whether the server still knows the session. */
    async isLoggedIn() {
        return this.client.whoami().then(
            () => true,
            (refusal) => {
                if (refusal.errcode !== "M_UNKNOWN_TOKEN") throw refusal;
                return false;
            },
        );
    }

    async setProfile(name, avatar) {
        await this.client.setDisplayName(name);
        await this.client.setAvatarUrl(avatar);
    }

    async profile(of) {
        return this.client.getProfileInfo(of);
    }

    async searchUsers(term) {
        const { results } = await this.client.searchUserDirectory({ term });
        return results.map((user) => user.user_id);
    }

    /** Sets account data; resolves when it has come back through sync. */
    async remember(type, content) {
        await this.client.setAccountData(type, content);
        return this.client.getAccountData(type).getContent();
    }

    async untilRemembered(type) {
        return (await until(() => this.client.getAccountData(type), `account data ${type}`)).getContent();
    }
}
