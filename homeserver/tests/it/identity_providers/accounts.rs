//! Accounts that are made for people whom a provider knows.

use homeserver::config::{ProvidedAccounts, RegistrationMode};
use homeserver_testing::{TestBrowser, TestMailbox, TestProvider, TestServer};
use serde_json::json;

use super::{SSO, carol, register, sign_in, start};
use crate::access;

#[tokio::test(flavor = "multi_thread")]
async fn somebody_new_chooses_a_name_and_is_signed_in() {
    let provider = TestProvider::start().await;
    let rules = provider.rules();
    let server = TestServer::start_with(|config| {
        config.identity_providers = vec![rules];
        config.registration.mode = RegistrationMode::Closed;
    })
    .await;
    let browser = TestBrowser::new(&server);

    let arrival = sign_in(&server, &provider, &browser, carol()).await;
    arrival.assert_says("Example SSO: carol@mailbox.test");
    assert_eq!(arrival.between("id=\"name\" name=\"name\" value=\"", "\""), "carol");
    let page = browser.submit(&arrival, "/register/with", &[("name", "carolina")]).await;

    assert_eq!(page.address, SSO);
    page.assert_says("@carolina:test.local");
    let profile = server.anonymous().get("/_matrix/client/v3/profile/@carolina:test.local").await.expect("it is there");
    assert_eq!(profile["displayname"], "Carol C.");
    let user = server.app.accounts.emails.find_owner("carol@mailbox.test").await.expect("it can be looked up");
    assert!(user.is_some(), "the address was proved by the provider");
    let again = browser.open(&arrival.address).await;
    again.assert_says("This took too long, or was begun in another browser.");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_taken_reserved_or_impossible_are_refused() {
    let provider = TestProvider::start().await;
    let rules = provider.rules();
    let server = TestServer::start_with(|config| {
        config.identity_providers = vec![rules];
        config.registration.reserved_names = vec!["admin*".to_owned()];
    })
    .await;
    let alice = server.user("carol").await;
    let browser = TestBrowser::new(&server);
    let arrival = sign_in(&server, &provider, &browser, carol()).await;

    for (name, refusal) in [
        ("carol", "This user name is taken."),
        ("administrator", "This user name is reserved."),
        ("Käro", "A user name has the characters"),
    ] {
        browser.submit(&arrival, "/register/with", &[("name", name)]).await.assert_says(refusal);
    }
    let page = browser.submit(&arrival, "/register/with", &[("name", "carol2")]).await;

    assert_eq!(page.address, SSO);
    alice.login().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_may_fix_the_names() {
    let (server, provider) = start(|rules| rules.fixed_localparts = true).await;
    let browser = TestBrowser::new(&server);

    let arrival = sign_in(&server, &provider, &browser, carol()).await;
    assert!(!arrival.html.contains("id=\"name\""));
    let page = browser.submit(&arrival, "/register/with", &[("name", "root")]).await;
    let nameless = TestBrowser::new(&server);
    let arrival = sign_in(&server, &provider, &nameless, json!({ "sub": "n" })).await;
    let refused = nameless.submit(&arrival, "/register/with", &[("name", "root")]).await;

    page.assert_says("@carol:test.local");
    refused.assert_says("This account has no name that could be used here.");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_accounts_are_only_linked_none_is_made() {
    let (server, provider) = start(|rules| rules.accounts = ProvidedAccounts::Link).await;

    let page = sign_in(&server, &provider, &TestBrowser::new(&server), carol()).await;

    assert_eq!(page.status, 403);
    page.assert_says("Sign in with your password, then link it on your account page.");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_an_account_by_its_e_mail_address_or_name() {
    let (server, provider) = start(|_| {}).await;
    server.user("alice").await;
    register(&server, &provider).await;
    let browser = TestBrowser::new(&server);
    let claims = json!({
        "sub": "other", "preferred_username": "alice", "email": "carol@mailbox.test", "email_verified": true,
    });

    let arrival = sign_in(&server, &provider, &browser, claims).await;
    let refused = browser.submit(&arrival, "/register/with", &[("name", "mallory")]).await;

    arrival.assert_says("Make an account");
    refused.assert_says("An account here has your e-mail address already.");
    assert!(browser.open(SSO).await.address.starts_with("/login?"), "nobody is signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_rules_hold_for_them_too() {
    let (server, provider) = start(|_| {}).await;
    let root = access::administrator(&server).await;
    access::rule(&root, "mail", "email_domain mailbox.test registration deny").await;
    let browser = TestBrowser::new(&server);

    let arrival = sign_in(&server, &provider, &browser, carol()).await;
    let refused = browser.submit(&arrival, "/register/with", &[("name", "carol")]).await;
    access::lift(&root, "mail").await;
    let made = browser.submit(&arrival, "/register/with", &[("name", "carol")]).await;
    access::rule(&root, "carol", "user @carol:test.local login deny").await;
    let kept_out = sign_in(&server, &provider, &TestBrowser::new(&server), carol()).await;

    refused.assert_says("Registration is not possible.");
    assert_eq!(made.address, SSO);
    kept_out.assert_says("Logging in is not possible.");
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_accounts_stay_locked() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;
    server.execute("update accounts set is_locked = 1 where localpart = 'carol'").await;

    let page = sign_in(&server, &provider, &TestBrowser::new(&server), carol()).await;

    page.assert_says("This account is locked.");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_address_is_required_the_provider_has_to_vouch_for_one() {
    let (mailbox, provider) = (TestMailbox::start().await, TestProvider::start().await);
    let rules = provider.rules();
    let server = TestServer::start_with(|config| {
        mailbox.configure(config);
        config.registration.require_email = true;
        config.identity_providers = vec![rules];
    })
    .await;
    let browser = TestBrowser::new(&server);
    let mut unproved = carol();
    unproved["email_verified"] = json!(false);

    let arrival = sign_in(&server, &provider, &browser, unproved).await;
    let refused = browser.submit(&arrival, "/register/with", &[("name", "carol")]).await;

    refused.assert_says("This server wants to know your e-mail address");
    register(&server, &provider).await;
}
