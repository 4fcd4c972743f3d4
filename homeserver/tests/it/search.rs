//! Searching what was said.

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

/// Searches with these criteria; the answer's part about room events.
async fn search(user: &TestUser, criteria: Value) -> Value {
    try_search(user, criteria, "").await.expect("it can be searched")
}

async fn try_search(user: &TestUser, criteria: Value, query: &str) -> Answer<Value> {
    let body = json!({ "search_categories": { "room_events": criteria } });
    let mut answer = user.post(&format!("/_matrix/client/v3/search{query}"), body).await?;
    Ok(answer["search_categories"]["room_events"].take())
}

/// The bodies of what was found.
fn bodies(answer: &Value) -> Vec<&str> {
    let results = answer["results"].as_array().expect("results");
    results.iter().filter_map(|found| found["result"]["content"]["body"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_found_by_all_of_its_words() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "Hello, wide world").await;
    alice.say(&room, "hello again").await;

    let one = search(&alice, json!({ "search_term": "world hello" })).await;
    let both = search(&alice, json!({ "search_term": "HELLO" })).await;
    let none = search(&alice, json!({ "search_term": "hello moon" })).await;

    assert_eq!(one["count"], 1);
    let found = &one["results"][0];
    assert_eq!(found["result"]["event_id"], said.as_str());
    assert_eq!(found["result"]["room_id"], room.as_str());
    assert_eq!(found["result"]["type"], "m.room.message");
    assert!(found["rank"].as_f64().expect("a rank") > 0.0);
    assert_eq!(found.get("context"), None);
    assert_eq!(one["highlights"], json!(["world", "hello"]));
    assert_eq!(bodies(&both), ["hello again", "Hello, wide world"], "the larger part of the shorter message");
    assert_eq!(none["count"], 0);
    assert_eq!(none["results"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_accents_and_missing_spaces_do_not_matter() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    alice.say(&room, "Ein Café in Köln").await;
    alice.say(&room, "明日は東京に行きます").await;

    assert_eq!(search(&alice, json!({ "search_term": "cafe KOLN" })).await["count"], 1);
    assert_eq!(search(&alice, json!({ "search_term": "東京" })).await["count"], 1);
    assert_eq!(search(&alice, json!({ "search_term": "京東" })).await["count"], 0);
    assert_eq!(search(&alice, json!({ "search_term": "…?!" })).await["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_topics_are_found_by_their_keys() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room_with(json!({ "name": "Garden party", "topic": "All about the garden" })).await;
    alice.say(&room, "a garden").await;
    let kinds = async |keys: Value| {
        let answer = search(&alice, json!({ "search_term": "garden", "keys": keys, "order_by": "recent" })).await;
        let results = answer["results"].as_array().expect("results").clone();
        results.iter().map(|found| found["result"]["type"].as_str().expect("a type").to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(kinds(json!(["content.body"])).await, ["m.room.message"]);
    assert_eq!(kinds(json!(["content.name"])).await, ["m.room.name"]);
    assert_eq!(kinds(json!(["content.topic"])).await, ["m.room.topic"]);
    assert_eq!(kinds(json!(["content.topic", "content.body"])).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_in_pages_newest_first() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    for number in 0..20 {
        alice.say(&room, &format!("Message number {number}")).await;
    }
    let criteria = json!({
        "search_term": "Message",
        "keys": ["content.body"],
        "order_by": "recent",
        "filter": { "limit": 10, "rooms": [room] },
    });
    let next = |answer: &Value| answer["next_batch"].as_str().map(|token| format!("?next_batch={token}"));
    let numbers = |answer: &Value| {
        let number = |body: &str| body.rsplit(' ').next().and_then(|number| number.parse::<u32>().ok());
        bodies(answer).into_iter().filter_map(number).collect::<Vec<_>>()
    };

    let first = search(&alice, criteria.clone()).await;
    alice.say(&room, "Message that comes in between").await;
    let second = try_search(&alice, criteria.clone(), &next(&first).expect("there are more")).await.expect("a page");
    let third = try_search(&alice, criteria.clone(), &next(&second).expect("it was full")).await.expect("a page");

    assert_eq!(numbers(&first), (10..20).rev().collect::<Vec<_>>());
    assert_eq!(numbers(&second), (0..10).rev().collect::<Vec<_>>());
    assert_eq!(third["results"], json!([]));
    assert_eq!(next(&third), None);
    for page in [&first, &second, &third] {
        assert_eq!(page["count"], 20);
    }
    let nonsense = try_search(&alice, criteria, "?next_batch=nonsense").await.expect_err("it is no token");
    nonsense.assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_in_pages_best_first() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    for words in 0..6 {
        alice.say(&room, &format!("apple{}", " pear".repeat(words))).await;
        alice.say(&room, &format!("apple{}", " plum".repeat(words))).await;
    }
    let mut read = Vec::new();
    let mut query = String::new();
    loop {
        let criteria = json!({ "search_term": "apple", "filter": { "limit": 5 } });
        let page = try_search(&alice, criteria, &query).await.expect("a page");
        read.extend(bodies(&page).into_iter().map(str::len));
        let Some(token) = page["next_batch"].as_str() else { break };
        query = format!("?next_batch={token}");
    }

    let mut expected = read.clone();
    expected.sort_unstable();
    assert_eq!(read, expected, "the fewer other words, the better");
    assert_eq!(read.len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_with_what_surrounds_them_if_asked() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    for number in 1..=7 {
        alice.say(&room, &format!("Message number {number}")).await;
    }
    let context = json!({ "before_limit": 2, "after_limit": 2, "include_profile": true });

    let answer = search(&alice, json!({ "search_term": "Message 4", "event_context": context })).await;
    let usual = search(&alice, json!({ "search_term": "Message 4", "event_context": {} })).await;

    assert_eq!(answer["count"], 1);
    let context = &answer["results"][0]["context"];
    let bodies = |events: &Value| {
        let events = events.as_array().expect("events").clone();
        events.iter().map(|event| event["content"]["body"].as_str().expect("a body").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(bodies(&context["events_before"]), ["Message number 3", "Message number 2"]);
    assert_eq!(bodies(&context["events_after"]), ["Message number 5", "Message number 6"]);
    assert!(context["profile_info"].get(alice.id.as_str()).is_some());
    assert!(context["start"].is_string() && context["end"].is_string());
    assert_eq!(bodies(&usual["results"][0]["context"]["events_after"]).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn redacted_messages_are_not_found() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let said = alice.say(&room, "to be redacted").await;
    alice.say(&room, "not to be redacted").await;
    assert_eq!(search(&alice, json!({ "search_term": "redacted" })).await["count"], 2);

    alice.redact(&room, &said).await;

    for order in ["rank", "recent"] {
        let answer = search(&alice, json!({ "search_term": "redacted", "order_by": order })).await;
        assert_eq!(bodies(&answer), ["not to be redacted"]);
        assert_eq!(answer["count"], 1);
    }
    let kept = server.scalar::<String>("select group_concat(word order by word) from search_words").await;
    assert_eq!(kept, "be,not,redacted,to", "the words themselves are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_finds_what_one_may_read_and_nothing_else() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let secret = alice.create_room().await;
    alice.say(&secret, "treasure in the cellar").await;
    let shared = alice.create_public_room().await;
    bob.join(&shared).await;
    alice.say(&shared, "treasure in the attic").await;
    bob.leave(&shared).await;
    alice.say(&shared, "treasure in the garden").await;
    alice.invite(&shared, &carol).await;
    let criteria = json!({ "search_term": "treasure", "order_by": "recent" });

    let of_alice = search(&alice, criteria.clone()).await;
    let of_bob = search(&bob, criteria.clone()).await;
    let of_carol = search(&carol, criteria).await;
    let asked_for = search(&bob, json!({ "search_term": "treasure", "filter": { "rooms": [secret] } })).await;

    assert_eq!(bodies(&of_alice), ["treasure in the garden", "treasure in the attic", "treasure in the cellar"]);
    assert_eq!(bodies(&of_bob), ["treasure in the attic"]);
    assert_eq!(of_bob["count"], 1);
    assert_eq!(of_carol["count"], 0);
    assert_eq!(asked_for["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_rooms_are_not_searched() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    alice.say(&room, "said in the open").await;

    alice.set_state(&room, "m.room.encryption", "", json!({ "algorithm": "m.megolm.v1.aes-sha2" })).await;

    assert_eq!(search(&alice, json!({ "search_term": "open" })).await["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ignored_users_said_is_not_found() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    bob.say(&room, "an opinion").await;
    assert_eq!(search(&alice, json!({ "search_term": "opinion" })).await["count"], 1);

    alice.ignore(&[&bob]).await;

    assert_eq!(search(&alice, json!({ "search_term": "opinion" })).await["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_filtered_and_grouped() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let [here, there] = [alice.create_public_room().await, alice.create_public_room().await];
    bob.join(&here).await;
    for number in 0..3 {
        alice.say(&here, &format!("apple {number}")).await;
        bob.say(&here, &format!("apple {number}")).await;
        alice.say(&there, &format!("apple {number}")).await;
    }
    let grouped = json!({
        "search_term": "apple",
        "order_by": "recent",
        "filter": { "limit": 6 },
        "groupings": { "group_by": [{ "key": "room_id" }, { "key": "sender" }] },
    });

    let of_bob = search(&alice, json!({ "search_term": "apple", "filter": { "senders": [bob.id] } })).await;
    let elsewhere = search(&alice, json!({ "search_term": "apple", "filter": { "not_rooms": [here] } })).await;
    let answer = search(&alice, grouped.clone()).await;
    let group = &answer["groups"]["room_id"][here.as_str()];
    let token = group["next_batch"].as_str().expect("the page was full");
    let rest = try_search(&alice, grouped, &format!("?next_batch={token}")).await.expect("a page");

    assert_eq!(bodies(&of_bob).len(), 3);
    assert_eq!(bodies(&elsewhere).len(), 3);
    assert_eq!(group["results"].as_array().expect("results").len(), 4);
    assert_eq!(answer["groups"]["room_id"][there.as_str()]["results"].as_array().expect("results").len(), 2);
    assert_eq!(answer["groups"]["sender"][bob.id.as_str()]["results"].as_array().expect("results").len(), 2);
    assert_eq!(answer["groups"]["room_id"][there.as_str()]["order"], 1, "its newest result is the newest");
    assert_eq!(bodies(&rest), ["apple 0", "apple 0"]);
    assert!(
        rest["results"].as_array().expect("results").iter().all(|found| found["result"]["room_id"] == here.as_str())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_come_with_their_state_if_asked() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room_with(json!({ "name": "A room" })).await;
    alice.say(&room, "something").await;

    let answer = search(&alice, json!({ "search_term": "something", "include_state": true })).await;

    let state = answer["state"][room.as_str()].as_array().expect("a state");
    assert!(state.iter().any(|event| event["content"]["name"] == "A room"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rooms_that_a_room_has_replaced_are_searched_along_with_it() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let old = alice.create_room().await;
    let last = alice.say(&old, "before the upgrade").await;
    let predecessor = json!({ "predecessor": { "room_id": old, "event_id": last } });
    let new = alice.create_room_with(json!({ "creation_content": predecessor })).await;
    alice.say(&new, "after the upgrade").await;

    let criteria = json!({ "search_term": "upgrade", "order_by": "recent", "filter": { "rooms": [new] } });
    let answer = search(&alice, criteria).await;

    assert_eq!(bodies(&answer), ["after the upgrade", "before the upgrade"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_searched_is_refused_and_no_category_is_no_results() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let nothing = alice.post("/_matrix/client/v3/search", json!({ "search_categories": {} })).await;
    let odd_key = try_search(&alice, json!({ "search_term": "x", "keys": ["content.secret"] }), "").await;
    let odd_order = try_search(&alice, json!({ "search_term": "x", "order_by": "beauty" }), "").await;

    assert_eq!(nothing.expect("an answer"), json!({ "search_categories": {} }));
    odd_key.expect_err("there is no such key").assert_is(&ErrorKind::InvalidParam);
    odd_order.expect_err("there is no such order").assert_is(&ErrorKind::InvalidParam);
}
