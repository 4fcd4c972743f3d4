//! Walking through spaces.

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser, segment};
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

async fn hierarchy(user: &TestUser, space: &RoomId, query: &str) -> Answer<Value> {
    user.get(&format!("/_matrix/client/v1/rooms/{}/hierarchy?{query}", segment(space.as_str()))).await
}

async fn room(user: &TestUser, name: &str, is_space: bool) -> OwnedRoomId {
    let mut body = json!({ "preset": "public_chat", "name": name });
    if is_space {
        body["creation_content"] = json!({ "type": "m.space" });
    }
    user.create_room_with(body).await
}

async fn link(user: &TestUser, space: &RoomId, child: &RoomId, mut content: Value) {
    content["via"] = json!(["test.local"]);
    user.set_state(space, "m.space.child", child.as_str(), content).await;
}

fn names(answer: &Value) -> Vec<&str> {
    answer["rooms"].as_array().expect("rooms").iter().filter_map(|room| room["name"].as_str()).collect()
}

fn children<'a>(answer: &'a Value, name: &str) -> Vec<&'a str> {
    let rooms = answer["rooms"].as_array().expect("rooms");
    let room = rooms.iter().find(|room| room["name"] == name).expect("the room is listed");
    let children = room["children_state"].as_array().expect("children");
    children.iter().map(|child| child["state_key"].as_str().expect("a room ID")).collect()
}

/// A space like this: root { one, sub { subsub { three, four } }, two { five } }, where `two` is no
/// space, and bob made `four` and `five`.
struct Tree {
    root: OwnedRoomId,
    one: OwnedRoomId,
    sub: OwnedRoomId,
    two: OwnedRoomId,
}

async fn tree(alice: &TestUser, bob: &TestUser) -> Tree {
    let root = room(alice, "root", true).await;
    let one = room(alice, "one", false).await;
    let sub = room(alice, "sub", true).await;
    let two = room(alice, "two", false).await;
    let subsub = room(alice, "subsub", true).await;
    let three = room(alice, "three", false).await;
    let [four, five] = [room(bob, "four", false).await, room(bob, "five", false).await];
    link(alice, &root, &one, json!({ "suggested": true })).await;
    link(alice, &root, &sub, json!({})).await;
    link(alice, &root, &two, json!({ "suggested": true })).await;
    link(alice, &two, &five, json!({})).await;
    link(alice, &sub, &subsub, json!({})).await;
    link(alice, &subsub, &three, json!({})).await;
    link(alice, &subsub, &four, json!({})).await;
    // A loop must not be walked for ever.
    link(alice, &subsub, &root, json!({})).await;
    Tree { root, one, sub, two }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_tree_is_told_depth_first() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let Tree { root, one, sub, two } = tree(&alice, &bob).await;

    let all = hierarchy(&alice, &root, "").await.expect("alice may see it");
    let flat = hierarchy(&alice, &root, "max_depth=1").await.expect("alice may see it");
    let suggested = hierarchy(&alice, &root, "suggested_only=true").await.expect("alice may see it");

    assert_eq!(names(&all), ["root", "one", "sub", "subsub", "three", "four", "two"]);
    assert_eq!(children(&all, "root"), [one.as_str(), sub.as_str(), two.as_str()]);
    assert_eq!(children(&all, "two"), Vec::<&str>::new());
    let child = &all["rooms"][0]["children_state"][0];
    assert_eq!(child["type"], "m.space.child");
    assert_eq!(child["content"], json!({ "via": ["test.local"], "suggested": true }));
    assert_eq!(child["sender"], alice.id.as_str());
    assert!(child["origin_server_ts"].is_u64());
    assert_eq!(all["rooms"][0]["room_type"], "m.space");
    assert_eq!(names(&flat), ["root", "one", "sub", "two"]);
    assert_eq!(children(&flat, "sub").len(), 1);
    assert_eq!(names(&suggested), ["root", "one", "two"]);
    assert_eq!(children(&suggested, "root"), [one.as_str(), two.as_str()]);
    let unstable = format!("/_matrix/client/unstable/org.matrix.msc2946/rooms/{}/hierarchy", segment(root.as_str()));
    assert_eq!(names(&alice.get(&unstable).await.expect("an older path")).len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_on_where_the_last_one_ended() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let Tree { root, one, .. } = tree(&alice, &bob).await;

    let first = hierarchy(&alice, &root, "limit=4").await.expect("a page");
    let next = first["next_batch"].as_str().expect("there is more");
    // What came before may change meanwhile.
    alice.set_state(&root, "m.space.child", one.as_str(), json!({})).await;
    let second = hierarchy(&alice, &root, &format!("limit=4&from={next}")).await.expect("a page");

    assert_eq!(names(&first), ["root", "one", "sub", "subsub"]);
    assert_eq!(names(&second), ["three", "four", "two"]);
    assert_eq!(second["next_batch"], Value::Null);
    for query in [format!("from={next}&max_depth=1"), format!("from={next}&suggested_only=true"), "from=x".to_owned()] {
        hierarchy(&alice, &root, &query).await.expect_err(&query).assert_is(&ErrorKind::InvalidParam);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn children_come_in_their_order_and_without_via_not_at_all() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let root = room(&alice, "root", true).await;
    let mut rooms = Vec::new();
    for (name, content) in [
        ("last", json!({ "order": "\u{e4}" })),
        ("third", json!({ "order": "first" })),
        ("second", json!({ "order": "aaaa" })),
        ("first", json!({ "order": " " })),
        ("gone", json!({})),
    ] {
        let child = room(&alice, name, false).await;
        link(&alice, &root, &child, content).await;
        rooms.push(child);
    }
    for via in [json!([]), json!("test.local"), json!([7])] {
        alice.set_state(&root, "m.space.child", rooms[4].as_str(), json!({ "via": via })).await;

        let answer = hierarchy(&alice, &root, "").await.expect("alice may see it");

        assert_eq!(names(&answer), ["root", "first", "second", "third", "last"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_that_one_may_not_know_are_left_out_with_all_below_them() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let root = room(&alice, "root", true).await;
    let private = json!({ "name": "sub", "creation_content": { "type": "m.space" } });
    let sub = alice.create_room_with(private).await;
    let below = room(&alice, "below", false).await;
    let allow = json!([{ "type": "m.room_membership", "room_id": root }]);
    let rule = json!({ "type": "m.room.join_rules", "content": { "join_rule": "restricted", "allow": allow } });
    let members = alice.create_room_with(json!({ "name": "members", "initial_state": [rule] })).await;
    for (space, child) in [(&root, &sub), (&root, &members), (&sub, &below)] {
        link(&alice, space, child, json!({})).await;
    }

    assert_eq!(names(&hierarchy(&bob, &root, "").await.expect("it is open")), ["root"]);
    bob.join(&root).await;
    let answer = hierarchy(&bob, &root, "").await.expect("it is open");
    assert_eq!(names(&answer), ["root", "members"]);
    assert_eq!(children(&answer, "root"), [sub.as_str(), members.as_str()]);
    hierarchy(&bob, &sub, "").await.expect_err("private").assert_is(&ErrorKind::Forbidden);
    alice.invite(&sub, &bob).await;
    assert_eq!(names(&hierarchy(&bob, &root, "").await.expect("it is open")), ["root", "sub", "below", "members"]);
    let nowhere = RoomId::parse("!nowhere:test.local").expect("a room ID");
    hierarchy(&bob, &nowhere, "").await.expect_err("unknown").assert_is(&ErrorKind::Forbidden);
}
