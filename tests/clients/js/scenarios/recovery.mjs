/** Cross-signing, secret storage and the backup of keys, through which new devices read old messages. */

import assert from "node:assert/strict";

export async function a_first_device_sets_up_encryption(stage) {
    const alice = await stage.person("alice");

    await alice.setUpEncryption();

    const complete = { crossSigning: true, secretStorage: true, backup: true, signed: true };
    assert.deepEqual(await alice.encryptionStatus(), complete);
}

export async function a_new_device_restores_the_history_from_the_backup(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const recoveryKey = await alice.setUpEncryption();
    const room = await stage.room(alice, [bob], { encrypted: true });
    const said = [];
    for (let number = 0; number < 25; number += 1) {
        const [speaker, listener] = number % 2 ? [bob, alice] : [alice, bob];
        said.push(`message ${number}`);
        await listener.read(room, await speaker.say(room, said.at(-1)));
    }
    await alice.untilBackedUp(2);
    await alice.logout();

    const fresh = await stage.stranger();
    await fresh.login(stage.url, await alice.id());
    await fresh.recover(recoveryKey);
    const imported = await fresh.restoreBackup();

    assert.equal(imported, 2);
    assert.deepEqual(await fresh.history(room), said);
    const complete = { crossSigning: true, secretStorage: true, backup: true, signed: true };
    assert.deepEqual(await fresh.encryptionStatus(), complete);
    const answer = await fresh.say(room, "I am back");
    assert.equal((await bob.read(room, answer)).body, "I am back");
    await bob.untilSigned(await alice.id(), await fresh.device());
}

export async function a_new_device_is_verified_by_another(stage) {
    const alice = await stage.person("alice");
    await alice.setUpEncryption();
    const room = await stage.room(alice, [], { encrypted: true });
    const secret = await alice.say(room, "Down the rabbit hole");
    await alice.untilBackedUp(1);
    const fresh = await stage.stranger();
    await fresh.login(stage.url, await alice.id());
    await alice.awaitVerification();

    await fresh.untilKnowsIdentity(await alice.id());
    await fresh.requestVerification();
    await alice.acceptVerification();
    await fresh.startVerification();
    await alice.joinVerification();
    assert.deepEqual(await alice.emoji(), await fresh.emoji());
    await Promise.all([alice.confirmVerification(), fresh.confirmVerification()]);

    // The secrets come from the other device, and with them the keys of messages.
    await alice.untilSigned(await alice.id(), await fresh.device());
    assert.equal((await fresh.read(room, secret)).body, "Down the rabbit hole");
}
