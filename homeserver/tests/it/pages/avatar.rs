//! The picture by which others know somebody, on the account page.

use std::io::Cursor;

use homeserver_testing::{TestBrowser, TestServer, TestUser};
use image::{ImageFormat, RgbImage};
use reqwest::multipart::{Form, Part};
use serde_json::Value;

const HERE: &str = "/account/avatar";
/// As forms are decoded.
const FIELD: &str = "picture";

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    RgbImage::from_pixel(400, 300, image::Rgb([200, 30, 30])).write_to(&mut file, format).expect("it can be written");
    file.into_inner()
}

async fn avatar(user: &TestUser) -> Option<String> {
    let profile = user.get(&format!("/_matrix/client/v3/profile/{}", user.id)).await.expect("it is there");
    profile.get("avatar_url").and_then(Value::as_str).map(ToOwned::to_owned)
}

async fn stored(server: &TestServer) -> i64 {
    server.scalar("select count(*) from media").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_uploaded_there_and_seen_in_rooms_until_it_is_removed() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let room = alice.create_room().await;
    let browser = TestBrowser::of(&server, &alice).await;
    let shown_in_room = async || {
        server.settled().await;
        alice.state(&room, "m.room.member", alice.id.as_str()).await.expect("it is there")["avatar_url"].clone()
    };

    let page = browser.open("/account").await;
    let without = browser.open(HERE).await;
    let file = picture(ImageFormat::Png);
    let saved = browser.upload(&page, HERE, FIELD, ("me.png", file.clone())).await;
    let uri = avatar(&alice).await.expect("there is one");
    let in_room = shown_in_room().await;
    let there = alice.download(&uri).await.expect("it is there");
    let small = browser.open(HERE).await;
    let removed = browser.submit(&saved, "/account/avatar/remove", &[]).await;

    assert_eq!(without.status, 404);
    saved.assert_says("It is saved.");
    assert!(saved.html.contains("<img class=\"avatar\" src=\"/account/avatar\""), "{saved:?}");
    assert_eq!(in_room, uri);
    assert_eq!((there.header("content-type"), &*there.body), ("image/png", &*file));
    assert_eq!((small.status, small.header("content-type")), (200, "image/png"));
    assert_eq!(small.header("content-security-policy"), "default-src 'none'; sandbox");
    removed.assert_says("It is saved.");
    assert!(!removed.html.contains("<img class=\"avatar\""));
    assert_eq!(avatar(&alice).await, None);
    assert_eq!(shown_in_room().await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_picture_is_shows_in_its_bytes_and_all_else_is_refused() {
    let server = TestServer::start_with(|config| config.media.upload_limit_bytes = 100_000).await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;
    let page = browser.open("/account").await;

    let script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    for (name, file) in [("me.png", script), ("me.png", Vec::new()), ("", b"GIF".to_vec())] {
        let refused = browser.upload(&page, HERE, FIELD, (name, file)).await;
        assert_eq!(refused.status, 400);
        refused.assert_says("Choose a picture: PNG, JPEG, GIF or WebP.");
        refused.assert_says("Display name");
    }
    let mut large = picture(ImageFormat::Png);
    large.resize(100_001, 0);
    let refused = browser.upload(&page, HERE, FIELD, ("me.png", large)).await;
    assert_eq!(refused.status, 413);
    refused.assert_says("Files of more than 100000 bytes are not taken.");
    assert_eq!((stored(&server).await, avatar(&alice).await), (0, None));
    browser.upload(&page, HERE, FIELD, ("me.exe", picture(ImageFormat::Jpeg))).await.assert_says("It is saved.");
    let uri = avatar(&alice).await.expect("there is one");
    assert_eq!(alice.download(&uri).await.expect("it is there").header("content-type"), "image/jpeg");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_with_files_that_this_server_did_not_give_out_store_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;
    let page = browser.open("/account").await;
    let csrf = page.between("name=\"csrf\" value=\"", "\"").to_owned();
    let file = || Part::bytes(picture(ImageFormat::Png)).file_name("me.png");

    let refused = [
        browser.send_file(HERE, Form::new().part(FIELD, file())).await,
        browser.send_file(HERE, Form::new().text("csrf", "guessed").part(FIELD, file())).await,
        // What comes after the file is not looked at.
        browser.send_file(HERE, Form::new().part(FIELD, file()).text("csrf", csrf.clone())).await,
    ];
    let stranger = TestBrowser::new(&server);
    let form = stranger.open("/login").await;
    let own = form.between("name=\"csrf\" value=\"", "\"").to_owned();
    let unknown = stranger.send_file(HERE, Form::new().text("csrf", own).part(FIELD, file())).await;
    let endless = browser.send_file(HERE, Form::new().text("csrf", "x".repeat(2000)).part(FIELD, file())).await;
    let no_file = browser.send_file(HERE, Form::new().text("csrf", csrf)).await;
    let no_form = browser.submit(&page, HERE, &[]).await;

    for page in refused {
        assert_eq!(page.status, 403);
        page.assert_says("This form is out of date.");
    }
    unknown.assert_says("Sign in");
    assert_eq!((endless.status, no_file.status, no_form.status), (413, 400, 400));
    assert_eq!((stored(&server).await, avatar(&alice).await), (0, None));
}
