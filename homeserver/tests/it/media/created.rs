//! Uploads to a name that was created before.

use std::time::Duration;

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{key, server_with};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_created_name_takes_its_content_later() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let uri = create(&alice).await;
    put(&alice, &uri, "later").await.expect("it is stored");
    let file = bob.download(&uri).await.expect("it is found");

    assert_eq!(file.body, "later");
    assert_eq!(file.header("content-type"), "text/plain");
    assert_eq!(file.header("content-disposition"), "inline; filename=later.txt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_name_says_when_it_expires() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let before_ms = server.app.clock.now_ms();
    let answer = alice.post("/_matrix/media/v1/create", json!({})).await.expect("it is created");

    let expires_at = answer["unused_expires_at"].as_i64().expect("a time");
    let day_ms = 24 * 3_600_000;
    assert!((before_ms + day_ms..=server.app.clock.now_ms() + day_ms).contains(&expires_at));
}

#[tokio::test(flavor = "multi_thread")]
async fn content_that_is_still_to_come_is_waited_for() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let uri = create(&alice).await;

    let path = format!("/_matrix/client/v1/media/download/{}?timeout_ms=60000", &uri["mxc://".len()..]);
    let (file, uploaded) = tokio::join!(bob.fetch(&path), put(&alice, &uri, "late"));

    uploaded.expect("it is stored");
    assert_eq!(file.expect("it arrives").body, "late");
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_when_the_client_wants_it_to() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = create(&alice).await;
    let media = &uri["mxc://".len()..];

    for path in ["client/v1/media/download", "media/v3/download", "media/r0/download", "media/v1/download"] {
        let refusal =
            alice.fetch(&format!("/_matrix/{path}/{media}?timeout_ms=1")).await.expect_err("nothing is there");
        refusal.assert_is(&ErrorKind::NotYetUploaded);
        assert_eq!(refusal.status, StatusCode::GATEWAY_TIMEOUT, "{path}");
    }
    let thumbnail = alice.thumbnail(&uri, "width=32&height=32&timeout_ms=0").await.expect_err("nothing is there");
    thumbnail.assert_is(&ErrorKind::NotYetUploaded);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_when_the_server_is_about_to_stop() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = create(&alice).await;
    let path = format!("/_matrix/client/v1/media/download/{}?timeout_ms=60000", &uri["mxc://".len()..]);

    server.app.tail.bus().close();
    let refusal = tokio::time::timeout(Duration::from_secs(30), alice.fetch(&path)).await.expect("it is sent away");

    refusal.expect_err("nothing is there").assert_is(&ErrorKind::NotYetUploaded);
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_not_replaced() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = create(&alice).await;
    put(&alice, &uri, "first").await.expect("it is stored");

    let again = put(&alice, &uri, "second").await.expect_err("there is content");
    let plain = alice.upload("plain", "text/plain", None).await.expect("it is stored");
    let over_plain = put(&alice, &plain, "second").await.expect_err("there is content");

    for refusal in [again, over_plain] {
        refusal.assert_is(&ErrorKind::CannotOverwriteMedia);
        assert_eq!(refusal.status, StatusCode::CONFLICT);
    }
    assert_eq!(alice.download(&uri).await.expect("it is found").body, "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uploads_at_once_one_wins() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = create(&alice).await;

    let (one, other) = tokio::join!(put(&alice, &uri, "one"), put(&alice, &uri, "other"));
    let body = alice.download(&uri).await.expect("it is found").body;

    let (winner, loser) = if one.is_ok() { ("one", other) } else { ("other", one) };
    loser.expect_err("one of them is late").assert_is(&ErrorKind::CannotOverwriteMedia);
    assert_eq!(body, winner);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_takes_content_from_its_creator_only() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let uri = create(&alice).await;

    let refusal = put(&bob, &uri, "not mine").await.expect_err("it is alice's");

    refusal.assert_is(&ErrorKind::Forbidden);
    put(&alice, &uri, "mine").await.expect("it is hers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_was_not_created_takes_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let deleted = alice.upload("a", "text/plain", None).await.expect("it is stored");
    server.app.media.delete(key(&server, &deleted)).await.expect("it is deleted");

    for uri in ["mxc://test.local/unknown", "mxc://elsewhere.test/unknown", "mxc://test.local/..%2F..", &deleted] {
        put(&alice, uri, "a").await.expect_err("there is no such name").assert_is(&ErrorKind::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_expires() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = create(&alice).await;

    server.app.clock.advance(24 * HOUR);

    put(&alice, &uri, "too late").await.expect_err("it has expired").assert_is(&ErrorKind::NotFound);
    alice.download(&uri).await.expect_err("it has expired").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_keeps_many_names_waiting() {
    let server = server_with(|media| media.pending_uploads = 2).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let first = create(&alice).await;
    create(&alice).await;
    let refusal = alice.post("/_matrix/media/v1/create", json!({})).await.expect_err("two are waiting");
    create(&bob).await;
    put(&alice, &first, "done").await.expect("it is stored");
    create(&alice).await;
    server.app.clock.advance(24 * HOUR);
    create(&alice).await;

    refusal.assert_is(&ErrorKind::LimitExceeded(Default::default()));
    assert_eq!(refusal.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refusal.body["retry_after_ms"].as_u64().expect("a time") > 23 * 3_600_000);
}

async fn create(user: &TestUser) -> String {
    let answer = user.post("/_matrix/media/v1/create", json!({})).await.expect("a name is created");
    answer["content_uri"].as_str().expect("a URI").to_owned()
}

async fn put(user: &TestUser, uri: &str, body: &'static str) -> Answer<Value> {
    let path = format!("/_matrix/media/v3/upload/{}?filename=later.txt", &uri["mxc://".len()..]);
    let request = user.call(Method::PUT, &path).header("Content-Type", "text/plain").body(body);
    let answer = request.send().await.expect("the server answers");
    let status = answer.status();
    let body = answer.json().await.expect("the answer is JSON");
    if status.is_success() { Ok(body) } else { Err(homeserver_testing::Refusal { status, body }) }
}
