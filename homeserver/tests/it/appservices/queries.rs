//! Application services are asked about names that nobody has.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestAppService, segment};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_made_when_its_alias_is_asked_for() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let bob = server.user("bob").await;
    let ghost = service.register_user(&server, "_irc_ghost").await;

    let path = format!("/_matrix/client/v3/join/{}", segment("#_irc_#new:test.local"));
    let (joined, room) = tokio::join!(bob.post(&path, json!({})), async {
        let asked = service.asked().await;
        assert_eq!(asked.path, "/_matrix/app/v1/rooms/%23%5Firc%5F%23new%3Atest%2Elocal");
        let room = ghost.create_room_with(json!({ "preset": "public_chat", "room_alias_name": "_irc_#new" })).await;
        asked.answer(200, json!({}));
        room
    });

    assert_eq!(joined.expect("the room is there now")["room_id"], room.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_that_the_application_service_does_not_know_is_not_found() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let bob = server.user("bob").await;

    let path = format!("/_matrix/client/v3/directory/room/{}", segment("#_irc_nothing:test.local"));
    let (found, ()) = tokio::join!(bob.get(&path), async {
        service.asked().await.answer(404, json!({ "errcode": "M_NOT_FOUND" }));
    });
    let other = bob.get(&format!("/_matrix/client/v3/directory/room/{}", segment("#other:test.local"))).await;

    found.expect_err("it is not known").assert_is(&ErrorKind::NotFound);
    other.expect_err("nobody is asked").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_made_when_somebody_invites_them() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let bob = server.user("bob").await;
    let room = bob.create_room().await;
    let ghost = service.user(&server, "_irc_new");

    let ((), ()) = tokio::join!(bob.invite(&room, &ghost), async {
        let asked = service.asked().await;
        assert_eq!(asked.path, "/_matrix/app/v1/users/%40%5Firc%5Fnew%3Atest%2Elocal");
        service.register_user(&server, "_irc_new").await;
        asked.answer(200, json!({}));
    });

    assert_eq!(bob.membership_of(&room, &ghost).await, "invite");
    let nobody = service.user(&server, "_irc_nobody");
    let (refused, ()) = tokio::join!(bob.try_act_on(&room, "invite", &nobody), async {
        drop(service.asked().await);
    });
    refused.expect_err("there is no such user").assert_is(&ErrorKind::NotFound);
}
