/** Rooms that are not encrypted: what is shown beside the messages, and how rooms are found. */

import assert from "node:assert/strict";

export async function readers_and_writers_show(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const room = await stage.room(alice, [bob]);
    const bobId = await bob.id();

    const said = await alice.say(room, "Are you there?");
    await bob.untilUnread(room, 1, 0);
    const mentioned = await alice.say(room, `${bobId}?`, { "m.mentions": { user_ids: [bobId] } });
    await bob.untilUnread(room, 2, 1);
    await bob.typing(room, true);
    await alice.untilTyping(room, bobId, true);
    await bob.markRead(room, mentioned);

    await alice.untilReadBy(room, mentioned, bobId);
    await alice.untilReadBy(room, said, bobId);
    await bob.untilUnread(room, 0, 0);
    await bob.typing(room, false);
    await alice.untilTyping(room, bobId, false);
}

export async function a_muted_room_does_not_notify(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const room = await stage.room(alice, [bob]);

    await bob.mute(room);
    await bob.read(room, await alice.say(room, "Can you hear me?"));

    await bob.untilUnread(room, 0, 0);
}

export async function history_is_read_from_its_end_and_from_its_middle(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const room = await stage.room(alice, [bob]);
    const said = [];
    const ids = [];
    for (let number = 0; number < 25; number += 1) {
        said.push(`message ${number}`);
        ids.push(await alice.say(room, said.at(-1)));
    }
    await bob.read(room, ids.at(-1));

    // Devices that are new have only the end of it.
    for (const from of [undefined, ids[5]]) {
        const fresh = await stage.stranger();
        await fresh.login(stage.url, await bob.id());
        assert.deepEqual(await fresh.history(room, from), said);
    }
}

export async function a_picture_is_scaled_by_the_server(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const room = await stage.room(alice, [bob]);

    const sent = await alice.sendPicture(room, false);

    assert.equal(await bob.picture(room, sent.event), sent.digest);
    const [width, height] = await bob.thumbnail(room, sent.event, 80, 60);
    assert.ok(width >= 80 && width < 400, `${width} by ${height}`);
}

export async function a_public_room_is_found_looked_into_and_joined(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const name = `Croquet ${await alice.id()}`;
    const readable = { history_visibility: "world_readable" };
    const visible = { type: "m.room.history_visibility", state_key: "", content: readable };
    const options = { preset: "public_chat", visibility: "public", name, initial_state: [visible] };
    const room = await stage.room(alice, [], options);
    const local = (await alice.id()).slice(1).split(":")[0];
    const alias = `#croquet-${local}:localhost`;
    await alice.createAlias(alias, room);
    await alice.say(room, "Get to your places!");

    assert.deepEqual(await bob.publicRooms(name), [[room, name]]);
    assert.deepEqual(await bob.peek(room), ["Get to your places!"]);
    const order = await alice.say(room, "Off with their heads!");
    assert.equal((await bob.read(room, order)).body, "Off with their heads!");
    await bob.stopPeeking();
    assert.equal(await bob.join(alias), room);

    await alice.untilJoined(room, 2);
    await bob.leave(room);
    await alice.untilJoined(room, 1);
}

export async function messages_are_found_by_their_words(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const room = await stage.room(alice, [bob]);
    await alice.say(room, "Twinkle, twinkle, little bat");
    await alice.say(room, "How I wonder what you are at");

    assert.deepEqual(await bob.search("wonder"), ["How I wonder what you are at"]);
}

export async function a_space_leads_to_its_rooms(stage) {
    const alice = await stage.person("alice");
    const room = await stage.room(alice, [], { name: "Garden" });
    const creation_content = { type: "m.space" };
    const space = await stage.room(alice, [], { name: "Wonderland", creation_content });

    await alice.setState(space, "m.space.child", { via: ["localhost"] }, room);

    assert.deepEqual(await alice.hierarchy(space), [space, room]);
}

export async function a_room_is_named_tagged_and_upgraded(stage) {
    const [alice, bob] = await stage.people("alice", "bob");
    const room = await stage.room(alice, [bob], { room_version: "11" });

    await alice.setState(room, "m.room.name", { name: "Tea party" });
    await bob.untilNamed(room, "Tea party");
    assert.deepEqual(await bob.tag(room, "m.favourite"), { order: 0.5 });

    const successor = await alice.upgrade(room, "12");
    await alice.untilNamed(successor, "Tea party");
}
