//! The rooms that are looked after, and rooms that are closed for good.

use serde_json::json;

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_looked_after_until_they_are_left_to_themselves() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let (room, other) = (world.protected_room(&bob).await, world.protected_room(&bob).await);

    let both = world.command("!mod rooms").await;
    world.command(&format!("!mod unprotect {other}")).await;
    let one = world.command("!mod rooms").await;
    world.confirm("!mod ban @alice:test.local").await;
    let back = world.command(&format!("!mod protect {other}")).await;

    assert!(both.starts_with("I look after 2 rooms:") && both.contains(other.as_str()), "{both}");
    assert!(one.starts_with("I look after 1 room:") && one.contains(room.as_str()), "{one}");
    assert_eq!(back, "I look after 1 room.");
    assert_eq!(bob.membership_of(&room, &alice).await, "ban");
    alice.join(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_where_the_bot_lacks_the_power_is_named() {
    let world = World::start().await;
    let bob = world.server.user("bob").await;
    let room = bob.create_room_with(json!({ "preset": "public_chat", "invite": [world.app.bot.user_id()] })).await;
    world.until_said(&bob, &room, "Please make me a moderator").await;

    let listed = world.command("!mod rooms").await;
    let tried = world.command("!mod ban @spam:elsewhere.org").await;

    assert!(listed.contains("where I lack the power to ban"), "{listed}");
    assert!(tried.starts_with("There is nothing to do.") && tried.contains("I lack the power there"), "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_closed_for_good() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;
    alice.join(&room).await;

    let (proposed, outcome) = world.confirm(&format!("!mod close {room} --reason illegal")).await;
    let own = world.command(&format!("!mod close {}", world.operators)).await;
    let undone = world.command(&format!("!mod undo {}", world.case_in(&outcome))).await;

    assert!(proposed.contains("3 members") && proposed.contains("This cannot be undone."), "{proposed}");
    assert!(outcome.contains("done.") && !outcome.contains("takes it back"), "{outcome}");
    assert_eq!(own, "This is the operators' room.");
    assert!(undone.contains("This cannot be taken back: close room."), "{undone}");
    world.until("everybody is out", async || alice.try_say(&room, "hello").await.is_err()).await;
    alice.try_join(&room).await.expect_err("nobody comes in again");
}
