//! Tokens are refreshed and given back.

use std::time::Duration;

use homeserver::error::ErrorKind;
use serde_json::json;

use super::{SCOPE, TestApp, metadata, post, server, session, with_alice};

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_access_token_is_a_soft_logout_and_can_be_refreshed() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let tokens = app.log_in(&alice).await;
    let phone = session(&alice, &tokens);

    server.app.clock.advance(Duration::from_secs(901));
    let refusal = phone.get("/_matrix/client/v3/account/whoami").await.expect_err("the token has expired");
    let fresh = app.refresh(&tokens.text("refresh_token")).await;

    assert_eq!((refusal.status.as_u16(), &refusal.body["soft_logout"]), (401, &json!(true)));
    assert_eq!(
        (fresh.status.as_u16(), &fresh.body["expires_in"], &fresh.body["scope"]),
        (200, &json!(900), &json!(SCOPE))
    );
    assert_ne!(fresh.text("refresh_token"), tokens.text("refresh_token"));
    assert!(session(&alice, &fresh).is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_stays_good_until_its_successors_are_used() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let old = app.log_in(&alice).await.text("refresh_token");

    let lost = app.refresh(&old).await;
    let second = app.refresh(&old).await;
    let third = app.refresh(&second.text("refresh_token")).await;
    app.refresh(&old).await.assert_refused(400, "invalid_grant");

    assert_eq!((lost.status.as_u16(), second.status.as_u16(), third.status.as_u16()), (200, 200, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_refresh_token_that_turns_up_again_ends_what_came_of_it() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let old = app.log_in(&alice).await.text("refresh_token");
    let fresh = app.refresh(&old).await;
    let phone = session(&alice, &fresh);
    assert!(phone.is_logged_in().await, "the new token is used");

    app.refresh(&old).await.assert_refused(400, "invalid_grant");

    assert!(!phone.is_logged_in().await);
    app.refresh(&fresh.text("refresh_token")).await.assert_refused(400, "invalid_grant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_good_for_its_application_and_by_oauth_only() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let mut other = metadata();
    other["client_name"] = json!("Other app");
    let other = TestApp::register_as(&server, other).await;
    let token = app.log_in(&alice).await.text("refresh_token");
    let legacy = alice.try_login(json!({ "refresh_token": true })).await.expect("the password is right");
    let legacy = legacy["refresh_token"].as_str().expect("a token").to_owned();

    other.refresh(&token).await.assert_refused(400, "invalid_grant");
    app.refresh(&legacy).await.assert_refused(400, "invalid_grant");
    app.refresh("guessed").await.assert_refused(400, "invalid_grant");
    app.refresh("").await.assert_refused(400, "invalid_request");
    let refusal = server.anonymous().post("/_matrix/client/v3/refresh", json!({ "refresh_token": token })).await;
    assert_eq!(refusal.expect_err("the two APIs do not mix").body["errcode"], "M_UNKNOWN_TOKEN");

    assert_eq!(app.refresh(&token).await.status, 200, "none of these did it any harm");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_accounts_application_stays_logged_in() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let tokens = app.log_in(&alice).await;

    server.execute("update accounts set is_locked = 1 where localpart = 'alice'").await;
    let fresh = app.refresh(&tokens.text("refresh_token")).await;

    assert_eq!(fresh.status, 200, "a refusal would be the end of its session and keys");
    let refusal = session(&alice, &fresh).get("/_matrix/client/v3/account/whoami").await.expect_err("it is locked");
    refusal.assert_is(&ErrorKind::UserLocked);
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshing_is_never_refused_for_being_too_often() {
    let server = super::server_with(|config| config.rate_limits.enabled = true).await;
    let alice = server.user("alice").await;
    let app = TestApp::register(&server).await;
    let mut token = app.log_in(&alice).await.text("refresh_token");

    for _ in 0..150 {
        let fresh = app.refresh(&token).await;
        assert_eq!(fresh.status, 200, "{fresh:?}");
        token = fresh.text("refresh_token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_back_either_token_ends_the_session() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;

    for name in ["access_token", "refresh_token"] {
        let tokens = app.log_in(&alice).await;
        let phone = session(&alice, &tokens);
        let token = tokens.text(name);
        let fields = [("token", &*token), ("token_type_hint", name), ("client_id", "whoever")];

        let first = post(&server, "/oauth2/revoke", &fields).await;
        let second = post(&server, "/oauth2/revoke", &fields).await;

        for answer in [first, second] {
            assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({})));
        }
        assert!(!phone.is_logged_in().await);
        app.refresh(&tokens.text("refresh_token")).await.assert_refused(400, "invalid_grant");
        alice.get("/_matrix/client/v3/devices/AAABBBCCCD").await.expect_err("the device is gone");
    }
    assert!(alice.is_logged_in().await, "other sessions go on");
    post(&server, "/oauth2/revoke", &[]).await.assert_refused(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_not_oauths_cannot_be_given_back_here() {
    let (server, alice) = with_alice().await;

    let answer = post(&server, "/oauth2/revoke", &[("token", &alice.token)]).await;

    assert_eq!(answer.status, 200);
    assert!(alice.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoints_have_the_methods_they_have() {
    let server = server().await;

    for path in ["/oauth2/token", "/oauth2/register", "/oauth2/revoke", "/oauth2/device"] {
        let url = format!("{}{path}", server.url());
        assert_eq!(server.http().get(&url).send().await.expect("it answers").status(), 405, "{path}");
        let options = server.http().request(reqwest::Method::OPTIONS, &url).send().await.expect("it answers");
        assert_eq!(
            (options.status().as_u16(), &options.headers()["access-control-allow-origin"]),
            (200, &"*".parse().expect("a value"))
        );
    }
}
