//! Pages of timelines, what surrounds an event, members, looks into rooms.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{EventId, RoomId};
use serde_json::{Value, json};

fn path(room: &RoomId, rest: &str) -> String {
    format!("/_matrix/client/v3/rooms/{}/{rest}", segment(room.as_str()))
}

async fn get(user: &TestUser, room: &RoomId, rest: &str) -> Value {
    user.get(&path(room, rest)).await.expect("it can be read")
}

fn bodies(events: &Value) -> Vec<&str> {
    let events = events.as_array().expect("a list of events");
    events.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_is_read_in_pages_both_ways() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    for number in 0..10 {
        alice.say(&room, &number.to_string()).await;
    }
    let mut back: Vec<String> = Vec::new();
    let mut from = String::new();
    let oldest = loop {
        let page = get(&alice, &room, &format!("messages?dir=b&limit=3{from}")).await;
        back.extend(bodies(&page["chunk"]).into_iter().map(ToOwned::to_owned));
        let Some(end) = page["end"].as_str() else { break page["start"].as_str().expect("a start").to_owned() };
        from = format!("&from={end}");
    };

    let forward = get(&alice, &room, "messages?dir=f&limit=100").await;
    let up = get(&alice, &room, &format!("messages?dir=f&limit=100&from={oldest}")).await;

    assert_eq!(back, (0..10).rev().map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(bodies(&forward["chunk"]), (0..10).map(|number| number.to_string()).collect::<Vec<_>>());
    let end = forward["end"].as_str().expect("a token");
    let nothing = get(&alice, &room, &format!("messages?dir=f&from={end}")).await;
    assert_eq!((&nothing["chunk"], nothing.get("end")), (&json!([]), None));
    assert!(bodies(&up["chunk"]).len() == 10, "what came before a page's start comes after it going forward");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_where_a_first_page_began_one_can_read_on_later() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    alice.say(&room, "before").await;
    let page = get(&alice, &room, "messages").await;
    let start = page["start"].as_str().expect("a start");

    alice.say(&room, "after").await;

    let news = get(&alice, &room, &format!("messages?dir=f&from={start}")).await;
    assert_eq!(bodies(&page["chunk"])[0], "before", "without a direction, the newest come first");
    assert_eq!(bodies(&news["chunk"]), ["after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_where_it_shall() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    alice.say(&room, "one").await;
    let here = get(&alice, &room, "messages").await["start"].as_str().expect("a token").to_owned();
    alice.say(&room, "two").await;
    alice.say(&room, "three").await;

    let back = get(&alice, &room, &format!("messages?dir=b&to={here}")).await;
    let forward = get(&alice, &room, &format!("messages?dir=f&to={here}&limit=100")).await;

    assert_eq!(bodies(&back["chunk"]), ["three", "two"]);
    assert_eq!(bodies(&forward["chunk"]), ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_page_with_events_ends_is_told_though_there_is_nothing_before() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    alice.say(&room, "one").await;
    let filter = segment(r#"{"types":["m.room.message"]}"#);

    let page = get(&alice, &room, &format!("messages?dir=b&filter={filter}")).await;
    let end = page["end"].as_str().expect("a token");
    let rest = get(&alice, &room, &format!("messages?dir=b&filter={filter}&from={end}")).await;

    assert_eq!(bodies(&page["chunk"]), ["one"]);
    assert_eq!((bodies(&rest["chunk"]).len(), rest.get("end")), (0, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_told_as_they_were_then() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    let news = alice.get("/_matrix/client/v3/sync").await.expect("it syncs");
    let before_all = news["rooms"]["join"][room.as_str()]["timeline"]["prev_batch"].as_str().expect("a token");
    let here = get(&alice, &room, "messages").await["start"].as_str().expect("a token").to_owned();
    bob.join(&room).await;

    for at in [before_all, &here] {
        let then = get(&alice, &room, &format!("members?at={at}")).await;
        let users: Vec<_> = then["chunk"].as_array().expect("a list").iter().map(|event| &event["state_key"]).collect();
        assert_eq!(users, [alice.id.as_str()], "{at}");
    }
    let now = get(&alice, &room, "members").await;
    assert_eq!(now["chunk"].as_array().expect("a list").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_are_in_a_room_are_told_with_what_they_show() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    bob.put(&format!("/_matrix/client/v3/profile/{}/displayname", bob.id), json!({ "displayname": "Bob" }))
        .await
        .expect("it is set");

    let told = get(&alice, &room, "joined_members").await;

    let expected = json!({
        alice.id.as_str(): { "display_name": null, "avatar_url": null },
        bob.id.as_str(): { "display_name": "Bob", "avatar_url": null },
    });
    assert_eq!(told["joined"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_does_not_exist_is_forbidden() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let nowhere = <&RoomId>::try_from("!nowhere:test.local").expect("a valid ID");

    let refused = alice.get(&path(nowhere, "messages?dir=b")).await.expect_err("there is no such room");

    refused.assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn lazy_loading_tells_who_the_senders_are_and_nobody_else() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    carol.join(&room).await;
    let from = get(&alice, &room, "messages").await["start"].as_str().expect("a token").to_owned();
    let said = carol.say(&room, "hello").await;
    let filter = segment(r#"{"lazy_load_members":true}"#);

    let page = get(&alice, &room, &format!("messages?dir=f&from={from}&filter={filter}")).await;
    let event = segment(said.as_str());
    let context = get(&alice, &room, &format!("context/{event}?limit=0&filter={filter}")).await;

    assert_eq!(page["state"].as_array().expect("a state").len(), 1);
    assert_eq!(page["state"][0]["state_key"], carol.id.as_str());
    let state = context["state"].as_array().expect("a state");
    let members: Vec<_> = state.iter().filter(|event| event["type"] == "m.room.member").collect();
    assert_eq!(members.len(), 1);
    assert_eq!(members[0]["state_key"], carol.id.as_str());
    assert!(state.iter().any(|event| event["type"] == "m.room.create"));
}

#[tokio::test(flavor = "multi_thread")]
async fn context_is_what_was_said_before_and_after() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let mut said = Vec::new();
    for number in 0..7 {
        said.push(alice.say(&room, &number.to_string()).await);
    }
    let event = segment(said[3].as_str());

    let around = get(&alice, &room, &format!("context/{event}?limit=4")).await;
    let alone = get(&alice, &room, &format!("context/{event}?limit=0")).await;
    let [start, end] = ["start", "end"].map(|name| alone[name].as_str().expect("a token").to_owned());
    let before = get(&alice, &room, &format!("messages?dir=b&limit=1&from={start}")).await;
    let after = get(&alice, &room, &format!("messages?dir=f&limit=1&from={end}")).await;

    assert_eq!(around["event"]["content"]["body"], "3");
    assert_eq!(bodies(&around["events_before"]), ["2", "1"]);
    assert_eq!(bodies(&around["events_after"]), ["4", "5"]);
    assert_eq!(alone["events_before"], json!([]));
    assert_eq!(alone["events_after"], json!([]));
    assert_eq!(bodies(&before["chunk"]), ["2"]);
    assert_eq!(bodies(&after["chunk"]), ["4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn context_is_refused_to_strangers_and_for_unknown_events() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "private").await;
    let unknown = <&EventId>::try_from("$unknown").expect("a valid ID");

    let stranger = bob.get(&path(&room, &format!("context/{}", segment(said.as_str())))).await;
    let nothing = alice.get(&path(&room, &format!("context/{}", segment(unknown.as_str())))).await;

    stranger.expect_err("bob is not in the room").assert_is(&ErrorKind::Forbidden);
    nothing.expect_err("there is no such event").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_found_in_its_own_room_only() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let [here, there] = [alice.create_room().await, alice.create_room().await];
    let said = alice.say(&here, "here").await;

    alice.try_event(&there, &said).await.expect_err("it is in another room").assert_is(&ErrorKind::NotFound);
    assert!(alice.try_event(&here, &said).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ignored_users_say_is_left_out_but_what_they_change_is_not() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    let said = bob.say(&room, "unheard").await;
    let last = alice.say(&room, "heard").await;

    alice.ignore(&[&bob]).await;

    let page = get(&alice, &room, "messages?limit=100").await;
    assert_eq!(bodies(&page["chunk"]), ["heard"]);
    let members = page["chunk"].as_array().expect("a chunk").iter().filter(|event| event["sender"] == bob.id.as_str());
    assert_eq!(members.count(), 1, "bob's coming is told");
    let context = get(&alice, &room, &format!("context/{}", segment(last.as_str()))).await;
    assert!(!bodies(&context["events_before"]).contains(&"unheard"));
    assert!(alice.try_event(&room, &said).await.is_ok(), "who asks for the very event gets it");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_can_be_asked_for_by_membership_and_by_time() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    let early = get(&alice, &room, "messages").await["start"].as_str().expect("a token").to_owned();
    bob.join(&room).await;
    bob.leave(&room).await;
    alice.invite(&room, &carol).await;
    let members = async |query: &str| {
        let answer = get(&alice, &room, &format!("members?{query}")).await;
        let chunk = answer["chunk"].as_array().expect("a chunk").clone();
        let mut members: Vec<_> =
            chunk.iter().map(|event| event["state_key"].as_str().expect("a user")[1..2].to_owned()).collect();
        members.sort();
        members.concat()
    };

    assert_eq!(members("").await, "abc");
    assert_eq!(members("not_membership=leave").await, "ac");
    assert_eq!(members("membership=leave").await, "b");
    assert_eq!(members("membership=join").await, "a");
    assert_eq!(members("membership=join&not_membership=leave").await, "ac", "one condition is enough");
    assert_eq!(members(&format!("at={early}")).await, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn world_readable_rooms_can_be_looked_into() {
    let server = TestServer::start().await;
    let [alice, stranger] = server.users(["alice", "stranger"]).await;
    let content = json!({ "history_visibility": "world_readable" });
    let visibility = json!({ "type": "m.room.history_visibility", "state_key": "", "content": content });
    let open = alice.create_room_with(json!({ "preset": "public_chat", "initial_state": [visibility] })).await;
    let closed = alice.create_public_room().await;
    for number in 0..25 {
        alice.say(&open, &number.to_string()).await;
    }

    let seen = get(&stranger, &open, "initialSync").await;
    let of_alice = get(&alice, &open, "initialSync").await;
    let refused = stranger.get(&path(&closed, "initialSync")).await.expect_err("it is not world-readable");

    assert_eq!(seen["room_id"], open.as_str());
    assert_eq!(seen.get("membership"), None);
    assert_eq!(of_alice["membership"], "join");
    assert_eq!(seen["visibility"], "private");
    assert_eq!(bodies(&seen["messages"]["chunk"]), (5..25).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(seen["state"].as_array().expect("a state").iter().any(|event| event["type"] == "m.room.create"));
    let start = seen["messages"]["start"].as_str().expect("there is more");
    let earlier = get(&stranger, &open, &format!("messages?dir=b&limit=2&from={start}")).await;
    assert_eq!(bodies(&earlier["chunk"]), ["4", "3"]);
    alice.say(&open, "news").await;
    let end = seen["messages"]["end"].as_str().expect("a token");
    assert_eq!(bodies(&get(&stranger, &open, &format!("messages?dir=f&from={end}")).await["chunk"]), ["news"]);
    refused.assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_into_a_room_sees_what_comes() {
    let server = TestServer::start().await;
    let [alice, stranger] = server.users(["alice", "stranger"]).await;
    let content = json!({ "history_visibility": "world_readable" });
    let visibility = json!({ "type": "m.room.history_visibility", "state_key": "", "content": content });
    let open = alice.create_room_with(json!({ "preset": "public_chat", "initial_state": [visibility] })).await;
    let closed = alice.create_public_room().await;
    let events = |room: &RoomId, more: &str| {
        let path = format!("/_matrix/client/v3/events?room_id={}{more}", segment(room.as_str()));
        let stranger = stranger.clone();
        async move { stranger.get(&path).await }
    };
    alice.say(&open, "before").await;
    let seen = get(&stranger, &open, "initialSync").await;
    let end = seen["messages"]["end"].as_str().expect("a token").to_owned();

    let none = events(&open, &format!("&timeout=0&from={end}")).await.expect("it is world-readable");
    let waiting = tokio::spawn(events(&open, &format!("&from={end}")));
    while server.app.tail.bus().parked() == 0 {
        tokio::task::yield_now().await;
    }
    alice.say(&closed, "elsewhere").await;
    alice.say(&open, "news").await;
    let news = waiting.await.expect("it ends").expect("it is world-readable");
    let refused = events(&closed, "&timeout=0").await.expect_err("it is not world-readable");

    assert_eq!((&none["chunk"], &none["start"]), (&json!([]), &json!(end)));
    assert_eq!(bodies(&news["chunk"]), ["news"]);
    assert_eq!(news["chunk"][0]["room_id"], open.as_str());
    let next = news["end"].as_str().expect("a token");
    alice.say(&open, "more").await;
    let more = events(&open, &format!("&from={next}")).await.expect("it is world-readable");
    assert_eq!(bodies(&more["chunk"]), ["more"]);
    refused.assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_left_sees_nothing_more_come() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    bob.leave(&room).await;
    let end = get(&bob, &room, "initialSync").await["messages"]["end"].as_str().expect("a token").to_owned();
    alice.say(&room, "secret").await;

    let path = format!("/_matrix/client/v3/events?room_id={}&timeout=100&from={end}", segment(room.as_str()));
    let none = bob.get(&path).await.expect("bob has been there");

    assert_eq!(none, json!({ "start": end, "end": end, "chunk": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn account_data_of_a_room_come_with_a_look_into_it() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let user = segment(alice.id.as_str());
    let account_data =
        |kind: &str| format!("/_matrix/client/v3/user/{user}/rooms/{}/account_data/{kind}", segment(room.as_str()));
    alice.put(&account_data("org.example.kept"), json!({ "key": 1 })).await.expect("it can be set");
    alice.put(&account_data("org.example.deleted"), json!({ "key": 1 })).await.expect("it can be set");
    alice.put(&account_data("org.example.deleted"), json!({})).await.expect("it can be deleted");

    let seen = get(&alice, &room, "initialSync").await;

    assert_eq!(seen["account_data"], json!([{ "type": "org.example.kept", "content": { "key": 1 } }]));
}
