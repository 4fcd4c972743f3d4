//! Account data, tags and filters: what clients keep on the server.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::RoomId;
use serde_json::{Value, json};

fn global(user: &TestUser, kind: &str) -> String {
    format!("/_matrix/client/v3/user/{}/account_data/{}", segment(user.id.as_str()), segment(kind))
}

fn of_room(user: &TestUser, room: &RoomId, rest: &str) -> String {
    format!("/_matrix/client/v3/user/{}/rooms/{}/{rest}", segment(user.id.as_str()), segment(room.as_str()))
}

async fn sync(user: &TestUser, since: Option<&Value>) -> Value {
    let query = since.map(|since| format!("?since={}", since.as_str().expect("a token"))).unwrap_or_default();
    user.get(&format!("/_matrix/client/v3/sync{query}")).await.expect("it can be asked")
}

/// The global account data in a sync response, but for the push rules, which everybody has.
fn global_events(news: &Value) -> Vec<Value> {
    let events = news["account_data"]["events"].as_array().expect("a list of events");
    events.iter().filter(|event| event["type"] != "m.push_rules").cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn account_data_are_kept_and_told_to_all_devices() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let since = sync(&alice, None).await["next_batch"].clone();

    for value in ["first", "second"] {
        alice.put(&global(&alice, "org.example.x"), json!({ "value": value })).await.expect("it can be set");
    }
    let path = of_room(&alice, &room, "account_data/org.example.y");
    alice.put(&path, json!({ "value": "of the room" })).await.expect("it can be set");

    assert_eq!(alice.get(&global(&alice, "org.example.x")).await.expect("it is there"), json!({ "value": "second" }));
    assert_eq!(alice.get(&path).await.expect("it is there"), json!({ "value": "of the room" }));
    let event = |kind: &str, value: &str| json!({ "type": kind, "content": { "value": value } });
    for news in [sync(&alice, Some(&since)).await, sync(&alice, None).await] {
        assert_eq!(global_events(&news), [event("org.example.x", "second")]);
        let room = &news["rooms"]["join"][room.as_str()];
        assert_eq!(room["account_data"]["events"], json!([event("org.example.y", "of the room")]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_sync_is_woken_by_account_data() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let since = sync(&alice, None).await["next_batch"].clone();
    let path = format!("/_matrix/client/v3/sync?timeout=30000&since={}", since.as_str().expect("a token"));

    let parked = {
        let alice = alice.clone();
        tokio::spawn(async move { alice.get(&path).await.expect("it can be asked") })
    };
    alice.put(&global(&alice, "org.example.x"), json!({ "value": 1 })).await.expect("it can be set");

    let news = parked.await.expect("it was not aborted");
    assert_eq!(news["account_data"]["events"][0]["type"], "org.example.x");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_account_data_are_told_once_and_gone() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let unstable = |path: String| path.replace("/client/v3/", "/client/unstable/org.matrix.msc3391/");
    let of_room = of_room(&alice, &room, "account_data/org.example.x");

    for path in [global(&alice, "org.example.x"), of_room] {
        for by_put in [true, false] {
            alice.put(&path, json!({ "value": 1 })).await.expect("it can be set");
            let since = sync(&alice, None).await["next_batch"].clone();
            if by_put {
                alice.put(&path, json!({})).await.expect("it can be emptied");
            } else {
                alice.delete(&unstable(path.clone())).await.expect("it can be deleted");
            }
            alice.get(&path).await.expect_err("it is gone").assert_is(&ErrorKind::NotFound);
            let deleted = json!({ "type": "org.example.x", "content": {} });
            let (news, all) = (sync(&alice, Some(&since)).await, sync(&alice, None).await);
            assert!(news.to_string().contains(&deleted.to_string()), "{news}");
            assert!(!all.to_string().contains("org.example.x"), "{all}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_manages_is_not_set_by_clients() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;

    for kind in ["m.fully_read", "m.push_rules"] {
        let paths = [global(&alice, kind), of_room(&alice, &room, &format!("account_data/{kind}"))];
        for path in paths {
            let refusal = alice.put(&path, json!({ "event_id": "$x" })).await.expect_err("it is the server's");
            assert_eq!(refusal.status, 405, "{path}");
            refusal.assert_is(&ErrorKind::BadJson);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn account_data_of_others_and_of_nowhere_are_refused() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let unset = alice.get(&global(&alice, "org.example.x")).await;
    let read = bob.get(&global(&alice, "org.example.x")).await;
    let set = bob.put(&global(&alice, "org.example.x"), json!({})).await;
    let array = alice.put(&global(&alice, "org.example.x"), json!([])).await;
    let nowhere = ruma::room_id!("!nowhere:test.local");
    let nowhere = alice.put(&of_room(&alice, nowhere, "account_data/org.example.x"), json!({})).await;
    let path = format!("/_matrix/client/v3/user/{}/rooms/nonsense/account_data/org.example.x", alice.id);
    let nonsense = alice.put(&path, json!({})).await;

    unset.expect_err("it is not set").assert_is(&ErrorKind::NotFound);
    read.expect_err("it is another's").assert_is(&ErrorKind::Forbidden);
    set.expect_err("it is another's").assert_is(&ErrorKind::Forbidden);
    array.expect_err("it is no object").assert_is(&ErrorKind::BadJson);
    nowhere.expect_err("there is no such room").assert_is(&ErrorKind::NotFound);
    nonsense.expect_err("it is no room ID").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_tagged() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let tag = |tag: &str| of_room(&alice, &room, &format!("tags/{}", segment(tag)));
    let tags = of_room(&alice, &room, "tags");
    assert_eq!(alice.get(&tags).await.expect("they can be listed"), json!({ "tags": {} }));

    alice.put(&tag("m.favourite"), json!({ "order": 0.25 })).await.expect("it can be set");
    alice.put(&tag("u.Work"), json!({})).await.expect("it can be set");
    let both = alice.get(&tags).await.expect("they can be listed");
    alice.delete(&tag("u.Work")).await.expect("it can be deleted");

    assert_eq!(both, json!({ "tags": { "m.favourite": { "order": 0.25 }, "u.Work": {} } }));
    let one = json!({ "tags": { "m.favourite": { "order": 0.25 } } });
    assert_eq!(alice.get(&tags).await.expect("they can be listed"), one);
    let all = sync(&alice, None).await;
    let events = &all["rooms"]["join"][room.as_str()]["account_data"]["events"];
    assert_eq!(*events, json!([{ "type": "m.tag", "content": one }]));
    let endless = alice.put(&tag(&"x".repeat(256)), json!({})).await;
    endless.expect_err("the tag is too long").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_are_set_at_the_same_time_are_all_kept() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;

    let mut changes = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (alice, path) = (alice.clone(), of_room(&alice, &room, &format!("tags/u.{number}")));
        changes.spawn(async move { alice.put(&path, json!({})).await.expect("it can be set") });
    }
    changes.join_all().await;

    let tags = alice.get(&of_room(&alice, &room, "tags")).await.expect("they can be listed");
    assert_eq!(tags["tags"].as_object().expect("an object").len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_stored_once_and_returned_as_it_came() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let path = format!("/_matrix/client/v3/user/{}/filter", alice.id);
    let filter = json!({ "room": { "timeline": { "limit": 10, "org.example.unknown": [1] } } });

    let id = alice.post(&path, filter.clone()).await.expect("it can be stored")["filter_id"].clone();
    let again = alice.post(&path, filter.clone()).await.expect("it can be stored")["filter_id"].clone();
    let id = id.as_str().expect("an ID");

    assert_eq!(again, id);
    assert!(!id.starts_with('{'));
    assert_eq!(alice.get(&format!("{path}/{id}")).await.expect("it is there"), filter);
    bob.get(&format!("{path}/{id}")).await.expect_err("it is another's").assert_is(&ErrorKind::Forbidden);
    bob.post(&path, filter).await.expect_err("it is for another").assert_is(&ErrorKind::Forbidden);
    alice.get(&format!("{path}/unknown")).await.expect_err("it is unknown").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_filter_applies_to_sync() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    alice.say(&room, "hello").await;
    let path = format!("/_matrix/client/v3/user/{}/filter", alice.id);
    let filter = json!({ "room": { "timeline": { "types": ["m.room.message"] } } });
    let id = alice.post(&path, filter).await.expect("it can be stored")["filter_id"].clone();

    let sync = format!("/_matrix/client/v3/sync?filter={}", id.as_str().expect("an ID"));
    let answer = alice.get(&sync).await.expect("the filter is known");

    let timeline = &answer["rooms"]["join"][room.as_str()]["timeline"]["events"];
    let kinds: Vec<_> = timeline.as_array().expect("a list").iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["m.room.message"]);
    let unknown = alice.get("/_matrix/client/v3/sync?filter=unknown").await;
    unknown.expect_err("the filter is unknown").assert_is(&ErrorKind::NotFound);
    let broken = alice.get("/_matrix/client/v3/sync?filter=%7B%22room%22%3A1%7D").await;
    broken.expect_err("it is no filter").assert_is(&ErrorKind::BadJson);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_filter_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = format!("/_matrix/client/v3/user/{}/filter", alice.id);
    let timeline = |timeline: Value| json!({ "room": { "timeline": timeline } });
    let filters = [
        json!({ "presence": "not_an_object" }),
        json!({ "room": "not_an_object" }),
        timeline(json!("not_an_object")),
        timeline(json!({ "types": "not_a_list" })),
        timeline(json!({ "types": [1] })),
        timeline(json!({ "rooms": ["not_a_room_id"] })),
        timeline(json!({ "senders": ["not_a_sender_id"] })),
        json!([]),
    ];

    for filter in filters {
        let refusal = alice.post(&path, filter.clone()).await.expect_err("it is no filter");
        assert_eq!(refusal.status, 400, "{filter}");
        refusal.assert_is(&ErrorKind::BadJson);
    }
}
