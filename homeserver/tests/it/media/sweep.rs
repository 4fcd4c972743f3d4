//! What is left behind is removed, and nothing else.

use std::{fs, time::Duration};

use homeserver_testing::TestServer;
use tokio_util::sync::CancellationToken;

use super::{directory, files, pictures};

const HASH: &str = "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789";

#[tokio::test(flavor = "multi_thread")]
async fn files_that_nobody_knows_are_removed() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let uri = alice.upload(pictures::png(64, 64), "image/png", None).await.expect("it is stored");
    alice.thumbnail(&uri, "width=32&height=32").await.expect("it is made");
    let known = files(&directory(&server));
    let strays = ["ab/cd", &format!("thumbnails/ab/cd/{HASH}"), "drafts"].map(|place| directory(&server).join(place));
    for stray in &strays {
        fs::create_dir_all(stray).expect("the directory can be made");
        fs::write(stray.join(HASH), "stray").expect("the file can be written");
    }

    sweep(&server).await;
    let soon = files(&directory(&server)).len();
    server.app.clock.advance(Duration::from_secs(3601));
    sweep(&server).await;

    assert_eq!(soon, known.len() + strays.len(), "fresh files may belong to uploads that go on");
    assert_eq!(sorted(files(&directory(&server))), sorted(known));
    alice.download(&uri).await.expect("it is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swept_store_takes_the_same_content_again() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let first = alice.upload("content", "text/plain", None).await.expect("it is stored");
    let file = files(&directory(&server)).remove(0);
    server.app.media.delete(super::key(&server, &first)).await.expect("it is deleted");
    fs::write(&file, "content").expect("the file can be written");
    server.app.clock.advance(Duration::from_secs(3601));

    let (_, second) = tokio::join!(sweep(&server), alice.upload("content", "text/plain", None));

    let file = alice.download(&second.expect("it is stored")).await.expect("it is found");
    assert_eq!(file.body, "content");
}

async fn sweep(server: &TestServer) {
    server.app.media.sweep(&CancellationToken::new()).await.expect("the store can be swept");
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}
