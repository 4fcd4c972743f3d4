//! Copies of other servers' media.

use bytes::Bytes;
use futures_util::stream;
use homeserver::{
    Error,
    error::ErrorKind,
    media::intake::Body,
    storage::media::{Description, MediaKey},
};
use homeserver_testing::TestServer;
use ruma::server_name;

use super::{directory, files, server_with};

const URI: &str = "mxc://elsewhere.test/theirs";

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_served_like_an_upload() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    alice.download(URI).await.expect_err("it is not here yet").assert_is(&ErrorKind::NotFound);

    let description = Description { content_type: Some("text/plain".to_owned()), file_name: Some("a.txt".to_owned()) };
    server.app.media.keep_copy(key(), description, body("theirs")).await.expect("it is kept");
    let file = alice.download(URI).await.expect("it is found");

    assert_eq!(file.body, "theirs");
    assert_eq!(file.header("content-disposition"), "inline; filename=a.txt");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_copy_stays() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for text in ["first", "second"] {
        server.app.media.keep_copy(key(), Description::default(), body(text)).await.expect("there is a copy");
    }

    assert_eq!(alice.download(URI).await.expect("it is found").body, "first");
    assert_eq!(files(&directory(&server)).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_may_be_as_large_as_an_upload() {
    let server = server_with(|media| media.upload_limit_bytes = 5).await;

    let refused = server.app.media.keep_copy(key(), Description::default(), body("too large")).await;
    server.app.media.keep_copy(key(), Description::default(), body("small")).await.expect("it is small enough");

    assert!(matches!(refused, Err(Error::Refused { kind: ErrorKind::TooLarge, .. })));
}

fn key() -> MediaKey<'static> {
    MediaKey { origin: server_name!("elsewhere.test"), media_id: "theirs" }
}

fn body(text: &'static str) -> Body {
    Body { declared: None, pieces: Box::pin(stream::iter([Ok(Bytes::from_static(text.as_bytes()))])) }
}
