//! The second factor of accounts: setting it up, its codes, its locks.

mod administration;
mod app_passwords;
mod login;
mod personal_tokens;

use std::time::Duration;

use homeserver::{
    App, Error, Result,
    accounts::factors::{Enrolment, Factors, Proof},
    audit::Actor,
    config::RequireTotp,
    error::ErrorKind,
    storage::numbers::UserNid,
};
use homeserver_testing::{Authenticator, TestServer};

const MINUTE: Duration = Duration::from_secs(60);

/// A server with one user, who has begun to set up a second factor; the user's number, what they are shown, and
/// the app that has scanned it.
async fn begun() -> (TestServer, UserNid, Enrolment, Authenticator) {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let user = server.caller(&alice).await.nid;
    let enrolment = server.app.accounts.factors.begin(user).await.expect("it can be begun");
    let app = Authenticator::scan(&server, &enrolment.url);
    (server, user, enrolment, app)
}

/// A server with one user who has a second factor.
struct Scene {
    server: TestServer,
    user: UserNid,
    app: Authenticator,
    recovery_codes: Vec<String>,
}

impl Scene {
    async fn set() -> Self {
        let server = TestServer::start().await;
        let alice = server.user("alice").await;
        let (app, recovery_codes) = server.enrol(&alice).await;
        let user = server.caller(&alice).await.nid;
        Self { server, user, app, recovery_codes }
    }

    fn factors(&self) -> &Factors {
        &self.server.app.accounts.factors
    }

    async fn verify(&self, code: &str) -> Result<Proof> {
        self.factors().verify(Actor::operator(), self.user, code).await
    }

    /// Types wrong codes until one is not looked at; returns how many were, and how long to wait.
    async fn lock(&self) -> (usize, Duration) {
        for count in 0.. {
            let refusal = self.verify(&self.app.wrong_code()).await.expect_err("the code is wrong");
            if let Some(wait) = wait(&refusal) {
                return (count, wait);
            }
            assert_forbidden(&refusal);
        }
        unreachable!("the loop has no other end")
    }
}

fn assert_forbidden(error: &Error) {
    assert!(matches!(error, Error::Refused { kind: ErrorKind::Forbidden, .. }), "{error:?}");
}

/// After what time a code is looked at again.
fn wait(error: &Error) -> Option<Duration> {
    match error {
        Error::Refused { kind: ErrorKind::LimitExceeded(data), .. } => match data.retry_after {
            Some(ruma::api::error::RetryAfter::Delay(wait)) => Some(wait),
            _ => panic!("there is nothing to wait for: {error:?}"),
        },
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_on_once_its_app_has_shown_a_right_code() {
    let (server, user, enrolment, app) = begun().await;
    let factors = &server.app.accounts.factors;

    let wrong = factors.confirm(Actor::operator(), user, &app.wrong_code()).await.expect_err("the code is wrong");
    assert_forbidden(&wrong);
    assert!(!factors.is_on(user).await.expect("it can be asked"));
    let codes = factors.confirm(Actor::operator(), user, &app.code()).await.expect("the code is right");

    assert!(factors.is_on(user).await.expect("it can be asked"));
    assert_eq!(codes.len(), 10);
    assert!(enrolment.url.starts_with("otpauth://totp/test.local:alice?secret="), "{}", *enrolment.url);
    assert!(enrolment.url.contains(&format!("secret={}", *enrolment.secret)));
    assert!(enrolment.qr_png.starts_with(b"\x89PNG"));
    let replayed =
        factors.verify(Actor::operator(), user, &app.code()).await.expect_err("the confirming code is used up");
    assert_forbidden(&replayed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_has_ten_minutes_to_be_confirmed() {
    let (server, user, _, app) = begun().await;
    let factors = &server.app.accounts.factors;

    server.app.clock.advance(10 * MINUTE);

    assert_forbidden(&factors.confirm(Actor::operator(), user, &app.code()).await.expect_err("it took too long"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_confirmed_that_was_not_begun() {
    let scene = Scene::set().await;

    let code = scene.app.next_code();

    assert_forbidden(&scene.factors().begin(scene.user).await.err().expect("there is one already"));
    assert_forbidden(
        &scene.factors().confirm(Actor::operator(), scene.user, &code).await.expect_err("nothing was begun"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_and_makes_earlier_ones_worthless() {
    let scene = Scene::set().await;
    let early = scene.app.next_code();

    let code = scene.app.next_code();
    let proof = scene.verify(&code).await.expect("the code is right");

    assert_eq!(proof, Proof::App);
    assert_forbidden(&scene.verify(&code).await.expect_err("it is used up"));
    assert_forbidden(&scene.verify(&early).await.expect_err("it is older than one that is used up"));
    scene.verify(&scene.app.next_code()).await.expect("the next code is fresh");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_may_be_one_step_off_and_no_more() {
    let scene = Scene::set().await;
    scene.server.app.clock.advance(10 * MINUTE);

    for steps in [-3, 3] {
        let refusal = scene.verify(&scene.app.code_in(steps)).await.expect_err("it is too far off");
        assert_forbidden(&refusal);
    }

    scene.verify(&scene.app.code_in(1)).await.expect("the clock of the telephone is ahead");
    scene.server.app.clock.advance(10 * MINUTE);
    let slow = scene.app.code();
    scene.server.app.clock.advance(Duration::from_secs(29));
    scene.verify(&slow).await.expect("typing took a while");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_code_is_refused_and_does_not_count() {
    let scene = Scene::set().await;

    for text in ["", "12345", "1234567", "１２３４５６", "secret", "ABCD-EFGH-JKMN-PQR", "' or 1=1 --", "\0\0\0\0\0\0"]
    {
        assert_forbidden(&scene.verify(text).await.expect_err("this is no code"));
    }

    scene.verify(&scene.app.next_code()).await.expect("nothing is locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_uses_of_one_code_one_wins() {
    let scene = Scene::set().await;
    let other: App = scene.server.another_process().await;
    let code = scene.app.next_code();

    let tries = (0..4).map(|number| {
        let factors = if number % 2 == 0 { scene.factors().clone() } else { other.accounts.factors.clone() };
        let (user, code) = (scene.user, code.clone());
        tokio::spawn(async move { factors.verify(Actor::operator(), user, &code).await.is_ok() })
    });
    let mut won = 0;
    for attempt in tries.collect::<Vec<_>>() {
        won += usize::from(attempt.await.expect("nothing panics"));
    }

    assert_eq!(won, 1);
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_is_good_once_and_only_for_its_account() {
    let scene = Scene::set().await;
    let bob = scene.server.user("bob").await;
    scene.server.enrol(&bob).await;
    let bob = scene.server.caller(&bob).await.nid;
    let code = &scene.recovery_codes[3];

    assert_forbidden(&scene.factors().verify(Actor::operator(), bob, code).await.expect_err("it is not his"));
    let proof = scene.verify(&code.to_lowercase().replace('-', " ")).await.expect("it was not used before");
    assert_eq!(proof, Proof::RecoveryCode { left: 9 });

    assert_forbidden(&scene.verify(code).await.expect_err("it is used up"));
    scene.verify(&scene.recovery_codes[4]).await.expect("another one is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_recovery_codes_replace_the_old_ones() {
    let scene = Scene::set().await;

    let fresh =
        scene.factors().regenerate_recovery_codes(Actor::operator(), scene.user).await.expect("the factor is on");

    assert_eq!(fresh.len(), 10);
    assert_forbidden(&scene.verify(&scene.recovery_codes[0]).await.expect_err("it is old"));
    scene.verify(&fresh[0]).await.expect("it is new");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_lock_the_factor_and_five_more_for_longer() {
    let scene = Scene::set().await;
    let close = |wait: Duration, minutes: u32| wait <= minutes * MINUTE && wait > minutes * MINUTE - MINUTE;

    let (count, first) = scene.lock().await;
    assert_eq!(count, 5);
    assert!(close(first, 15), "{first:?}");
    let right = scene.verify(&scene.app.next_code()).await.expect_err("right codes are not looked at either");
    assert!(wait(&right).is_some());
    let recovery = scene.verify(&scene.recovery_codes[0]).await.expect_err("nor are recovery codes");
    assert!(wait(&recovery).is_some());
    let state = scene.factors().state(scene.user).await.expect("it can be asked").expect("it is on");
    assert!(state.locked_until_ms.is_some());

    scene.server.app.clock.advance(15 * MINUTE);
    let (count, second) = scene.lock().await;
    assert_eq!(count, 5);
    assert!(close(second, 30), "{second:?}");

    scene.server.app.clock.advance(30 * MINUTE);
    scene.verify(&scene.app.next_code()).await.expect("it is unlocked");
    let (_, afterwards) = scene.lock().await;
    assert!(close(afterwards, 15), "{afterwards:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_lasts_a_day_at_most() {
    let scene = Scene::set().await;

    let mut waits = Vec::new();
    for _ in 0..9 {
        let (_, wait) = scene.lock().await;
        scene.server.app.clock.advance(wait);
        waits.push(wait);
    }

    assert!(waits.iter().all(|wait| *wait <= 24 * 60 * MINUTE), "{waits:?}");
    assert!(waits[8] > 23 * 60 * MINUTE, "{waits:?}");
    scene.verify(&scene.app.next_code()).await.expect("it is unlocked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_turns_the_factor_off_with_a_code() {
    let scene = Scene::set().await;

    let refusal = scene
        .factors()
        .turn_off(Actor::operator(), scene.user, &scene.app.wrong_code())
        .await
        .expect_err("the code is wrong");
    assert_forbidden(&refusal);
    assert!(scene.factors().is_on(scene.user).await.expect("it can be asked"));
    scene.factors().turn_off(Actor::operator(), scene.user, &scene.app.next_code()).await.expect("the code is right");

    assert_eq!(scene.factors().state(scene.user).await.expect("it can be asked"), None);
    assert_forbidden(&scene.verify(&scene.app.next_code()).await.expect_err("there is no factor"));
    let left: i64 = scene.server.scalar("select count(*) from recovery_codes").await;
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_gives_way_to_another_once_that_is_confirmed() {
    let scene = Scene::set().await;

    let enrolment = scene.factors().begin_replacement(scene.user).await.expect("there is one to replace");
    let other = Authenticator::scan(&scene.server, &enrolment.url);
    scene.verify(&scene.app.next_code()).await.expect("the first app still counts");
    let codes = scene.factors().confirm(Actor::operator(), scene.user, &other.code()).await.expect("the code is right");

    assert_forbidden(&scene.verify(&scene.app.next_code()).await.expect_err("the first app does not count any more"));
    assert_forbidden(&scene.verify(&scene.recovery_codes[0]).await.expect_err("nor do its recovery codes"));
    scene.verify(&other.next_code()).await.expect("the other app counts");
    scene.verify(&codes[0]).await.expect("and its recovery codes");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_must_have_a_factor_cannot_turn_it_off() {
    let server = TestServer::start_with(|config| config.login.require_totp = RequireTotp::Admins).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    server.app.accounts.administration.set_admin(&alice.id, true).await.expect("alice exists");
    let factors = &server.app.accounts.factors;
    let missing = |user| async move { factors.is_missing(user).await.expect("it can be asked") };
    let (alice_nid, bob_nid) = (server.caller(&alice).await.nid, server.caller(&bob).await.nid);
    assert_eq!((missing(alice_nid).await, missing(bob_nid).await), (true, false));

    let (alice_app, _) = server.enrol(&alice).await;
    let (bob_app, _) = server.enrol(&bob).await;

    assert!(!missing(alice_nid).await);
    let refusal = factors
        .turn_off(Actor::operator(), alice_nid, &alice_app.next_code())
        .await
        .expect_err("administrators must have one");
    assert_forbidden(&refusal);
    factors.turn_off(Actor::operator(), bob_nid, &bob_app.code()).await.expect("others need not");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_the_database() {
    let (server, user, enrolment, app) = begun().await;
    let factors = &server.app.accounts.factors;

    let pending: Vec<u8> = server.scalar("select secret from totp_enrolments").await;
    factors.confirm(Actor::operator(), user, &app.code()).await.expect("the code is right");
    let confirmed: Vec<u8> = server.scalar("select secret from totp_factors").await;

    for stored in [pending, confirmed] {
        assert!(!stored.windows(20).any(|window| window == app.secret()), "the secret is in the clear");
        assert!(!String::from_utf8_lossy(&stored).contains(enrolment.secret.as_str()));
    }
}
