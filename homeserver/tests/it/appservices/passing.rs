//! Application services that want it are told of receipts, typing and presence.

use homeserver_testing::{TestAppService, TestServer, TestUser};
use ruma::OwnedRoomId;
use serde_json::{Value, json};

async fn a_bridge() -> TestAppService {
    TestAppService::start_with(|registration| {
        registration["receive_ephemeral"] = json!(true);
        registration["de.sorunome.msc2409.push_ephemeral"] = json!(true);
    })
    .await
}

/// Bob and a user of the application service in a room.
async fn a_bridged_room(service: &TestAppService, server: &TestServer) -> (TestUser, TestUser, OwnedRoomId) {
    let bob = server.user("bob").await;
    let ghost = service.register_user(server, "_irc_ghost").await;
    let room = bob.create_public_room().await;
    ghost.join(&room).await;
    (bob, ghost, room)
}

/// The next ephemeral event of this type.
async fn next(service: &mut TestAppService, kind: &str) -> Value {
    loop {
        let told = service.told().await;
        let part = |name: &str| told.body[name].as_array().cloned().unwrap_or_default();
        assert_eq!(part("ephemeral"), part("de.sorunome.msc2409.ephemeral"));
        if let Some(event) = part("ephemeral").into_iter().find(|event| event["type"] == kind) {
            return event;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_who_is_typing() {
    let mut service = a_bridge().await;
    let server = service.server().await;
    let (bob, _, room) = a_bridged_room(&service, &server).await;

    bob.typing(&room, json!({ "typing": true, "timeout": 30_000 })).await;
    let started = next(&mut service, "m.typing").await;
    bob.typing(&room, json!({ "typing": false })).await;
    let stopped = next(&mut service, "m.typing").await;

    assert_eq!(started, json!({ "type": "m.typing", "room_id": room, "content": { "user_ids": [bob.id] } }));
    assert_eq!(stopped["content"], json!({ "user_ids": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_how_far_people_have_read_and_in_private_only_of_its_own() {
    let mut service = a_bridge().await;
    let server = service.server().await;
    let (bob, ghost, room) = a_bridged_room(&service, &server).await;
    let said = bob.say(&room, "read this").await;

    bob.try_receipt(&room, "m.read.private", &said, json!({})).await.expect("it can be read");
    ghost.try_receipt(&room, "m.read.private", &said, json!({})).await.expect("it can be read");
    let private = next(&mut service, "m.receipt").await;
    bob.read(&room, &said).await;
    let public = next(&mut service, "m.receipt").await;

    assert_eq!(private["room_id"], room.as_str());
    let readers = |receipt: &Value, kind: &str| -> Vec<String> {
        let of_kind = receipt["content"][said.as_str()][kind].as_object().cloned().unwrap_or_default();
        of_kind.keys().cloned().collect()
    };
    assert_eq!(readers(&private, "m.read.private"), [ghost.id.as_str()]);
    assert_eq!(readers(&public, "m.read"), [bob.id.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_who_is_there() {
    let mut service = a_bridge().await;
    let server = service.server().await;
    let (bob, ..) = a_bridged_room(&service, &server).await;
    let path = format!("/_matrix/client/v3/presence/{}/status", homeserver_testing::segment(bob.id.as_str()));

    bob.put(&path, json!({ "presence": "unavailable", "status_msg": "At tea" })).await.expect("it can be said");

    let mut seen = next(&mut service, "m.presence").await;
    while seen["content"]["status_msg"] != "At tea" {
        seen = next(&mut service, "m.presence").await;
    }
    assert_eq!(seen["sender"], bob.id.as_str());
    assert_eq!(seen["content"]["presence"], "unavailable");
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_told_of_events_alone() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let (bob, _, room) = a_bridged_room(&service, &server).await;

    let said = bob.say(&room, "read this").await;
    bob.read(&room, &said).await;
    bob.typing(&room, json!({ "typing": true, "timeout": 30_000 })).await;
    let last = bob.say(&room, "the last").await;

    loop {
        let told = service.told().await;
        assert_eq!(told.body.as_object().expect("an object").keys().collect::<Vec<_>>(), ["events"]);
        if told.events().last().is_some_and(|event| event["event_id"] == last.as_str()) {
            return;
        }
    }
}
