/** Encrypted rooms, and people who verify each other. */

import assert from "node:assert/strict";

export async function members_of_an_encrypted_room_read_each_other(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const room = await stage.room(alice, [bob], { encrypted: true });

    const question = await alice.say(room, "Do cats eat bats?");
    const asked = await bob.read(room, question);
    const answer = await bob.say(room, "Do bats eat cats?");
    const answered = await alice.read(room, answer);

    assert.deepEqual([asked.body, asked.encrypted, asked.sender], ["Do cats eat bats?", true, await alice.id()]);
    assert.deepEqual([answered.body, answered.encrypted], ["Do bats eat cats?", true]);
    const stored = await alice.stored(room, question);
    assert.equal(stored.type, "m.room.encrypted");
    assert.ok(!JSON.stringify(stored).includes("bats"));
}

export async function a_picture_is_encrypted_on_its_way(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const room = await stage.room(alice, [bob], { encrypted: true });

    const sent = await alice.sendPicture(room, true);

    assert.equal(await bob.picture(room, sent.event), sent.digest);
}

export async function reactions_edits_threads_and_redactions_work_in_encrypted_rooms(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const room = await stage.room(alice, [bob], { encrypted: true });
    const root = await alice.say(room, "Off with her head");
    await bob.read(room, root);

    const relation = { rel_type: "m.annotation", event_id: root, key: "😱" };
    await bob.send(room, "m.reaction", { "m.relates_to": relation });
    assert.deepEqual(await alice.reactions(room, root), [["😱", [await bob.id()]]]);

    await bob.sayInThread(room, root, "Whose?");
    await alice.sayInThread(room, root, "Hers!");
    assert.deepEqual(await alice.thread(room, root, 2), ["Whose?", "Hers!"]);
    assert.deepEqual(await bob.thread(room, root, 2), ["Whose?", "Hers!"]);

    const corrected = { msgtype: "m.text", body: "Off with his head" };
    const replacement = { rel_type: "m.replace", event_id: root };
    await alice.say(room, "* Off with his head", { "m.new_content": corrected, "m.relates_to": replacement });
    assert.equal(await bob.edited(room, root), "Off with his head");

    await alice.redact(room, root);
    await bob.untilRedacted(room, root);
    assert.deepEqual((await bob.stored(room, root)).content, {});
}

export async function people_verify_each_other_by_emoji(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    await Promise.all([alice.setUpEncryption(), bob.setUpEncryption()]);
    const room = await stage.room(alice, [bob], { encrypted: true });
    const [aliceId, bobId] = [await alice.id(), await bob.id()];
    await alice.untilKnowsIdentity(bobId);
    await bob.untilKnowsIdentity(aliceId);
    await bob.awaitVerification();

    await alice.requestVerification(bobId, room);
    await bob.acceptVerification();
    await alice.startVerification();
    await bob.joinVerification();
    assert.deepEqual(await alice.emoji(), await bob.emoji());
    await Promise.all([alice.confirmVerification(), bob.confirmVerification()]);

    await alice.untilVerified(bobId);
    await bob.untilVerified(aliceId);
}
