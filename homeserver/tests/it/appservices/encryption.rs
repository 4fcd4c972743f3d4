//! Application services that want it are told what their users need for encryption.

use homeserver_testing::{TestAppService, TestUser};
use reqwest::Method;
use serde_json::{Value, json};

async fn a_bridge() -> TestAppService {
    TestAppService::start_with(|registration| {
        registration["receive_ephemeral"] = json!(true);
        registration["org.matrix.msc3202"] = json!(true);
    })
    .await
}

/// The user with a device.
async fn with_device(ghost: &TestUser) -> TestUser {
    let path = "/_matrix/client/v3/devices/BRIDGE";
    let made = ghost.call(Method::PUT, path).json(&json!({})).send().await.expect("the server answers");
    assert!(made.status().is_success());
    ghost.with_session("BRIDGE", &ghost.token).with_query("device_id", "BRIDGE")
}

/// The next transaction with this member, and what stands there.
async fn next(service: &mut TestAppService, member: &str) -> (Value, Value) {
    loop {
        let told = service.told().await;
        if let Some(found) = told.body.get(member) {
            return (told.body.clone(), found.clone());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_to_the_devices_of_its_users_are_brought_once() {
    let mut service = a_bridge().await;
    let server = service.server().await;
    let bob = server.user("bob").await;
    let ghost = with_device(&service.register_user(&server, "_irc_ghost").await).await;
    ghost.upload_one_time_keys(["A".to_owned(), "B".to_owned()]).await;

    let messages = json!({ ghost.id.as_str(): { "BRIDGE": { "secret": 1 } }, bob.id.as_str(): { "*": { "mine": 1 } } });
    bob.send_to_device("m.test", "1", messages).await.expect("it can be sent");

    let (body, messages) = next(&mut service, "to_device").await;
    let message = json!({
        "content": { "secret": 1 }, "sender": bob.id, "type": "m.test",
        "to_user_id": ghost.id, "to_device_id": "BRIDGE",
    });
    assert_eq!(messages, json!([message]));
    assert_eq!(body["de.sorunome.msc2409.to_device"], messages);
    let counts = &body["org.matrix.msc3202.device_one_time_keys_count"][ghost.id.as_str()]["BRIDGE"];
    assert_eq!(*counts, json!({ "signed_curve25519": 2 }));
    let fallback = &body["org.matrix.msc3202.device_unused_fallback_key_types"][ghost.id.as_str()]["BRIDGE"];
    assert_eq!(*fallback, json!([]));
    // What was brought is gone; what is for people waits for them.
    let ghosts = ghost.get("/_matrix/client/v3/sync").await.expect("news");
    assert!(ghosts.get("to_device").is_none(), "{ghosts}");
    let bobs = bob.get("/_matrix/client/v3/sync").await.expect("news");
    assert_eq!(bobs["to_device"]["events"][0]["content"], json!({ "mine": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_waited_while_it_was_away_survive_a_restart() {
    let mut service = a_bridge().await;
    let server = service.server().await;
    let bob = server.user("bob").await;
    let ghost = with_device(&service.register_user(&server, "_irc_ghost").await).await;
    // What comes first would be tried again and again.
    next(&mut service, "org.matrix.msc3202.device_lists").await;
    service.fail(usize::MAX);
    let messages = json!({ ghost.id.as_str(): { "BRIDGE": { "secret": 1 } } });
    bob.send_to_device("m.test", "1", messages).await.expect("it can be sent");
    let (before, _) = next(&mut service, "to_device").await;

    let server = server.restart().await;
    service.fail(0);

    assert_eq!(next(&mut service, "to_device").await.0, before);
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_whose_devices_changed_if_that_concerns_its_users() {
    let mut service = a_bridge().await;
    let server = service.server().await;
    let [bob, carol] = server.users(["bob", "carol"]).await;
    let ghost = service.register_user(&server, "_irc_ghost").await;
    let encrypted = json!([{ "type": "m.room.encryption", "content": { "algorithm": "m.megolm.v1.aes-sha2" } }]);
    let room = bob.create_room_with(json!({ "preset": "public_chat", "initial_state": encrypted })).await;
    let lists = "org.matrix.msc3202.device_lists";

    ghost.join(&room).await;
    let (_, met) = next(&mut service, lists).await;
    assert!(met["changed"].as_array().expect("a list").contains(&json!(bob.id)), "{met}");

    carol.publish_device_keys().await;
    bob.publish_device_keys().await;
    let (_, changed) = next(&mut service, lists).await;
    assert_eq!(changed, json!({ "changed": [bob.id], "left": [] }));

    carol.join(&room).await;
    let (_, came) = next(&mut service, lists).await;
    assert_eq!(came, json!({ "changed": [carol.id], "left": [] }));

    carol.leave(&room).await;
    let (_, left) = next(&mut service, lists).await;
    assert_eq!(left, json!({ "changed": [], "left": [carol.id] }));
}
