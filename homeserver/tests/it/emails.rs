//! E-mail addresses: proved, added, used to sign in and to choose a new password.

use std::time::Duration;

use homeserver::{
    accounts::emails::Notice,
    config::{Config, RegistrationMode},
    error::ErrorKind,
};
use homeserver_testing::{Answer, TestMail, TestMailbox, TestServer, TestUser};
use reqwest::Method;
use serde_json::{Value, json};

const REGISTER: &str = "/_matrix/client/v3/register/email/requestToken";
const RESET: &str = "/_matrix/client/v3/account/password/email/requestToken";
const ADD: &str = "/_matrix/client/v3/account/3pid/email/requestToken";
const PAGE: &str = "/_salon/email/confirm";
const ADDRESS: &str = "alice@mailbox.test";

async fn start(change: impl FnOnce(&mut Config)) -> (TestServer, TestMailbox) {
    let mailbox = TestMailbox::start().await;
    let server = TestServer::start_with(|config| {
        mailbox.configure(config);
        config.mail.tell_of_sign_ins = false;
        change(config);
    })
    .await;
    (server, mailbox)
}

async fn request(user: &TestUser, path: &str, email: &str) -> Answer<Value> {
    user.post(path, json!({ "client_secret": "secret", "email": email, "send_attempt": 1 })).await
}

/// Opens the link in a message and clicks.
async fn confirm(user: &TestUser, mail: &TestMail) {
    let page = user.call(Method::GET, &mail.link()).send().await.expect("the server answers");
    assert_eq!(page.status(), 200);
    let answer = click(user, &mail.token()).await;
    assert_eq!(answer.status(), 200);
}

async fn click(user: &TestUser, token: &str) -> reqwest::Response {
    user.call(Method::POST, PAGE).body(format!("token={token}")).send().await.expect("the server answers")
}

/// Adds an address to a user's account.
async fn add(user: &TestUser, mailbox: &TestMailbox, email: &str) {
    let asked = request(user, ADD, email).await.expect("mail can be sent");
    confirm(user, &mailbox.next().await).await;
    let body = json!({ "sid": asked["sid"], "client_secret": "secret", "auth": user.confirmation() });
    user.post("/_matrix/client/v3/account/3pid/add", body).await.expect("it is confirmed");
    assert!(mailbox.next().await.text.contains("was added"));
}

fn proof(sid: &Value) -> Value {
    json!({
        "type": "m.login.email.identity",
        "threepid_creds": { "sid": sid, "client_secret": "secret" },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_added_once_it_is_confirmed() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    let asked = request(&alice, ADD, "Alice@Mailbox.Test").await.expect("mail can be sent");
    let body = json!({ "sid": asked["sid"], "client_secret": "secret", "auth": alice.confirmation() });
    let mail = mailbox.next().await;

    let early = alice.post("/_matrix/client/v3/account/3pid/add", body.clone()).await;
    confirm(&alice, &mail).await;
    let mut unproved = body.clone();
    unproved["auth"] = Value::Null;
    let unproved = alice.post("/_matrix/client/v3/account/3pid/add", unproved).await;
    let mut other = body.clone();
    other["client_secret"] = json!("another");
    let other = alice.post("/_matrix/client/v3/account/3pid/add", other).await;
    alice.post("/_matrix/client/v3/account/3pid/add", body.clone()).await.expect("it is confirmed");
    let again = alice.post("/_matrix/client/v3/account/3pid/add", body).await;

    assert_eq!(mail.to, [ADDRESS]);
    assert!(mail.head.contains("Subject: test.local: Confirm your e-mail address"), "{}", mail.head);
    assert!(mail.head.contains("From: Salon <noreply@test.local>"), "{}", mail.head);
    assert!(mail.head.contains("Auto-Submitted: auto-generated"), "{}", mail.head);
    for refused in [early, other, again] {
        let refused = refused.expect_err("it is not, or no longer, confirmed");
        assert_eq!(refused.status, 403);
        refused.assert_is(&ErrorKind::ThreepidAuthFailed);
    }
    assert_eq!(unproved.expect_err("the password is missing").status, 401);
    let list = alice.get("/_matrix/client/v3/account/3pid").await.expect("they can be listed");
    let email = &list["threepids"][0];
    assert_eq!((&email["medium"], &email["address"]), (&json!("email"), &json!(ADDRESS)));
    assert!(email["validated_at"].is_number() && email["added_at"].is_number());
    let capabilities = alice.get("/_matrix/client/v3/capabilities").await.expect("they can be asked for");
    assert_eq!(capabilities["capabilities"]["m.3pid_changes"], json!({ "enabled": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deprecated_way_to_add_an_address_needs_the_same_proofs() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    let asked = request(&alice, ADD, ADDRESS).await.expect("mail can be sent");
    confirm(&alice, &mailbox.next().await).await;
    let mut body = json!({ "three_pid_creds": { "sid": asked["sid"], "client_secret": "secret" } });

    let unproved = alice.post("/_matrix/client/v3/account/3pid", body.clone()).await;
    body["auth"] = alice.confirmation();
    let nobody = alice.logged_out().post("/_matrix/client/v3/account/3pid", body.clone()).await;
    let malformed = alice.post("/_matrix/client/v3/account/3pid", json!({})).await;
    alice.post("/_matrix/client/v3/account/3pid", body).await.expect("it is confirmed");

    assert_eq!(unproved.expect_err("the password is missing").status, 401);
    nobody.expect_err("there is no token").assert_is(&ErrorKind::MissingToken);
    malformed.expect_err("nothing is there").assert_is(&ErrorKind::BadJson);
    let list = alice.get("/_matrix/client/v3/account/3pid").await.expect("they can be listed");
    assert_eq!(list["threepids"][0]["address"], ADDRESS);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_belongs_to_one_account_and_only_its_owner_learns_that() {
    let (server, mailbox) = start(|_| {}).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    add(&alice, &mailbox, ADDRESS).await;

    let asked = request(&bob, ADD, ADDRESS).await.expect("nobody can tell");
    let told = mailbox.next().await;
    let body = json!({ "sid": asked["sid"], "client_secret": "secret", "auth": bob.confirmation() });
    let refused = bob.post("/_matrix/client/v3/account/3pid/add", body).await;

    assert!(told.text.contains("belongs to an") && !told.text.contains("https://"), "{}", told.text);
    refused.expect_err("there was no link").assert_is(&ErrorKind::ThreepidAuthFailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_confirm_the_same_address_do_not_both_get_it() {
    let (server, mailbox) = start(|_| {}).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let mut bodies = Vec::new();
    for (user, secret) in [(&alice, "of alice"), (&bob, "of-bob")] {
        let secret = secret.replace(' ', "-");
        let body = json!({ "client_secret": secret, "email": ADDRESS, "send_attempt": 1 });
        let asked = user.post(ADD, body).await.expect("mail can be sent");
        confirm(user, &mailbox.next().await).await;
        bodies.push(json!({ "sid": asked["sid"], "client_secret": secret, "auth": user.confirmation() }));
    }

    let path = "/_matrix/client/v3/account/3pid/add";
    let outcomes = tokio::join!(alice.post(path, bodies[0].clone()), bob.post(path, bodies[1].clone()));

    let refused = match outcomes {
        (Ok(_), Err(refusal)) | (Err(refusal), Ok(_)) => refusal,
        both => panic!("one of them gets it: {both:?}"),
    };
    refused.assert_is(&ErrorKind::ThreepidInUse);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_removed_and_told_so() {
    let (server, mailbox) = start(|_| {}).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    add(&alice, &mailbox, ADDRESS).await;
    let path = "/_matrix/client/v3/account/3pid/delete";
    let body = json!({ "medium": "email", "address": "ALICE@mailbox.test" });

    bob.post(path, body.clone()).await.expect("it is not theirs, and nothing happens");
    let before = alice.get("/_matrix/client/v3/account/3pid").await.expect("they can be listed");
    let answer = alice.post(path, body).await.expect("it can be removed");

    assert_eq!(before["threepids"].as_array().expect("a list").len(), 1);
    assert!(answer["id_server_unbind_result"].is_string());
    assert_eq!(alice.get("/_matrix/client/v3/account/3pid").await.expect("a list"), json!({ "threepids": [] }));
    let told = mailbox.next().await;
    assert!(told.to == [ADDRESS] && told.text.contains("was removed"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_reset_by_mail() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    add(&alice, &mailbox, ADDRESS).await;
    let nobody = server.anonymous();
    let path = "/_matrix/client/v3/account/password";
    let asked = request(&nobody, RESET, ADDRESS).await.expect("mail can be sent");
    let mail = mailbox.next().await;
    let challenge = nobody.post(path, json!({ "new_password": "a new password" })).await.expect_err("no proof");
    assert_eq!(challenge.status, 401);
    assert_eq!(challenge.body["flows"], json!([{ "stages": ["m.login.email.identity"] }]));
    let mut body = json!({ "new_password": "a new password", "auth": proof(&asked["sid"]) });
    body["auth"]["session"] = challenge.body["session"].clone();

    let early = nobody.post(path, body.clone()).await.expect_err("it is not confirmed");
    confirm(&nobody, &mail).await;
    nobody.post(path, body.clone()).await.expect("it is confirmed");

    assert_eq!((early.status.as_u16(), &early.body["errcode"]), (401, &json!("M_THREEPID_AUTH_FAILED")));
    assert!(!alice.is_logged_in().await, "all sessions end");
    alice.try_login(json!({})).await.expect_err("the password is old").assert_is(&ErrorKind::Forbidden);
    alice.try_login(json!({ "password": "a new password" })).await.expect("the password is new");
    body["auth"].as_object_mut().expect("an object").remove("session");
    assert_eq!(nobody.post(path, body).await.expect_err("the proof is used up").status, 401);
    assert!(mailbox.next().await.text.contains("was changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_which_addresses_have_accounts() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    add(&alice, &mailbox, ADDRESS).await;
    let nobody = server.anonymous();

    for path in [REGISTER, RESET, ADD] {
        for (address, is_known) in [(ADDRESS, true), ("nobody@mailbox.test", false)] {
            let answer = request(&nobody, path, address).await.expect("nobody can tell");

            let members: Vec<_> = answer.as_object().expect("an object").keys().collect();
            assert_eq!(members, ["sid"]);
            assert_eq!(answer["sid"].as_str().map(str::len), Some(32));
            if is_known || path != RESET {
                assert_eq!(mailbox.next().await.to, [address]);
            }
        }
    }
    let left = "select count(*) from outgoing_mail";
    while server.scalar::<i64>(left).await > 0 {
        tokio::task::yield_now().await;
    }
    assert!(mailbox.is_empty().await, "nothing was sent to who has no account");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_is_good_for_its_purpose_alone() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    let asked = request(&alice, REGISTER, ADDRESS).await.expect("mail can be sent");
    confirm(&alice, &mailbox.next().await).await;

    let body = json!({ "sid": asked["sid"], "client_secret": "secret", "auth": alice.confirmation() });
    let added = alice.post("/_matrix/client/v3/account/3pid/add", body).await;

    added.expect_err("it was to register").assert_is(&ErrorKind::ThreepidAuthFailed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_once_for_each_attempt() {
    let (server, mailbox) = start(|_| {}).await;
    let nobody = server.anonymous();
    let ask = |send_attempt: u32| {
        let nobody = nobody.clone();
        let body = json!({ "client_secret": "secret", "email": ADDRESS, "send_attempt": send_attempt });
        async move { nobody.post(REGISTER, body).await.expect("mail can be sent")["sid"].clone() }
    };

    let first = ask(1).await;
    let repeated = ask(1).await;
    let mail = mailbox.next().await;
    let second = ask(2).await;
    let newer = mailbox.next().await;

    assert_eq!((&first, &first), (&repeated, &second));
    assert!(mailbox.is_empty().await);
    assert_eq!(click(&nobody, &mail.token()).await.status(), 404, "the older link is not good any more");
    assert_eq!(click(&nobody, &newer.token()).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_can_or_must_confirm_an_address() {
    for must in [false, true] {
        let (server, mailbox) = start(|config| config.registration.require_email = must).await;
        let nobody = server.anonymous();
        let path = "/_matrix/client/v3/register";
        let account = json!({ "username": "alice", "password": "long enough" });
        let challenge = nobody.post(path, account.clone()).await.expect_err("nothing is proved");
        let with = json!({ "stages": ["m.login.email.identity"] });
        let flows = if must { json!([with]) } else { json!([{ "stages": ["m.login.dummy"] }, with]) };
        assert_eq!(challenge.body["flows"], flows);
        let asked = request(&nobody, REGISTER, ADDRESS).await.expect("mail can be sent");
        confirm(&nobody, &mailbox.next().await).await;
        let mut body = account.clone();
        body["auth"] = proof(&asked["sid"]);
        body["auth"]["session"] = challenge.body["session"].clone();

        let answer = nobody.post(path, body).await.expect("the address is confirmed");

        let alice = nobody.with_session("X", answer["access_token"].as_str().expect("a token"));
        let list = alice.get("/_matrix/client/v3/account/3pid").await.expect("they can be listed");
        assert_eq!(list["threepids"][0]["address"], ADDRESS);
        let mut without = json!({ "username": "bob", "password": "long enough", "auth": { "type": "m.login.dummy" } });
        assert_eq!(nobody.post(path, without.clone()).await.is_err(), must);
        without["username"] = json!("carol");
        without["auth"] = proof(&asked["sid"]);
        assert_eq!(nobody.post(path, without).await.expect_err("it is used up").status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_by_token_proves_both() {
    let (server, mailbox) = start(|config| {
        config.registration.mode = RegistrationMode::Token;
        config.registration.require_email = true;
    })
    .await;
    let tokens = &server.app.accounts.registration;
    let token = tokens.create_token(homeserver::audit::Actor::operator(), Default::default()).await;
    let token = token.expect("it can be created");
    let nobody = server.anonymous();
    let asked = request(&nobody, REGISTER, ADDRESS).await.expect("mail can be sent");
    confirm(&nobody, &mailbox.next().await).await;
    let mut body = json!({ "username": "alice", "password": "long enough" });
    body["auth"] = json!({ "type": "m.login.registration_token", "token": token });
    let path = "/_matrix/client/v3/register";

    let next = nobody.post(path, body.clone()).await.expect_err("one stage is left");
    body["auth"] = proof(&asked["sid"]);
    body["auth"]["session"] = next.body["session"].clone();
    nobody.post(path, body).await.expect("both are proved");

    assert_eq!(next.body["flows"], json!([{ "stages": ["m.login.registration_token", "m.login.email.identity"] }]));
    assert_eq!(next.body["completed"], json!(["m.login.registration_token"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_can_log_in_by_an_address() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    add(&alice, &mailbox, ADDRESS).await;
    let by = |address: &str| json!({ "type": "m.id.thirdparty", "medium": "email", "address": address });

    let answer = alice.try_login(json!({ "identifier": by("Alice@mailbox.test") })).await.expect("it is her address");
    let wrong = alice.try_login(json!({ "identifier": by(ADDRESS), "password": "wrong" })).await;
    let unknown = alice.try_login(json!({ "identifier": by("nobody@mailbox.test") })).await;

    assert_eq!(answer["user_id"], "@alice:test.local");
    let [wrong, unknown] = [wrong, unknown].map(|refused| refused.expect_err("this is nobody's").body);
    assert_eq!(wrong, unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_addresses_cannot_write_headers() {
    let (server, mailbox) = start(|_| {}).await;
    let nobody = server.anonymous();
    let addresses = [
        "alice@mailbox.test\r\nBcc: bob@mailbox.test",
        "alice@mailbox.test\nBcc: bob@mailbox.test",
        "Alice <alice@mailbox.test>",
        "alice@mailbox.test,bob@mailbox.test",
        "alice",
        "",
    ];

    for address in addresses {
        for path in [REGISTER, RESET, ADD] {
            request(&nobody, path, address).await.expect_err(address).assert_is(&ErrorKind::InvalidParam);
        }
    }

    assert!(mailbox.is_empty().await);
    let secret = json!({ "client_secret": "with space", "email": ADDRESS, "send_attempt": 1 });
    assert_eq!(nobody.post(ADD, secret).await.expect_err("that is no client secret").status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_sent_on_only_to_hosts_that_the_operator_trusts() {
    let (server, mailbox) = start(|config| config.mail.next_link_hosts = vec!["app.test".to_owned()]).await;
    let nobody = server.anonymous();
    let cases = [
        ("https://app.test/welcome?a=%22%3E", true),
        ("https://evil.test/", false),
        ("https://app.test@evil.test/", false),
        ("https://evil@app.test/", false),
        ("http://app.test/", false),
        ("javascript:alert(1)//app.test", false),
        ("//app.test/", false),
    ];

    for (attempt, (link, is_trusted)) in (1..).zip(cases) {
        let body = json!({ "client_secret": "s", "email": ADDRESS, "send_attempt": attempt, "next_link": link });
        nobody.post(REGISTER, body).await.expect("mail can be sent");
        let answer = click(&nobody, &mailbox.next().await.token()).await;

        assert_eq!(answer.status(), 200, "nobody is sent on without a click");
        let page = answer.text().await.expect("the page is complete");
        assert_eq!(page.contains("href"), is_trusted, "{link}: {page}");
        assert!(!page.contains("evil") && !page.contains("javascript"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_behind_a_link_gives_nothing_away() {
    let (server, mailbox) = start(|_| {}).await;
    let nobody = server.anonymous();
    request(&nobody, REGISTER, ADDRESS).await.expect("mail can be sent");
    let link = mailbox.next().await.link();

    let french = nobody.call(Method::GET, &link).header("Accept-Language", "fr").send().await.expect("it answers");
    let headers = french.headers().clone();
    let unknown = nobody.call(Method::GET, &format!("{PAGE}?token=%3Cscript%3E")).send().await.expect("it answers");

    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(headers[name], value);
    }
    let policy = headers["content-security-policy"].to_str().expect("it is text");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(french.text().await.expect("the page is complete").contains("Oui, confirmer"));
    assert_eq!(unknown.status(), 404);
    assert!(!unknown.text().await.expect("the page is complete").contains("script"));
    server.app.clock.advance(Duration::from_secs(25 * 3600));
    assert_eq!(nobody.call(Method::GET, &link).send().await.expect("it answers").status(), 404, "it has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_it_is_said_so() {
    let server = TestServer::start().await;
    let nobody = server.anonymous();

    for path in [REGISTER, RESET, ADD] {
        let refused = request(&nobody, path, ADDRESS).await.expect_err("no mail can be sent");
        assert_eq!(refused.status, 403);
        refused.assert_is(&ErrorKind::ThreepidDenied);
        assert!(refused.body["error"].as_str().is_some_and(|error| error.contains("sends no e-mail")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_put_off_are_sent_later() {
    let (server, mailbox) = start(|_| {}).await;
    mailbox.put_off(1);
    request(&server.anonymous(), REGISTER, ADDRESS).await.expect("mail can be sent");
    // While it is being sent it is claimed for two minutes, then put off for half a one.
    let put_off = "select count(*) from outgoing_mail where attempts = 1 and next_try_at < created_at + 60000";
    while server.scalar::<i64>(put_off).await != 1 {
        tokio::task::yield_now().await;
    }

    server.app.clock.advance(Duration::from_secs(3600));
    server.app.mail.wake();

    assert_eq!(mailbox.next().await.to, [ADDRESS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_of_new_devices_in_their_language() {
    let (server, mailbox) = start(|config| config.mail.tell_of_sign_ins = true).await;
    let alice = server.user("alice").await;
    let body = json!({ "client_secret": "secret", "email": ADDRESS, "send_attempt": 1 });
    let asked = alice.call(Method::POST, ADD).header("Accept-Language", "fr-CA,en;q=0.5").json(&body);
    let asked: Value = asked.send().await.expect("it answers").json().await.expect("it is JSON");
    confirm(&alice, &mailbox.next().await).await;
    let body = json!({ "sid": asked["sid"], "client_secret": "secret", "auth": alice.confirmation() });
    alice.post("/_matrix/client/v3/account/3pid/add", body).await.expect("it is confirmed");
    mailbox.next().await;

    let phone = json!({ "device_id": "PHONE", "initial_device_display_name": "Téléphone\r\nBcc: x@mailbox.test" });
    alice.try_login(phone.clone()).await.expect("the password is right");
    let told = mailbox.next().await;
    alice.try_login(phone).await.expect("the device is known");
    let user = server.caller(&alice).await;
    server.app.accounts.emails.notify(user.nid, &user.id, Notice::FactorAdded).await;
    let next = mailbox.next().await;

    assert!(told.text.contains("Appareil : TéléphoneBcc: x@mailbox.test\n"), "{}", told.text);
    assert!(told.text.contains("127.0.0.1") && told.to == [ADDRESS], "{told:?}");
    assert!(!told.head.contains("Bcc"), "{}", told.head);
    assert!(next.text.contains("deux facteurs a été activée"), "a known device is not told of: {}", next.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_are_not_flooded() {
    let (server, mailbox) = start(|config| {
        config.rate_limits.enabled = true;
        config.rate_limits.email_to.burst = 2;
    })
    .await;
    let nobody = server.anonymous();
    let ask = |attempt: u32, email: &'static str| {
        let (nobody, body) = (nobody.clone(), json!({ "client_secret": "s", "email": email, "send_attempt": attempt }));
        async move { nobody.post(RESET, body).await }
    };

    for email in [ADDRESS, "nobody@mailbox.test"] {
        for attempt in 1..=2 {
            ask(attempt, email).await.expect("there is room");
        }
        let refused = ask(3, email).await.expect_err("it was enough");
        assert_eq!(refused.status, 429);
    }
    assert!(mailbox.is_empty().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_account_lets_its_addresses_go() {
    let (server, mailbox) = start(|_| {}).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    add(&alice, &mailbox, ADDRESS).await;
    alice
        .post("/_matrix/client/v3/account/deactivate", json!({ "auth": alice.confirmation() }))
        .await
        .expect("it is confirmed");

    let body = json!({ "client_secret": "of-bob", "email": ADDRESS, "send_attempt": 1 });
    let asked = bob.post(ADD, body).await.expect("mail can be sent");
    confirm(&bob, &mailbox.next().await).await;
    let body = json!({ "sid": asked["sid"], "client_secret": "of-bob", "auth": bob.confirmation() });
    bob.post("/_matrix/client/v3/account/3pid/add", body).await.expect("nobody has it any more");
}
