//! Confirming on a page what a client wants to do.

use std::time::Duration;

use homeserver::config::{Limit, RegistrationMode};
use homeserver_testing::{TestBrowser, TestServer, TestUser};
use serde_json::json;

const DEACTIVATE: &str = "/_matrix/client/v3/account/deactivate";

fn page_of(kind: &str, session: &str) -> String {
    format!("/_matrix/client/v3/auth/{kind}/fallback/web?session={session}")
}

/// Begins to deactivate the account; the session in which it is to be confirmed.
async fn begin(user: &TestUser) -> String {
    let refusal = user.post(DEACTIVATE, json!({})).await.expect_err("it is not confirmed");
    assert_eq!(refusal.body["flows"], json!([{ "stages": ["m.login.password"] }, { "stages": ["m.login.sso"] }]));
    refusal.body["session"].as_str().expect("a session").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_confirmed_on_the_page_and_done_by_the_client() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let session = begin(&alice).await;
    let auth = json!({ "auth": { "session": session } });

    let page = browser.come_to(&page_of("m.login.sso", &session), &alice).await;
    page.assert_says("An app wants to deactivate your account, for ever.");
    let early = alice.post(DEACTIVATE, auth.clone()).await.expect_err("it is not confirmed yet");
    let done = browser.submit(&page, "/_matrix/", &[("decision", "allow")]).await;

    assert_eq!(early.status, 401);
    done.assert_says("It is confirmed.");
    assert!(done.html.contains("<script src=\"/assets/auth_done.js\" defer></script>"));
    assert!(done.header("content-security-policy").contains("script-src 'self'"));
    assert_eq!(done.header("cross-origin-opener-policy"), "", "the page must reach the client that opened it");
    alice.post(DEACTIVATE, auth.clone()).await.expect("it is confirmed");
    assert!(alice.post(DEACTIVATE, auth).await.is_err(), "it is done");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_repeat_the_type_are_understood_too() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let session = begin(&alice).await;
    let page = browser.come_to(&page_of("m.login.sso", &session), &alice).await;

    let auth = json!({ "auth": { "type": "m.login.sso", "session": session } });
    let early = alice.post(DEACTIVATE, auth.clone()).await.expect_err("it is not confirmed yet");
    browser.submit(&page, "/_matrix/", &[("decision", "allow")]).await;

    assert_eq!(early.body["errcode"], "M_FORBIDDEN");
    alice.post(DEACTIVATE, auth).await.expect("it is confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_confirm_it_and_cancelling_confirms_nothing() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let session = begin(&alice).await;
    let auth = json!({ "auth": { "session": session } });

    let other = TestBrowser::new(&server);
    let refusal = other.come_to(&page_of("m.login.sso", &session), &bob).await;
    let browser = TestBrowser::new(&server);
    let page = browser.come_to(&page_of("m.login.sso", &session), &alice).await;
    let cancelled = browser.submit(&page, "/_matrix/", &[("decision", "deny")]).await;

    refusal.assert_says("You are signed in as somebody else");
    cancelled.assert_says("Nothing was confirmed.");
    assert!(!cancelled.html.contains("<script"));
    assert_eq!(alice.post(DEACTIVATE, auth).await.expect_err("it is not confirmed").status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_in_long_ago_proves_it_anew() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let session = begin(&alice).await;
    let page = browser.come_to(&page_of("m.login.sso", &session), &alice).await;

    server.app.clock.advance(Duration::from_secs(301));
    let again = browser.submit(&page, "/_matrix/", &[("decision", "allow")]).await;
    let page = browser.submit(&again, "/login", &[("password", &alice.password())]).await;
    let done = browser.submit(&page, "/_matrix/", &[("decision", "allow")]).await;

    again.assert_says("Is it you?");
    again.assert_says("@alice:test.local");
    done.assert_says("It is confirmed.");
    alice.post(DEACTIVATE, json!({ "auth": { "session": session } })).await.expect("it is confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_expired_and_foreign_sessions_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let session = begin(&alice).await;

    let unknown = browser.open(&page_of("m.login.sso", "guessed")).await;
    let wrong_stage = browser.open(&page_of("m.login.dummy", &session)).await;
    server.app.clock.advance(Duration::from_secs(15 * 60 + 1));
    let expired = browser.open(&page_of("m.login.sso", &session)).await;

    assert_eq!((unknown.status, wrong_stage.status, expired.status), (404, 404, 404));
    unknown.assert_says("This request is not known");
    wrong_stage.assert_says("This cannot be confirmed here.");
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_can_be_completed_on_pages() {
    let server = TestServer::start_with(|config| config.registration.mode = RegistrationMode::Token).await;
    server.registration_token("welcome", 1).await;
    let register = async |auth| {
        let body = json!({ "username": "carol", "password": "long enough", "auth": auth });
        server.anonymous().post("/_matrix/client/v3/register", body).await
    };
    let refusal = register(json!(null)).await.expect_err("nothing is proved");
    let session = refusal.body["session"].as_str().expect("a session").to_owned();
    let browser = TestBrowser::new(&server);

    let page = browser.open(&page_of("m.login.registration_token", &session)).await;
    let wrong = browser.submit(&page, "/_matrix/", &[("decision", "allow"), ("token", "guessed")]).await;
    let done = browser.submit(&page, "/_matrix/", &[("decision", "allow"), ("token", "welcome")]).await;

    wrong.assert_says("This registration token is not good.");
    done.assert_says("It is confirmed.");
    let answer = register(json!({ "session": session })).await.expect("it is proved");
    assert_eq!(answer["user_id"], "@carol:test.local");
    assert_eq!(server.scalar::<i32>("select uses from registration_tokens").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_registration_tokens_there_is_slowed_down() {
    let server = TestServer::start_with(|config| {
        config.registration.mode = RegistrationMode::Token;
        config.rate_limits.enabled = true;
        config.rate_limits.registration = Limit { burst: 3, per_second: 0.01 };
    })
    .await;
    let body = json!({ "username": "carol", "password": "long enough" });
    let refusal = server.anonymous().post("/_matrix/client/v3/register", body).await.expect_err("nothing is proved");
    let session = refusal.body["session"].as_str().expect("a session");
    let browser = TestBrowser::new(&server);
    let page = browser.open(&page_of("m.login.registration_token", session)).await;

    let guess = async || browser.submit(&page, "/_matrix/", &[("decision", "allow"), ("token", "guessed")]).await;
    let (first, second, third) = (guess().await, guess().await, guess().await);

    assert_eq!((first.status, second.status, third.status), (403, 403, 429));
    first.assert_says("This registration token is not good.");
    assert!(first.html.contains("name=\"token\""), "it can be typed once more");
    third.assert_says("Too many requests.");
}
