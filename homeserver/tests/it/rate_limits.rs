//! Limits on how often clients may do what.

use std::time::Duration;

use homeserver::{
    config::{Config, Limit},
    error::ErrorKind,
};
use homeserver_testing::TestServer;
use serde_json::json;

/// A server on which everything can be done often, but for what `change` limits.
async fn server(change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::start_with(|config| {
        let limits = &mut config.rate_limits;
        limits.enabled = true;
        for limit in [&mut limits.registration, &mut limits.login, &mut limits.failed_login] {
            *limit = Limit { burst: 1000, per_second: 1000.0 };
        }
        change(config);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_too_much_is_told_when_to_go_on() {
    let server = server(|config| config.rate_limits.message = Limit { burst: 2, per_second: 0.5 }).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let room = alice.create_public_room().await;
    bob.join(&room).await;
    alice.say(&room, "one").await;
    alice.say(&room, "two").await;

    let refusal = alice.try_say(&room, "three").await.expect_err("it is too much");
    bob.say(&room, "somebody else may").await;
    alice.get("/_matrix/client/v3/capabilities").await.expect("something else is allowed");
    server.app.clock.advance(Duration::from_secs(2));
    alice.say(&room, "three").await;

    assert_eq!(refusal.status, 429);
    assert_eq!(refusal.body["errcode"], "M_LIMIT_EXCEEDED");
    let wait_ms = refusal.body["retry_after_ms"].as_u64().expect("a number");
    assert!((1..=2000).contains(&wait_ms), "{wait_ms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_has_a_header_that_tells_when_to_go_on() {
    let server = server(|config| config.rate_limits.login = Limit { burst: 1, per_second: 0.1 }).await;
    let login = || {
        let request = server.http().post(format!("{}/_matrix/client/v3/login", server.url()));
        request.json(&json!({ "type": "m.login.token", "token": "unknown" })).send()
    };
    login().await.expect("the server answers");

    let answer = login().await.expect("the server answers");

    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["Retry-After"], "10");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_of_one_account_is_slowed_down() {
    let server = server(|config| config.rate_limits.failed_login = Limit { burst: 3, per_second: 0.1 }).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    for _ in 0..10 {
        alice.login().await;
    }

    for _ in 0..3 {
        alice.try_login(json!({ "password": "guess" })).await.expect_err("wrong").assert_is(&ErrorKind::Forbidden);
    }
    let wrong = alice.try_login(json!({ "password": "guess" })).await.expect_err("it is too much");
    let right = alice.try_login(json!({})).await.expect_err("whoever guesses right would know");

    assert_eq!(wrong.status, 429);
    assert_eq!(right.status, 429);
    bob.login().await;
    server.app.clock.advance(Duration::from_secs(10));
    alice.login().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_from_everywhere_count_together() {
    let server = server(|config| config.rate_limits.failed_login_anywhere = Limit { burst: 3, per_second: 0.1 }).await;
    let alice = server.user("alice").await;

    for _ in 0..3 {
        alice.try_login(json!({ "password": "guess" })).await.expect_err("wrong").assert_is(&ErrorKind::Forbidden);
    }

    assert_eq!(alice.try_login(json!({})).await.expect_err("it is too much").status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_password_to_confirm_something_is_slowed_down() {
    let server = server(|config| config.rate_limits.failed_login = Limit { burst: 2, per_second: 0.1 }).await;
    let alice = server.user("alice").await;
    let guess = || {
        let alice = alice.clone();
        async move {
            let body = json!({ "auth": alice.confirmation_by("guess") });
            alice.post("/_matrix/client/v3/account/deactivate", body).await.expect_err("it is wrong").status
        }
    };

    let answers = [guess().await, guess().await, guess().await].map(|status| status.as_u16());

    assert_eq!(answers, [401, 401, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_from_one_address_are_slowed_down() {
    let server = server(|config| config.rate_limits.registration = Limit { burst: 2, per_second: 0.1 }).await;
    server.users(["alice", "bob"]).await;

    let refusal = server.anonymous().post("/_matrix/client/v3/register", json!({})).await;

    assert_eq!(refusal.expect_err("it is too much").status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_told_to_slow_down_but_not_logged_out_when_it_refreshes() {
    let server = server(|config| config.rate_limits.anonymous = Limit { burst: 1, per_second: 0.01 }).await;
    let alice = server.user("alice").await;
    let mut answer = alice.try_login(json!({ "refresh_token": true })).await.expect("the password is right");

    for _ in 0..5 {
        let body = json!({ "refresh_token": answer["refresh_token"] });
        answer = server.anonymous().post("/_matrix/client/v3/refresh", body).await.expect("it is always allowed");
    }
}
