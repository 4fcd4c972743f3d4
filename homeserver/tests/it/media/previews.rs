//! Previews of pages that people link to.

use std::time::Duration;

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser, TestWebsite, segment};
use serde_json::{Value, json};

use super::{pictures, server_with};

const PAGE: &[u8] = br#"<html><head><title>Not this</title>
    <meta property="og:title" content="The Rock &amp; more">
    <meta property="og:image" content="/rock.png">
    <meta property="og:image:width" content="9999"></head></html>"#;

async fn preview(user: &TestUser, url: &str) -> Answer<Value> {
    user.get(&format!("/_matrix/client/v1/media/preview_url?url={}", segment(url))).await
}

async fn site() -> TestWebsite {
    TestWebsite::start(vec![
        ("/page", "text/html; charset=utf-8", PAGE.to_vec()),
        ("/rock.png", "image/png", pictures::png(40, 30)),
        ("/moved", "location:/page", Vec::new()),
        ("/round", "location:/round", Vec::new()),
        ("/inside", "location:file:///etc/passwd", Vec::new()),
        ("/broken", "text/html", br#"<title>x</title><meta property="og:image" content="/page">"#.to_vec()),
        ("/data", "application/json", b"{}".to_vec()),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_tells_what_a_page_says_and_what_its_picture_is() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let site = site().await;

    let told = preview(&alice, &site.url("/page#part")).await.expect("there is a preview");

    let picture = told["og:image"].as_str().expect("a picture").to_owned();
    let expected = json!({
        "og:title": "The Rock & more",
        "og:image": picture,
        "og:image:type": "image/png",
        "og:image:width": 40,
        "og:image:height": 30,
        "matrix:image:size": pictures::png(40, 30).len(),
    });
    assert_eq!(told, expected);
    assert_eq!(alice.download(&picture).await.expect("it is kept").body, pictures::png(40, 30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_fetched_once_an_hour() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let site = site().await;

    let first = preview(&alice, &site.url("/page")).await.expect("there is a preview");
    let second = preview(&bob, &site.url("/page")).await.expect("there is a preview");
    let fetched = site.requests();
    server.app.clock.advance(Duration::from_secs(3601));
    let third = preview(&bob, &site.url("/page")).await.expect("there is a preview");

    assert_eq!((first.clone(), first), (second, third), "the picture has the same name each time");
    assert_eq!((fetched, site.requests()), (2, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn redirections_are_followed_but_not_for_ever() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let site = site().await;

    let moved = preview(&alice, &site.url("/moved")).await.expect("there is a preview");

    assert_eq!(moved["og:title"], "The Rock & more");
    for path in ["/round", "/inside", "/nothing"] {
        let refused = preview(&alice, &site.url(path)).await.expect_err("there is nothing");
        assert_eq!((refused.status.as_u16(), &refused.body["errcode"]), (502, &json!("M_CONNECTION_FAILED")), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_page_says_nothing_and_a_picture_shows_itself() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let site = site().await;

    let data = preview(&alice, &site.url("/data")).await.expect("there is an answer");
    let broken = preview(&alice, &site.url("/broken")).await.expect("there is a preview");
    let picture = preview(&alice, &site.url("/rock.png")).await.expect("there is a preview");

    assert_eq!(data, json!({}));
    assert_eq!(broken, json!({ "og:title": "x" }), "the picture was none");
    assert_eq!((&picture["og:image:width"], &picture["og:image:height"]), (&json!(40), &json!(30)));
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_networks_are_not_asked() {
    let server = TestServer::start_with(|config| {
        config.outgoing.forbidden_ranges = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    let alice = server.user("alice").await;
    let site = site().await;

    let refused = preview(&alice, &site.url("/page")).await.expect_err("it is not fetched");

    assert_eq!((refused.status.as_u16(), site.requests()), (502, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_addresses_of_the_web_have_previews() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for url in ["", "nonsense", "ftp://localhost/", "file:///etc/passwd", "http://user:secret@localhost/"] {
        preview(&alice, url).await.expect_err("it has none").assert_is(&ErrorKind::InvalidParam);
    }
    let missing = alice.get("/_matrix/media/v3/preview_url").await.expect_err("no URL is given");
    assert_eq!(missing.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_can_be_turned_off() {
    let server = server_with(|media| media.url_previews = false).await;
    let alice = server.user("alice").await;

    let refused = preview(&alice, "http://localhost/").await.expect_err("there are none");

    refused.assert_is(&ErrorKind::Unrecognized);
}
