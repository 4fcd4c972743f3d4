//! Codes are exchanged for tokens.

use std::time::Duration;

use homeserver_testing::TestUser;
use serde_json::json;

use super::{SCOPE, TestApp, metadata, post, server, session, with_alice};

const VERIFIER_OF_ANOTHER: &str = "another-verifier-another-verifier-another-ver";

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_exchanged_for_a_session_of_the_device_in_the_scope() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;

    let tokens = app.log_in(&alice).await;

    assert_eq!(tokens.headers["cache-control"], "no-store");
    assert_eq!(tokens.headers["access-control-allow-origin"], "*");
    assert_eq!(tokens.body["token_type"], "Bearer");
    assert_eq!(tokens.body["expires_in"], 900);
    assert_eq!(tokens.body["scope"], SCOPE);
    assert!(tokens.body["refresh_token"].is_string());
    let phone = session(&alice, &tokens);
    let who = phone.get("/_matrix/client/v3/account/whoami").await.expect("the token is good");
    assert_eq!((&who["user_id"], &who["device_id"]), (&json!(alice.id), &json!("AAABBBCCCD")));
    let device = alice.get("/_matrix/client/v3/devices/AAABBBCCCD").await.expect("the device is there");
    assert_eq!(device["display_name"], "Nice app");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_is_granted_in_the_applications_own_spelling() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let unstable = "urn:matrix:org.matrix.msc2967.client:api:* urn:matrix:org.matrix.msc2967.client:device:AAABBBCCCD";

    let there = app.let_in(&alice, &[("scope", &format!("openid {unstable} email"))]).await;
    let tokens = app.exchange(&there.parameter("code").expect("a code")).await;

    assert_eq!(tokens.body["scope"], unstable, "old clients want an ID token where they find openid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_nobody_else() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let mut other = metadata();
    other["client_name"] = json!("Other app");
    let other = TestApp::register_as(&server, other).await;
    let code = app.code(&alice).await;

    for (changes, error) in [
        ([("code_verifier", VERIFIER_OF_ANOTHER)], "invalid_grant"),
        ([("code_verifier", "short")], "invalid_request"),
        ([("code_verifier", "")], "invalid_request"),
        ([("redirect_uri", "https://app.test/callback")], "invalid_grant"),
        ([("redirect_uri", "")], "invalid_request"),
        ([("code", "guessed")], "invalid_grant"),
        ([("code", "")], "invalid_request"),
        ([("client_id", &*other.client_id)], "invalid_grant"),
        ([("client_id", "")], "invalid_request"),
        ([("grant_type", "")], "invalid_request"),
        ([("grant_type", "password")], "unsupported_grant_type"),
    ] {
        app.exchange_with(&code, &changes).await.assert_refused(400, error);
    }
    app.exchange_with(&code, &[("client_id", "unknown")]).await.assert_refused(401, "invalid_client");
    assert_eq!(app.exchange(&code).await.status, 200, "none of these used it up");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_parameter_may_come_twice_and_none_in_the_query() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let code = app.code(&alice).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("client_id", &*app.client_id),
        ("redirect_uri", super::CALLBACK),
        ("code_verifier", super::VERIFIER),
    ];

    let twice = post(&server, "/oauth2/token", &[&fields[..], &[("code", "other")]].concat()).await;
    let query: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", homeserver_testing::encode_text(value))).collect();
    let in_query = post(&server, &format!("/oauth2/token?{}", query.join("&")), &[]).await;

    twice.assert_refused(400, "invalid_request");
    in_query.assert_refused(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_expires_after_a_minute() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let code = app.code(&alice).await;

    server.app.clock.advance(Duration::from_secs(61));

    app.exchange(&code).await.assert_refused(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_turns_up_again_ends_the_session_that_came_of_it() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let code = app.code(&alice).await;
    let phone = session(&alice, &app.exchange(&code).await);

    app.exchange(&code).await.assert_refused(400, "invalid_grant");
    assert!(phone.is_logged_in().await, "an application in a hurry is no thief");
    server.app.clock.advance(Duration::from_secs(30));
    app.exchange(&code).await.assert_refused(400, "invalid_grant");

    assert!(!phone.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exchanges_at_the_same_time_one_succeeds() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let code = app.code(&alice).await;

    let (first, second) = tokio::join!(app.exchange(&code), app.exchange(&code));

    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_in_again_takes_the_place_of_the_devices_session() {
    let server = server().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let app = TestApp::register(&server).await;
    let first = session(&alice, &app.log_in(&alice).await);
    let of_bob = session(&bob, &app.log_in(&bob).await);

    let second = session(&alice, &app.log_in(&alice).await);

    assert!(!first.is_logged_in().await);
    assert!(second.is_logged_in().await);
    assert!(of_bob.is_logged_in().await, "a device of the same name is another one");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_cannot_be_used_get_no_tokens() {
    let server = server().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let app = TestApp::register(&server).await;
    let code_of = async |user: &TestUser| app.code(user).await;
    let (of_alice, of_bob) = (code_of(&alice).await, code_of(&bob).await);

    server.execute("update accounts set is_locked = 1 where localpart = 'alice'").await;
    server.app.accounts.administration.deactivate(&bob.id, false).await.expect("it can be deactivated");

    app.exchange(&of_alice).await.assert_refused(400, "invalid_grant");
    app.exchange(&of_bob).await.assert_refused(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_could_be_used_is_stored() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let code = app.code(&alice).await;

    let stored = server.scalar::<Vec<u8>>("select code_hash from oauth_codes").await;

    assert_eq!(stored.len(), 32);
    assert!(!code.as_bytes().windows(32).any(|part| part == stored));
}
