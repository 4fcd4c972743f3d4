//! Files, as administrators see and withdraw them.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser};
use serde_json::{Value, json};

use super::{API, administrator, path};

/// Uploads a text; returns the ID of the media.
async fn upload(by: &TestUser, text: &str) -> String {
    let request = by.call(reqwest::Method::POST, "/_matrix/media/v3/upload?filename=note.txt");
    let answer = request.header("Content-Type", "text/plain").body(text.to_owned()).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("it is JSON");
    answer["content_uri"].as_str().and_then(|uri| uri.rsplit('/').next()).expect("a URI").to_owned()
}

async fn is_served(to: &TestUser, id: &str) -> bool {
    let path = format!("/_matrix/client/v1/media/download/test.local/{id}");
    to.call(reqwest::Method::GET, &path).send().await.expect("an answer").status().is_success()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_uploaded_is_listed_withdrawn_and_deleted() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let (one, two) = (upload(&alice, "one").await, upload(&alice, "number two").await);
    let media = path("/v1/users", &alice.id, "/media");

    let listed = root.get(&format!("{media}?order_by=media_length&limit=1")).await.expect("they are listed");
    let info = root.get(&format!("{API}/v1/media/test.local/{one}")).await.expect("it is there");
    let withdrawn = root.post(&path("/v1/user", &alice.id, "/media/quarantine"), json!({})).await;
    let was_served = is_served(&alice, &one).await;
    root.post(&format!("{API}/v1/media/unquarantine/test.local/{one}"), json!({})).await.expect("it can be lifted");
    let by = root.get(&format!("{media}?order_by=media_length&dir=b")).await.expect("they are listed");
    let is_served_again = is_served(&alice, &one).await;
    let deleted = root.delete(&format!("{API}/v1/media/test.local/{one}")).await.expect("it can be deleted");
    let rest = root.delete(&media).await.expect("they can be deleted");

    let first = &listed["media"][0];
    assert_eq!((&listed["total"], &listed["next_token"]), (&json!(2), &json!(1)));
    assert_eq!((&first["media_id"], &first["media_length"]), (&json!(one), &json!(3)));
    assert_eq!((&first["media_type"], &first["upload_name"]), (&json!("text/plain"), &json!("note.txt")));
    assert_eq!((&first["quarantined_by"], &first["safe_from_quarantine"]), (&Value::Null, &json!(false)));
    assert_eq!(info["media_info"], *first);
    assert_eq!(withdrawn.expect("it can be done"), json!({ "num_quarantined": 2 }));
    assert!(!was_served && is_served_again);
    assert_eq!(by["media"][0]["quarantined_by"], root.id.as_str());
    assert_eq!(deleted, json!({ "deleted_media": [one], "total": 1 }));
    assert_eq!(rest, json!({ "deleted_media": [two], "total": 1 }));
    let gone = root.delete(&format!("{API}/v1/media/test.local/{one}")).await;
    gone.expect_err("it is gone").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_in_a_room_is_listed_and_withdrawn() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let id = upload(&alice, "picture").await;
    for url in [format!("mxc://test.local/{id}"), "mxc://elsewhere.test/x".to_owned()] {
        alice.send_event(&room, "m.room.message", json!({ "msgtype": "m.image", "body": "x", "url": url })).await;
    }

    let shown = root.get(&path("/v1/room", &room, "/media")).await.expect("they are listed");
    let withdrawn = root.post(&path("/v1/room", &room, "/media/quarantine"), json!({})).await.expect("it can be done");

    let wanted = json!({ "local": [format!("mxc://test.local/{id}")], "remote": ["mxc://elsewhere.test/x"] });
    assert_eq!((shown, withdrawn), (wanted, json!({ "num_quarantined": 1 })));
    assert!(!is_served(&alice, &id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_large_files_are_deleted_but_not_pictures_of_people() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let (small, large) = (upload(&alice, "s").await, upload(&alice, &"l".repeat(5000)).await);
    let picture = upload(&alice, &"p".repeat(5000)).await;
    let avatar = json!({ "avatar_url": format!("mxc://test.local/{picture}") });
    alice.put(&format!("/_matrix/client/v3/profile/{}/avatar_url", alice.id), avatar).await.expect("it can be set");
    let later = server.app.clock.now_ms() + 1000;

    let delete = async |query: &str| root.post(&format!("{API}/v1/media/delete?{query}"), json!({})).await;
    let answer = delete(&format!("before_ts={later}&size_gt=1000")).await.expect("it can be done");
    let seconds = delete("before_ts=1700000000").await;
    let copies = root.post(&format!("{API}/v1/purge_media_cache?before_ts={later}"), json!({})).await;

    assert_eq!(answer, json!({ "deleted_media": [large], "total": 1 }));
    seconds.expect_err("these are seconds").assert_is(&ErrorKind::InvalidParam);
    assert_eq!(copies.expect("there are none"), json!({ "deleted": 0 }));
    assert!(is_served(&alice, &small).await && is_served(&alice, &picture).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_protected_is_not_withdrawn() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let (one, two) = (upload(&alice, "one").await, upload(&alice, "number two").await);
    let post = async |rest: String| root.post(&format!("{API}{rest}"), json!({})).await;

    post(format!("/v1/media/protect/{one}")).await.expect("it can be protected");
    let of_user = root.post(&path("/v1/user", &alice.id, "/media/quarantine"), json!({})).await;
    let alone = post(format!("/v1/media/quarantine/test.local/{one}")).await;
    let info = root.get(&format!("{API}/v1/media/test.local/{one}")).await.expect("it is there");

    assert_eq!(of_user.expect("it can be done"), json!({ "num_quarantined": 1 }));
    alone.expect_err("it is protected").assert_is(&ErrorKind::Forbidden);
    assert_eq!(info["media_info"]["safe_from_quarantine"], true);
    assert!(is_served(&alice, &one).await && !is_served(&alice, &two).await);
    post(format!("/v1/media/unprotect/{one}")).await.expect("that can be ended");
    post(format!("/v1/media/quarantine/test.local/{one}")).await.expect("it can be withdrawn now");
    assert!(!is_served(&alice, &one).await);
    post("/v1/media/protect/unknown".to_owned()).await.expect_err("there is none").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_can_see_what_was_withdrawn_and_that_is_recorded() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await;
    let id = upload(&alice, "one").await;
    root.post(&format!("{API}/v1/media/quarantine/test.local/{id}"), json!({})).await.expect("it can be withdrawn");
    let all_the_same = format!("{id}?admin_unsafely_bypass_quarantine=true");

    assert!(is_served(&root, &all_the_same).await);
    assert!(!is_served(&root, &id).await && !is_served(&alice, &all_the_same).await);
    assert!(super::recorded(&server, "media.see").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_who_uploaded_how_much() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    for text in ["one", "three"] {
        upload(&alice, text).await;
    }
    upload(&bob, "a long text").await;
    let list = async |query: &str| root.get(&format!("{API}/v1/statistics/users/media?{query}")).await;

    let by_size = list("order_by=media_length&dir=b&limit=1").await.expect("a list");
    let found = list("search_term=ALI").await.expect("a list");
    let later = list("from_ts=9000000000000").await.expect("a list");

    assert_eq!((&by_size["total"], &by_size["next_token"]), (&json!(2), &json!(1)));
    assert_eq!(by_size["users"][0]["user_id"], bob.id.as_str());
    let user = json!({ "user_id": alice.id, "displayname": null, "media_count": 2, "media_length": 8 });
    assert_eq!(found["users"], json!([user]));
    assert_eq!(later, json!({ "users": [], "total": 0 }));
    list("order_by=colour").await.expect_err("there is no such order").assert_is(&ErrorKind::InvalidParam);
}
