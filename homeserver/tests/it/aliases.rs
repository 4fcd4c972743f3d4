//! Names for rooms.

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser, segment};
use reqwest::StatusCode;
use ruma::RoomId;
use serde_json::{Value, json};

fn path(alias: &str) -> String {
    format!("/_matrix/client/v3/directory/room/{}", segment(alias))
}

async fn name(user: &TestUser, alias: &str, room: &RoomId) -> Answer<Value> {
    user.put(&path(alias), json!({ "room_id": room })).await
}

async fn local_aliases(user: &TestUser, room: &RoomId) -> Answer<Value> {
    user.get(&format!("/_matrix/client/v3/rooms/{}/aliases", segment(room.as_str()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_stands_for_the_room_it_was_given() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    assert_eq!(local_aliases(&alice, &room).await.expect("a list")["aliases"], json!([]));

    for alias in ["#plain:test.local", "#老虎 £я🤨👉ඞ:test.local"] {
        name(&alice, alias, &room).await.expect("the alias is free");

        let found = alice.get(&path(alias)).await.expect("the alias is known");
        assert_eq!(found, json!({ "room_id": room, "servers": ["test.local"] }));
    }
    let aliases = local_aliases(&alice, &room).await.expect("a list");
    assert_eq!(aliases["aliases"], json!(["#plain:test.local", "#老虎 £я🤨👉ඞ:test.local"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_refused_where_it_cannot_be() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_room().await;
    name(&alice, "#taken:test.local", &room).await.expect("the alias is free");

    let taken = name(&alice, "#taken:test.local", &room).await.expect_err("it is taken");
    assert_eq!((taken.status, &taken.body["errcode"]), (StatusCode::CONFLICT, &json!("M_UNKNOWN")));
    for alias in ["taken:test.local", "#taken", "#:test.local", "#elsewhere:other.test"] {
        name(&alice, alias, &room).await.expect_err("it cannot be").assert_is(&ErrorKind::InvalidParam);
    }
    let long = format!("#{}:test.local", "a".repeat(250));
    name(&alice, &long, &room).await.expect_err("it is too long").assert_is(&ErrorKind::InvalidParam);
    name(&bob, "#his:test.local", &room).await.expect_err("bob is not there").assert_is(&ErrorKind::Forbidden);
    let nowhere = RoomId::parse("!nowhere:test.local").expect("a room ID");
    name(&alice, "#hers:test.local", &nowhere).await.expect_err("no room").assert_is(&ErrorKind::Forbidden);
    alice.get(&path("#unknown:test.local")).await.expect_err("unknown").assert_is(&ErrorKind::NotFound);
    alice.get(&path("#unknown:other.test")).await.expect_err("unknown").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_members_see_a_rooms_aliases_unless_everybody_may_read_it() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    name(&alice, "#here:test.local", &room).await.expect("the alias is free");

    local_aliases(&bob, &room).await.expect_err("bob is not there").assert_is(&ErrorKind::Forbidden);
    let visibility = json!({ "history_visibility": "world_readable" });
    alice.set_state(&room, "m.room.history_visibility", "", visibility).await;

    assert_eq!(local_aliases(&bob, &room).await.expect("a list")["aliases"], json!(["#here:test.local"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_deleted_by_its_creator_or_by_those_with_power() {
    let server = TestServer::start().await;
    let [alice, bob, carol] = server.users(["alice", "bob", "carol"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    carol.join(&room).await;
    name(&bob, "#his:test.local", &room).await.expect("the alias is free");
    name(&bob, "#also_his:test.local", &room).await.expect("the alias is free");

    carol.delete(&path("#his:test.local")).await.expect_err("not hers").assert_is(&ErrorKind::Forbidden);
    bob.delete(&path("#his:test.local")).await.expect("it is his");
    alice.delete(&path("#also_his:test.local")).await.expect("alice has the power");

    for alias in ["#his:test.local", "#also_his:test.local"] {
        bob.get(&path(alias)).await.expect_err("deleted").assert_is(&ErrorKind::NotFound);
        bob.delete(&path(alias)).await.expect_err("deleted").assert_is(&ErrorKind::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_alias_is_no_longer_shown() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    for alias in ["#one:test.local", "#two:test.local"] {
        name(&bob, alias, &room).await.expect("the alias is free");
    }
    let shown = json!({ "alias": "#one:test.local", "alt_aliases": ["#one:test.local", "#two:test.local"] });
    alice.set_state(&room, "m.room.canonical_alias", "", shown.clone()).await;

    // Bob may delete his alias though he may not say what the room shows.
    bob.delete(&path("#two:test.local")).await.expect("it is his");
    assert_eq!(alice.state(&room, "m.room.canonical_alias", "").await.expect("state"), shown);
    alice.delete(&path("#one:test.local")).await.expect("alice has the power");

    let shown = alice.state(&room, "m.room.canonical_alias", "").await.expect("state");
    assert_eq!(shown, json!({ "alt_aliases": ["#two:test.local"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_shows_only_aliases_that_stand_for_it() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let [room, other] = [alice.create_room().await, alice.create_room().await];
    name(&alice, "#here:test.local", &room).await.expect("the alias is free");
    name(&alice, "#there:test.local", &other).await.expect("the alias is free");
    let show = async |content: Value| alice.try_set_state(&room, "m.room.canonical_alias", "", content).await;

    show(json!({ "alias": "#here:test.local", "alt_aliases": ["#here:test.local"] })).await.expect("it is true");
    for alias in ["#there:test.local", "#nowhere:test.local", "#remote:other.test"] {
        show(json!({ "alias": alias })).await.expect_err("not true").assert_is(&ErrorKind::BadAlias);
        show(json!({ "alt_aliases": [alias] })).await.expect_err("not true").assert_is(&ErrorKind::BadAlias);
    }
    for alias in [json!("%here:test.local"), json!("#here"), json!(7), json!({})] {
        show(json!({ "alias": alias })).await.expect_err("malformed").assert_is(&ErrorKind::InvalidParam);
        show(json!({ "alt_aliases": [alias] })).await.expect_err("malformed").assert_is(&ErrorKind::InvalidParam);
    }
    show(json!({ "alt_aliases": "#here:test.local" }))
        .await
        .expect_err("malformed")
        .assert_is(&ErrorKind::InvalidParam);

    // What is shown already may stay, whatever has become of it.
    alice.delete(&path("#there:test.local")).await.expect("it is hers");
    show(json!({ "alias": null, "alt_aliases": ["#here:test.local"] })).await.expect("it is true");
    show(json!({ "alias": "" })).await.expect("no alias at all");
    show(json!({})).await.expect("no alias at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_joined_and_knocked_on_by_its_alias() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let open = alice.create_room_with(json!({ "preset": "public_chat", "room_alias_name": "open" })).await;
    let rule = json!({ "type": "m.room.join_rules", "content": { "join_rule": "knock" } });
    let closed = alice.create_room_with(json!({ "initial_state": [rule], "room_alias_name": "closed" })).await;

    let joined = bob.post("/_matrix/client/v3/join/%23open%3Atest.local", json!({})).await.expect("bob may come in");
    let knocked = bob.post("/_matrix/client/v3/knock/%23closed%3Atest.local", json!({})).await.expect("bob may knock");

    assert_eq!(joined["room_id"], open.as_str());
    assert_eq!(knocked["room_id"], closed.as_str());
    assert_eq!(alice.membership_of(&open, &bob).await, "join");
    assert_eq!(alice.membership_of(&closed, &bob).await, "knock");
    for act in ["join", "knock"] {
        let path = format!("/_matrix/client/v3/{act}/%23nowhere%3Atest.local");
        bob.post(&path, json!({})).await.expect_err("no such room").assert_is(&ErrorKind::NotFound);
    }
}
