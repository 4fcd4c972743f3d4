/** Accounts, their devices, and what they keep on the server. */

import assert from "node:assert/strict";

export async function a_device_logs_in_and_is_deleted_by_another(stage) {
    const alice = await stage.person("alice");
    const second = await stage.stranger();

    const flows = await second.login(stage.url, await alice.id());

    assert.ok(flows.includes("m.login.password"));
    const devices = new Map(await alice.devices());
    assert.deepEqual([...devices.values()].sort(), ["First", "Second"]);

    await alice.deleteDevice(await second.device());
    assert.equal(await second.isLoggedIn(), false);
    assert.equal(await alice.isLoggedIn(), true);

    await alice.logout();
}

export async function a_person_is_found_by_name(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    await stage.room(alice, [bob]);

    await alice.setProfile("Alice Liddell", "mxc://localhost/rabbit");

    const id = await alice.id();
    assert.deepEqual(await bob.profile(id), { displayname: "Alice Liddell", avatar_url: "mxc://localhost/rabbit" });
    assert.deepEqual(await bob.searchUsers("liddell"), [id]);
}

export async function account_data_reach_all_devices(stage) {
    const alice = await stage.person("alice");
    const second = await stage.stranger();
    await second.login(stage.url, await alice.id());

    assert.deepEqual(await alice.remember("org.example.tea", { time: "always" }), { time: "always" });

    assert.deepEqual(await second.untilRemembered("org.example.tea"), { time: "always" });
}
