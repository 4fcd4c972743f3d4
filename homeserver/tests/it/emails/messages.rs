//! The messages themselves, and where their links lead.

use std::time::Duration;

use homeserver::{accounts::emails::Notice, error::ErrorKind};
use homeserver_testing::TestServer;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ADD, ADDRESS, PAGE, REGISTER, RESET, click, confirm, request, start};

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
async fn people_are_told_of_every_change_of_their_second_factor() {
    let (server, mailbox) = start(|_| {}).await;
    let alice = server.user("alice").await;
    super::add(&alice, &mailbox, ADDRESS).await;
    let (accounts, user) = (&server.app.accounts, server.caller(&alice).await.nid);
    let by = homeserver::audit::Actor::operator;
    let told = async |words: &str| {
        let mail = mailbox.next().await;
        assert!(mail.text.contains(words) && mail.to == [ADDRESS], "{words:?} is not in {mail:?}");
    };

    let (app, _) = server.enrol(&alice).await;
    told("was turned on").await;
    let codes = accounts.factors.regenerate_recovery_codes(by(), user).await.expect("there is a factor");
    told("New recovery codes were made").await;
    accounts.factors.verify(by(), user, &codes[0]).await.expect("the code is good");
    told("Codes that are left: 9.").await;
    for _ in 0..5 {
        accounts.factors.verify(by(), user, &app.wrong_code()).await.expect_err("the code is wrong");
    }
    told("too many wrong codes").await;
    accounts.administration.reset_second_factor(&alice.id).await.expect("there is a factor");
    told("was turned off").await;
    assert!(mailbox.is_empty().await);
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
