//! Uploads: streamed, limited, stored once, whole or not at all.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use homeserver::{Error, error::ErrorKind, media::intake::Body, storage::media::Description};
use homeserver_testing::{TestServer, TestUser};
use reqwest::StatusCode;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{directory, files, key, server_with};

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_file_can_be_downloaded() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let uri = alice.upload("a file", "text/plain; charset=utf-8", Some("notes.txt")).await.expect("it is stored");
    let file = bob.download(&uri).await.expect("it is found");

    assert!(uri.starts_with("mxc://test.local/"));
    assert_eq!(file.body, "a file");
    assert_eq!(file.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(file.header("content-length"), "6");
    assert_eq!(file.header("content-disposition"), "inline; filename=notes.txt");
}

#[tokio::test(flavor = "multi_thread")]
async fn older_paths_take_uploads_too() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for path in ["/_matrix/media/r0/upload", "/_matrix/media/v1/upload"] {
        let answer = alice.post(path, json!({ "a": "file" })).await.expect("it is stored");
        let file = alice.download(answer["content_uri"].as_str().expect("a URI")).await.expect("it is found");
        assert_eq!(file.body, r#"{"a":"file"}"#, "{path}");
        assert_eq!(file.header("content-disposition"), "inline", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_unknown_type_is_bytes() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let request = alice.call(reqwest::Method::POST, "/_matrix/media/v3/upload").body("");
    let answer: serde_json::Value = request.send().await.expect("an answer").json().await.expect("it is JSON");
    let file = alice.download(answer["content_uri"].as_str().expect("a URI")).await.expect("it is found");

    assert_eq!(file.body, "");
    assert_eq!(file.header("content-type"), "application/octet-stream");
    assert_eq!(file.header("content-disposition"), "attachment");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_from_strangers() {
    let server = TestServer::start().await;

    let mut stream = connect(&server).await;
    // The body is announced, but never sent.
    stream
        .write_all(b"POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        .await
        .expect("the server listens");
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.expect("the server answers");

    assert_eq!(answer, b"HTTP/1.1 401");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_says_it_is_too_large_is_refused_unread() {
    let server = server_with(|media| media.upload_limit_bytes = 1000).await;
    let alice = server.user("alice").await;

    let mut stream = connect(&server).await;
    let head = format!(
        "POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 1001\r\n\r\n",
        alice.token
    );
    stream.write_all(head.as_bytes()).await.expect("the server listens");
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.expect("the server answers");

    assert_eq!(answer, b"HTTP/1.1 413");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_turns_out_too_large_is_refused() {
    let server = server_with(|media| media.upload_limit_bytes = MIB as u64).await;
    let alice = server.user("alice").await;

    // A streamed body has no length.
    let refusal = alice.upload(pieces(&[MIB, 1]), "image/png", None).await.expect_err("it is too large");
    let uri = alice.upload(pieces(&[MIB]), "image/png", None).await.expect("it is just small enough");

    refusal.assert_is(&ErrorKind::TooLarge);
    assert_eq!(refusal.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(alice.download(&uri).await.expect("it is found").body.len(), MIB);
    assert_eq!(files(&directory(&server)).len(), 1, "nothing is left of the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_heard_over_http_2_too() {
    let server = server_with(|media| media.upload_limit_bytes = MIB as u64).await;
    let alice = server.user("alice").await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().expect("the client is valid");

    for body in [reqwest::Body::from(vec![1; 8 * MIB]), pieces(&[MIB; 8])] {
        let request = client.post(format!("{}/_matrix/media/v3/upload", server.url())).bearer_auth(&alice.token);
        let answer = request.body(body).send().await.expect("the server answers");
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_survives_the_way_to_disk_and_back() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let large: Bytes = (0..20 * MIB).map(|place| u8::try_from(place % 251).expect("it is below 251")).collect();

    let uri = alice.upload(large.clone(), "video/mp4", None).await.expect("it is stored");
    let file = alice.download(&uri).await.expect("it is found");

    assert!(file.body == large, "the downloaded file is the uploaded one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_on_disk_before_the_next_piece_is_taken() {
    let server = TestServer::start().await;
    let alice = user(&server.user("alice").await, &server).await;
    let drafts = directory(&server).join("drafts");
    let piece = Bytes::from(vec![7; MIB]);

    let checked = stream::iter(0..20).map(move |count| {
        let written: u64 = files(&drafts).iter().map(|file| file.metadata().expect("it is there").len()).sum();
        assert_eq!(written, count * MIB as u64, "what was taken is on disk");
        Ok(piece.clone())
    });
    let body = Body { declared: None, pieces: Box::pin(checked) };
    server.app.media.upload(&alice, Description::default(), body).await.expect("it is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_off_is_not_stored() {
    let server = TestServer::start().await;
    let alice = user(&server.user("alice").await, &server).await;

    let broken = stream::iter([Ok(Bytes::from_static(b"half a f")), Err(Error::unknown("The sender left."))]);
    let body = Body { declared: Some(16), pieces: Box::pin(broken) };
    server.app.media.upload(&alice, Description::default(), body).await.expect_err("it broke off");

    assert!(files(&directory(&server)).is_empty(), "nothing is left of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_leaves_nothing_behind() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let head = format!(
        "POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 100\r\n\r\n",
        alice.token
    );

    let mut stream = connect(&server).await;
    stream.write_all(head.as_bytes()).await.expect("the server listens");
    stream.write_all(b"half a file").await.expect("the server listens");
    eventually(|| !files(&directory(&server)).is_empty()).await;
    drop(stream);

    eventually(|| files(&directory(&server)).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_is_stored_once() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let first = alice.upload("the same", "text/plain", Some("a.txt")).await.expect("it is stored");
    let second = bob.upload("the same", "text/csv", Some("b.csv")).await.expect("it is stored");
    let stored = files(&directory(&server));
    server.app.media.delete(key(&server, &first)).await.expect("it is deleted");
    let file = alice.download(&second).await.expect("the other is still there");
    server.app.media.delete(key(&server, &second)).await.expect("it is deleted");

    assert_ne!(first, second);
    assert_eq!(stored.len(), 1);
    assert_eq!(file.body, "the same");
    assert_eq!(file.header("content-disposition"), "inline; filename=b.csv");
    assert!(files(&directory(&server)).is_empty(), "the last one took the content along");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_can_be_uploaded_by_many_at_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let uploads = (0..20).map(|_| alice.upload("the same", "text/plain", None));
    let uris = futures_util::future::join_all(uploads).await;

    for uri in uris {
        let uri = uri.expect("it is stored");
        assert_eq!(alice.download(&uri).await.expect("it is found").body, "the same");
    }
    assert_eq!(files(&directory(&server)).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_uploads_more_than_the_quota() {
    let server = server_with(|media| media.user_limit_bytes = Some(10)).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let first = alice.upload("6 byte", "text/plain", None).await.expect("it is within the quota");
    let refusal = alice.upload("5 byt", "text/plain", None).await.expect_err("that would be 11");
    bob.upload("6 byte", "text/plain", None).await.expect("he has a quota of his own");
    server.app.media.delete(key(&server, &first)).await.expect("it is deleted");
    alice.upload("5 byt", "text/plain", None).await.expect("there is room again");

    refusal.assert_is(&ErrorKind::Forbidden);
    assert_eq!(refusal.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_cannot_upload() {
    let server = TestServer::start().await;
    let mut guest = user(&server.user("alice").await, &server).await;
    guest.is_guest = true;

    let body = Body { declared: None, pieces: Box::pin(stream::empty()) };
    let uploaded = server.app.media.upload(&guest, Description::default(), body).await;
    let announced = server.app.media.announce(&guest).await;

    for refusal in [uploaded.map(drop), announced.map(drop)] {
        assert!(matches!(refusal, Err(Error::Refused { kind: ErrorKind::GuestAccessForbidden, .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_beyond_all_measure_is_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let longest = alice.upload("a", "text/plain", Some(&"n".repeat(1024))).await.expect("it fits");
    let refusal = alice.upload("a", "text/plain", Some(&"n".repeat(1025))).await.expect_err("it is too long");
    let type_refusal = alice.upload("a", &"t".repeat(256), None).await.expect_err("it is too long");

    assert!(alice.download(&longest).await.expect("it is found").header("content-disposition").len() > 1024);
    refusal.assert_is(&ErrorKind::InvalidParam);
    type_refusal.assert_is(&ErrorKind::InvalidParam);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_told_the_limit() {
    let server = server_with(|media| media.upload_limit_bytes = 12345).await;
    let alice = server.user("alice").await;

    for path in ["client/v1/media", "media/v3", "media/r0", "media/v1"] {
        let answer = alice.get(&format!("/_matrix/{path}/config")).await.expect("an answer");
        assert_eq!(answer, json!({ "m.upload.size": 12345 }), "{path}");
    }
}

async fn connect(server: &TestServer) -> TcpStream {
    let url = server.url();
    TcpStream::connect(url.trim_start_matches("http://")).await.expect("the server listens")
}

/// A body in pieces of these sizes.
fn pieces(sizes: &[usize]) -> reqwest::Body {
    let pieces: Vec<std::io::Result<Bytes>> = sizes.iter().map(|size| Ok(vec![1; *size].into())).collect();
    reqwest::Body::wrap_stream(stream::iter(pieces))
}

async fn user(user: &TestUser, server: &TestServer) -> homeserver::accounts::User {
    server.caller(user).await
}

/// Waits for what happens at the other end of a connection.
async fn eventually(has_happened: impl Fn() -> bool) {
    let outcome = tokio::time::timeout(Duration::from_secs(20), async {
        while !has_happened() {
            tokio::task::yield_now().await;
        }
    });
    outcome.await.expect("it happens in time");
}
