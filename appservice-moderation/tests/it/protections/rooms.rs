//! What protections find in rooms.

use serde_json::{Value, json};

use super::{case_of, power};
use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn who_floods_is_muted_and_redacted_until_the_case_is_undone() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&alice).await;
    bob.join(&room).await;
    world.protect("set flood events 3").await;
    world.protect("mode flood act").await;

    let mut said = Vec::new();
    for number in 0..4 {
        said.push(bob.say(&room, &format!("buy {number}")).await);
    }
    for event in &said {
        world.until_redacted(&room, event).await;
    }
    let muted = power(&world, &room, &bob).await;
    let case = case_of(&world, "flood").await;
    let (told, _) = world.heard(&case.case_id).await;
    world.app.actions.undo(&case.case_id, &world.root.id).await.expect("it can be undone");
    world.until("bob may speak", async || power(&world, &room, &bob).await == Value::Null).await;

    assert_eq!(muted, json!(-1));
    assert!(told.contains("flood") && !told.contains("buy"), "{told}");
    bob.say(&room, "sorry").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_ends_by_itself() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&alice).await;
    bob.join(&room).await;
    world.protect("set flood events 1").await;
    world.protect("set flood mute_s 10m").await;
    world.protect("mode flood act").await;

    for _ in 0..2 {
        bob.say(&room, "buy").await;
    }
    world.until("bob is muted", async || power(&world, &room, &bob).await == json!(-1)).await;
    world.app.clock.advance(std::time::Duration::from_secs(601));

    world.until("bob may speak", async || power(&world, &room, &bob).await == Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_are_asked_and_nothing_happens_before_they_agree() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&alice).await;
    bob.join(&room).await;
    world.protect("set mentions users 1").await;
    world.protect("mode mentions ask").await;

    let users = ["@a:test.local", "@b:test.local"];
    let content = json!({ "msgtype": "m.text", "body": "hi", "m.mentions": { "user_ids": users } });
    let said = bob.send_event(&room, "m.room.message", content).await;
    let (asked, question) = world.heard("mentioned 2 people").await;
    world.settled().await;
    let before = (world.is_redacted(&room, &said).await, power(&world, &room, &bob).await);
    world.react(&question, "👍").await;
    world.until_redacted(&room, &said).await;

    assert!(asked.contains("mute @bob:test.local for 10 minutes") && asked.contains("redact 1 events"), "{asked}");
    assert_eq!(before, (false, Value::Null));
    let case = case_of(&world, "mentions").await;
    assert_eq!(case.author, world.root.id, "who agreed stands behind it");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_may_not_act_can_agree() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&alice).await;
    bob.join(&room).await;
    world.root.invite(&world.operators, &bob).await;
    bob.join(&world.operators).await;
    world.protect("set watched_words words +spam").await;

    let said = bob.say(&room, "this is SPAM").await;
    let (_, question) = world.heard("watched word").await;
    let relation = json!({ "rel_type": "m.annotation", "event_id": question, "key": "👍" });
    bob.send_event(&world.operators, "m.reaction", json!({ "m.relates_to": relation })).await;
    world.settled().await;

    assert!(!world.is_redacted(&room, &said).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_of_joins_closes_the_room_for_a_while() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;
    let room = world.protected_room(&alice).await;
    world.protect("set join_wave joins 2").await;
    world.protect("mode join_wave act").await;
    let rule =
        async || world.bot().state(&room, "m.room.join_rules", "").await.expect("there is one")["join_rule"].clone();

    for user in world.server.users(["a", "b", "c"]).await {
        user.join(&room).await;
    }
    world.until("the room is closed", async || rule().await == "invite").await;
    let refused = world.server.user("late").await.try_join(&room).await;
    world.app.clock.advance(std::time::Duration::from_secs(1801));
    world.until("the room is open", async || rule().await == "public").await;

    assert!(refused.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn media_and_links_of_newcomers_are_redacted_unless_they_are_exempt() {
    let world = World::start().await;
    let [alice, bob, carol, dave] = world.server.users(["alice", "bob", "carol", "dave"]).await;
    let room = world.protected_room(&alice).await;
    world.protect("mode newcomer_media act").await;
    world.protect("set newcomer_media exempt.users +@carol:*").await;
    for user in [&bob, &carol, &dave] {
        user.join(&room).await;
    }

    let link = bob.say(&room, "see https://spam.test/").await;
    let of_carol = carol.say(&room, "see https://nice.test/").await;
    dave.say(&room, "hello").await;
    let second = dave.say(&room, "see https://nice.test/").await;
    let of_alice = alice.say(&room, "see https://nice.test/").await;
    world.until_redacted(&room, &link).await;
    world.settled().await;

    for event in [&of_carol, &second, &of_alice] {
        assert!(!world.is_redacted(&room, event).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_invites_too_many_invites_nobody_for_a_while() {
    let world = World::start().await;
    let [alice, bob, carol, dave, erin] = world.server.users(["alice", "bob", "carol", "dave", "erin"]).await;
    let room = world.protected_room(&alice).await;
    let mut levels = alice.state(&room, "m.room.power_levels", "").await.expect("there are power levels");
    levels["invite"] = json!(0);
    alice.set_state(&room, "m.room.power_levels", "", levels).await;
    bob.join(&room).await;
    world.protect("set invites invites 1").await;
    world.protect("mode invites act").await;

    bob.invite(&room, &carol).await;
    bob.invite(&room, &dave).await;
    let elsewhere = bob.create_room().await;
    world.until("bob can invite nobody", async || bob.try_act_on(&elsewhere, "invite", &erin).await.is_err()).await;

    alice.invite(&room, &erin).await;
    let case = case_of(&world, "invites").await;
    world.app.actions.undo(&case.case_id, &world.root.id).await.expect("it can be undone");
    world.until("bob may invite", async || bob.try_act_on(&elsewhere, "invite", &erin).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_named_like_somebody_banned_is_hinted_at() {
    let world = World::start().await;
    let [alice, mallory, again, nice] = world.server.users(["alice", "mallory", "mall0ry", "nice"]).await;
    let room = world.protected_room(&alice).await;
    world.protect("set ban_evasion networks off").await;
    mallory.join(&room).await;
    alice.ban(&room, &mallory).await;

    nice.join(&room).await;
    again.join(&room).await;

    let (hint, _) = world.heard("has a name like").await;
    assert!(hint.contains("@mall0ry:test.local, who joined, has a name like that of @mallory:test.local"), "{hint}");
    assert_eq!(world.membership(&room, &again).await, "join");
    assert!(world.find_said("@nice:test.local").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_from_the_network_of_somebody_banned_is_hinted_at_without_an_address() {
    let world = World::start().await;
    let [alice, mallory, other] = world.server.users(["alice", "mallory", "innocent"]).await;
    let (mallory, other) = (mallory.coming_from("127.0.0.9"), other.coming_from("127.0.0.9"));
    let room = world.protected_room(&alice).await;
    for user in [&mallory, &other] {
        user.get("/_matrix/client/v3/account/whoami").await.expect("they are there");
    }
    mallory.join(&room).await;
    alice.ban(&room, &mallory).await;

    other.join(&room).await;

    let (hint, _) = world.heard("ban_evasion").await;
    assert!(hint.contains("@innocent:test.local, who joined, comes from a network of @mallory:test.local"), "{hint}");
    assert!(!hint.contains("127.0.0."), "{hint}");
}
