//! Media that are withdrawn.

use homeserver::{error::ErrorKind, storage::numbers::UserNid};
use homeserver_testing::TestServer;
use reqwest::StatusCode;

use super::{directory, files, key, pictures};

const ADMIN: UserNid = UserNid(1);
const SIZE: &str = "width=32&height=32&method=crop";

#[tokio::test(flavor = "multi_thread")]
async fn quarantined_media_are_not_served() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(64, 64), "image/png", None).await.expect("it is stored");
    alice.thumbnail(&uri, SIZE).await.expect("it is made");

    let count = server.app.media.quarantine(key(&server, &uri), ADMIN).await.expect("it is known");
    let refusals = [alice.download(&uri).await, alice.thumbnail(&uri, SIZE).await];
    server.app.media.end_quarantine(key(&server, &uri)).await.expect("it is known");

    assert_eq!(count, 1);
    for refusal in refusals {
        let refusal = refusal.expect_err("it is quarantined");
        refusal.assert_is(&ErrorKind::NotFound);
        assert_eq!(refusal.status, StatusCode::NOT_FOUND);
    }
    alice.download(&uri).await.expect("it is back");
    alice.thumbnail(&uri, SIZE).await.expect("it is back");
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantine_holds_for_every_copy() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let first = alice.upload("bad", "image/png", None).await.expect("it is stored");
    let second = bob.upload("bad", "image/png", None).await.expect("it is stored");

    let count = server.app.media.quarantine(key(&server, &first), ADMIN).await.expect("it is known");
    let third = bob.upload("bad", "text/plain", Some("good")).await.expect("it is stored");

    assert_eq!(count, 2);
    for uri in [first, second, third] {
        alice.download(&uri).await.expect_err("it is quarantined").assert_is(&ErrorKind::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantine_outlives_deletion() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let first = alice.upload("bad", "image/png", None).await.expect("it is stored");
    server.app.media.quarantine(key(&server, &first), ADMIN).await.expect("it is known");

    server.app.media.delete(key(&server, &first)).await.expect("it is deleted");
    let left = files(&directory(&server));
    let again = alice.upload("bad", "image/png", None).await.expect("it is stored");

    assert!(left.is_empty(), "the content is gone");
    alice.download(&again).await.expect_err("it is remembered").assert_is(&ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_media_are_gone() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(64, 64), "image/png", None).await.expect("it is stored");
    alice.thumbnail(&uri, SIZE).await.expect("it is made");

    server.app.media.delete(key(&server, &uri)).await.expect("it is deleted");

    alice.download(&uri).await.expect_err("it is gone").assert_is(&ErrorKind::NotFound);
    alice.thumbnail(&uri, SIZE).await.expect_err("it is gone").assert_is(&ErrorKind::NotFound);
    assert!(files(&directory(&server)).is_empty(), "the thumbnail is gone too");
    let again = server.app.media.delete(key(&server, &uri)).await.expect_err("it is gone");
    assert!(again.is_not_found());
}
