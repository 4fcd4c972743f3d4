//! Finding people.

use homeserver_testing::{TestServer, TestUser, segment};
use serde_json::{Value, json};

async fn answer(user: &TestUser, body: Value) -> Value {
    user.post("/_matrix/client/v3/user_directory/search", body).await.expect("people can be searched")
}

async fn search(user: &TestUser, term: &str) -> Vec<String> {
    let answer = answer(user, json!({ "search_term": term })).await;
    let people = answer["results"].as_array().cloned().expect("results");
    people.iter().map(|person| person["user_id"].as_str().expect("a user ID").to_owned()).collect()
}

async fn set_field(user: &TestUser, field: &str, value: &str) {
    let path = format!("/_matrix/client/v3/profile/{}/{field}", segment(user.id.as_str()));
    user.put(&path, json!({ field: value })).await.expect("it can be set");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_words_of_their_name_and_by_their_id() {
    let server = TestServer::start().await;
    let [alice, eve] = server.users(["user-1-alice", "user-2-eve"]).await;
    set_field(&alice, "displayname", "Ålice O'Cooper 100%").await;
    set_field(&alice, "avatar_url", "mxc://test.local/alice").await;
    alice.create_public_room().await;

    for term in [
        "Ålice O'Cooper",
        "alice",
        "ALI",
        "cooper 100",
        "coop",
        "@user",
        "@user-1-alice",
        "@user-1-alice:test.local",
        "user-1",
        " @USER-1 ",
    ] {
        assert_eq!(search(&eve, term).await, [alice.id.as_str()], "{term}");
    }
    for term in ["", "@", "!", "ooper", "alice bob", "@alice", "%", "_", "user-1-bob", "@user_1"] {
        let expected: &[&str] = if term == "@" { &[alice.id.as_str()] } else { &[] };
        assert_eq!(search(&eve, term).await, expected, "{term}");
    }
    let found = answer(&eve, json!({ "search_term": "alice" })).await;
    let expected = json!({
        "user_id": alice.id, "display_name": "Ålice O'Cooper 100%", "avatar_url": "mxc://test.local/alice",
    });
    assert_eq!(found, json!({ "results": [expected], "limited": false }));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_are_found_who_share_a_room_or_are_in_an_open_one() {
    let server = TestServer::start().await;
    let [alice, bob, eve] = server.users(["alice", "bob", "eve"]).await;
    let room = alice.create_room().await;

    assert!(search(&eve, "alice").await.is_empty());
    assert!(search(&alice, "alice").await.is_empty(), "nobody finds themselves but where everybody does");
    alice.invite(&room, &bob).await;
    assert!(search(&bob, "alice").await.is_empty());
    bob.join(&room).await;
    assert_eq!(search(&bob, "alice").await, [alice.id.as_str()]);
    assert_eq!(search(&alice, "bob").await, [bob.id.as_str()]);
    assert!(search(&eve, "alice").await.is_empty());
    for (kind, open, closed) in [
        ("m.room.join_rules", json!({ "join_rule": "public" }), json!({ "join_rule": "invite" })),
        (
            "m.room.history_visibility",
            json!({ "history_visibility": "world_readable" }),
            json!({ "history_visibility": "shared" }),
        ),
    ] {
        alice.set_state(&room, kind, "", open).await;
        for reader in [&eve, &alice] {
            assert_eq!(search(reader, "alice").await, [alice.id.as_str()]);
        }
        alice.set_state(&room, kind, "", closed).await;
        assert!(search(&eve, "alice").await.is_empty());
    }
    bob.leave(&room).await;
    assert!(search(&bob, "alice").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_for_one_room_is_not_told_to_others() {
    let server = TestServer::start().await;
    let [alice, bob, eve] = server.users(["alice", "bob", "eve"]).await;
    set_field(&alice, "displayname", "Alice Cooper").await;
    alice.create_public_room().await;
    let private = bob.create_room().await;
    bob.invite(&private, &alice).await;
    alice.join(&private).await;

    let content = json!({ "membership": "join", "displayname": "Freddy" });
    alice.set_state(&private, "m.room.member", alice.id.as_str(), content).await;

    for reader in [&bob, &eve] {
        assert!(search(reader, "Freddy").await.is_empty());
        let found = answer(reader, json!({ "search_term": "Alice Cooper" })).await;
        assert_eq!(found["results"][0]["display_name"], "Alice Cooper");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_fit_best_come_first_and_not_more_than_wanted() {
    let server = TestServer::start().await;
    let reader = server.user("reader").await;
    let [long, named, exact] = server.users(["anna1", "anna2", "anna"]).await;
    set_field(&named, "displayname", "Anna Two").await;
    set_field(&long, "displayname", "One").await;
    let room = reader.create_public_room().await;
    for user in [&long, &named, &exact] {
        user.join(&room).await;
    }

    let found = search(&reader, "anna").await;
    let limited = answer(&reader, json!({ "search_term": "anna", "limit": 2 })).await;

    // Two have the whole word, and of those one has a name.
    assert_eq!(found, [named.id.as_str(), exact.id.as_str(), long.id.as_str()]);
    assert_eq!(limited["results"].as_array().map(Vec::len), Some(2));
    assert_eq!(limited["limited"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_is_found_no_more() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    bob.create_public_room().await;
    assert_eq!(search(&alice, "bob").await, [bob.id.as_str()]);

    server.app.accounts.administration.deactivate(&bob.id, false).await.expect("bob can be deactivated");

    assert!(search(&alice, "bob").await.is_empty());
    assert!(search(&alice, "@bob").await.is_empty());
}
