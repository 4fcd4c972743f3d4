//! Devices: listed, renamed, deleted with all that belongs to them.

use std::time::Duration;

use homeserver::error::ErrorKind;
use homeserver_testing::TestServer;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_and_found() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    alice
        .try_login(json!({ "device_id": "PHONE", "initial_device_display_name": "Phone" }))
        .await
        .expect("it is right");

    let list = alice.get("/_matrix/client/v3/devices").await.expect("they can be listed");
    let phone = alice.get("/_matrix/client/v3/devices/PHONE").await.expect("the device exists");
    let unknown = alice.get("/_matrix/client/v3/devices/UNKNOWN").await.expect_err("there is no such device");

    assert_eq!(list["devices"].as_array().expect("a list").len(), 2);
    assert_eq!(phone["device_id"], "PHONE");
    assert_eq!(phone["display_name"], "Phone");
    assert_eq!(unknown.status, 404);
    unknown.assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_of_a_device_is_null() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    alice.try_login(json!({ "device_id": "NEW" })).await.expect("it is right");

    let new = alice.get("/_matrix/client/v3/devices/NEW").await.expect("the device exists");

    let unknown = json!({ "device_id": "NEW", "display_name": null, "last_seen_ip": null, "last_seen_ts": null });
    assert_eq!(new, unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_renamed_and_its_owner_told() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = format!("/_matrix/client/v3/devices/{}", alice.device_id);
    let since = alice.get("/_matrix/client/v3/sync").await.expect("it can be asked")["next_batch"].clone();

    alice.put(&path, json!({ "display_name": "My phone" })).await.expect("it can be renamed");
    alice.put(&path, json!({})).await.expect("nothing is changed");

    assert_eq!(alice.get(&path).await.expect("the device exists")["display_name"], "My phone");
    let sync = format!("/_matrix/client/v3/sync?since={}", since.as_str().expect("a token"));
    let news = alice.get(&sync).await.expect("it can be asked");
    assert_eq!(news["device_lists"]["changed"], json!([alice.id]));
    let unknown = alice.put("/_matrix/client/v3/devices/UNKNOWN", json!({ "display_name": "x" })).await;
    unknown.expect_err("there is no such device").assert_is(&ErrorKind::NotFound);
    let endless = alice.put(&path, json!({ "display_name": "x".repeat(2000) })).await;
    endless.expect_err("the name is too long").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_devices_of_others_are_nobodys_business() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let path = format!("/_matrix/client/v3/devices/{}", alice.device_id);

    let found = bob.get(&path).await;
    let renamed = bob.put(&path, json!({ "display_name": "mine" })).await;
    let deleted = bob.request(reqwest::Method::DELETE, &path, Some(json!({ "auth": bob.confirmation() }))).await;

    found.expect_err("it is not theirs").assert_is(&ErrorKind::NotFound);
    renamed.expect_err("it is not theirs").assert_is(&ErrorKind::NotFound);
    deleted.expect("there is no such device any more");
    assert!(alice.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_device_is_logged_out_and_others_are_told() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let phone = alice.login().await;
    assert!(phone.is_logged_in().await);
    let path = format!("/_matrix/client/v3/devices/{}", phone.device_id);
    let since = alice.get("/_matrix/client/v3/sync").await.expect("it can be asked")["next_batch"].clone();

    let unconfirmed = alice.delete(&path).await.expect_err("it is not confirmed");
    let body = json!({ "auth": alice.confirmation() });
    alice.request(reqwest::Method::DELETE, &path, Some(body)).await.expect("it is confirmed");

    assert_eq!(unconfirmed.status, 401);
    assert!(!phone.is_logged_in().await);
    alice.get(&path).await.expect_err("the device is gone").assert_is(&ErrorKind::NotFound);
    let sync = format!("/_matrix/client/v3/sync?since={}", since.as_str().expect("a token"));
    let news = alice.get(&sync).await.expect("it can be asked");
    assert_eq!(news["device_lists"]["changed"], json!([alice.id]));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_devices_are_deleted_at_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let [phone, laptop] = [alice.login().await, alice.login().await];

    let body = json!({ "devices": [phone.device_id, laptop.device_id, "UNKNOWN"], "auth": alice.confirmation() });
    alice.post("/_matrix/client/v3/delete_devices", body).await.expect("it is confirmed");

    assert!(!phone.is_logged_in().await && !laptop.is_logged_in().await);
    assert!(alice.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_to_a_deleted_device_does_not_reach_its_successor() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    alice.try_login(json!({ "device_id": "PHONE" })).await.expect("the password is right");
    let messages = json!({ "messages": { (alice.id.as_str()): { "PHONE": { "secret": true } } } });
    alice.put("/_matrix/client/v3/sendToDevice/org.example.secret/1", messages).await.expect("it can be sent");

    let body = json!({ "devices": ["PHONE"], "auth": alice.confirmation() });
    alice.post("/_matrix/client/v3/delete_devices", body).await.expect("it is confirmed");
    let answer = alice.try_login(json!({ "device_id": "PHONE" })).await.expect("the password is right");

    let phone = alice.with_session("PHONE", answer["access_token"].as_str().expect("a token"));
    let sync = phone.get("/_matrix/client/v3/sync").await.expect("it can be asked");
    assert_eq!(sync["to_device"]["events"].as_array().map_or(0, Vec::len), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_noted_rarely_and_encrypted_when_and_where_a_device_was_used() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = format!("/_matrix/client/v3/devices/{}", alice.device_id);
    let seen = async || {
        loop {
            let device = alice.get(&path).await.expect("the device exists");
            if device["last_seen_ts"].is_number() {
                break device;
            }
            tokio::task::yield_now().await;
        }
    };

    let first = seen().await;
    server.app.clock.advance(Duration::from_secs(300));
    let soon = seen().await;

    assert_eq!(first["last_seen_ip"], "127.0.0.1");
    assert_eq!(first["last_seen_ts"], soon["last_seen_ts"]);
    server.app.clock.advance(Duration::from_secs(301));
    while seen().await["last_seen_ts"] == first["last_seen_ts"] {
        tokio::task::yield_now().await;
    }
    let user = server.app.storage.find_user_nid(&alice.id).await.expect("it can be asked").expect("it exists");
    let mut conn = server.app.storage.conn().await.expect("the database is there");
    let row = homeserver::storage::devices::find(&mut conn, user, &alice.device_id).await.expect("it can be asked");
    let stored = row.expect("the device exists").last_seen_ip.expect("an address");
    assert!(!stored.windows(9).any(|bytes| bytes == b"127.0.0.1"), "the address is encrypted");
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_see_with_which_client_a_device_was_used_until_that_is_forgotten() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = format!("/_matrix/client/v3/admin/whois/{}", alice.id);
    let connection = async |alice: &homeserver_testing::TestUser| {
        let request = alice.call(reqwest::Method::GET, &path).header("User-Agent", "Element/1.2");
        let answer: serde_json::Value =
            request.send().await.expect("the server answers").json().await.expect("it is JSON");
        answer["devices"][alice.device_id.as_str()]["sessions"][0]["connections"][0].clone()
    };

    let mut seen = connection(&alice).await;
    while !seen["last_seen"].is_number() {
        tokio::task::yield_now().await;
        seen = connection(&alice).await;
    }
    server.app.clock.advance(Duration::from_secs(31 * 24 * 3600));
    let server = server.restart().await;
    let stored = "select count(*) from devices where last_seen_ip is not null or last_seen_user_agent is not null";
    while server.scalar::<i64>(stored).await > 0 {
        tokio::task::yield_now().await;
    }

    assert_eq!((&seen["ip"], &seen["user_agent"]), (&json!("127.0.0.1"), &json!("Element/1.2")));
    let known = server.scalar::<i64>("select count(*) from devices where last_seen_at is not null").await;
    assert_eq!(known, 1, "when it was used is still known");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_where_a_device_was_used_is_never_stored_if_the_operator_wants_so() {
    let server = TestServer::start_with(|config| config.access.address_retention_days = 0).await;
    let alice = server.user("alice").await;
    let path = format!("/_matrix/client/v3/devices/{}", alice.device_id);

    let mut device = alice.get(&path).await.expect("the device exists");
    while !device["last_seen_ts"].is_number() {
        tokio::task::yield_now().await;
        device = alice.get(&path).await.expect("the device exists");
    }

    assert_eq!(device["last_seen_ip"], json!(null));
    let stored = "select count(*) from devices where last_seen_ip is not null or last_seen_user_agent is not null";
    assert_eq!(server.scalar::<i64>(stored).await, 0);
}
