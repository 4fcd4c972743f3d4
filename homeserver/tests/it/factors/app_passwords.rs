//! Passwords for single programs.

use homeserver::{
    accounts::app_passwords::AppPasswords, audit::Actor, error::ErrorKind, storage::session_origins::SessionKind,
};
use homeserver_testing::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

fn app_passwords(server: &TestServer) -> &AppPasswords {
    &server.app.accounts.app_passwords
}

async fn login(user: &TestUser, password: &str) -> Answer<Value> {
    user.try_login(json!({ "password": password })).await
}

fn session(user: &TestUser, answer: &Value) -> TestUser {
    let device_id = answer["device_id"].as_str().expect("a device ID");
    user.with_session(device_id, answer["access_token"].as_str().expect("an access token"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_password_logs_in_with_and_without_a_second_factor() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = server.caller(&alice).await.nid;
    let made = app_passwords(&server).create(Actor::operator(), user, " Mail bridge ").await.expect("it is made");

    assert!(made.password.starts_with("salon_app_"));
    let before = app_passwords(&server).list(user).await.expect("they can be listed");
    assert_eq!((before[0].label.as_str(), before[0].last_used_at_ms), ("Mail bridge", None));
    login(&alice, &made.password).await.expect("there is no second factor");
    server.enrol(&alice).await;
    let answer = login(&alice, &made.password).await.expect("it needs none");

    let phone = session(&alice, &answer);
    assert!(phone.is_logged_in().await);
    assert_eq!(server.caller(&phone).await.session, SessionKind::AppPassword);
    assert_eq!(server.caller(&alice).await.session, SessionKind::Legacy);
    let after = app_passwords(&server).list(user).await.expect("they can be listed");
    assert!(after[0].last_used_at_ms.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_password_is_good_for_its_user_only() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let user = server.caller(&alice).await.nid;
    let made = app_passwords(&server).create(Actor::operator(), user, "Mail").await.expect("it is made");

    for (who, password) in [(&bob, made.password.to_string()), (&alice, format!("{}x", *made.password))] {
        let refusal = login(who, &password).await.expect_err("it is not an app password of theirs");
        refusal.assert_is(&ErrorKind::Forbidden);
        assert_eq!(refusal.body["error"], "The user name or the password is wrong.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_app_password_ends_with_its_sessions() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = server.caller(&alice).await.nid;
    let (mail, news) = (
        app_passwords(&server).create(Actor::operator(), user, "Mail").await.expect("it is made"),
        app_passwords(&server).create(Actor::operator(), user, "News").await.expect("it is made"),
    );
    let mail_session = session(&alice, &login(&alice, &mail.password).await.expect("it logs in"));
    let news_session = session(&alice, &login(&alice, &news.password).await.expect("it logs in"));

    app_passwords(&server).revoke(Actor::operator(), user, &mail.id).await.expect("it is there");

    assert!(!mail_session.is_logged_in().await);
    assert!(news_session.is_logged_in().await && alice.is_logged_in().await);
    login(&alice, &mail.password).await.expect_err("it is revoked");
    let again =
        app_passwords(&server).revoke(Actor::operator(), user, &mail.id).await.expect_err("it is revoked already");
    assert!(again.is_not_found());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_logs_in_by_password_later_outlives_the_app_password() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = server.caller(&alice).await.nid;
    let made = app_passwords(&server).create(Actor::operator(), user, "Mail").await.expect("it is made");
    let with = |password: &str| alice.try_login(json!({ "password": password, "device_id": "PHONE" }));
    with(&made.password).await.expect("it logs in");

    let phone = session(&alice, &with(&alice.password()).await.expect("it logs in"));
    app_passwords(&server).revoke(Actor::operator(), user, &made.id).await.expect("it is there");

    assert!(phone.is_logged_in().await);
    assert_eq!(server.caller(&phone).await.session, SessionKind::Legacy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_with_logout_ends_app_passwords() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = server.caller(&alice).await.nid;
    let made = app_passwords(&server).create(Actor::operator(), user, "Mail").await.expect("it is made");
    let change = |password: &str, logout: bool, auth: Value| {
        let body = json!({ "new_password": password, "logout_devices": logout, "auth": auth });
        let alice = alice.clone();
        async move { alice.post("/_matrix/client/v3/account/password", body).await.expect("it is confirmed") }
    };

    change("first new password", false, alice.confirmation()).await;
    login(&alice, &made.password).await.expect("nothing was to end");
    change("second new password", true, alice.confirmation_by("first new password")).await;

    login(&alice, &made.password).await.expect_err("everything was to end");
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_must_say_something() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = server.caller(&alice).await.nid;

    for label in ["", "  ", "a\nb", &"x".repeat(101)] {
        assert!(app_passwords(&server).create(Actor::operator(), user, label).await.is_err(), "{label:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_password_of_a_closed_account_is_worthless() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = server.caller(&alice).await.nid;
    let made = app_passwords(&server).create(Actor::operator(), user, "Mail").await.expect("it is made");

    server.app.accounts.administration.deactivate(&alice.id, false).await.expect("alice exists");

    login(&alice, &made.password).await.expect_err("it is closed").assert_is(&ErrorKind::UserDeactivated);
}
