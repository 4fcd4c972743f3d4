//! Notices of the server to users. Client-server API, "Server Notices".

use homeserver_testing::{Answer, TestServer, TestUser, segment};
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

use super::{API, administrator};

fn notice(user: &TestUser) -> Value {
    json!({ "user_id": user.id, "content": { "msgtype": "m.text", "body": "We move on Sunday." } })
}

async fn tell(root: &TestUser, user: &TestUser) -> Answer<Value> {
    root.post(&format!("{API}/v1/send_server_notice"), notice(user)).await
}

/// The only room that a user is invited to, and who invites.
async fn invitation(user: &TestUser) -> (OwnedRoomId, Value) {
    let news = user.get("/_matrix/client/v3/sync").await.expect("it syncs");
    let invited = news["rooms"]["invite"].as_object().expect("an invitation").clone();
    assert_eq!(invited.len(), 1);
    let (room, told) = invited.into_iter().next().expect("an invitation");
    (OwnedRoomId::try_from(room).expect("a room ID"), told["invite_state"]["events"][0]["sender"].clone())
}

async fn leave(user: &TestUser, room: &RoomId) -> Answer<Value> {
    user.try_act(room, "leave", json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_comes_in_a_room_where_only_the_server_speaks() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;

    let sent = tell(&root, &alice).await.expect("it is sent");
    let (room, sender) = invitation(&alice).await;
    let path = format!("/_matrix/client/v3/user/{}/rooms/{}/tags", segment(alice.id.as_str()), segment(room.as_str()));
    let tags = alice.get(&path).await.expect("there are tags");
    alice.join(&room).await;

    let messages = alice.messages(&room, 50).await;
    let found = messages.iter().find(|event| event["event_id"] == sent["event_id"]).expect("the notice");
    assert_eq!(sender, "@_server:test.local");
    assert_eq!((&found["sender"], &found["content"]["body"]), (&sender, &json!("We move on Sunday.")));
    assert!(tags["tags"]["m.server_notice"].is_object());
    assert_eq!(alice.try_say(&room, "why?").await.expect_err("nobody answers").status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_invitation_cannot_be_declined_but_the_room_be_left() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    tell(&root, &alice).await.expect("it is sent");
    let (room, _) = invitation(&alice).await;

    let declined = leave(&alice, &room).await.expect_err("it cannot be declined");
    alice.join(&room).await;
    leave(&alice, &room).await.expect("it can be left");
    tell(&root, &alice).await.expect("it is sent");

    assert_eq!(
        (declined.status.as_u16(), &declined.body["errcode"]),
        (403, &json!("M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"))
    );
    assert_eq!(invitation(&alice).await.0, room, "there is one room for each user");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_transaction_tells_once() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let path = format!("{API}/v1/send_server_notice/1");

    let first = root.put(&path, notice(&alice)).await.expect("it is sent");
    let second = root.put(&path, notice(&alice)).await.expect("it was sent");
    let other = tell(&root, &alice).await.expect("it is sent");

    assert_eq!(first, second);
    assert_ne!(first, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_speak_for_the_server_and_only_to_its_users() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, nobody] = [server.user("alice").await, TestUser::anonymous(&server, "nobody")];

    let refused = tell(&alice, &root).await.expect_err("she is none");
    let missing = tell(&root, &nobody).await.expect_err("there is no such user");

    assert_eq!((refused.status.as_u16(), missing.status.as_u16()), (403, 404));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lockdown_is_not_in_the_way_of_the_server_itself() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    for feature in ["create_room", "invite", "send_message"] {
        crate::access::rule(&root, feature, &format!("everyone - feature:{feature} deny")).await;
    }

    tell(&root, &alice).await.expect("it is sent");

    alice.join(&invitation(&alice).await.0).await;
}
