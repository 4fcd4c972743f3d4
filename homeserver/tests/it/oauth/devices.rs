//! Devices without a browser are let in on another one.

use std::time::Duration;

use homeserver_testing::{TestBrowser, TestPage, TestServer, TestUser};
use serde_json::json;

use super::{SCOPE, TestApp, Told, metadata, post, server, server_with, session, with_alice};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

async fn begin(app: &TestApp<'_>) -> Told {
    let codes = post(app.server, "/oauth2/device", &[("client_id", &app.client_id), ("scope", SCOPE)]).await;
    assert_eq!(codes.status, 200, "{codes:?}");
    codes
}

async fn poll(app: &TestApp<'_>, codes: &Told) -> Told {
    let code = codes.text("device_code");
    post(app.server, "/oauth2/token", &[("grant_type", GRANT), ("device_code", &code), ("client_id", &app.client_id)])
        .await
}

fn fields<'a>(client_id: &'a str, scope: &'a str) -> [(&'a str, &'a str); 2] {
    [("client_id", client_id), ("scope", scope)]
}

/// Somebody who has opened the address that the device shows, and signed in.
async fn open(server: &TestServer, user: &TestUser, codes: &Told) -> (TestBrowser, TestPage) {
    let browser = TestBrowser::new(server);
    let address = codes.text("verification_uri_complete");
    let path = address.strip_prefix("https://matrix.test.local").expect("it is this server's").to_owned();
    let form = browser.open(&path).await;
    let page = browser.sign_in(&form, user.id.localpart(), &user.password()).await;
    (browser, page)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_let_in_by_its_code() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;

    let codes = begin(&app).await;
    assert_eq!(codes.body["verification_uri"], "https://matrix.test.local/device");
    assert_eq!((&codes.body["expires_in"], &codes.body["interval"]), (&json!(1800), &json!(5)));
    poll(&app, &codes).await.assert_refused(400, "authorization_pending");
    let (browser, page) = open(&server, &alice, &codes).await;
    page.assert_says(&codes.text("user_code"));
    page.assert_says("Nice app");
    let done = browser.submit(&page, "/device", &[("decision", "allow")]).await;
    server.app.clock.advance(Duration::from_secs(5));
    let tokens = poll(&app, &codes).await;

    done.assert_says("The device is signed in.");
    assert_eq!((tokens.status.as_u16(), &tokens.body["scope"]), (200, &json!(SCOPE)));
    assert!(tokens.body["refresh_token"].is_string());
    assert!(session(&alice, &tokens).is_logged_in().await);
    poll(&app, &codes).await.assert_refused(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_may_be_typed_as_people_type() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let codes = begin(&app).await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/device").await;
    let page = browser.sign_in(&form, "alice", &alice.password()).await;
    page.assert_says("Enter the code that the device shows.");

    let typed = codes.text("user_code").to_lowercase().replace('-', "%20");
    browser.open(&format!("/device?user_code={typed}")).await.assert_says("Allow access?");
    let wrong = browser.open("/device?user_code=BBBB-BBBB").await;

    assert_eq!(wrong.status, 404);
    wrong.assert_says("No device shows this code now.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_let_in_learns_it() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let codes = begin(&app).await;

    let (browser, page) = open(&server, &alice, &codes).await;
    let done = browser.submit(&page, "/device", &[("decision", "deny")]).await;
    let again = browser.submit(&page, "/device", &[("decision", "allow")]).await;

    done.assert_says("The device is not let in.");
    assert_eq!(again.status, 404, "it is decided");
    poll(&app, &codes).await.assert_refused(400, "access_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_asks_too_often_is_told_to_wait_longer() {
    let server = server().await;
    let app = TestApp::register(&server).await;
    let codes = begin(&app).await;

    poll(&app, &codes).await.assert_refused(400, "authorization_pending");
    poll(&app, &codes).await.assert_refused(400, "slow_down");
    server.app.clock.advance(Duration::from_secs(6));
    poll(&app, &codes).await.assert_refused(400, "slow_down");
    server.app.clock.advance(Duration::from_secs(16));
    poll(&app, &codes).await.assert_refused(400, "authorization_pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_ever() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let codes = begin(&app).await;

    server.app.clock.advance(Duration::from_secs(1801));

    poll(&app, &codes).await.assert_refused(400, "expired_token");
    open(&server, &alice, &codes).await.1.assert_says("No device shows this code now.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_code_is_good_for_its_application_only() {
    let server = server().await;
    let app = TestApp::register(&server).await;
    let mut other = metadata();
    other["client_name"] = json!("Other app");
    let other = TestApp::register_as(&server, other).await;
    let mut browsers_only = metadata();
    browsers_only["grant_types"] = json!(["authorization_code", "refresh_token"]);
    let browsers_only = TestApp::register_as(&server, browsers_only).await;
    let codes = begin(&app).await;

    poll(&other, &codes).await.assert_refused(400, "invalid_grant");
    poll(&browsers_only, &codes).await.assert_refused(400, "unauthorized_client");
    post(&server, "/oauth2/device", &fields(&browsers_only.client_id, SCOPE))
        .await
        .assert_refused(400, "unauthorized_client");
    post(&server, "/oauth2/device", &fields("unknown", SCOPE)).await.assert_refused(401, "invalid_client");
    post(&server, "/oauth2/device", &fields(&app.client_id, "openid")).await.assert_refused(400, "invalid_scope");
    post(&server, "/oauth2/device", &[("scope", SCOPE)]).await.assert_refused(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_codes_is_slowed_down() {
    let server = server_with(|config| config.rate_limits.enabled = true).await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/device").await;
    browser.sign_in(&form, "alice", &alice.password()).await;
    let mut statuses = Vec::new();

    for _ in 0..10 {
        statuses.push(browser.open("/device?user_code=BCDF-GHJK").await.status);
    }

    assert_eq!((statuses[0], statuses[9]), (404, 429));
}
