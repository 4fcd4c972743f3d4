//! What the modes of a protection mean: it does not look, tells, asks, or acts.

use serde_json::json;

use super::{case_of, power};
use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_off_does_not_look_and_one_that_logs_only_tells() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&alice).await;
    bob.join(&room).await;
    world.protect("set watched_words words +casino").await;

    world.protect("mode watched_words off").await;
    bob.say(&room, "casino").await;
    world.settled().await;
    let of_off = world.find_said("matches the watched word").await;
    world.protect("mode watched_words log").await;
    let said = bob.say(&room, "casino").await;
    let (told, _) = world.heard("matches the watched word").await;
    world.settled().await;

    assert!(of_off.is_none(), "{of_off:?}");
    assert!(told.contains("@bob:test.local") && !told.contains('👍'), "{told}");
    assert!(!world.is_redacted(&room, &said).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_acts_tells_the_case_and_who_undoes_it_is_left_in_peace() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&alice).await;
    bob.join(&room).await;
    world.protect("set mentions users 1").await;
    world.protect("mode mentions act").await;

    let users = ["@a:test.local", "@b:test.local"];
    let content = json!({ "msgtype": "m.text", "body": "hi", "m.mentions": { "user_ids": users } });
    let said = bob.send_event(&room, "m.room.message", content).await;
    world.until_redacted(&room, &said).await;
    world.until("he is muted", async || power(&world, &room, &bob).await == json!(-1)).await;
    let case = case_of(&world, "mentions").await;
    let (told, _) = world.heard(&format!("!mod undo {}", case.case_id)).await;
    let undone = world.command(&format!("!mod undo {}", case.case_id)).await;

    assert!(told.starts_with("mentions: "), "{told}");
    assert!(undone.contains("This cannot be taken back: redact."), "{undone}");
    bob.say(&room, "sorry").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_of_an_evaded_ban_never_acts_but_a_ban_can_be_agreed_to() {
    let world = World::start().await;
    let [alice, mallory, again] = world.server.users(["alice", "mallory", "mall0ry"]).await;
    let room = world.protected_room(&alice).await;
    world.protect("set ban_evasion networks off").await;
    world.protect("mode ban_evasion ask").await;
    mallory.join(&room).await;
    alice.ban(&room, &mallory).await;

    again.join(&room).await;
    let (asked, question) = world.heard("has a name like").await;
    let before = world.membership(&room, &again).await;
    world.react(&question, "👍").await;
    world.until_member_is(&room, &again, "ban").await;
    world.heard("done. Case").await;
    let act = world.command("!mod protect mode ban_evasion act").await;

    assert!(asked.contains("ban @mall0ry:test.local"), "{asked}");
    assert_eq!(before, "join");
    assert!(act.contains("is off, log or ask"), "{act}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_sees_what_is_chosen_and_changes_nothing() {
    let world = World::start().await;
    let alice = world.server.user("alice").await;
    world.command("!mod role @alice:test.local auditor").await;
    alice.join(&world.operators).await;

    let listed = world.tell(&alice, &world.operators, "!mod protect").await;
    let shown = world.tell(&alice, &world.operators, "!mod protect flood").await;
    let refused = world.tell(&alice, &world.operators, "!mod protect mode flood act").await;
    let lists = world.tell(&alice, &world.operators, "!mod lists").await;

    assert!(listed.contains("flood (log)") && shown.contains("events = 10"), "{listed} {shown}");
    assert_eq!(refused, "Only administrators may choose the rooms that are looked after.");
    assert!(lists.starts_with("No policy list is watched."), "{lists}");
}
