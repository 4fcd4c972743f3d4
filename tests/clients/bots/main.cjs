/**
 * Administrates the server at SALON_URL by matrix-bot-sdk, and by the calls that Draupnir and Mjolnir make
 * beside it; prints a line for each test.
 */

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const Module = require("node:module");

// Its encryption, which is not used here, is a library that had to be downloaded and run.
const load = Module._load;
Module._load = (name, ...rest) => (name === "@matrix-org/matrix-sdk-crypto-nodejs" ? {} : load(name, ...rest));
const { LogService, LogLevel, MatrixClient } = require("@vector-im/matrix-bot-sdk");

const URL = process.env.SALON_URL;
const PASSWORD = "correct horse battery staple";
const PATIENCE_MS = 60_000;

LogService.setLevel(LogLevel.ERROR);
LogService.muteModule("MatrixHttpClient");

async function register(name) {
    const body = JSON.stringify({ username: name, password: PASSWORD, auth: { type: "m.login.dummy" } });
    const answer = await fetch(`${URL}/_matrix/client/v3/register`, { method: "POST", body });
    return new MatrixClient(URL, (await answer.json()).access_token);
}

/** Runs a command on the machine of the server. */
function operate(...words) {
    const { SALON_URL: _, ...others } = process.env;
    const env = { ...others, SALON_SERVER__DATA_DIRECTORY: process.env.DATA_DIRECTORY };
    execFileSync(process.env.PROGRAM, words, { env, stdio: ["ignore", "ignore", "inherit"] });
}

/** Asks until `claim` answers something true, and returns that. */
async function until(claim) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
        const found = await claim();
        if (found) return found;
        assert.ok(Date.now() < end, "It takes too long.");
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

const bot = once(async () => {
    const client = await register("draupnir");
    operate("user", "make-admin", "draupnir");
    return client;
});
const alice = once(() => register("alice"));

/** What is made when it is asked for, once. */
function once(make) {
    let made;
    return () => (made ??= make());
}

const tests = {
    async a_bot_knows_whether_it_is_an_administrator() {
        assert.equal(await (await bot()).adminApis.synapse.isSelfAdmin(), true);
        assert.equal(await (await alice()).adminApis.synapse.isSelfAdmin(), false);
    },

    async users_are_created_listed_and_shown() {
        const { synapse } = (await bot()).adminApis;

        const made = await synapse.upsertUser("@made:localhost", { password: PASSWORD, displayname: "Made" });
        const shown = await synapse.getUser("@made:localhost");
        const names = [];
        for await (const user of synapse.listAllUsers({ limit: 1 })) names.push(user.name);
        const page = await synapse.listUsers(undefined, 1, "made");

        assert.equal(made.displayname, "Made");
        // What Draupnir's schema wants.
        assert.ok(Number.isInteger(shown.creation_ts) && Number.isInteger(shown.last_seen_ts));
        assert.ok([shown.admin, shown.deactivated, shown.locked, shown.shadow_banned].every((flag) => flag === false));
        assert.ok(names.includes("@made:localhost") && names.includes("@draupnir:localhost"), names);
        assert.deepEqual(page.users.map((user) => user.name), ["@made:localhost"]);
    },

    async rooms_are_listed_shown_and_taken_over() {
        const [client, owner] = [await bot(), await alice()];
        const { synapse } = client.adminApis;
        const room = await owner.createRoom({ name: "Fish", preset: "public_chat" });

        const listed = await synapse.listRooms("Fish", undefined, 10);
        const state = await synapse.getRoomState(room);
        const first = await synapse.getEventNearestToTimestamp(room, 0, "f");
        const detail = await client.doRequest("GET", `/_synapse/admin/v1/rooms/${encodeURIComponent(room)}`);
        await synapse.makeRoomAdmin(room, await client.getUserId());
        await client.joinRoom(room);
        await client.sendStateEvent(room, "m.room.name", "", { name: "Mine" });

        assert.deepEqual(listed.rooms.map((found) => found.room_id), [room]);
        assert.ok(state.some((event) => event.type === "m.room.create"));
        assert.match(first.event_id, /^\$/);
        assert.equal(detail.joined_members, 1);
        await assert.rejects(client.doRequest("GET", "/_synapse/admin/v1/rooms/!nothing"), { statusCode: 404 });
    },

    async rooms_are_shut_down() {
        const [client, owner] = [await bot(), await alice()];
        const { synapse } = client.adminApis;
        const [one, two] = [await owner.createRoom({}), await owner.createRoom({})];

        await synapse.deleteRoom(one);
        const [ended] = await until(async () => {
            const states = await synapse.getDeleteRoomState(one);
            return states.every((state) => state.status === "complete") && states;
        });
        // As Mjolnir does.
        const path = `/_synapse/admin/v1/rooms/${encodeURIComponent(two)}`;
        await client.doRequest("DELETE", path, null, { new_room_user_id: await client.getUserId(), block: true });
        const block = await client.doRequest("GET", `${path}/block`);

        assert.deepEqual(ended.shutdown_room.kicked_users, [await owner.getUserId()]);
        assert.equal(block.block, true);
    },

    async accounts_are_suspended_shadow_banned_and_deactivated() {
        const client = await bot();
        const user = "@made2:localhost";
        await client.adminApis.synapse.upsertUser(user, { password: PASSWORD });
        const path = encodeURIComponent(user);

        await client.doRequest("PUT", `/_synapse/admin/v1/suspend/${path}`, null, { suspend: true });
        await client.doRequest("POST", `/_synapse/admin/v1/users/${path}/shadow_ban`, null, {});
        const shown = await client.adminApis.synapse.getUser(user);
        await client.doRequest("POST", `/_synapse/admin/v1/deactivate/${path}`, null, { erase: true });

        assert.deepEqual([shown.suspended, shown.shadow_banned], [true, true]);
        assert.equal((await client.adminApis.synapse.getUser(user)).deactivated, true);
    },

    async what_a_user_said_is_redacted() {
        const [client, owner] = [await bot(), await alice()];
        const room = await owner.createRoom({});
        const event = await owner.sendText(room, "spam");
        const path = `/_synapse/admin/v1/user/${encodeURIComponent(await owner.getUserId())}/redact`;

        const { redact_id: id } = await client.doRequest("POST", path, null, { rooms: [room] });
        const status = await until(async () => {
            const found = await client.doRequest("GET", `/_synapse/admin/v1/user/redact_status/${id}`);
            return found.status === "complete" && found;
        });

        assert.deepEqual(status.failed_redactions, {});
        assert.deepEqual((await owner.getEvent(room, event)).content, {});
    },

    async reports_are_fetched_as_they_come() {
        const [client, owner] = [await bot(), await alice()];
        const room = await owner.createRoom({});
        let from = 0;
        const poll = async () => {
            const found = await client.doRequest("GET", "/_synapse/admin/v1/event_reports", { from, dir: "f" });
            from = found.next_token ?? found.total;
            return found.event_reports;
        };
        const report = async (text) => {
            const event = await owner.sendText(room, text);
            const path = `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/report/${encodeURIComponent(event)}`;
            await owner.doRequest("POST", path, null, { reason: text });
            return event;
        };

        await report("one");
        const first = await poll();
        const event = await report("two");
        const second = await poll();
        const path = `/_synapse/admin/v1/rooms/${encodeURIComponent(room)}/context/${encodeURIComponent(event)}`;
        const context = await client.doRequest("GET", path, { limit: 1 });

        assert.deepEqual(first.map((found) => found.reason), ["one"]);
        assert.deepEqual(second.map((found) => found.reason), ["two"]);
        assert.equal(context.event.content.body, "two");
    },

    async registration_tokens_are_made_and_deleted() {
        const { synapse } = (await bot()).adminApis;

        const made = await synapse.createRegistrationToken({ uses_allowed: 1 });
        const changed = await synapse.updateRegistrationToken(made.token, { uses_allowed: 2 });
        const listed = await synapse.listRegistrationTokens(true);
        await synapse.deleteRegistrationToken(made.token);

        assert.equal(changed.uses_allowed, 2);
        assert.deepEqual(listed, [changed]);
        assert.equal(await synapse.getRegistrationToken("nothing"), null);
    },

    async it_is_told_from_where_somebody_comes() {
        const [client, owner] = [await bot(), await alice()];
        const user = await owner.getUserId();
        const whois = await client.adminApis.whoisUser(user);
        assert.equal(whois.user_id, user);
    },
};

(async () => {
    for (const [claim, test] of Object.entries(tests)) {
        try {
            await test();
            console.log(`test bots::${claim} ... ok`);
        } catch (fault) {
            process.exitCode = 1;
            console.log(`test bots::${claim} ... FAILED`);
            console.log(fault);
        }
    }
    process.exit();
})();
