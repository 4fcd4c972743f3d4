//! The page on which people look after their accounts.

use std::time::Duration;

use homeserver::config::RequireTotp;
use homeserver_testing::{Authenticator, TestBrowser, TestPage, TestServer};
use serde_json::json;

/// Sets the second factor up on the pages; the app, and the page with the recovery codes.
async fn set_up(server: &TestServer, browser: &TestBrowser) -> (Authenticator, TestPage) {
    let page = browser.open("/account/two-factor").await;
    let page = browser.submit(&page, "/account/two-factor/begin", &[]).await;
    let url = page.between("<a href=\"otpauth:", "\"").replace("&#38;", "&");
    let app = Authenticator::scan(server, &format!("otpauth:{url}"));
    let codes = browser.submit(&page, "/account/two-factor/confirm", &[("code", &app.code())]).await;
    (app, codes)
}

fn recovery_codes(page: &TestPage) -> Vec<String> {
    let codes = page.html.split("<li><code>").skip(1);
    codes.filter_map(|code| code.split("</code>").next()).map(ToOwned::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_display_name_is_changed_there_and_seen_by_others() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;

    let page = browser.open("/account").await;
    let page = browser.submit(&page, "/account", &[("name", "Alice <3")]).await;

    page.assert_says("It is saved.");
    assert_eq!(page.between("name=\"name\" value=\"", "\""), "Alice &#60;3");
    let profile = alice.get(&format!("/_matrix/client/v3/profile/{}", alice.id)).await.expect("it is there");
    assert_eq!(profile["displayname"], "Alice <3");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_factor_is_set_up_used_and_turned_off() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;

    let (app, codes) = set_up(&server, &browser).await;
    let recovery_codes = recovery_codes(&codes);
    assert_eq!(recovery_codes.len(), 10);
    alice.try_login(json!({})).await.expect_err("the password alone is not enough");
    let page = browser.open("/account/two-factor").await;
    page.assert_says("It is on");
    assert!(!page.html.contains(&recovery_codes[0]), "the codes are shown once");

    let new = browser.submit(&page, "/account/two-factor/codes", &[]).await;
    let off = browser.submit(&page, "/account/two-factor/off", &[("code", &recovery_codes[0])]).await;
    off.assert_says("This code is wrong");
    let off = browser.submit(&page, "/account/two-factor/off", &[("code", &app.next_code())]).await;

    assert_eq!(new.html.matches("<li><code>").count(), 10);
    off.assert_says("Set it up");
    alice.login().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_first_code_turns_nothing_on() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;
    let page = browser.open("/account/two-factor").await;
    let page = browser.submit(&page, "/account/two-factor/begin", &[]).await;

    let refused = browser.submit(&page, "/account/two-factor/confirm", &[("code", "000000")]).await;

    refused.assert_says("This code is wrong. Is the clock of your device right?");
    alice.login().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_everybody_needs_one_it_is_set_up_on_the_way_to_an_app() {
    let server = TestServer::start_with(|config| config.login.require_totp = RequireTotp::All).await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/sso?redirectUrl=https%3A%2F%2Fapp.test%2F").await;

    let page = browser.sign_in(&form, "alice", &alice.password()).await;
    page.assert_says("This server wants you to have it before you go on.");
    let page = browser.submit(&page, "/account/two-factor/begin", &[]).await;
    let url = page.between("<a href=\"otpauth:", "\"").replace("&#38;", "&");
    let app = Authenticator::scan(&server, &format!("otpauth:{url}"));
    let codes = browser.submit(&page, "/account/two-factor/confirm", &[("code", &app.code())]).await;
    let page = browser.open(&codes.link("I have kept them")).await;

    assert_eq!(page.address, "/sso?redirectUrl=https%3A%2F%2Fapp.test%2F");
    page.assert_says("Allow access?");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_take_the_account_over_needs_a_fresh_proof() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;
    let factor = browser.open("/account/two-factor").await;
    let access = browser.open("/account/access").await;
    let devices = browser.open("/account/devices").await;
    let password = browser.open("/account/password").await;

    server.app.clock.advance(Duration::from_secs(301));

    for path in ["/account/password", "/account/deactivate", "/account/reset"] {
        browser.open(path).await.assert_says("Is it you?");
    }
    for (page, form) in [
        (&factor, "/account/two-factor/begin"),
        (&access, "/account/access/password"),
        (&access, "/account/access/token"),
        (&devices, "/account/devices/end"),
        (&devices, "/account/devices/end-all"),
        (&password, "/account/password"),
    ] {
        browser
            .submit(page, form, &[("label", "stolen"), ("password", "stolen password")])
            .await
            .assert_says("Is it you?");
    }
    assert!(alice.is_logged_in().await);
    let again = browser.open("/account/password").await;
    let page = browser.submit(&again, "/login", &[("password", &alice.password())]).await;
    assert_eq!(page.address, "/account/password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_and_everybody_else_signed_out() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let (browser, other) = (TestBrowser::of(&server, &alice).await, TestBrowser::of(&server, &alice).await);
    let page = browser.open("/account/password").await;

    let new = "correct horse battery staple";
    let different = [("password", new), ("repeated", "another")];
    browser.submit(&page, "/account/password", &different).await.assert_says("The two passwords are not the same.");
    let saved =
        browser.submit(&page, "/account/password", &[("password", new), ("repeated", new), ("everywhere", "1")]).await;

    saved.assert_says("It is saved.");
    assert!(!alice.is_logged_in().await);
    assert!(other.open("/account").await.address.starts_with("/login"));
    alice.try_login(json!({ "password": new })).await.expect("the password is new");
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_seen_and_signed_out() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let phone = alice.login().await;
    let browser = TestBrowser::new(&server).with_header("user-agent", "Testbrowser/1.0");
    let form = browser.open("/account/devices").await;
    let page = browser.sign_in(&form, "alice", &alice.password()).await;
    page.assert_says(alice.device_id.as_str());
    page.assert_says("Testbrowser/1.0");

    let one = browser.open(&format!("/account?action=org.matrix.device_delete&device_id={}", phone.device_id)).await;
    assert_eq!(one.address, format!("/account/devices?device_id={}", phone.device_id));
    browser.submit(&one, "/account/devices/end", &[]).await;
    let of_bob = browser.open(&format!("/account/devices?device_id={}", bob.device_id)).await;
    of_bob.assert_says("There is no such device.");

    assert!(!phone.is_logged_in().await);
    assert!(alice.is_logged_in().await && bob.is_logged_in().await);
    let gone = browser.submit(&page, "/account/devices/end-all", &[]).await;
    assert_eq!(gone.address, "/login");
    assert!(!alice.is_logged_in().await && bob.is_logged_in().await);
    assert!(browser.open("/account").await.address.starts_with("/login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn app_passwords_and_tokens_are_shown_once_and_revoked() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;

    let page = browser.open("/account/access").await;
    let made = browser.submit(&page, "/account/access/password", &[("label", "Old client")]).await;
    let password = made.between("<code id=\"secret\">", "<").to_owned();
    let made = browser.submit(&page, "/account/access/token", &[("label", "Bot"), ("days", "30")]).await;
    let token = made.between("<code id=\"secret\">", "<").to_owned();

    let login = alice.try_login(json!({ "password": password })).await.expect("it logs in");
    let client = alice.with_session("CLIENT", login["access_token"].as_str().expect("a token"));
    let bot = alice.with_session("BOT", &token);
    assert!(client.is_logged_in().await && bot.is_logged_in().await);
    let page = browser.open("/account/access").await;
    assert!(!page.html.contains(&password) && !page.html.contains(&token));
    page.assert_says("Old client");
    browser.submit(&page, "/account/access/revoke-password", &[]).await;
    browser.submit(&page, "/account/access/revoke-token", &[]).await;
    assert!(!client.is_logged_in().await && !bot.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_deactivated_by_who_types_its_name() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;
    let page = browser.open("/account?action=org.matrix.account_deactivate").await;

    let wrong = browser.submit(&page, "/account/deactivate", &[("name", "alice")]).await;
    assert!(alice.is_logged_in().await);
    let done = browser.submit(&page, "/account/deactivate", &[("name", alice.id.as_str())]).await;

    wrong.assert_says("This is not your user ID.");
    done.assert_says("The account is deactivated.");
    assert!(!alice.is_logged_in().await);
    assert!(browser.open("/account").await.address.starts_with("/login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_that_is_offered_leads_to_a_page() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;

    for (action, title) in [
        ("profile", "Your account"),
        ("devices_list", "Devices"),
        ("sessions_list", "Devices"),
        ("device_view", "Devices"),
        ("session_view", "Devices"),
        ("device_delete", "Devices"),
        ("session_end", "Devices"),
        ("account_deactivate", "Deactivate the account"),
        ("cross_signing_reset", "Replace your identity keys"),
        ("something_new", "Your account"),
    ] {
        let page = browser.open(&format!("/account?action=org.matrix.{action}&device_id={}", alice.device_id)).await;
        assert_eq!(page.status, 200, "{action}");
        assert_eq!(page.between("<h1>", "</h1>"), title, "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_page_speaks_french() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server).with_header("accept-language", "fr");
    let form = browser.open("/account").await;

    let page = browser.sign_in(&form, "alice", &alice.password()).await;

    for text in ["Votre compte", "Nom affiché", "Appareils", "Double authentification", "Applications et robots"] {
        page.assert_says(text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e_mail_addresses_are_added_with_a_proof_and_removed() {
    let (server, mailbox) = crate::emails::start(|_| {}).await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;
    let form = browser.open("/account/emails").await;

    let waiting = browser.submit(&form, "/account/emails/add", &[("email", "Alice@mailbox.test")]).await;
    let early = browser.submit(&waiting, "/account/emails/confirm", &[]).await;
    let link = browser.open(&mailbox.next().await.link()).await;
    browser.submit(&link, "/_salon/email/confirm", &[]).await;
    let other = TestBrowser::of(&server, &alice).await;
    let elsewhere = other.open(&waiting.address).await;
    let stolen = other.submit(&elsewhere, "/account/emails/confirm", &[]).await;
    let added = browser.submit(&waiting, "/account/emails/confirm", &[]).await;
    let told = mailbox.next().await;
    let removed = browser.submit(&added, "/account/emails/remove", &[]).await;

    for refused in [early, stolen] {
        refused.assert_says("The e-mail address has not been confirmed");
    }
    added.assert_says("alice@mailbox.test");
    assert!(told.text.contains("was added"), "{}", told.text);
    removed.assert_says("There are none.");
    server.app.clock.advance(Duration::from_secs(301));
    let form = browser.open("/account/emails").await;
    browser.submit(&form, "/account/emails/add", &[("email", "evil@mailbox.test")]).await.assert_says("Is it you?");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_what_happened_to_their_accounts() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let browser = TestBrowser::new(&server).with_header("user-agent", "Testbrowser/1.0");
    let form = browser.open("/account").await;
    browser.sign_in(&form, "alice", "wrong").await;
    browser.sign_in(&form, "alice", &alice.password()).await;
    set_up(&server, &browser).await;
    let administration = server.app.accounts.administration.acting_as(&server.caller(&bob).await);
    administration.reset_second_factor(&alice.id).await.expect("it can be reset");
    server.app.audit.settled().await;
    let browser = TestBrowser::of(&server, &alice).await;
    server.app.audit.settled().await;

    let page = browser.open("/account/activity").await;

    for sentence in [
        "The account was made.",
        "Somebody could not sign in.",
        "Somebody signed in.",
        "Two-factor authentication was turned on.",
        "Two-factor authentication was taken away.",
        "by those who run this server",
        "Testbrowser/1.0 · 127.0.0.1",
    ] {
        page.assert_says(sentence);
    }
    assert!(!page.html.contains("bob"), "who it was is not told: {page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_on_the_pages_is_noted_with_who_and_in_which_session() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::of(&server, &alice).await;

    set_up(&server, &browser).await;
    let page = browser.open("/account/access").await;
    browser.submit(&page, "/account/access/password", &[("label", "Mail")]).await;
    let page = browser.open("/sso?redirectUrl=https%3A%2F%2Fapp.test%2F").await;
    browser.submit(&page, "/sso", &[("decision", "allow")]).await;
    let page = browser.open("/account/reset").await;
    browser.submit(&page, "/account/reset", &[]).await;

    server.app.audit.settled().await;
    let events = server.app.audit.of_user(&alice.id, 100).await.expect("it can be read");
    let sign_in = events.iter().find(|event| event.details.get("method") == Some(&json!("page"))).expect("it is noted");
    for (action, name, value) in [
        ("authn_factor_added", "kind", "totp"),
        ("authn_token_created", "kind", "app_password"),
        ("consent_given", "app", "app.test"),
        ("consent_given", "what", "cross_signing_reset"),
    ] {
        let found =
            events.iter().find(|event| event.action == action && event.details.get(name) == Some(&json!(value)));
        let event = found.unwrap_or_else(|| panic!("{action} is noted with {name} {value}: {events:?}"));
        assert_eq!(event.actor.as_deref(), Some("@alice:test.local"));
        assert_eq!(event.address.as_deref(), Some("127.0.0.1"));
        assert_eq!(event.details.get("session"), sign_in.details.get("session"), "{action}");
        assert!(event.details.contains_key("session"), "{action}");
    }
}
