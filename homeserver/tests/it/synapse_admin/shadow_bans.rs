//! Shadow bans: what is said goes nowhere, and nobody is told.

use homeserver_testing::TestServer;
use serde_json::json;

use super::{administrator, path};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shadow_banned_user_says_goes_nowhere() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [mallory, bob] = server.users(["mallory", "bob"]).await;
    let room = mallory.create_public_room().await;
    bob.join(&room).await;
    let ban = path("/v1/users", &mallory.id, "/shadow_ban");

    let answer = root.post(&ban, json!({})).await.expect("it can be done");
    let event = mallory.say(&room, "buy this").await;
    mallory.set_state(&room, "m.room.topic", "", json!({ "topic": "buy this" })).await;
    mallory.invite(&room, &root).await;
    mallory.kick(&room, &bob).await;

    assert_eq!(answer, json!({}));
    assert!(bob.messages(&room, 50).await.iter().all(|found| found["event_id"] != event.as_str()));
    assert!(bob.state(&room, "m.room.topic", "").await.is_err());
    assert!(bob.state(&room, "m.room.member", root.id.as_str()).await.is_err());
    assert_eq!(bob.membership_of(&room, &bob).await, "join");
    root.delete(&ban).await.expect("it can be lifted");
    let event = mallory.say(&room, "sorry").await;
    assert_eq!(bob.messages(&room, 1).await[0]["event_id"], event.as_str());
}
