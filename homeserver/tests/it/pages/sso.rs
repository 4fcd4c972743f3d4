//! Logging in to clients by the pages: m.login.sso, m.login.token, the login fallback.

use std::time::Duration;

use homeserver_testing::{Answer, TestBrowser, TestServer, TestUser, encode_text};
use serde_json::{Value, json};

const REDIRECT: &str = "/_matrix/client/v3/login/sso/redirect";

fn redirect(path: &str, target: &str) -> String {
    format!("{path}?redirectUrl={}", encode_text(target))
}

/// Somebody who is signed in on the page that asks whether `target` may use the account.
async fn consent(server: &TestServer, user: &TestUser, target: &str) -> (TestBrowser, homeserver_testing::TestPage) {
    let browser = TestBrowser::new(server);
    let form = browser.open(&redirect(REDIRECT, target)).await;
    let page = browser.sign_in(&form, user.id.localpart(), &user.password()).await;
    (browser, page)
}

async fn login(server: &TestServer, token: &str) -> Answer<Value> {
    server.anonymous().post("/_matrix/client/v3/login", json!({ "type": "m.login.token", "token": token })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_gets_a_login_token_that_is_good_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let (browser, page) = consent(&server, &alice, "https://app.test:8443/#/welcome?x=1").await;
    page.assert_says("app.test:8443");
    let there = browser.submit(&page, "/sso", &[("decision", "allow")]).await;

    let token = there.parameter("loginToken").expect("there is a token");
    assert_eq!(there.status, 303);
    assert_eq!(there.address, format!("https://app.test:8443/?loginToken={token}#/welcome?x=1"));
    let answer = login(&server, &token).await.expect("the token is good");
    assert_eq!(answer["user_id"], alice.id.as_str());
    assert_eq!(login(&server, &token).await.expect_err("it was used").status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_token_is_good_for_a_minute() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let (browser, page) = consent(&server, &alice, "https://app.test/").await;
    let there = browser.submit(&page, "/sso", &[("decision", "allow")]).await;

    server.app.clock.advance(Duration::from_secs(61));

    let refusal = login(&server, &there.parameter("loginToken").expect("there is a token")).await;
    assert_eq!(refusal.expect_err("it came too late").status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_opened_by_a_link_because_browsers_want_that() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let (browser, page) = consent(&server, &alice, "element://connect").await;
    page.assert_says("element:");
    let leave = browser.submit(&page, "/sso", &[("decision", "allow")]).await;

    assert_eq!(leave.status, 200);
    let link = leave.link("Open the app");
    assert!(link.starts_with("element://connect?loginToken="), "{link}");
    let token = homeserver_testing::parameter(&link, "loginToken").expect("there is a token");
    login(&server, &token).await.expect("the token is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_allow_it_stays_here() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let (browser, page) = consent(&server, &alice, "https://app.test/").await;

    let there = browser.submit(&page, "/sso", &[("decision", "deny")]).await;

    assert!(there.address.starts_with("/account"), "{}", there.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_paths_lead_to_the_same_page_and_unknown_providers_to_none() {
    let server = TestServer::start().await;
    let browser = TestBrowser::new(&server);

    let old = browser.peek(&redirect("/_matrix/client/r0/login/sso/redirect", "https://app.test/")).await;
    let unknown = browser.open(&redirect(&format!("{REDIRECT}/github"), "https://app.test/")).await;

    assert_eq!(old.status, 302);
    assert_eq!(old.header("location"), "/sso?redirectUrl=https%3A%2F%2Fapp.test%2F");
    assert_eq!(unknown.status, 404);
    unknown.assert_says("There is no such identity provider.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_can_ask_for_registration() {
    let server = TestServer::start().await;
    let browser = TestBrowser::new(&server);

    for name in ["action", "org.matrix.msc3824.action"] {
        let page = browser.open(&format!("{}&{name}=register", redirect(REDIRECT, "https://app.test/"))).await;
        page.assert_says("Make an account");
    }
    let page = browser.open(&format!("{}&action=login", redirect(REDIRECT, "https://app.test/"))).await;
    assert!(page.address.starts_with("/login?"), "{}", page.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_a_browser_would_run_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let (browser, page) = consent(&server, &alice, "https://app.test/").await;

    for target in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://app.test@evil.test/", ""] {
        for path in [REDIRECT, "/sso"] {
            let refusal = browser.open(&redirect(path, target)).await;
            assert_eq!(refusal.status, 400, "{target}");
            refusal.assert_says("not allowed");
        }
        let csrf = page.between("name=\"csrf\" value=\"", "\"").to_owned();
        let fields = [("csrf", csrf.as_str()), ("decision", "allow")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(browser.post(&redirect("/sso", target), &fields).await.status, 400, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_fallback_hands_over_a_session() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);

    let form =
        browser.open("/_matrix/static/client/login/?device_id=FALLBACK&initial_device_display_name=Old%20app").await;
    let page = browser.sign_in(&form, "alice", &alice.password()).await;
    let done = browser.submit(&page, "/_matrix/static/client/login/", &[("decision", "allow")]).await;

    let json = done.between("data-json=\"", "\"").replace("&#34;", "\"");
    let answer: Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!((&answer["user_id"], &answer["device_id"]), (&json!(alice.id), &json!("FALLBACK")));
    let session = alice.with_session("FALLBACK", answer["access_token"].as_str().expect("a token"));
    assert!(session.is_logged_in().await);
    assert!(done.html.contains("<script src=\"/assets/login_done.js\" defer></script>"));
    assert!(browser.open("/assets/login_done.js").await.html.contains("window.matrixLogin.onLogin("));
}
