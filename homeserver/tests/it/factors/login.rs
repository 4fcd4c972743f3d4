//! What a password is worth where there is a second factor.

use std::time::Duration;

use homeserver::{accounts::passwords, audit::Actor, config::RequireTotp, error::ErrorKind};
use homeserver_testing::{Answer, Authenticator, Refusal, TestServer, TestUser};
use serde_json::{Value, json};

async fn scene() -> (TestServer, TestUser, Authenticator, Vec<String>) {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let (app, recovery_codes) = server.enrol(&alice).await;
    (server, alice, app, recovery_codes)
}

async fn login(user: &TestUser, password: &str) -> Answer<Value> {
    user.try_login(json!({ "password": password })).await
}

fn assert_forbidden(refusal: &Refusal) {
    assert_eq!(refusal.status, 403, "{refusal:?}");
    refusal.assert_is(&ErrorKind::Forbidden);
}

fn told(refusal: &Refusal) -> &str {
    refusal.body["error"].as_str().expect("a sentence")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_password_is_refused_with_a_sentence_that_helps() {
    let (_server, alice, ..) = scene().await;

    let refusal = login(&alice, &alice.password()).await.expect_err("a code is missing");

    assert_forbidden(&refusal);
    let sentence = "Two-factor authentication is on for this account. Log in through the browser, add the code of \
                    your authenticator app to the end of your password, or use an app password: \
                    https://test.local/account";
    assert_eq!(told(&refusal), sentence);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_may_follow_the_password_once() {
    let (server, alice, app, _) = scene().await;
    let password = format!("{}{}", alice.password(), app.next_code());

    login(&alice, &password).await.expect("the code is right");
    let replayed = login(&alice, &password).await.expect_err("the code is used up");

    assert_forbidden(&replayed);
    assert!(told(&replayed).starts_with("This code is wrong"));
    let factors = &server.app.accounts.factors;
    let user = server.caller(&alice).await.nid;
    factors.verify(Actor::operator(), user, &app.code()).await.expect_err("it is used up at every entrance");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_used_elsewhere_does_not_log_in() {
    let (server, alice, app, _) = scene().await;
    let user = server.caller(&alice).await.nid;
    let code = app.next_code();
    server.app.accounts.factors.verify(Actor::operator(), user, &code).await.expect("the code is right");

    let refusal = login(&alice, &format!("{}{code}", alice.password())).await.expect_err("the code is used up");

    assert_forbidden(&refusal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_may_follow_the_password_after_a_space() {
    let (_server, alice, _, recovery_codes) = scene().await;
    let password = format!("{} {}", alice.password(), recovery_codes[0]);

    login(&alice, &password).await.expect("the code was not used before");

    assert_forbidden(&login(&alice, &password).await.expect_err("it is used up"));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_look_alike_with_and_without_a_code() {
    let (server, alice, app, _) = scene().await;
    let bob = server.user("bob").await;
    let code = app.next_code();

    let mut refusals = Vec::new();
    for wrong in ["wrong".to_owned(), format!("wrong{code}"), code.clone(), format!("{code}{}", alice.password())] {
        refusals.push(login(&alice, &wrong).await.expect_err("it is wrong"));
        refusals.push(login(&bob, &wrong).await.expect_err("it is wrong"));
    }
    let unknown = server.anonymous();
    refusals.push(login(&unknown, &format!("wrong{code}")).await.expect_err("there is no such user"));
    refusals.push(login(&bob, &format!("{}{code}", bob.password())).await.expect_err("bob has no codes"));

    for refusal in &refusals {
        assert_forbidden(refusal);
        assert_eq!(refusal.body, refusals[0].body);
    }
    login(&alice, &format!("{}{code}", alice.password())).await.expect("wrong passwords do not use codes up");
}

/// Hashing is what a login's time goes into, so it must not depend on who there is.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_cost_the_same_whoever_they_are_for() {
    let (server, alice, ..) = scene().await;
    let bob = server.user("bob").await;
    let cost = |user: &TestUser, password: &'static str| {
        let (user, metrics) = (user.clone(), server.app.metrics.clone());
        async move {
            let before = metrics.password_hashes();
            login(&user, password).await.expect_err("it is wrong");
            metrics.password_hashes() - before
        }
    };

    for (password, expected) in [("wrong", 1), ("wrong123456", 2), ("wrong ABCD-EFGH-JKMN-PQRS", 2)] {
        let with_factor = cost(&alice, password).await;
        let without = cost(&bob, password).await;
        let unknown = cost(&server.anonymous(), password).await;
        assert_eq!([with_factor, without, unknown], [expected; 3], "{password}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_ends_in_digits_is_a_password_still() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let password = "secret of 1865 123456";
    server.app.accounts.administration.reset_password(&alice.id, password).await.expect("alice exists");

    let answer = login(&alice, password).await.expect("there is no second factor");
    let alice = alice.with_session("PHONE", answer["access_token"].as_str().expect("an access token"));
    let (app, _) = server.enrol(&alice).await;

    let bare = login(&alice, password).await.expect_err("a code is missing");
    assert!(told(&bare).starts_with("Two-factor authentication is on"));
    login(&alice, &format!("{password}{}", app.next_code())).await.expect("the code is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_lock_the_factor_and_nothing_else() {
    let (server, alice, app, _) = scene().await;
    let user = server.caller(&alice).await.nid;
    let app_password =
        server.app.accounts.app_passwords.create(Actor::operator(), user, "Mail").await.expect("it is made");

    for _ in 0..5 {
        let wrong = format!("{}{}", alice.password(), app.wrong_code());
        assert_forbidden(&login(&alice, &wrong).await.expect_err("the code is wrong"));
    }
    let right = format!("{}{}", alice.password(), app.next_code());
    let refusal = login(&alice, &right).await.expect_err("the factor is locked");

    assert_eq!(refusal.status, 429);
    assert_eq!(refusal.body["errcode"], "M_LIMIT_EXCEEDED");
    let wait_ms = refusal.body["retry_after_ms"].as_u64().expect("a time to wait");
    assert!(wait_ms > 14 * 60_000 && wait_ms <= 15 * 60_000, "{wait_ms}");
    assert!(alice.is_logged_in().await, "sessions go on");
    login(&alice, &app_password.password).await.expect("app passwords need no code");
    server.app.clock.advance(Duration::from_millis(wait_ms));
    let right = format!("{}{}", alice.password(), app.next_code());
    login(&alice, &right).await.expect("the lock has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_the_password_is_not_slowed_down_as_a_guesser() {
    let server = TestServer::start_with(|config| config.rate_limits.enabled = true).await;
    let alice = server.user("alice").await;
    let (app, _) = server.enrol(&alice).await;

    for _ in 0..6 {
        assert_forbidden(&login(&alice, &alice.password()).await.expect_err("a code is missing"));
    }

    login(&alice, &format!("{}{}", alice.password(), app.next_code())).await.expect("the code is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_after_passwords_can_be_forbidden() {
    let server = TestServer::start_with(|config| config.login.totp_suffix = false).await;
    let alice = server.user("alice").await;
    let (app, _) = server.enrol(&alice).await;

    let bare = login(&alice, &alice.password()).await.expect_err("a code is missing");
    let with = login(&alice, &format!("{}{}", alice.password(), app.next_code())).await.expect_err("it is forbidden");

    assert!(!told(&bare).contains("end of your password"), "{bare:?}");
    assert_eq!(told(&with), "The user name or the password is wrong.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_needs_the_code_too() {
    let (server, alice, app, recovery_codes) = scene().await;
    let user = server.caller(&alice).await.nid;
    let app_password =
        server.app.accounts.app_passwords.create(Actor::operator(), user, "Mail").await.expect("it is made");
    let phone = login(&alice, &app_password.password).await.expect("it logs in");
    let delete = |password: String| {
        let body = json!({ "devices": [phone["device_id"]], "auth": alice.confirmation_by(&password) });
        let alice = alice.clone();
        async move { alice.post("/_matrix/client/v3/delete_devices", body).await }
    };

    let code = app.next_code();
    for (password, sentence) in [
        (alice.password(), "Add the code of your authenticator app to the end of your password."),
        (app_password.password.to_string(), "An app password logs in, but confirms nothing."),
        (format!("wrong{code}"), "The password is wrong."),
        (
            format!("{}{}", alice.password(), app.wrong_code()),
            "This code is wrong, or was used before. Wait for the next one.",
        ),
    ] {
        let refusal = delete(password).await.expect_err("this is no proof");
        assert_eq!(refusal.status, 401, "{refusal:?}");
        assert_eq!(refusal.body["error"], sentence);
        assert!(refusal.body["session"].is_string());
    }

    delete(format!("{}{code}", alice.password())).await.expect("it is confirmed");
    delete(format!("{}{code}", alice.password())).await.expect_err("the code is used up");
    delete(format!("{} {}", alice.password(), recovery_codes[0])).await.expect("a recovery code confirms too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_leaves_the_second_factor_as_it_is() {
    let (server, alice, app, _) = scene().await;

    server.app.accounts.administration.reset_password(&alice.id, "another password").await.expect("alice exists");

    let bare = login(&alice, "another password").await.expect_err("a code is missing");
    assert!(told(&bare).starts_with("Two-factor authentication is on"));
    login(&alice, &format!("another password{}", app.next_code())).await.expect("the code is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_must_have_a_second_factor_and_has_none_is_told_where() {
    let server = TestServer::start_with(|config| {
        config.login.require_totp = RequireTotp::All;
        config.discovery.client_url = Some("https://matrix.test.local/".parse().expect("a URL"));
    })
    .await;
    let alice = server.user("alice").await;

    let refusal = login(&alice, &alice.password()).await.expect_err("there is no second factor");
    assert_forbidden(&refusal);
    assert!(told(&refusal).ends_with("log in again: https://matrix.test.local/account"), "{refusal:?}");
    let wrong = login(&alice, "wrong").await.expect_err("the password is wrong");
    assert_eq!(told(&wrong), "The user name or the password is wrong.");

    let (app, _) = server.enrol(&alice).await;
    login(&alice, &format!("{}{}", alice.password(), app.next_code())).await.expect("now there is one");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_administrators_must_have_one_others_need_none() {
    let server = TestServer::start_with(|config| config.login.require_totp = RequireTotp::Admins).await;
    let [root, bob] = server.users(["root", "bob"]).await;
    server.app.accounts.administration.set_admin(&root.id, true).await.expect("root exists");

    login(&bob, &bob.password()).await.expect("he is no administrator");
    let refusal = login(&root, &root.password()).await.expect_err("there is no second factor");
    assert_forbidden(&refusal);

    let (app, _) = server.enrol(&root).await;
    login(&root, &format!("{}{}", root.password(), app.next_code())).await.expect("now there is one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_with_old_parameters_is_replaced_where_a_code_follows_the_password() {
    let (server, alice, app, _) = scene().await;
    let config = homeserver::config::Passwords { memory_kib: 8, passes: 1, ..Default::default() };
    let old = passwords::Passwords::new(&config).expect("the parameters are possible").hash("password").await;
    let old = old.expect("it is hashed");
    server.execute(&format!("update accounts set password_hash = '{old}' where localpart = 'alice'")).await;

    login(&alice, &format!("password{}", app.next_code())).await.expect("both are right");

    let account = server.app.accounts.administration.find(&alice.id).await.expect("the account exists");
    let hash = account.password_hash.expect("there is a password");
    assert!(hash.starts_with("$argon2id$v=19$m=16,t=1,p=1$"), "{hash}");
}
