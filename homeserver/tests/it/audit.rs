//! The security audit log: what it tells of, and that nobody can change it unnoticed.

use std::time::Duration;

use homeserver::{
    audit::{Action, Actor, Anchor, Event, Finding, export::Entry},
    error::ErrorKind,
};
use homeserver_testing::{TestServer, TestUser};
use serde_json::{Value, json};

/// All events, the oldest first.
async fn events(server: &TestServer) -> Vec<Entry> {
    server.app.audit.settled().await;
    server.app.audit.list(0, 1000).await.expect("it can be read")
}

/// The newest event of this name.
async fn newest(server: &TestServer, action: &str) -> Entry {
    let found = events(server).await.into_iter().rfind(|event| event.action == action);
    found.unwrap_or_else(|| panic!("{action} is noted"))
}

async fn finding(server: &TestServer) -> Option<Finding> {
    server.app.audit.settled().await;
    server.app.audit.verify(None).await.expect("it can be checked").finding
}

async fn login_by(user: &TestUser, agent: &str, password: &str) -> reqwest::StatusCode {
    let body = json!({
        "type": "m.login.password",
        "identifier": { "type": "m.id.user", "user": user.id },
        "password": password,
    });
    let request = user.call(reqwest::Method::POST, "/_matrix/client/v3/login").header("User-Agent", agent);
    request.json(&body).send().await.expect("the server answers").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_are_noted_with_their_origin() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    assert_eq!(login_by(&alice, "Element", &alice.password()).await, 200);

    let event = newest(&server, "authn_login_success").await;
    assert_eq!(event.actor.as_deref(), Some("@alice:test.local"));
    assert_eq!(event.details["method"], "password");
    assert_eq!((event.address.as_deref(), event.user_agent.as_deref()), (Some("127.0.0.1"), Some("Element")));
    assert!(event.device_id.is_some() && event.is_success);
    assert_eq!(finding(&server).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_sign_ins_tell_why_and_not_with_what() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    login_by(&alice, "Evil", "a wrong guess").await;
    let known = newest(&server, "authn_login_fail").await;
    alice.try_login(json!({ "identifier": { "type": "m.id.user", "user": "mallory" } })).await.expect_err("nobody");
    let unknown = newest(&server, "authn_login_fail").await;

    assert_eq!(known.details, *json!({ "reason": "bad_password" }).as_object().expect("an object"));
    assert_eq!((known.actor, known.target.as_deref()), (None, Some("@alice:test.local")));
    assert_eq!(unknown.details["reason"], "unknown_user");
    assert_eq!((unknown.target, unknown.private["name"].as_str()), (None, Some("mallory")));
    let all: String = server.scalar("select cast(group_concat(details) as char) from audit_log").await;
    assert!(!all.contains("guess") && !all.contains("mallory"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_an_account_is_noted() {
    let server = TestServer::start().await;
    let [admin, alice] = server.users(["admin", "alice"]).await;
    let administration = &server.app.accounts.administration;
    administration.set_admin(&admin.id, true).await.expect("the account exists");
    let phone = alice.login().await;

    phone.post("/_matrix/client/v3/logout", json!({})).await.expect("the session ends");
    let lock = format!("/_matrix/client/v1/admin/lock/{}", alice.id);
    for locked in [true, false] {
        admin.put(&lock, json!({ "locked": locked })).await.expect("administrators can");
    }
    let body = json!({ "new_password": "another password", "auth": alice.confirmation() });
    alice.post("/_matrix/client/v3/account/password", body).await.expect("it is confirmed");
    administration.reset_password(&alice.id, "yet another").await.expect("it can be reset");
    administration.deactivate(&alice.id, false).await.expect("it can be deactivated");

    let told: Vec<_> = events(&server)
        .await
        .into_iter()
        .filter(|event| event.target.as_deref() == Some("@alice:test.local"))
        .map(|event| format!("{} by {}", event.action, event.actor.unwrap_or(event.role)))
        .collect();
    let [alice, admin] = ["@alice:test.local", "@admin:test.local"];
    let mut expected = vec![
        "user_created by anonymous".to_owned(),
        format!("authn_login_success by {alice}"),
        format!("authn_login_success by {alice}"),
        format!("session_ended by {alice}"),
        format!("user_locked by {admin}"),
        format!("user_unlocked by {admin}"),
        format!("authn_password_change by {alice}"),
        "authn_password_reset by operator".to_owned(),
        "session_ended by operator".to_owned(),
        "user_deactivated by operator".to_owned(),
    ];
    // What is queued may be written after what is not.
    let mut told = told;
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
    assert_eq!(finding(&server).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_does_not_do_is_not_noted() {
    let server = TestServer::start().await;
    let storage = &server.app.storage;
    let before = events(&server).await.len();

    let mut tx = storage.begin().await.expect("the database is there");
    let event = Event::new(Action::AdminActed, Actor::operator()).detail("what", "nothing");
    server.app.audit.append(&mut tx, [event.clone()]).await.expect("it can be appended");
    drop(tx);
    let mut tx = storage.begin().await.expect("the database is there");
    server.app.audit.append(&mut tx, [event]).await.expect("it can be appended");
    tx.commit().await.expect("it can be committed");

    assert_eq!(events(&server).await.len(), before + 1);
    assert_eq!(finding(&server).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_make_one_chain() {
    let server = TestServer::start().await;
    let other = server.another_process().await;
    let note = async |app: &homeserver::App, process: &'static str| {
        for round in 0..20 {
            let event = Event::new(Action::AdminActed, Actor::server()).detail("what", format!("{process} {round}"));
            if round % 2 == 0 {
                app.audit.record(event);
            } else {
                let noted = app.storage.retry(|| async {
                    let mut tx = app.storage.begin().await?;
                    app.audit.append(&mut tx, [event.clone()]).await?;
                    Ok(tx.commit().await?)
                });
                noted.await.expect("it can be noted");
            }
        }
        app.audit.settled().await;
    };

    tokio::join!(note(&server.app, "here"), note(&other, "there"));

    assert_eq!(events(&server).await.len(), 40);
    assert_eq!(finding(&server).await, None);
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_the_log_is_found() {
    let server = TestServer::start().await;
    server.users(["alice", "bob"]).await;
    let all = events(&server).await;
    let newest = all.last().expect("something was noted").seq;
    let anchor = Anchor { seq: newest, hash: all.last().expect("something was noted").hash };
    let tampering = [
        ("update audit_log set at = at + 1 where seq = 2", Finding::Changed(2)),
        ("update audit_log set target = null where seq = 3", Finding::Changed(3)),
        ("update audit_log set details = '{}' where seq = 1", Finding::Changed(1)),
        ("delete from audit_log where seq = 2", Finding::Missing(2)),
        ("update audit_origins set sealed = reverse(sealed) where seq = 1", Finding::OriginChanged(1)),
        (
            "update audit_origins set sealed = (select sealed from (select * from audit_origins) x where seq = 2)
             where seq = 1",
            Finding::OriginChanged(1),
        ),
        (
            "update audit_ends set seq = 2, hash = (select hash from audit_log where seq = 2) where name = 'newest'",
            Finding::EndForged,
        ),
        (
            "update audit_ends set seq = 1, hash = (select hash from audit_log where seq = 1) where name = 'pruned'",
            Finding::EndForged,
        ),
    ];
    for (statement, expected) in tampering {
        let copies = ["audit_log", "audit_origins", "audit_ends"];
        for table in copies {
            server
                .execute(&format!(
                    "create table kept_{table} like {table}; insert into kept_{table} select * from {table}"
                ))
                .await;
        }
        server.execute(statement).await;

        assert_eq!(finding(&server).await, Some(expected), "{statement}");

        for table in copies {
            server
                .execute(&format!(
                    "delete from {table}; insert into {table} select * from kept_{table}; drop table kept_{table}"
                ))
                .await;
        }
    }
    assert_eq!(server.app.audit.verify(Some(&anchor)).await.expect("it can be checked").finding, None);
    let other = Anchor { hash: [7; 32], ..anchor };
    let later = Anchor { seq: newest + 1, ..anchor };
    for noted in [other, later] {
        let verdict = server.app.audit.verify(Some(&noted)).await.expect("it can be checked");
        assert_eq!(verdict.finding, Some(Finding::NotAsNoted(noted.seq)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_events_and_older_origins_go_and_the_rest_can_be_checked() {
    let server = TestServer::start().await;
    server.user("alice").await;
    let before = events(&server).await.len();
    server.app.clock.advance(Duration::from_secs(40 * 24 * 3600));
    let server = server.restart().await;
    server.user("bob").await;
    let origins = "select count(*) from audit_origins";
    assert_eq!(server.scalar::<i64>(origins).await, 2, "those of alice are forgotten");
    assert_eq!(finding(&server).await, None);

    server.app.clock.advance(Duration::from_secs(150 * 24 * 3600));
    let server = server.restart().await;
    wait_for(&server, "select count(*) from audit_log where action = 'sys_audit_pruned'", 1).await;

    let left = events(&server).await;
    assert!(left.len() > 1 && left[0].seq == i64::try_from(before).expect("few") + 1, "{left:?}");
    assert_eq!(finding(&server).await, None);
}

/// Waits until a query answers `count`.
async fn wait_for(server: &TestServer, query: &str, count: i64) {
    let outcome = tokio::time::timeout(Duration::from_secs(20), async {
        while server.scalar::<i64>(query).await != count {
            tokio::task::yield_now().await;
        }
    });
    outcome.await.expect("it happens in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_stand_in_lines_that_fail2ban_reads() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("attacks.log");
    let server = TestServer::start_with(|config| config.audit.lines_file = Some(file.clone())).await;
    let alice = server.user("alice").await;
    login_by(&alice, "Evil", "a wrong guess").await;
    alice.try_login(json!({ "identifier": { "type": "m.id.user", "user": "x ip=192.0.2.1\n" } })).await.expect_err("x");
    server.app.audit.settled().await;

    let lines = std::fs::read_to_string(&file).expect("it was written");

    let filter = include_str!("../../../config/fail2ban/filter.d/salon.conf");
    let pattern = filter.lines().find_map(|line| line.strip_prefix("failregex = ")).expect("there is one");
    // fail2ban takes the time away first.
    let pattern = regex::Regex::new(&pattern.replace("<ADDR>", "(?P<ip>[0-9a-f.:]+)")).expect("it is a pattern");
    let found: Vec<_> =
        lines.lines().map(|line| pattern.captures(&line[24..]).map(|found| found["ip"].to_owned())).collect();
    assert_eq!(found, [Some("127.0.0.1".to_owned()), Some("127.0.0.1".to_owned())], "{lines}");
    assert!(lines.ends_with("reason=unknown_user user=-\n"), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_held_off_is_noted_once() {
    let server = TestServer::start_with(|config| {
        config.rate_limits.enabled = true;
        config.rate_limits.failed_login.burst = 2;
    })
    .await;
    let alice = server.user("alice").await;

    for _ in 0..6 {
        login_by(&alice, "Evil", "a wrong guess").await;
    }

    let told = events(&server).await;
    let count = |action: &str| told.iter().filter(|event| event.action == action).count();
    assert_eq!((count("authn_login_fail"), count("excess_rate_limit_exceeded")), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_refresh_token_raises_an_alarm() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let session = alice.try_login(json!({ "refresh_token": true })).await.expect("the password is right");
    let body = json!({ "refresh_token": session["refresh_token"] });
    let first = alice.post("/_matrix/client/v3/refresh", body.clone()).await.expect("it is good");
    let next = alice.with_session("NONE", first["access_token"].as_str().expect("a token"));
    assert!(next.is_logged_in().await);

    alice
        .post("/_matrix/client/v3/refresh", body)
        .await
        .expect_err("it was used")
        .assert_is(&ErrorKind::UnknownToken(ruma::api::error::UnknownTokenErrorData::new()));

    assert_eq!(newest(&server, "authn_token_reuse").await.target.as_deref(), Some("@alice:test.local"));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_exported_in_the_fields_of_ecs() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    login_by(&alice, "Evil", "a wrong guess").await;

    let event = newest(&server, "authn_login_fail").await.to_ecs(&server.app.config.server.name);

    let expected = [
        ("event.kind", json!("event")),
        ("event.category", json!(["authentication"])),
        ("event.type", json!(["start"])),
        ("event.action", json!("authn_login_fail")),
        ("event.outcome", json!("failure")),
        ("event.reason", json!("bad_password")),
        ("event.dataset", json!("salon.security")),
        ("host.name", json!("test.local")),
        ("user.target.id", json!("@alice:test.local")),
        ("source.ip", json!("127.0.0.1")),
        ("user_agent.original", json!("Evil")),
    ];
    for (name, value) in expected {
        assert_eq!(event[name], value, "{name}");
    }
    assert!(event["@timestamp"].as_str().is_some_and(|time| time.ends_with('Z') && time.len() == 24));
    assert_eq!(event.get("user.id"), None::<&Value>);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_find_what_concerns_them_and_the_erased_are_forgotten() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    login_by(&alice, "Element", &alice.password()).await;
    server.app.audit.settled().await;

    let of_alice = server.app.audit.of_user(&alice.id, 10).await.expect("it can be read");
    let body = json!({ "auth": alice.confirmation(), "erase": true });
    alice.post("/_matrix/client/v3/account/deactivate", body).await.expect("it is confirmed");
    server.app.audit.settled().await;

    let actions: Vec<_> = of_alice.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["authn_login_success", "authn_login_success", "user_created"]);
    let later = server.app.audit.of_user(&alice.id, 10).await.expect("it can be read");
    let signed_in = later.iter().filter(|event| event.action == "authn_login_success");
    assert!(signed_in.clone().count() == 2 && signed_in.clone().all(|event| event.address.is_none()));
    let of_bob = server.app.audit.of_user(&bob.id, 10).await.expect("it can be read");
    assert!(of_bob.iter().any(|event| event.address.is_some()));
    assert_eq!(finding(&server).await, None);
}
