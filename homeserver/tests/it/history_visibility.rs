//! Who may read what was said when. Client-server API, "Room history visibility".

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{OwnedEventId, OwnedRoomId, RoomId};
use serde_json::{Value, json};

async fn create(user: &TestUser, visibility: &str) -> OwnedRoomId {
    let content = json!({ "history_visibility": visibility });
    let visibility = json!({ "type": "m.room.history_visibility", "state_key": "", "content": content });
    user.create_room_with(json!({ "preset": "public_chat", "initial_state": [visibility] })).await
}

/// Which of `events` a user may read: each by itself, and on a page of the timeline.
async fn readable(user: &TestUser, room: &RoomId, events: &[OwnedEventId]) -> Vec<bool> {
    let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit=100", segment(room.as_str()));
    let page = user.get(&path).await.map(|page| page["chunk"].clone()).unwrap_or_default();
    let page = page.as_array().cloned().unwrap_or_default();
    let mut seen = Vec::new();
    for event in events {
        let alone = match user.try_event(room, event).await {
            Ok(_) => true,
            Err(refusal) => {
                refusal.assert_is(&ErrorKind::NotFound);
                false
            }
        };
        let on_page = page.iter().any(|listed| listed["event_id"] == event.as_str());
        assert_eq!(alone, on_page, "{event} is found in one place only");
        seen.push(alone);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn what_members_may_read_depends_on_when_it_was_said() {
    let server = TestServer::start().await;
    let [alice, bob, stranger] = server.users(["alice", "bob", "stranger"]).await;
    // Before bob was invited, while he was, while he was in, after he left; then the same once he is
    // back.
    let rules = [
        ("shared", [true, true, true, false], [true, true, true, true]),
        ("invited", [false, true, true, false], [false, true, true, false]),
        ("joined", [false, false, true, false], [false, false, true, false]),
        ("world_readable", [true, true, true, true], [true, true, true, true]),
    ];
    for (visibility, for_those_who_left, for_those_who_came_back) in rules {
        let room = create(&alice, visibility).await;
        let mut events = vec![alice.say(&room, "before").await];
        alice.invite(&room, &bob).await;
        events.push(alice.say(&room, "while invited").await);
        bob.join(&room).await;
        events.push(alice.say(&room, "while in").await);
        bob.leave(&room).await;
        events.push(alice.say(&room, "after").await);

        let of_bob_who_left = readable(&bob, &room, &events).await;
        let of_a_stranger = readable(&stranger, &room, &events).await;
        bob.join(&room).await;
        let of_bob_who_came_back = readable(&bob, &room, &events).await;

        assert_eq!(of_bob_who_left, for_those_who_left, "{visibility}, after leaving");
        assert_eq!(of_a_stranger, [visibility == "world_readable"; 4], "{visibility}, for a stranger");
        assert_eq!(of_bob_who_came_back, for_those_who_came_back, "{visibility}, after coming back");
        assert_eq!(readable(&alice, &room, &events).await, [true; 4], "{visibility}, for its creator");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_members_may_read_is_the_same_after_a_restart() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let mut rooms = Vec::new();
    for visibility in ["shared", "invited", "joined"] {
        let room = create(&alice, visibility).await;
        let before = alice.say(&room, "before").await;
        alice.invite(&room, &bob).await;
        let invited = alice.say(&room, "while invited").await;
        bob.join(&room).await;
        alice.set_state(&room, "m.room.name", "", json!({ "name": "A room" })).await;
        let inside = alice.say(&room, "while in").await;
        bob.leave(&room).await;
        let after = alice.say(&room, "after").await;
        rooms.push((room, [before, invited, inside, after]));
    }

    let server = server.restart().await;
    let bob = bob.at(&server);

    let rules = [[true, true, true, false], [false, true, true, false], [false, false, true, false]];
    for ((room, events), expected) in rooms.iter().zip(rules) {
        assert_eq!(readable(&bob, room, events).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_came_in_reads_nothing() {
    let server = TestServer::start().await;
    let [alice, invited, declined, banned] = server.users(["alice", "invited", "declined", "banned"]).await;
    for visibility in ["shared", "invited", "joined"] {
        let room = create(&alice, visibility).await;
        let before = alice.say(&room, "before").await;
        alice.invite(&room, &invited).await;
        alice.invite(&room, &declined).await;
        let between = alice.say(&room, "between").await;
        declined.leave(&room).await;
        alice.ban(&room, &banned).await;
        let after = alice.say(&room, "after").await;
        for user in [&invited, &declined, &banned] {
            let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b", segment(room.as_str()));
            let state = format!("/_matrix/client/v3/rooms/{}/state", segment(room.as_str()));
            user.get(&path).await.expect_err("they were never in").assert_is(&ErrorKind::Forbidden);
            user.get(&state).await.expect_err("they were never in").assert_is(&ErrorKind::Forbidden);
            for event in [&before, &between, &after] {
                user.try_event(&room, event).await.expect_err("not for them").assert_is(&ErrorKind::NotFound);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_visibility_is_seen_from_either_side() {
    let server = TestServer::start().await;
    let [alice, stranger, late] = server.users(["alice", "stranger", "late"]).await;
    let room = create(&alice, "world_readable").await;
    let set = async |visibility: &str| {
        let content = json!({ "history_visibility": visibility });
        alice.set_state(&room, "m.room.history_visibility", "", content).await
    };

    let closing = set("joined").await;
    let hidden = alice.say(&room, "not for strangers").await;
    let shared = set("shared").await;
    let opening = set("world_readable").await;
    late.join(&room).await;

    for event in [&closing, &opening] {
        assert!(stranger.try_event(&room, event).await.is_ok());
    }
    for event in [&hidden, &shared] {
        stranger.try_event(&room, event).await.expect_err("not for strangers").assert_is(&ErrorKind::NotFound);
    }
    assert!(late.try_event(&room, &shared).await.is_ok(), "who joins later sees what begins to be shared");
    late.try_event(&room, &hidden).await.expect_err("it was for those who were in").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_beginning_of_a_room_comes_before_its_visibility() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = create(&alice, "joined").await;
    let hidden = alice.say(&room, "before bob").await;
    bob.join(&room).await;

    let page = bob.messages(&room, 100).await;

    let kinds: Vec<_> = page.iter().filter_map(|event| event["type"].as_str()).collect();
    assert!(kinds.contains(&"m.room.create"), "without a visibility, history is shared: {kinds:?}");
    assert!(!page.iter().any(|event| event["event_id"] == hidden.as_str()));
    let own = page.iter().find(|event| event["state_key"] == bob.id.as_str()).expect("bob's own join");
    assert_eq!(own["content"]["membership"], "join");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_was_forgotten_cannot_be_read_until_one_comes_back() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = create(&alice, "shared").await;
    bob.join(&room).await;
    let said = alice.say(&room, "before bob left").await;
    let room_path = format!("/_matrix/client/v3/rooms/{}", segment(room.as_str()));
    let forget = async || bob.post(&format!("{room_path}/forget"), json!({})).await;

    forget().await.expect_err("bob is still in").assert_is(&ErrorKind::Unknown);
    bob.leave(&room).await;
    forget().await.expect("bob has left");

    let refused = bob.get(&format!("{room_path}/messages")).await.expect_err("bob has forgotten the room");
    refused.assert_is(&ErrorKind::Forbidden);
    bob.try_event(&room, &said).await.expect_err("bob has forgotten the room").assert_is(&ErrorKind::NotFound);
    let state = bob.get(&format!("{room_path}/state")).await.expect_err("bob has forgotten the room");
    state.assert_is(&ErrorKind::Forbidden);

    bob.join(&room).await;
    let page = bob.messages(&room, 100).await;
    assert!(page.iter().any(|event| event["event_id"] == said.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_left_knows_the_state_of_that_time() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = create(&alice, "joined").await;
    bob.join(&room).await;
    alice.set_state(&room, "m.room.name", "", json!({ "name": "then" })).await;
    bob.leave(&room).await;
    alice.set_state(&room, "m.room.name", "", json!({ "name": "now" })).await;
    carol.join(&room).await;
    let room_path = format!("/_matrix/client/v3/rooms/{}", segment(room.as_str()));
    let name = async |user: &TestUser| {
        user.get(&format!("{room_path}/state/m.room.name/")).await.expect("readable")["name"].take()
    };
    let members = async |user: &TestUser| {
        let answer = user.get(&format!("{room_path}/members")).await.expect("readable");
        let chunk = answer["chunk"].as_array().expect("a chunk").clone();
        let mut members: Vec<_> = chunk
            .iter()
            .map(|event| format!("{} {}", event["state_key"], event["content"]["membership"]).replace('"', ""))
            .collect();
        members.sort();
        members
    };
    let then = [format!("{} join", alice.id), format!("{} leave", bob.id)];

    assert_eq!(name(&bob).await, "then");
    assert_eq!(name(&alice).await, "now");
    assert_eq!(members(&bob).await, then);
    assert_eq!(members(&alice).await.len(), 3);

    // To be invited again and to decline is not to have been back.
    alice.invite(&room, &bob).await;
    bob.leave(&room).await;
    assert_eq!(name(&bob).await, "then");
    assert_eq!(members(&bob).await, then);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_left_reads_back_from_there_and_not_forward() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = create(&alice, "joined").await;
    bob.join(&room).await;
    let one = alice.say(&room, "one").await;
    let two = alice.say(&room, "two").await;
    bob.leave(&room).await;
    let since = bob.get("/_matrix/client/v3/sync").await.expect("sync answers")["next_batch"].clone();
    let since = since.as_str().expect("a token");
    alice.say(&room, "three").await;
    let path =
        |query: &str| format!("/_matrix/client/v3/rooms/{}/messages?{query}&from={since}", segment(room.as_str()));

    let back = bob.get(&path("dir=b&limit=3")).await.expect("readable");
    let forward = bob.get(&path("dir=f&limit=100")).await.expect("readable");

    let ids: Vec<_> =
        back["chunk"].as_array().expect("a chunk").iter().map(|event| event["event_id"].clone()).collect();
    assert_eq!(ids[1..], [json!(two), json!(one)]);
    assert_eq!(back["chunk"][0]["content"]["membership"], "leave");
    assert_eq!(forward["chunk"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_what_their_reader_was_then() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = create(&alice, "shared").await;
    alice.say(&room, "before").await;
    alice.invite(&room, &bob).await;
    alice.say(&room, "while invited").await;
    bob.join(&room).await;
    alice.say(&room, "while in").await;

    let page = bob.messages(&room, 5).await;

    let memberships: Vec<_> = page.iter().map(|event| event["unsigned"]["membership"].clone()).collect();
    assert_eq!(memberships, ["join", "join", "invite", "invite", "leave"]);
    let of_alice = alice.messages(&room, 100).await;
    let at_creation = of_alice.last().expect("the creation event");
    assert_eq!(at_creation["type"], "m.room.create");
    assert_eq!(at_creation["unsigned"]["membership"], "leave");
    assert_eq!(of_alice[of_alice.len() - 2]["unsigned"]["membership"], "join");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_at_a_time_is_one_that_may_be_read() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = create(&alice, "joined").await;
    for number in 0..220 {
        alice.say(&room, &number.to_string()).await;
    }
    bob.join(&room).await;
    let said = alice.say(&room, "for bob").await;
    let at = alice.event(&room, &said).await["origin_server_ts"].as_i64().expect("a time");
    let path = |ts: i64, direction: &str| {
        format!("/_matrix/client/v1/rooms/{}/timestamp_to_event?ts={ts}&dir={direction}", segment(room.as_str()))
    };

    let after: Value = bob.get(&path(at - 1, "f")).await.expect("there is one");
    let from_the_first_message = alice.event(&room, &said).await["origin_server_ts"].as_i64().expect("a time") - 60_000;
    let first: Value = bob.get(&path(from_the_first_message, "f")).await.expect("there is one");

    assert!(bob.try_event(&room, after["event_id"].as_str().expect("an ID").try_into().expect("valid")).await.is_ok());
    assert!(bob.try_event(&room, first["event_id"].as_str().expect("an ID").try_into().expect("valid")).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_read_only_by_those_who_were_in_when_it_was_said() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = create(&alice, "shared").await;
    bob.join(&room).await;
    let said = alice.say(&room, "regrettable").await;
    carol.join(&room).await;
    assert_eq!(carol.event(&room, &said).await["content"]["body"], "regrettable");

    let wish = json!({ "erase": true, "auth": alice.confirmation() });
    alice.post("/_matrix/client/v3/account/deactivate", wish).await.expect("it is confirmed");

    assert_eq!(bob.event(&room, &said).await["content"]["body"], "regrettable");
    assert_eq!(carol.event(&room, &said).await["content"], json!({}));
    let page = carol.messages(&room, 50).await;
    let told = page.iter().find(|event| event["event_id"] == said.as_str()).expect("it is there without its content");
    assert_eq!(told["content"], json!({}));
    let answer = carol.get("/_matrix/client/v3/sync").await.expect("it syncs");
    assert!(!answer.to_string().contains("regrettable"));
}
