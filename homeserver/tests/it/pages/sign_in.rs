//! Signing in and registering on the pages.

use std::time::Duration;

use homeserver::config::RegistrationMode;
use homeserver_testing::{TestBrowser, TestServer};

/// A page that needs somebody to be signed in.
const SSO: &str = "/sso?redirectUrl=https%3A%2F%2Fapp.test%2F";

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_signed_in_signs_in_first_and_comes_back() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);

    let form = browser.open(SSO).await;
    let page = browser.sign_in(&form, "alice", &alice.password()).await;

    assert!(form.address.starts_with("/login?next="), "{}", form.address);
    assert_eq!((page.address.as_str(), page.status), (SSO, 200));
    page.assert_says("@alice:test.local");
    assert_eq!(browser.open("/login").await.address, "/account", "who is signed in is not asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_name_are_refused_with_the_same_words() {
    let server = TestServer::start().await;
    server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/login").await;

    let hashes = || server.app.metrics.password_hashes();
    let before = hashes();
    let wrong = browser.sign_in(&form, "alice", "wrong").await;
    let cost = hashes() - before;
    let unknown = browser.sign_in(&form, "nobody", "wrong").await;

    assert_eq!(hashes() - before, 2 * cost, "an unknown name costs as much");
    assert_eq!(cost, 1);
    wrong.assert_says("The user name or the password is wrong.");
    assert_eq!((wrong.status, unknown.status), (403, 403));
    assert_eq!(wrong.html.replace("alice", "NAME"), unknown.html.replace("nobody", "NAME"));
    assert!(!browser.cookies().contains_key("salon-session"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_speak_the_language_of_the_browser() {
    let server = TestServer::start().await;
    let browser = TestBrowser::new(&server).with_header("accept-language", "fr-CH, fr;q=0.9, en;q=0.8");

    let form = browser.open("/login").await;
    let wrong = browser.sign_in(&form, "alice", "wrong").await;

    form.assert_says("<html lang=\"fr\">");
    form.assert_says("Mot de passe");
    wrong.assert_says("Le nom d’utilisateur ou le mot de passe est incorrect.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_by_leaving_by_resting_and_with_the_account() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let browser = TestBrowser::new(&server);
    let sign_in = async |name: &str, password: String| {
        let form = browser.open(SSO).await;
        browser.sign_in(&form, name, &password).await
    };
    let is_signed_in = async || browser.open(SSO).await.address == SSO;

    let page = sign_in("alice", alice.password()).await;
    let kept = browser.cookies();
    browser.submit(&page, "/logout", &[]).await;
    assert!(!is_signed_in().await);
    browser.set_cookies(kept);
    assert!(!is_signed_in().await, "the session is gone on the server as well");

    sign_in("alice", alice.password()).await;
    server.app.clock.advance(Duration::from_secs(11 * 3600));
    assert!(is_signed_in().await);
    server.app.clock.advance(Duration::from_secs(11 * 3600));
    assert!(is_signed_in().await, "its use has lengthened it");
    server.app.clock.advance(Duration::from_secs(13 * 3600));
    assert!(!is_signed_in().await);

    sign_in("bob", bob.password()).await;
    server.app.accounts.administration.reset_password(&bob.id, "a new password").await.expect("it can be reset");
    assert!(!is_signed_in().await, "who reset the password did not want old sessions");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_register_where_registration_is_open() {
    let server = TestServer::start().await;
    let browser = TestBrowser::new(&server);

    let form = browser.open("/register?next=%2Fsso%3FredirectUrl%3Dhttps%253A%252F%252Fapp.test%252F").await;
    let fields = |name, password, repeated| [("name", name), ("password", password), ("repeated", repeated)];
    let different = browser.submit(&form, "/register", &fields("carol", "long enough", "long enuf")).await;
    let impossible = browser.submit(&form, "/register", &fields("Käro", "long enough", "long enough")).await;
    let short = browser.submit(&form, "/register", &fields("carol", "short", "short")).await;
    let page = browser.submit(&form, "/register", &fields("carol", "long enough", "long enough")).await;

    different.assert_says("The two passwords are not the same.");
    impossible.assert_says("A user name has the characters");
    short.assert_says("A password needs at least 8 characters.");
    assert_eq!(page.address, SSO);
    page.assert_says("@carol:test.local");
    let again = TestBrowser::new(&server);
    let form = again.open("/register").await;
    let taken = again.submit(&form, "/register", &fields("carol", "long enough", "long enough")).await;
    taken.assert_says("This user name is taken.");
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_asks_for_a_token_or_is_closed_as_configured() {
    let closed = TestServer::start_with(|config| config.registration.mode = RegistrationMode::Closed).await;
    let server = TestServer::start_with(|config| config.registration.mode = RegistrationMode::Token).await;
    server.registration_token("welcome", 1).await;
    let browser = TestBrowser::new(&server);

    let form = browser.open("/register").await;
    let fields =
        |name, token| [("name", name), ("password", "long enough"), ("repeated", "long enough"), ("token", token)];
    let wrong = browser.submit(&form, "/register", &fields("carol", "guessed")).await;
    let right = browser.submit(&form, "/register", &fields("carol", "welcome")).await;
    let other = TestBrowser::new(&server);
    let form = other.open("/register").await;
    let spent = other.submit(&form, "/register", &fields("dave", "welcome")).await;

    wrong.assert_says("This registration token is not good.");
    assert!(right.address.starts_with("/account"), "{right:?}");
    spent.assert_says("This registration token is not good.");
    let refusal = TestBrowser::new(&closed).open("/register").await;
    assert_eq!(refusal.status, 403);
    refusal.assert_says("Nobody can register on this server.");
    assert!(!TestBrowser::new(&closed).open("/login").await.html.contains("/register"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_e_mail_address_is_required_it_is_proved_first() {
    let (server, mailbox) = crate::emails::start(|config| config.registration.require_email = true).await;
    let (browser, other) = (TestBrowser::new(&server), TestBrowser::new(&server));
    let fields = |name| [("name", name), ("password", "long enough"), ("repeated", "long enough")];

    let first = browser.open("/register?next=%2Faccount%2Fdevices").await;
    let wrong = browser.submit(&first, "/register/email", &[("email", "nobody")]).await;
    let form = browser.submit(&first, "/register/email", &[("email", "carol@mailbox.test")]).await;
    let early = browser.submit(&form, "/register", &fields("carol")).await;
    let link = browser.open(&mailbox.next().await.link()).await;
    browser.submit(&link, "/_salon/email/confirm", &[]).await;
    let elsewhere = other.open(&form.address).await;
    let stolen = other.submit(&elsewhere, "/register", &fields("mallory")).await;
    let page = browser.submit(&early, "/register", &fields("carol")).await;

    wrong.assert_says("This is not an e-mail address.");
    for refused in [early, stolen] {
        refused.assert_says("The e-mail address has not been confirmed");
    }
    assert_eq!((page.address.as_str(), page.status), ("/account/devices", 200));
    let owner = server.app.accounts.emails.find_owner("carol@mailbox.test").await.expect("it can be looked up");
    assert!(owner.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_an_e_mail_address_may_be_given() {
    let (server, mailbox) = crate::emails::start(|_| {}).await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/register").await;

    let first = browser.open(&form.link("Register with an e-mail address")).await;
    let form = browser.submit(&first, "/register/email", &[("email", "carol@mailbox.test")]).await;
    let link = browser.open(&mailbox.next().await.link()).await;
    browser.submit(&link, "/_salon/email/confirm", &[]).await;
    let fields = [("name", "carol"), ("password", "long enough"), ("repeated", "long enough")];
    let page = browser.submit(&form, "/register", &fields).await;

    assert_eq!(page.address, "/account");
    let owner = server.app.accounts.emails.find_owner("carol@mailbox.test").await.expect("it can be looked up");
    assert!(owner.is_some());
}
