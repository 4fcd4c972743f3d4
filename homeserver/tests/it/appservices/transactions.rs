//! Application services are told what is their business: in order, once, whatever happens.

use homeserver_testing::{TestAppService, TestServer, TestUser};
use ruma::OwnedRoomId;
use serde_json::{Value, json};

/// Bob with a room in which a user of the application service is, who has been told of that.
async fn a_bridged_room(service: &mut TestAppService, server: &TestServer) -> (TestUser, OwnedRoomId) {
    let bob = server.user("bob").await;
    let ghost = service.register_user(server, "_irc_ghost").await;
    let room = bob.create_public_room().await;
    ghost.join(&room).await;
    let said = bob.say(&room, "the room is bridged").await;
    service.told_until(&said).await;
    (bob, room)
}

fn bodies(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["content"]["body"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_service_is_told_of_events_as_clients_see_them() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let (bob, room) = a_bridged_room(&mut service, &server).await;

    let said = bob.say(&room, "hello").await;

    let told = service.told().await;
    assert!(told.path.starts_with("/_matrix/app/v1/transactions/"), "{told:?}");
    assert!(!told.path.contains('?'), "{told:?}");
    assert_eq!(told.authorization.as_deref(), Some("Bearer the token of the homeserver"));
    assert_eq!(told.body.as_object().expect("an object").len(), 1);
    let [event] = told.events() else { panic!("one event: {told:?}") };
    assert_eq!(event["event_id"], said.as_str());
    assert_eq!(event["room_id"], room.as_str());
    assert_eq!(event["sender"], bob.id.as_str());
    assert_eq!(event["type"], "m.room.message");
    assert_eq!(event["content"]["body"], "hello");
    assert!(event["origin_server_ts"].is_number() && event["unsigned"]["age"].is_number());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_of_what_is_its_business_and_of_nothing_else() {
    let mut service = TestAppService::start_with(|registration| {
        registration["namespaces"]["rooms"] = json!([{ "exclusive": false, "regex": "!watched" }]);
    })
    .await;
    let server = service.server().await;
    let [bob, carol] = server.users(["bob", "carol"]).await;
    let ghost = service.register_user(&server, "_irc_ghost").await;

    // A room of others.
    let private = bob.create_public_room().await;
    carol.join(&private).await;
    bob.say(&private, "among us").await;
    // A room with an alias of its namespace.
    let named = ghost.create_room_with(json!({ "preset": "public_chat", "room_alias_name": "_irc_room" })).await;
    bob.join(&named).await;
    ghost.leave(&named).await;
    bob.say(&named, "in a room with its alias").await;
    // A room of one of its users, who is invited, joins and leaves.
    bob.invite(&private, &ghost).await;
    ghost.join(&private).await;
    bob.say(&private, "among all").await;
    ghost.leave(&private).await;
    bob.say(&private, "among us again").await;
    let last = bob.say(&named, "the last").await;

    let events = service.told_until(&last).await;
    assert_eq!(bodies(&events), ["in a room with its alias", "among all", "the last"]);
    let memberships: Vec<_> = events
        .iter()
        .filter(|event| event["room_id"] == private.as_str() && event["type"] == "m.room.member")
        .map(|event| (event["state_key"].clone(), event["content"]["membership"].clone()))
        .collect();
    let of_ghost = |membership: &str| (json!(ghost.id), json!(membership));
    assert_eq!(memberships, [of_ghost("invite"), of_ghost("join"), of_ghost("leave")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_of_rooms_covers_all_that_happens_there() {
    let mut service = TestAppService::start_with(|registration| {
        registration["namespaces"] = json!({ "users": [], "aliases": [], "rooms": [{ "regex": "!.*" }] });
    })
    .await;
    let server = service.server().await;
    let bob = server.user("bob").await;

    let room = bob.create_room().await;
    let said = bob.say(&room, "to myself").await;

    let events = service.told_until(&said).await;
    assert_eq!(events[0]["type"], "m.room.create");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_sent_again_unaltered_and_before_all_else() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let (bob, room) = a_bridged_room(&mut service, &server).await;
    service.fail(2);

    bob.say(&room, "one").await;
    let first = service.told().await;
    bob.say(&room, "two").await;
    let last = bob.say(&room, "three").await;
    let again = [service.told().await, service.told().await];

    assert_eq!(again, [first.clone(), first.clone()]);
    assert_eq!(bodies(first.events()), ["one"]);
    let rest = service.told_until(&last).await;
    assert_eq!(bodies(&rest), ["two", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_survives_a_restart() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let (bob, room) = a_bridged_room(&mut service, &server).await;
    service.fail(usize::MAX);
    bob.say(&room, "one").await;
    let before = service.told().await;

    let server = server.restart().await;
    let bob = bob.at(&server);
    let again = service.told().await;
    service.fail(0);
    let last = bob.say(&room, "two").await;

    assert_eq!(again, before);
    let mut told = service.told().await;
    while told.id() == before.id() {
        assert_eq!(told, before);
        told = service.told().await;
    }
    assert_eq!(told.events().last().expect("an event")["event_id"], last.as_str());
    assert_eq!(bodies(told.events()), ["two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_told_once_and_in_order() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let (bob, room) = a_bridged_room(&mut service, &server).await;

    let mut sent = Vec::new();
    for number in 0..150 {
        sent.push(bob.say(&room, &number.to_string()).await);
    }

    let mut ids: Vec<i64> = Vec::new();
    let mut events = Vec::new();
    while events.len() < sent.len() {
        let told = service.told().await;
        assert!(told.events().len() <= 100);
        ids.push(told.id().parse().expect("a number"));
        events.extend(told.events().iter().cloned());
    }
    let told: Vec<_> = events.iter().map(|event| event["event_id"].as_str().expect("an ID")).collect();
    assert_eq!(told, sent.iter().map(|id| id.as_str()).collect::<Vec<_>>());
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_processes_one_tells_an_application_service() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let (bob, room) = a_bridged_room(&mut service, &server).await;
    let other = server.another_process().await;

    for number in 0..20 {
        bob.say(&room, &number.to_string()).await;
    }
    let last = bob.say(&room, "the last").await;

    let events = service.told_until(&last).await;
    assert_eq!(events.len(), 21);
    other.stop().await;
    assert!(service.try_told().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn old_application_services_are_told_at_the_paths_they_know() {
    let mut service = TestAppService::start().await;
    let server = TestServer::start_with(|config| {
        service.register(config);
        config.appservices.token_in_query = true;
    })
    .await;
    service.become_old();
    let ghost = service.register_user(&server, "_irc_ghost").await;

    ghost.create_room().await;

    let told = service.told().await;
    assert!(told.path.starts_with("/transactions/"), "{told:?}");
    assert!(told.path.ends_with("?access_token=the+token+of+the+homeserver"), "{told:?}");
    assert!(told.authorization.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_service_that_pings_is_told_at_once_what_waited() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let (bob, room) = a_bridged_room(&mut service, &server).await;
    service.fail(6);
    bob.say(&room, "hello").await;
    // After so many failures the next attempt is some time off.
    for _ in 0..6 {
        service.told().await;
    }

    let sender = service.sender(&server);
    let (pinged, ()) = tokio::join!(sender.post("/_matrix/client/v1/appservice/irc/ping", json!({})), async {
        service.asked().await.answer(200, json!({}));
    });

    pinged.expect("the ping came back");
    let told = tokio::time::timeout(std::time::Duration::from_secs(5), service.told()).await;
    assert_eq!(bodies(told.expect("it does not wait").events()), ["hello"]);
}
