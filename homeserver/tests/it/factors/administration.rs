//! What administrators do about second factors.

use homeserver::{
    accounts::personal_tokens::{PersonalTokenRequest, Scope},
    audit::Actor,
    error::ErrorKind,
};
use homeserver_testing::{TestServer, TestUser};
use serde_json::json;

fn path(user: &TestUser) -> String {
    format!("/_salon/admin/v1/users/{}/totp", user.id)
}

async fn make_admin(server: &TestServer, user: &TestUser) {
    server.app.accounts.administration.set_admin(&user.id, true).await.expect("the user exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_takes_the_factor_away_and_all_that_it_protected() {
    let server = TestServer::start().await;
    let [root, alice] = server.users(["root", "alice"]).await;
    make_admin(&server, &root).await;
    let (_, recovery_codes) = server.enrol(&alice).await;
    let user = server.caller(&alice).await.nid;
    let app_password =
        server.app.accounts.app_passwords.create(Actor::operator(), user, "Mail").await.expect("it is made");
    let request = PersonalTokenRequest { label: "Bot".to_owned(), lifetime: None, scope: Scope::Full };
    let token =
        server.app.accounts.personal_tokens.create(Actor::operator(), user, &request).await.expect("it is made");
    let bot = alice.with_session(token.device_id.clone(), &token.token);
    assert_eq!(root.get(&path(&alice)).await.expect("root may look")["enabled"], true);

    root.delete(&path(&alice)).await.expect("root is an administrator");

    server.app.audit.settled().await;
    let events = server.app.audit.list(0, 1000).await.expect("it can be read");
    let noted = events.iter().rfind(|event| event.action == "authn_factor_reset").expect("it is noted");
    assert_eq!(noted.actor.as_deref(), Some("@root:test.local"));
    assert_eq!(noted.target.as_deref(), Some("@alice:test.local"));
    assert_eq!(root.get(&path(&alice)).await.expect("root may look"), json!({ "enabled": false }));
    assert!(!alice.is_logged_in().await && !bot.is_logged_in().await);
    alice.try_login(json!({ "password": app_password.password.as_str() })).await.expect_err("it has ended");
    alice.try_login(json!({})).await.expect("the password is enough");
    assert!(server.app.accounts.factors.verify(Actor::operator(), user, &recovery_codes[0]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_reset_factors_and_only_those_of_others() {
    let server = TestServer::start().await;
    let [root, ada, alice, bob] = server.users(["root", "ada", "alice", "bob"]).await;
    make_admin(&server, &root).await;
    make_admin(&server, &ada).await;
    for user in [&root, &ada, &alice] {
        server.enrol(user).await;
    }

    for (caller, user) in [(&bob, &alice), (&alice, &alice), (&root, &root), (&root, &ada)] {
        let refusal = caller.delete(&path(user)).await.expect_err("this is not theirs to do");
        assert_eq!(refusal.status, 403);
        refusal.assert_is(&ErrorKind::Forbidden);
    }
    let unknown = root.delete("/_salon/admin/v1/users/@nobody:test.local/totp").await;
    unknown.expect_err("there is no such user").assert_is(&ErrorKind::NotFound);

    for user in [&root, &ada, &alice] {
        assert_eq!(user.get(&path(user)).await.expect("everybody may look at themselves")["enabled"], true);
    }
    bob.get(&path(&alice)).await.expect_err("others may not look").assert_is(&ErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_factor_can_be_looked_at() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let (app, codes) = server.enrol(&alice).await;
    let factors = &server.app.accounts.factors;
    let user = server.caller(&alice).await.nid;
    factors.verify(Actor::operator(), user, &codes[0]).await.expect("it is fresh");
    for _ in 0..5 {
        factors.verify(Actor::operator(), user, &app.wrong_code()).await.expect_err("it is wrong");
    }

    let state = alice.get(&path(&alice)).await.expect("everybody may look at themselves");

    assert_eq!((&state["enabled"], &state["recovery_codes_left"]), (&json!(true), &json!(9)));
    assert!(state["since_ts"].is_i64() && state["locked_until_ts"].is_i64(), "{state}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_account_leaves_no_factor_behind() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.enrol(&alice).await;

    server.app.accounts.administration.deactivate(&alice.id, false).await.expect("alice exists");

    for table in ["totp_factors", "totp_enrolments", "recovery_codes", "session_origins"] {
        let left: i64 = server.scalar(&format!("select count(*) from {table}")).await;
        assert_eq!(left, 0, "{table}");
    }
}
