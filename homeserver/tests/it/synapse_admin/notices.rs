//! What people are told in the name of the server.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser, segment};
use ruma::OwnedRoomId;
use serde_json::{Value, json};

use super::{API, administrator, recorded};

async fn tell(by: &TestUser, whom: &TestUser, text: &str) -> Value {
    let body = json!({ "user_id": whom.id, "content": { "msgtype": "m.text", "body": text } });
    by.post(&format!("{API}/v1/send_server_notice"), body).await.expect("it is told")
}

/// The room to which somebody is invited, with the answer that says so.
async fn invited(user: &TestUser) -> (OwnedRoomId, Value) {
    let news = user.get("/_matrix/client/v3/sync").await.expect("an answer");
    let rooms = news["rooms"]["invite"].as_object().expect("there are invitations");
    assert_eq!(rooms.len(), 1, "{news}");
    let (room, _) = rooms.iter().next().expect("there is one");
    (OwnedRoomId::try_from(room.as_str()).expect("a room ID"), news)
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_told_something_in_a_room_of_their_own() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;

    tell(&root, &alice, "The server rests tonight.").await;
    let second = tell(&root, &alice, "It is back.").await;
    let (room, _) = invited(&alice).await;
    let leave = format!("/_matrix/client/v3/rooms/{room}/leave");
    let declined = alice.post(&leave, json!({})).await.expect_err("that cannot be declined");
    alice.join(&room).await;

    declined.assert_is(&ErrorKind::CannotLeaveServerNoticeRoom);
    let messages = alice.get(&format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=3")).await;
    let messages = messages.expect("they can be read");
    assert_eq!(messages["chunk"][1]["event_id"], second["event_id"]);
    assert_eq!(messages["chunk"][1]["content"]["body"], "It is back.");
    let tags = format!("/_matrix/client/v3/user/{}/rooms/{room}/tags", alice.id);
    assert_eq!(alice.get(&tags).await.expect("they are told")["tags"], json!({ "m.server_notice": {} }));
    alice.try_say(&room, "Why?").await.expect_err("nobody else speaks there").assert_is(&ErrorKind::Forbidden);
    assert!(recorded(&server, "notice.send").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_is_asked_back_and_no_rule_is_in_the_way() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    crate::access::rule(&root, "lockdown", "everyone - feature:create_room deny").await;

    tell(&root, &alice, "One").await;
    let (room, _) = invited(&alice).await;
    alice.join(&room).await;
    alice.leave(&room).await;
    tell(&root, &alice, "Two").await;

    assert_eq!(invited(&alice).await.0, room);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_no_invitations_finds_the_room_among_their_own() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let wish = format!("/_matrix/client/v3/user/{}/account_data/m.invite_permission_config", alice.id);
    alice.put(&wish, json!({ "default_action": "block" })).await.expect("it can be set");

    tell(&root, &alice, "One").await;
    tell(&root, &alice, "Two").await;

    let news = alice.get("/_matrix/client/v3/sync").await.expect("an answer");
    let rooms = news["rooms"]["join"].as_object().expect("she is in rooms");
    assert_eq!(rooms.len(), 1, "{news}");
    assert!(news.to_string().contains("Two"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_transaction_tells_once_for_each_user() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let put = async |whom: &TestUser| {
        let body = json!({ "user_id": whom.id, "content": { "msgtype": "m.text", "body": "Hello" } });
        root.put(&format!("{API}/v1/send_server_notice/{}", segment("txn 1")), body).await.expect("it is told")
    };

    let (first, again, other) = (put(&alice).await, put(&alice).await, put(&bob).await);

    assert_eq!(first, again);
    assert_ne!(first, other);
    let unknown = json!({ "user_id": "@nobody:test.local", "content": {} });
    let refused = root.post(&format!("{API}/v1/send_server_notice"), unknown).await;
    refused.expect_err("there is no such user").assert_is(&ErrorKind::NotFound);
}
