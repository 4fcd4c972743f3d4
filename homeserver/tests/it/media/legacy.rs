//! The old paths, which need no access token.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestServer, TestUser};
use reqwest::StatusCode;

use super::{directory, pictures, server_with};

const VERSIONS: [&str; 3] = ["v3", "r0", "v1"];

#[tokio::test(flavor = "multi_thread")]
async fn new_media_are_not_found_without_a_token() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(64, 64), "image/png", None).await.expect("it is stored");

    for path in paths(&uri) {
        let refusal = stranger(&alice).fetch(&path).await.expect_err("it is frozen");
        refusal.assert_is(&ErrorKind::NotFound);
        assert_eq!(refusal.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_media_are_found_where_that_is_allowed() {
    let server = server_with(|media| media.unauthenticated_downloads = true).await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(64, 64), "image/png", None).await.expect("it is stored");

    for path in paths(&uri) {
        let file = stranger(&alice).fetch(&path).await.expect("it is found");
        assert_eq!(file.header("content-type"), "image/png", "{path}");
        assert_eq!(file.header("cross-origin-resource-policy"), "cross-origin", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_media_are_found_after_the_freeze() {
    let before = server_with(|media| media.unauthenticated_downloads = true).await;
    let alice = before.user("alice").await;
    let old = alice.upload(pictures::png(64, 64), "image/png", None).await.expect("it is stored");

    let after = TestServer::start_with(|config| {
        config.database.url = before.app.config.database.url.clone();
        config.secrets.key_file = Some(before.app.config.key_file());
        config.media.directory = Some(directory(&before));
    })
    .await;
    let bob = after.user("bob").await;
    let new = bob.upload(pictures::png(64, 64), "image/png", None).await.expect("it is stored");

    for path in paths(&old) {
        stranger(&bob).fetch(&path).await.expect("it came before the freeze");
    }
    for path in paths(&new) {
        stranger(&bob).fetch(&path).await.expect_err("it came after").assert_is(&ErrorKind::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_allows_it_need_not_be_redirected() {
    let server = server_with(|media| media.unauthenticated_downloads = true).await;
    let alice = server.user("alice").await;
    let uri = alice.upload("a file", "text/plain", None).await.expect("it is stored");

    let path = format!("/_matrix/media/v3/download/{}?allow_redirect=true&allow_remote=false", &uri["mxc://".len()..]);
    let file = stranger(&alice).fetch(&path).await.expect("it is found");

    assert_eq!((file.status, &*file.body), (StatusCode::OK, b"a file".as_slice()));
}

/// All old paths to `uri`.
fn paths(uri: &str) -> Vec<String> {
    let media = &uri["mxc://".len()..];
    let of = |version| {
        [
            format!("/_matrix/media/{version}/download/{media}"),
            format!("/_matrix/media/{version}/download/{media}/name.png"),
            format!("/_matrix/media/{version}/thumbnail/{media}?width=32&height=32&method=crop"),
        ]
    };
    VERSIONS.into_iter().flat_map(of).collect()
}

fn stranger(user: &TestUser) -> TestUser {
    user.with_session("NONE", "")
}
