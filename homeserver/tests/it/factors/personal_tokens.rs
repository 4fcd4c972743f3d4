//! Access tokens that people make for their programs.

use std::time::Duration;

use homeserver::{
    accounts::personal_tokens::{NewPersonalToken, PersonalTokenRequest, PersonalTokens, Scope},
    audit::Actor,
    error::ErrorKind,
    storage::session_origins::SessionKind,
};
use homeserver_testing::{TestServer, TestUser};
use serde_json::json;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn tokens(server: &TestServer) -> &PersonalTokens {
    &server.app.accounts.personal_tokens
}

async fn make(server: &TestServer, owner: &TestUser, lifetime: Option<Duration>, scope: Scope) -> NewPersonalToken {
    let request = PersonalTokenRequest { label: "Weather bot".to_owned(), lifetime, scope };
    tokens(server).create(Actor::operator(), server.caller(owner).await.nid, &request).await.expect("it is made")
}

fn bot(owner: &TestUser, made: &NewPersonalToken) -> TestUser {
    owner.with_session(made.device_id.clone(), &made.token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_token_acts_for_its_user_on_a_device_of_its_own() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.enrol(&alice).await;

    let made = make(&server, &alice, None, Scope::Full).await;

    assert!(made.token.starts_with("salon_pat_"));
    let bot = bot(&alice, &made);
    let answer = bot.get("/_matrix/client/v3/account/whoami").await.expect("the token is good");
    assert_eq!((&answer["user_id"], &answer["device_id"]), (&json!(alice.id), &json!(made.device_id)));
    assert_eq!(server.caller(&bot).await.session, SessionKind::PersonalToken);
    let device = alice.get(&format!("/_matrix/client/v3/devices/{}", made.device_id)).await.expect("a device");
    assert_eq!(device["display_name"], "Weather bot");
    bot.post("/_matrix/client/v3/createRoom", json!({})).await.expect("it may do everything");
    let listed = tokens(&server).list(server.caller(&alice).await.nid).await.expect("they can be listed");
    assert_eq!((listed.len(), listed[0].label.as_str(), listed[0].expires_at_ms), (1, "Weather bot", None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_token_confirms_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bot = bot(&alice, &make(&server, &alice, None, Scope::Full).await);
    let auth = json!({ "auth": alice.confirmation() });
    let devices = json!({ "devices": [alice.device_id], "auth": alice.confirmation() });
    let new_password = json!({ "new_password": "a new password", "auth": alice.confirmation() });
    let refusals = [
        bot.post("/_matrix/client/v3/account/password", new_password).await.expect_err("it is refused"),
        bot.post("/_matrix/client/v3/account/deactivate", auth.clone()).await.expect_err("it is refused"),
        bot.post("/_matrix/client/v1/login/get_token", auth).await.expect_err("it is refused"),
        bot.post("/_matrix/client/v3/delete_devices", devices).await.expect_err("it is refused"),
    ];

    for refusal in refusals {
        assert_eq!(refusal.status, 403);
        refusal.assert_is(&ErrorKind::Forbidden);
    }
    assert!(alice.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_personal_token_expires_for_good() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bot = bot(&alice, &make(&server, &alice, Some(DAY), Scope::Full).await);
    assert!(bot.is_logged_in().await);

    server.app.clock.advance(DAY);

    let refusal = bot.get("/_matrix/client/v3/account/whoami").await.expect_err("it has expired");
    assert_eq!((refusal.status.as_u16(), &refusal.body["errcode"]), (401, &json!("M_UNKNOWN_TOKEN")));
    assert_ne!(refusal.body["soft_logout"], true, "nobody can log in again for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_gone_with_its_device() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = server.caller(&alice).await.nid;
    let made = make(&server, &alice, None, Scope::Full).await;
    let bot = bot(&alice, &made);
    assert!(bot.is_logged_in().await);

    let other = tokens(&server)
        .revoke(Actor::operator(), user, alice.device_id.clone())
        .await
        .expect_err("this is no token's device");
    assert!(other.is_not_found());
    tokens(&server).revoke(Actor::operator(), user, made.device_id.clone()).await.expect("it is there");

    assert!(!bot.is_logged_in().await && alice.is_logged_in().await);
    alice.get(&format!("/_matrix/client/v3/devices/{}", made.device_id)).await.expect_err("its device is gone");
    assert_eq!(tokens(&server).list(user).await.expect("they can be listed"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_reading_reads_and_does_not_act() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let made = make(&server, &alice, None, Scope::ReadOnly).await;
    let bot = bot(&alice, &made);

    bot.get("/_matrix/client/v3/sync").await.expect("this is reading");
    bot.post("/_matrix/client/v3/publicRooms", json!({})).await.expect("so is this");
    bot.post(&format!("/_matrix/client/v3/user/{}/filter", alice.id), json!({})).await.expect("and this");
    let refusals = [
        bot.post("/_matrix/client/v3/createRoom", json!({})).await.expect_err("this is acting"),
        bot.put(&format!("/_matrix/client/v3/profile/{}/displayname", alice.id), json!({ "displayname": "x" }))
            .await
            .expect_err("this is acting"),
        bot.post("/_matrix/client/v3/logout/all", json!({})).await.expect_err("this is acting"),
    ];

    for refusal in refusals {
        assert_eq!(refusal.status, 403);
        assert_eq!(refusal.body["error"], "This access token is for reading only.");
    }
    bot.post("/_matrix/client/v3/logout", json!({})).await.expect("it may end itself");
    assert!(!bot.is_logged_in().await);
    assert_eq!(tokens(&server).list(server.caller(&alice).await.nid).await.expect("they can be listed"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_logged_in_by_password_is_no_tokens_device_any_more() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = server.caller(&alice).await.nid;
    let made = make(&server, &alice, None, Scope::ReadOnly).await;

    let answer = alice.try_login(json!({ "device_id": made.device_id })).await.expect("the password is right");

    assert!(!bot(&alice, &made).is_logged_in().await);
    let phone = alice.with_session(made.device_id, answer["access_token"].as_str().expect("an access token"));
    phone.post("/_matrix/client/v3/createRoom", json!({})).await.expect("it may act");
    assert_eq!(tokens(&server).list(user).await.expect("they can be listed"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_must_be_good_for_some_time_and_for_an_account_in_use() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = server.caller(&alice).await.nid;
    let request = |lifetime| PersonalTokenRequest { label: "Bot".to_owned(), lifetime, scope: Scope::Full };

    assert!(tokens(&server).create(Actor::operator(), user, &request(Some(Duration::ZERO))).await.is_err());
    server.app.accounts.administration.deactivate(&alice.id, false).await.expect("alice exists");
    assert!(tokens(&server).create(Actor::operator(), user, &request(None)).await.is_err());
}
