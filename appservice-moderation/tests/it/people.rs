//! What is done to people in rooms, for how long, and how it is taken back.

use std::time::Duration;

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_reaches_all_rooms_and_is_undone_as_a_whole() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let (one, two) = (world.protected_room(&bob).await, world.protected_room(&bob).await);
    alice.join(&one).await;

    let (proposed, outcome) = world.confirm("!mod ban @alice:test.local --reason raid of today").await;

    assert!(proposed.contains("Ban @alice:test.local, because: raid of today"), "{proposed}");
    assert!(proposed.contains("@alice:test.local in 2 rooms; is in 1 of them now"), "{proposed}");
    for room in [&one, &two] {
        assert_eq!(bob.membership_of(room, &alice).await, "ban");
    }
    let case = world.case_in(&outcome);
    let reason = bob.state(&one, "m.room.member", alice.id.as_str()).await.expect("a ban")["reason"].clone();
    assert_eq!(reason, format!("raid of today ({case})"));

    let undone = world.command(&format!("!mod undo {case}")).await;

    assert_eq!(undone, "Ban @alice:test.local is undone.");
    alice.join(&one).await;
    alice.join(&two).await;
    let told = world.command(&format!("!mod case {case}")).await;
    assert!(told.contains("Undone a moment ago by @root:test.local"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bans_and_mutes_end_by_themselves() {
    let world = World::start().await;
    let [alice, bob, carol] = world.server.users(["alice", "bob", "carol"]).await;
    let room = world.protected_room(&bob).await;
    alice.join(&room).await;
    carol.join(&room).await;

    let (_, banned) = world.confirm("!mod ban @alice:test.local --for 7d").await;
    world.confirm("!mod mute @carol:test.local --for 1h").await;
    carol.try_say(&room, "too loud").await.expect_err("she has no voice");
    world.app.clock.advance(Duration::from_secs(3700));
    world.until("she has her voice back", async || carol.try_say(&room, "quieter").await.is_ok()).await;
    alice.try_join(&room).await.expect_err("she is banned still");
    world.app.clock.advance(Duration::from_secs(7 * 24 * 3600));

    world.until("the ban has ended", async || alice.try_join(&room).await.is_ok()).await;
    assert!(banned.contains("It ends by itself in"), "{banned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_a_mute_restores_the_power_that_somebody_had() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;
    alice.join(&room).await;
    let mut levels = bob.state(&room, "m.room.power_levels", "").await.expect("there are some");
    levels["users"][alice.id.as_str()] = 30.into();
    bob.set_state(&room, "m.room.power_levels", "", levels).await;

    let (_, outcome) = world.confirm("!mod mute @alice:test.local").await;
    let muted = bob.state(&room, "m.room.power_levels", "").await.expect("there are some");
    world.command(&format!("!mod undo {}", world.case_in(&outcome))).await;

    assert_eq!(muted["users"][alice.id.as_str()], -1);
    let after = bob.state(&room, "m.room.power_levels", "").await.expect("there are some");
    assert_eq!(after["users"][alice.id.as_str()], 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moderates_a_room_commands_there_and_only_there() {
    let world = World::start().await;
    let [alice, bob, carol] = world.server.users(["alice", "bob", "carol"]).await;
    let (of_bob, of_carol) = (world.protected_room(&bob).await, world.protected_room(&carol).await);
    alice.join(&of_bob).await;
    alice.join(&of_carol).await;

    world.confirm_as(&bob, &of_bob, "!mod ban @alice:test.local --reason enough").await;
    let elsewhere = world.tell(&bob, &of_bob, &format!("!mod kick @alice:test.local --room {of_carol}")).await;
    let rules = world.tell(&bob, &of_bob, "!mod ban ip:127.0.9.0/24").await;

    assert_eq!(bob.membership_of(&of_bob, &alice).await, "ban");
    assert_eq!(carol.membership_of(&of_carol, &alice).await, "join");
    assert!(elsewhere.contains("Here you can command this room only."), "{elsewhere}");
    assert_eq!(rules, "Only administrators may write access rules.");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_redacted_and_others_are_spared() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;
    alice.join(&room).await;
    for text in ["one", "two", "three"] {
        alice.say(&room, text).await;
    }
    bob.say(&room, "a word of bob").await;

    let (_, outcome) = world.confirm("!mod redact @alice:test.local --last 2").await;

    assert!(outcome.contains("done"), "{outcome}");
    let left: Vec<String> = bob
        .messages(&room, 50)
        .await
        .iter()
        .filter(|event| event["sender"] != world.app.bot.user_id().as_str())
        .filter_map(|event| event["content"]["body"].as_str().map(ToOwned::to_owned))
        .collect();
    assert_eq!(left, ["a word of bob", "one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_comes_in_a_chat() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;

    world.command("!mod warn @alice:test.local --reason Please be kind.").await;

    let sync = alice.get("/_matrix/client/v3/sync").await.expect("she may sync");
    let invites = sync["rooms"]["invite"].as_object().expect("an invitation").clone();
    let room: ruma::OwnedRoomId = invites.keys().next().expect("one").as_str().try_into().expect("a room ID");
    alice.join(&room).await;
    let said = alice.messages(&room, 5).await;
    assert!(said.iter().any(|event| event["content"]["body"] == "Please be kind."), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_suspended_for_a_time() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = bob.create_public_room().await;
    alice.join(&room).await;

    world.confirm("!mod suspend @alice:test.local --for 1d").await;
    alice.try_say(&room, "hello").await.expect_err("she is suspended");
    world.app.clock.advance(Duration::from_secs(25 * 3600));

    world.until("she may act again", async || alice.try_say(&room, "hello").await.is_ok()).await;
}
