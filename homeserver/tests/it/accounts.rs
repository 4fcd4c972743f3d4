//! What owners and administrators do to accounts.

use homeserver::{error::ErrorKind, storage};
use homeserver_testing::{Answer, TestServer, TestUser};
use ruma::api::client::account::whoami;
use serde_json::{Value, json};

async fn change_password(user: &TestUser, more: Value) -> Answer<Value> {
    let mut body = json!({ "new_password": "a new password", "auth": user.confirmation() });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    user.post("/_matrix/client/v3/account/password", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_user_is_recognised_by_the_token() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let answer = alice.send(whoami::v3::Request::new()).await.expect("the token is valid");

    assert_eq!(answer.user_id, "@alice:test.local");
    assert_eq!(answer.device_id, Some(alice.device_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_replaces_the_old_one_and_ends_other_sessions() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let phone = alice.login().await;
    assert!(phone.is_logged_in().await);

    change_password(&alice, json!({})).await.expect("it is confirmed");

    alice.try_login(json!({})).await.expect_err("the password is old").assert_is(&ErrorKind::Forbidden);
    alice.try_login(json!({ "password": "a new password" })).await.expect("the password is new");
    assert!(alice.is_logged_in().await);
    assert!(!phone.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sessions_can_outlive_a_change_of_password() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let phone = alice.login().await;

    change_password(&alice, json!({ "logout_devices": false })).await.expect("it is confirmed");

    assert!(phone.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_changed_without_confirmation_or_to_a_weak_one() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let unconfirmed = change_password(&alice, json!({ "auth": null })).await.expect_err("it is not confirmed");
    let wrong = change_password(&alice, json!({ "auth": alice.confirmation_by("wrong") })).await;
    let weak = change_password(&alice, json!({ "new_password": "short" })).await.expect_err("it is too short");
    let nobody = change_password(&alice.logged_out(), json!({})).await.expect_err("nobody can be meant");

    assert_eq!(unconfirmed.status, 401);
    assert_eq!(wrong.expect_err("the password is wrong").status, 401);
    weak.assert_is(&ErrorKind::WeakPassword);
    nobody.assert_is(&ErrorKind::MissingToken);
    alice.try_login(json!({})).await.expect("the password is still the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_account_is_gone_for_good() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let phone = alice.login().await;
    let name = format!("/_matrix/client/v3/profile/{}/displayname", alice.id);
    alice.put(&name, json!({ "displayname": "Alice" })).await.expect("the name can be set");

    let body = json!({ "auth": alice.confirmation(), "erase": true });
    alice.post("/_matrix/client/v3/account/deactivate", body).await.expect("it is confirmed");

    assert!(!alice.is_logged_in().await);
    assert!(!phone.is_logged_in().await);
    alice.try_login(json!({})).await.expect_err("the account is gone").assert_is(&ErrorKind::UserDeactivated);
    bob.get(&name).await.expect_err("the profile is gone").assert_is(&ErrorKind::NotFound);
    let body = json!({ "username": "alice", "password": "long enough", "auth": { "type": "m.login.dummy" } });
    let again = server.anonymous().post("/_matrix/client/v3/register", body).await;
    again.expect_err("the name is not given away").assert_is(&ErrorKind::UserInUse);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_can_do_nothing_but_log_out() {
    let server = TestServer::start().await;
    let [admin, alice] = server.users(["admin", "alice"]).await;
    server.app.accounts.administration.set_admin(&admin.id, true).await.expect("the account exists");
    assert!(alice.is_logged_in().await);

    let path = format!("/_matrix/client/v1/admin/lock/{}", alice.id);
    admin.put(&path, json!({ "locked": true })).await.expect("administrators can lock accounts");

    let refusal = alice.get("/_matrix/client/v3/account/whoami").await.expect_err("the account is locked");
    assert_eq!(refusal.status, 401);
    refusal.assert_is(&ErrorKind::UserLocked);
    assert_eq!(refusal.body["soft_logout"], true);
    alice.try_login(json!({})).await.expect_err("the account is locked").assert_is(&ErrorKind::UserLocked);
    assert_eq!(admin.get(&path).await.expect("it can be asked"), json!({ "locked": true }));

    admin.put(&path, json!({ "locked": false })).await.expect("administrators can unlock accounts");
    assert!(alice.is_logged_in().await, "the session was kept");

    admin.put(&path, json!({ "locked": true })).await.expect("administrators can lock accounts");
    alice.post("/_matrix/client/v3/logout", json!({})).await.expect("logging out is allowed");
    admin.put(&path, json!({ "locked": false })).await.expect("administrators can unlock accounts");
    assert!(!alice.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_account_reads_but_does_not_act() {
    let server = TestServer::start().await;
    let [admin, alice] = server.users(["admin", "alice"]).await;
    server.app.accounts.administration.set_admin(&admin.id, true).await.expect("the account exists");
    let room = alice.create_room().await;
    let path = format!("/_matrix/client/v1/admin/suspend/{}", alice.id);

    admin.put(&path, json!({ "suspended": true })).await.expect("administrators can suspend accounts");

    let said = alice.try_say(&room, "hello").await.expect_err("the account is suspended");
    assert_eq!(said.status, 403);
    said.assert_is(&ErrorKind::UserSuspended);
    let profile = format!("/_matrix/client/v3/profile/{}/displayname", alice.id);
    let renamed = alice.put(&profile, json!({ "displayname": "Alice" })).await;
    renamed.expect_err("the account is suspended").assert_is(&ErrorKind::UserSuspended);
    alice.messages(&room, 1).await;
    assert!(alice.login().await.is_logged_in().await);
    admin.put(&path, json!({ "suspended": false })).await.expect("administrators can lift it");
    alice.say(&room, "hello again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_restrict_and_not_each_other() {
    let server = TestServer::start().await;
    let [admin, other, alice] = server.users(["admin", "other", "alice"]).await;
    for user in [&admin, &other] {
        server.app.accounts.administration.set_admin(&user.id, true).await.expect("the account exists");
    }
    let lock = |by: &TestUser, user: &str| {
        let (by, path) = (by.clone(), format!("/_matrix/client/v1/admin/lock/{user}"));
        async move { by.put(&path, json!({ "locked": true })).await.expect_err("this is not allowed") }
    };

    lock(&alice, "@nobody:test.local").await.assert_is(&ErrorKind::Forbidden);
    lock(&admin, "@nobody:test.local").await.assert_is(&ErrorKind::NotFound);
    lock(&admin, "@alice:elsewhere.test").await.assert_is(&ErrorKind::InvalidParam);
    lock(&admin, other.id.as_str()).await.assert_is(&ErrorKind::Forbidden);
    lock(&admin, admin.id.as_str()).await.assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_and_the_user_see_where_somebody_is_logged_in() {
    let server = TestServer::start().await;
    let [admin, alice, bob] = server.users(["admin", "alice", "bob"]).await;
    server.app.accounts.administration.set_admin(&admin.id, true).await.expect("the account exists");
    let path = format!("/_matrix/client/v3/admin/whois/{}", alice.id);

    let by_admin = admin.get(&path).await.expect("administrators may look");
    let by_alice = alice.get(&path).await.expect("it is her own account");

    assert_eq!(by_admin["user_id"], "@alice:test.local");
    let session = &by_admin["devices"][alice.device_id.as_str()]["sessions"][0];
    assert!(session["connections"].is_array(), "{by_admin}");
    assert_eq!(by_alice["user_id"], "@alice:test.local");
    bob.get(&path).await.expect_err("it is another's").assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_managed_without_their_owners() {
    let server = TestServer::start().await;
    let administration = &server.app.accounts.administration;
    let alice = server.user("alice").await;

    let bob = administration.create_user("Bob", Some("long enough".to_owned()), true).await.expect("it is created");
    administration.reset_password(&alice.id, "another password").await.expect("it can be reset");
    let listed = administration.list_users("", 10).await.expect("they can be listed");
    let page = administration.list_users("alice", 10).await.expect("they can be listed");

    assert!(bob.is_admin);
    assert!(!alice.is_logged_in().await);
    alice.try_login(json!({ "password": "another password" })).await.expect("the password is new");
    let names = |accounts: &[storage::accounts::Account]| {
        accounts.iter().map(|account| account.user_id.localpart().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&listed), ["alice", "bob"]);
    assert_eq!(names(&page), ["bob"]);
    administration.create_user("bob", None, false).await.expect_err("the name is taken");
    administration.deactivate(&bob.user_id, false).await.expect("it can be deactivated");
    administration.reset_password(&bob.user_id, "long enough").await.expect_err("the account is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_openid_token_tells_third_parties_who_somebody_is_and_nothing_else() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let path = format!("/_matrix/client/v3/user/{}/openid/request_token", alice.id);

    let answer = alice.post(&path, json!({})).await.expect("it is issued");
    let other = bob.post(&path, json!({})).await.expect_err("it is for somebody else");

    let token = answer["access_token"].as_str().expect("a token");
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["matrix_server_name"], "test.local");
    assert_eq!(answer["expires_in"], 3600);
    other.assert_is(&ErrorKind::Forbidden);
    let userinfo = format!("/_matrix/federation/v1/openid/userinfo?access_token={token}");
    let who = server.anonymous().get(&userinfo).await.expect("the token is known");
    assert_eq!(who, json!({ "sub": alice.id }));
    assert!(!alice.with_session("NONE", token).is_logged_in().await);
    let wrong = format!("/_matrix/federation/v1/openid/userinfo?access_token={}", alice.token);
    let wrong = server.anonymous().get(&wrong).await.expect_err("an access token is no OpenID token");
    assert_eq!(wrong.status, 401);
    let none = server.anonymous().get("/_matrix/federation/v1/openid/userinfo").await.expect_err("there is no token");
    assert_eq!((none.status.as_u16(), &none.body["errcode"]), (401, &json!("M_MISSING_TOKEN")));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_third_party_identifiers() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let list = alice.get("/_matrix/client/v3/account/3pid").await.expect("they can be listed");
    let path = "/_matrix/client/v3/account/3pid/email/requestToken";
    let body = json!({ "client_secret": "secret", "email": "alice@example.org", "send_attempt": 1 });
    let refusal = alice.post(path, body).await.expect_err("none can be added");

    assert_eq!(list, json!({ "threepids": [] }));
    assert_eq!(refusal.status, 403);
    refusal.assert_is(&ErrorKind::ThreepidDenied);
}
