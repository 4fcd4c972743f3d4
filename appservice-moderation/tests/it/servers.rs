//! Servers that are shut out of single rooms, by the rooms' access control lists.

use std::time::Duration;

use homeserver_testing::{RemoteServer, TestUser};
use ruma::{RoomId, RoomVersionId};
use serde_json::{Value, json};

use crate::support::World;

/// The servers that are denied in a room.
async fn denied(user: &TestUser, room: &RoomId) -> Value {
    user.state(room, "m.room.server_acl", "").await.map_or(Value::Null, |content| content["deny"].clone())
}

fn evil() -> RemoteServer {
    RemoteServer::new("evil.example", RoomVersionId::V12.rules().expect("a known version"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_moderates_a_room_shuts_servers_out_of_it_and_undoes_that() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let (room, other) = (world.protected_room(&bob).await, world.protected_room(&bob).await);
    let evil = evil();
    evil.join(&world.server, &bob, &room).await;
    alice.join(&room).await;

    let (proposed, outcome) =
        world.confirm_as(&bob, &room, "!mod ban server:evil.example --for 7d --reason spam").await;
    let (shut_out, elsewhere) = (denied(&bob, &room).await, denied(&bob, &other).await);
    let member = bob.state(&room, "m.room.member", evil.user.as_str()).await.expect("they were there");
    let again = world.tell(&bob, &room, "!mod ban server:evil.example").await;
    let undone = world.tell(&bob, &room, &format!("!mod undo {}", world.case_in(&outcome))).await;

    assert!(proposed.contains("Ban server:evil.example in ") && proposed.contains("for 1 week"), "{proposed}");
    assert!(proposed.contains("Puts out 1 account (@zoe:evil.example)."), "{proposed}");
    assert!(outcome.contains("done. Case c_") && outcome.contains("It ends by itself in 1 week"), "{outcome}");
    assert_eq!((shut_out, elsewhere), (json!(["evil.example"]), Value::Null));
    assert_eq!(member["membership"], "leave");
    assert_eq!(bob.membership_of(&room, &alice).await, "join", "others are spared");
    assert!(again.contains("they are shut out of"), "{again}");
    assert!(undone.contains("is undone.") && undone.contains("This cannot be taken back: kick."), "{undone}");
    assert_eq!(denied(&bob, &room).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_shut_servers_out_of_a_room_for_a_time_and_leave_what_stood_there() {
    let world = World::start().await;
    let bob = world.server.user("bob").await;
    let room = world.protected_room(&bob).await;
    let standing = json!({ "allow": ["*"], "deny": ["old.example"], "allow_ip_literals": false });
    bob.set_state(&room, "m.room.server_acl", "", standing.clone()).await;

    world.confirm(&format!("!mod ban server:*.evil.example --room {room} --for 1d")).await;
    let shut_out = denied(&bob, &room).await;
    world.advance(Duration::from_secs(25 * 3600));
    world.until("it has ended", async || denied(&bob, &room).await == json!(["old.example"])).await;
    let lifted = world.command(&format!("!mod unban server:OLD.example --room {room}")).await;

    assert_eq!(shut_out, json!(["old.example", "*.evil.example"]));
    assert!(lifted.contains("done."), "{lifted}");
    assert_eq!(denied(&bob, &room).await, json!([]));
    let rules = world.app.access.rules(&world.root.id, &[], 10).await.expect("they can be read");
    assert!(rules.is_empty(), "a room's list is no access rule: {rules:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_shuts_out_this_server_or_lacks_the_power_for_it() {
    let world = World::start().await;
    let [bob, carol] = world.server.users(["bob", "carol"]).await;
    let room = world.protected_room(&bob).await;
    carol.join(&room).await;
    let mut levels = bob.state(&room, "m.room.power_levels", "").await.expect("there are some");
    levels["users"][carol.id.as_str()] = 50.into();
    bob.set_state(&room, "m.room.power_levels", "", levels).await;

    let own = world.tell(&bob, &room, "!mod ban server:*.local").await;
    let lacking = world.tell(&carol, &room, "!mod ban server:evil.example").await;
    let (_, outcome) = world.confirm_as(&bob, &room, "!mod ban server:evil.example").await;
    let undone = world.tell(&carol, &room, &format!("!mod undo {}", world.case_in(&outcome))).await;
    let unknown = world.tell(&bob, &room, "!mod unban server:other.example").await;

    assert_eq!(own, "That would shut this server out of the room.");
    assert!(lacking.contains("you lack the power there to change the access control list"), "{lacking}");
    assert_eq!(undone, "You lack the power in this room to take all of this back.");
    assert!(unknown.contains("does not name it so"), "{unknown}");
    assert_eq!(denied(&bob, &room).await, json!(["evil.example"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moderates_a_room_from_another_server_commands_there_too() {
    let world = World::start().await;
    let [alice, bob] = world.server.users(["alice", "bob"]).await;
    let room = world.protected_room(&bob).await;
    let friend = RemoteServer::new("friend.example", RoomVersionId::V12.rules().expect("a known version"));
    friend.join(&world.server, &bob, &room).await;
    alice.join(&room).await;
    let say = async |text: &str| {
        let place = friend.place(&world.server, &bob, &room).await;
        let content = json!({ "msgtype": "m.text", "body": text });
        let (_, verdict) = friend.send(&world.server, &room, &place, "m.room.message", None, content).await;
        verdict.expect("it is well-formed");
    };

    say("!mod kick @alice:test.local --yes").await;
    world.settled().await;
    let before = bob.membership_of(&room, &alice).await;
    let mut levels = bob.state(&room, "m.room.power_levels", "").await.expect("there are some");
    levels["users"][friend.user.as_str()] = 50.into();
    bob.set_state(&room, "m.room.power_levels", "", levels).await;
    say("!mod kick @alice:test.local --yes --reason enough").await;

    world.until("she is kicked", async || bob.membership_of(&room, &alice).await == "leave").await;
    assert_eq!(before, "join");
}
