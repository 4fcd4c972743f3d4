//! Events that another server made, with its own key: forks, bans against what was said before,
//! rejected and soft-failed events, missing parents.

use homeserver::rooms::receive::Verdict;
use homeserver_testing::{RemoteServer, TestServer, TestUser, segment};
use ruma::{OwnedRoomId, RoomId, RoomVersionId};
use serde_json::{Value, json};

/// One version of each state resolution, of each event format and of each set of rules.
const VERSIONS: [&str; 7] = ["1", "2", "3", "6", "10", "11", "12"];

async fn public_room(alice: &TestUser, version: &str) -> OwnedRoomId {
    alice.create_room_with(json!({ "preset": "public_chat", "room_version": version })).await
}

fn remote(version: &str) -> RemoteServer {
    let version = RoomVersionId::try_from(version).expect("a version");
    RemoteServer::new("there.test", version.rules().expect("a known version"))
}

async fn bodies(reader: &TestUser, room: &RoomId) -> Vec<Value> {
    reader
        .messages(room, 50)
        .await
        .into_iter()
        .map(|event| event["content"]["body"].clone())
        .filter(Value::is_string)
        .collect()
}

async fn state(reader: &TestUser, room: &RoomId, kind: &str, state_key: &str) -> Value {
    let path = format!("/_matrix/client/v3/rooms/{}/state/{kind}/{}", segment(room.as_str()), segment(state_key));
    reader.get(&path).await.expect("the state is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_user_joins_and_speaks() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for version in VERSIONS {
        let room = public_room(&alice, version).await;
        let there = remote(version);
        there.join(&server, &alice, &room).await;

        let place = there.place(&server, &alice, &room).await;
        let content = json!({ "msgtype": "m.text", "body": "from afar" });
        let (_, verdict) = there.send(&server, &room, &place, "m.room.message", None, content).await;

        assert_eq!(verdict.expect("well-formed"), Verdict::Accepted, "version {version}");
        assert_eq!(bodies(&alice, &room).await, ["from afar"], "version {version}");
        alice.say(&room, "welcome").await;
        assert_eq!(bodies(&alice, &room).await, ["welcome", "from afar"], "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_whose_parents_are_missing_are_not_taken_in() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = public_room(&alice, "12").await;
    let there = remote("12");
    there.join(&server, &alice, &room).await;
    let mut place = there.place(&server, &alice, &room).await;
    place.prev = vec!["$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".try_into().expect("an event ID")];

    let content = json!({ "msgtype": "m.text", "body": "out of nowhere" });
    let (id, verdict) = there.send(&server, &room, &place, "m.room.message", None, content).await;

    assert_eq!(verdict.expect("well-formed"), Verdict::Missing(place.prev));
    assert!(server.app.rooms.events().find(&id).await.expect("the database answers").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_a_wrong_signature_is_dropped() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = public_room(&alice, "12").await;
    let (there, impostor) = (remote("12"), remote("12"));
    there.join(&server, &alice, &room).await;
    let place = there.place(&server, &alice, &room).await;

    let content = json!({ "msgtype": "m.text", "body": "trust me" });
    let forged = impostor.event(&server.app, &room, &place, "m.room.message", None, content).await;

    server.app.rooms.receive(&room, forged, &there.keys()).await.expect_err("the signature is another's");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_beyond_the_senders_power_is_rejected_and_hidden() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for version in VERSIONS {
        let room = public_room(&alice, version).await;
        let there = remote(version);
        there.join(&server, &alice, &room).await;
        let place = there.place(&server, &alice, &room).await;

        let (id, verdict) =
            there.send(&server, &room, &place, "m.room.name", Some(""), json!({ "name": "Mine" })).await;

        assert!(matches!(verdict.expect("well-formed"), Verdict::Rejected(_)), "version {version}");
        let path = format!("/_matrix/client/v3/rooms/{}/event/{}", segment(room.as_str()), segment(id.as_str()));
        assert_eq!(alice.get(&path).await.expect_err("it is hidden").status.as_u16(), 404, "version {version}");
        // What builds upon it is checked against the state without it.
        let mut after = place.clone();
        after.prev = vec![id];
        let content = json!({ "msgtype": "m.text", "body": "still here" });
        let (_, verdict) = there.send(&server, &room, &after, "m.room.message", None, content).await;
        assert_eq!(verdict.expect("well-formed"), Verdict::Accepted, "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_banned_user_says_as_if_before_the_ban_is_soft_failed() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for version in VERSIONS {
        let room = public_room(&alice, version).await;
        let there = remote(version);
        there.join(&server, &alice, &room).await;
        let before = there.place(&server, &alice, &room).await;
        let ban = json!({ "membership": "ban" });
        alice.set_state(&room, "m.room.member", there.user.as_str(), ban).await;

        let content = json!({ "msgtype": "m.text", "body": "I was here" });
        let (_, verdict) = there.send(&server, &room, &before, "m.room.message", None, content).await;

        assert!(matches!(verdict.expect("well-formed"), Verdict::SoftFailed(_)), "version {version}");
        assert!(bodies(&alice, &room).await.is_empty(), "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_on_one_branch_stands_against_a_topic_on_the_other() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    for version in VERSIONS {
        let room = public_room(&alice, version).await;
        bob.join(&room).await;
        let there = remote(version);
        there.join(&server, &alice, &room).await;
        let mut levels = state(&alice, &room, "m.room.power_levels", "").await;
        levels["users"][there.user.as_str()] = 60.into();
        alice.set_state(&room, "m.room.power_levels", "", levels).await;
        let fork = there.place(&server, &alice, &room).await;
        alice.set_state(&room, "m.room.topic", "", json!({ "topic": "here" })).await;

        let content = json!({ "membership": "ban" });
        let (_, verdict) = there.send(&server, &room, &fork, "m.room.member", Some(bob.id.as_str()), content).await;

        assert_eq!(verdict.expect("well-formed"), Verdict::Accepted, "version {version}");
        assert_eq!(state(&alice, &room, "m.room.topic", "").await["topic"], "here", "version {version}");
        assert_eq!(state(&alice, &room, "m.room.member", bob.id.as_str()).await["membership"], "ban");
        bob.try_say(&room, "hello?").await.expect_err("bob is banned");
        // The next event joins the branches.
        alice.say(&room, "joined").await;
        assert_eq!(bodies(&alice, &room).await, ["joined"], "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demotion_on_one_branch_undoes_what_the_demoted_did_on_the_other() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    // Version 1 resolves by depth instead and lets later power levels be.
    for version in VERSIONS.into_iter().skip(1) {
        let room = public_room(&alice, version).await;
        bob.join(&room).await;
        let there = remote(version);
        there.join(&server, &alice, &room).await;
        let mut levels = state(&alice, &room, "m.room.power_levels", "").await;
        levels["users"][there.user.as_str()] = 60.into();
        alice.set_state(&room, "m.room.power_levels", "", levels.clone()).await;
        let fork = there.place(&server, &alice, &room).await;
        levels["users"][there.user.as_str()] = 0.into();
        alice.set_state(&room, "m.room.power_levels", "", levels).await;

        let content = json!({ "membership": "ban" });
        let (_, verdict) = there.send(&server, &room, &fork, "m.room.member", Some(bob.id.as_str()), content).await;

        // It passes at its own place and not now.
        assert!(matches!(verdict.expect("well-formed"), Verdict::SoftFailed(_)), "version {version}");
        assert_eq!(state(&alice, &room, "m.room.member", bob.id.as_str()).await["membership"], "join");
        bob.say(&room, "still in").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_is_taken_in_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = public_room(&alice, "12").await;
    let there = remote("12");
    there.join(&server, &alice, &room).await;
    let place = there.place(&server, &alice, &room).await;
    let content = json!({ "msgtype": "m.text", "body": "once" });
    let event = there.event(&server.app, &room, &place, "m.room.message", None, content).await;

    let first = server.app.rooms.receive(&room, event.clone(), &there.keys()).await.expect("well-formed");
    let second = server.app.rooms.receive(&room, event, &there.keys()).await.expect("well-formed");

    assert_eq!((first, second), (Verdict::Accepted, Verdict::Known));
    assert_eq!(bodies(&alice, &room).await, ["once"]);
}
