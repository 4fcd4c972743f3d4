//! Backups of room keys on the server.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

const KEYS: &str = "/_matrix/client/v3/room_keys/keys";
const VERSION: &str = "/_matrix/client/v3/room_keys/version";
const ALGORITHM: &str = "m.megolm_backup.v1.curve25519-aes-sha2";

async fn create(user: &TestUser) -> String {
    let body = json!({ "algorithm": ALGORITHM, "auth_data": { "public_key": "abcdefg", "signatures": {} } });
    let answer = user.post(VERSION, body).await.expect("a backup can be created");
    answer["version"].as_str().expect("a version").to_owned()
}

fn key(is_verified: bool, first_message_index: u32, forwarded_count: u32) -> Value {
    json!({
        "is_verified": is_verified,
        "first_message_index": first_message_index,
        "forwarded_count": forwarded_count,
        "session_data": { "ciphertext": format!("{is_verified} {first_message_index} {forwarded_count}") },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_lives_from_its_creation_to_its_deletion() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    alice.get(VERSION).await.expect_err("there is no backup yet").assert_is(&ErrorKind::NotFound);

    let version = create(&alice).await;
    let empty = alice.get(VERSION).await.expect("there is a backup");
    let room = json!({ "sessions": { "one": key(true, 1, 0), "two": key(false, 2, 0) } });
    let stored = alice
        .put(&format!("{KEYS}?version={version}"), json!({ "rooms": { "!a:far.test": room, "!b:far.test": room } }))
        .await
        .expect("keys can be stored");
    let described = alice.get(&format!("{VERSION}/{version}")).await.expect("the version exists");
    let all = alice.get(&format!("{KEYS}?version={version}")).await.expect("the keys can be read");
    let of_room = alice.get(&format!("{KEYS}/!a:far.test?version={version}")).await.expect("the keys can be read");
    let one = alice.get(&format!("{KEYS}/!a:far.test/one?version={version}")).await.expect("the key can be read");

    assert_eq!(empty["count"], 0);
    assert_eq!(empty["algorithm"], ALGORITHM);
    assert_eq!(empty["auth_data"]["public_key"], "abcdefg");
    assert_eq!(empty["version"], version);
    assert_eq!(stored["count"], 4);
    assert_ne!(stored["etag"], empty["etag"]);
    assert_eq!(described["etag"], stored["etag"]);
    assert_eq!(described["count"], 4);
    assert_eq!(all["rooms"]["!b:far.test"], room);
    assert_eq!(of_room, room);
    assert_eq!(one, key(true, 1, 0));

    let without_one = alice.delete(&format!("{KEYS}/!a:far.test/one?version={version}")).await.expect("it can go");
    let without_room = alice.delete(&format!("{KEYS}/!b:far.test?version={version}")).await.expect("they can go");
    let gone = alice.get(&format!("{KEYS}/!a:far.test/one?version={version}")).await;
    let of_empty_room = alice.get(&format!("{KEYS}/!b:far.test?version={version}")).await;
    let without_any = alice.delete(&format!("{KEYS}?version={version}")).await.expect("they can go");

    assert_eq!(without_one["count"], 3);
    assert_eq!(without_room["count"], 1);
    gone.expect_err("the key is deleted").assert_is(&ErrorKind::NotFound);
    assert_eq!(of_empty_room.expect("the version exists"), json!({ "sessions": {} }));
    assert_eq!(without_any["count"], 0);

    alice.delete(&format!("{VERSION}/{version}")).await.expect("the version can be deleted");
    alice.delete(&format!("{VERSION}/{version}")).await.expect("it may be deleted already");
    alice.get(VERSION).await.expect_err("there is no backup any more").assert_is(&ErrorKind::NotFound);
    let keys = alice.get(&format!("{KEYS}?version={version}")).await;
    keys.expect_err("the version is deleted").assert_is(&ErrorKind::NotFound);
    assert_ne!(create(&alice).await, version);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_replaced_by_a_better_one_only() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let version = create(&alice).await;
    let path = format!("{KEYS}/!a:far.test/session?version={version}");
    let first = alice.put(&path, key(false, 10, 5)).await.expect("a key can be stored");

    for worse in [key(false, 11, 0), key(false, 10, 6), key(false, 10, 5)] {
        let answer = alice.put(&path, worse).await.expect("a worse key is not an error");
        assert_eq!(answer, first);
        assert_eq!(alice.get(&path).await.expect("there is a key"), key(false, 10, 5));
    }
    for better in [key(false, 10, 4), key(false, 9, 7), key(true, 20, 20)] {
        let answer = alice.put(&path, better.clone()).await.expect("a better key can be stored");
        assert_ne!(answer["etag"], first["etag"]);
        assert_eq!(answer["count"], 1);
        assert_eq!(alice.get(&path).await.expect("there is a key"), better);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_into_the_current_version_only() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let old = create(&alice).await;
    let current = create(&alice).await;

    let refusal = alice
        .put(&format!("{KEYS}/!a:far.test?version={old}"), json!({ "sessions": { "one": key(true, 1, 0) } }))
        .await
        .expect_err("the version is old");
    let without_backup = bob.put(&format!("{KEYS}/!a:far.test/one?version=1"), key(true, 1, 0)).await;

    assert_eq!(refusal.status, StatusCode::FORBIDDEN);
    assert_eq!(refusal.body["errcode"], "M_WRONG_ROOM_KEYS_VERSION");
    assert_eq!(refusal.body["current_version"], current);
    without_backup.expect_err("bob has no backup").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_data_of_a_version_can_be_changed() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let version = create(&alice).await;
    let path = format!("{VERSION}/{version}");
    let body =
        |algorithm: &str, version: &str| json!({ "algorithm": algorithm, "auth_data": { "a": 1 }, "version": version });

    let algorithm = alice.put(&path, body("other", &version)).await;
    let other_version = alice.put(&path, body(ALGORITHM, "77")).await;
    let unknown = alice.put(&format!("{VERSION}/77"), body(ALGORITHM, "77")).await;
    let malformed = alice.put(&path, json!({ "algorithm": ALGORITHM, "auth_data": "text" })).await;
    alice.put(&path, body(ALGORITHM, &version)).await.expect("the data can be changed");

    algorithm.expect_err("the algorithm is another").assert_is(&ErrorKind::InvalidParam);
    other_version.expect_err("the versions differ").assert_is(&ErrorKind::InvalidParam);
    unknown.expect_err("there is no such version").assert_is(&ErrorKind::NotFound);
    malformed.expect_err("text is no object").assert_is(&ErrorKind::BadJson);
    assert_eq!(alice.get(&path).await.expect("the version exists")["auth_data"], json!({ "a": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_keys_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let version = create(&alice).await;
    let mut incomplete = key(true, 1, 0);
    incomplete.as_object_mut().expect("an object").remove("is_verified");
    let mut negative = key(true, 1, 0);
    negative["forwarded_count"] = json!(-1);

    for malformed in [incomplete, negative, json!("text")] {
        let refusal = alice.put(&format!("{KEYS}/!a:far.test/one?version={version}"), malformed).await;
        refusal.expect_err("the key is malformed").assert_is(&ErrorKind::BadJson);
    }
    let long_id = format!("{KEYS}/!a:far.test/{}?version={version}", "x".repeat(256));
    alice.put(&long_id, key(true, 1, 0)).await.expect_err("it is too long").assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_keys_are_stored_at_a_time() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let version = create(&alice).await;
    let path = format!("{KEYS}?version={version}");
    let rooms = |first: u32| {
        let room = |room: u32| {
            let sessions: Map<String, Value> =
                (0..500).map(|session| (format!("session {session}"), key(true, first, room))).collect();
            (format!("!{room}:far.test"), json!({ "sessions": sessions }))
        };
        json!({ "rooms": (0..20).map(room).collect::<Map<String, Value>>() })
    };

    let stored = alice.put(&path, rooms(2)).await.expect("keys can be stored");
    let replaced = alice.put(&path, rooms(1)).await.expect("keys can be replaced");

    assert_eq!(stored["count"], 10_000);
    assert_eq!(replaced["count"], 10_000);
    assert_eq!(alice.get(&path).await.expect("the keys can be read"), rooms(1));
}
