//! What users have, and what is done in their name.

use homeserver::error::ErrorKind;
use homeserver_testing::TestServer;
use serde_json::{Value, json};

use super::{API, administrator, ended, path, recorded};

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_renamed_and_deleted() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let [second, third] = [alice.login().await, alice.login().await];
    let devices = path("/v2/users", &alice.id, "/devices");
    let one = |device: &str| path("/v2/users", &alice.id, &format!("/devices/{device}"));

    root.put(&one(alice.device_id.as_str()), json!({ "display_name": "A phone" })).await.expect("it can be renamed");
    let listed = root.get(&devices).await.expect("they are listed");
    let device = root.get(&one(alice.device_id.as_str())).await.expect("it is there");
    root.delete(&one(second.device_id.as_str())).await.expect("it can be deleted");
    let several = path("/v2/users", &alice.id, "/delete_devices");
    root.post(&several, json!({ "devices": [third.device_id, "UNKNOWN"] })).await.expect("they can be deleted");

    assert_eq!((&listed["total"], listed["devices"].as_array().map(Vec::len)), (&json!(3), Some(3)));
    assert_eq!((&device["display_name"], &device["user_id"]), (&json!("A phone"), &json!(alice.id)));
    assert_eq!(device["dehydrated"], false);
    assert!(alice.is_logged_in().await && !second.is_logged_in().await && !third.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_pushers_and_account_data_are_told() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let (room, left) = (alice.create_room().await, alice.create_public_room().await);
    alice.leave(&left).await;
    let data = format!("/_matrix/client/v3/user/{}/account_data/org.example", alice.id);
    alice.put(&data, json!({ "a": 1 })).await.expect("it can be set");

    let joined = root.get(&path("/v1/users", &alice.id, "/joined_rooms")).await.expect("they are told");
    let memberships = root.get(&path("/v1/users", &alice.id, "/memberships")).await.expect("they are told");
    let pushers = root.get(&path("/v1/users", &alice.id, "/pushers")).await.expect("they are told");
    let data = root.get(&path("/v1/users", &alice.id, "/accountdata")).await.expect("they are told");

    assert_eq!(joined, json!({ "joined_rooms": [room], "total": 1 }));
    assert_eq!(memberships["memberships"][left.as_str()], "leave");
    assert_eq!(pushers, json!({ "pushers": [], "total": 0 }));
    assert_eq!(data["account_data"]["global"]["org.example"], json!({ "a": 1 }));
    assert!(recorded(&server, "user.account_data").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_let_into_a_room() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let (open, own, closed) = (alice.create_public_room().await, root.create_room().await, alice.create_room().await);
    let join = async |room: &ruma::RoomId| root.post(&path("/v1/join", room, ""), json!({ "user_id": bob.id })).await;

    let joined = join(&open).await.expect("everybody may join");
    join(&own).await.expect("the administrator invites him");
    let refusal = join(&closed).await.expect_err("the administrator is not there");

    assert_eq!(joined, json!({ "room_id": open }));
    assert_eq!(root.membership_of(&own, &bob).await, "join");
    refusal.assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_act_as_others_only_where_that_is_configured() {
    let server = TestServer::start_with(|config| config.access.impersonation = true).await;
    let strict = TestServer::start().await;
    let [root, other_root] = [administrator(&server).await, administrator(&strict).await];
    let [alice, other_alice] = [server.user("alice").await, strict.user("alice").await];

    let answer = root.post(&path("/v1/users", &alice.id, "/login"), json!({})).await.expect("it is configured");
    let refusal = other_root.post(&path("/v1/users", &other_alice.id, "/login"), json!({})).await;
    let themselves = root.post(&path("/v1/users", &root.id, "/login"), json!({})).await;

    let session = alice.with_session("NONE", answer["access_token"].as_str().expect("a token"));
    let whoami = session.get("/_matrix/client/v3/account/whoami").await.expect("the token is good");
    assert_eq!(whoami["user_id"], alice.id.as_str());
    let devices = alice.get("/_matrix/client/v3/devices").await.expect("she sees her devices");
    let names = devices["devices"].as_array().expect("a list").iter().map(|device| &device["display_name"]);
    assert!(names.into_iter().any(|name| name == "Server administrator"));
    for answer in [refusal, themselves] {
        answer.expect_err("it is refused").assert_is(&ErrorKind::Forbidden);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_an_address_is_found() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let ids = json!({ "threepids": [{ "medium": "email", "address": "a@example.org" }] });
    root.put(&path("/v2/users", &alice.id, ""), ids).await.expect("it can be set");

    let found = root.get(&format!("{API}/v1/threepid/email/users/a%40example.org")).await.expect("it is hers");
    let nobody = root.get(&format!("{API}/v1/threepid/email/users/b%40example.org")).await;
    let provider = root.get(&format!("{API}/v1/auth_providers/oidc-x/users/1")).await;

    assert_eq!(found, json!({ "user_id": alice.id }));
    for answer in [nobody, provider] {
        answer.expect_err("there is nobody").assert_is(&ErrorKind::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_until_some_event_is_forgotten() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let room = alice.create_room_with(json!({ "name": "Kept" })).await;
    alice.say(&room, "old").await;
    let event = alice.say(&room, "new").await;
    let purge = path("/v1/purge_history", &room, "");
    let begin = async |body: Value| {
        let answer = root.post(&purge, body).await.expect("it can be asked for");
        let id = answer["purge_id"].as_str().expect("an ID").to_owned();
        ended(&root, &format!("{API}/v1/purge_history_status/{id}")).await
    };
    let texts = async || {
        let events = alice.messages(&room, 50).await;
        events.iter().filter_map(|event| event["content"]["body"].as_str().map(ToOwned::to_owned)).collect::<Vec<_>>()
    };

    let of_others = begin(json!({ "purge_up_to_event_id": event })).await;
    let before = texts().await;
    let of_all = begin(json!({ "purge_up_to_event_id": event, "delete_local_events": true })).await;
    let after = texts().await;
    let server = server.restart().await;
    let alice = alice.at(&server);

    assert_eq!((of_others, of_all), (json!({ "status": "complete" }), json!({ "status": "complete" })));
    assert_eq!((before, after), (vec!["new".to_owned(), "old".to_owned()], vec!["new".to_owned()]));
    let events = alice.messages(&room, 50).await;
    let bodies: Vec<&str> = events.iter().filter_map(|event| event["content"]["body"].as_str()).collect();
    assert_eq!(bodies, ["new"]);
    assert_eq!(alice.state(&room, "m.room.name", "").await.expect("state stays"), json!({ "name": "Kept" }));
    alice.say(&room, "newer").await;
    let until = json!({});
    let nothing = root.at(&server).post(&purge, until).await;
    nothing.expect_err("it is not said until when").assert_is(&ErrorKind::MissingParam);
}
