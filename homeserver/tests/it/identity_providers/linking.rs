//! Accounts that people link with theirs.

use std::time::Duration;

use homeserver_testing::{TestBrowser, TestMailbox, TestProvider, TestServer};
use serde_json::json;

use super::{SSO, carol, link, register, sign_in, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_account_opens_ones_own_until_it_is_unlinked() {
    let (server, provider) = start(|_| {}).await;
    let alice = server.user("alice").await;

    let (browser, page) = link(&server, &provider, &alice, carol()).await;
    page.assert_says("It is saved.");
    page.assert_says("carol@mailbox.test");
    let by_it = sign_in(&server, &provider, &TestBrowser::new(&server), carol()).await;
    by_it.assert_says("@alice:test.local");
    let gone = browser.submit(&page, "/account/identities/unlink", &[]).await;
    let after = sign_in(&server, &provider, &TestBrowser::new(&server), carol()).await;

    gone.assert_says("There are none.");
    after.assert_says("Make an account");
    server.app.audit.settled().await;
    let events = server.app.audit.list(0, 1000).await.expect("it can be read");
    for action in ["user_identity_linked", "user_identity_unlinked"] {
        let event = events.iter().find(|event| event.action == action).expect("it is noted");
        assert_eq!(event.target.as_deref(), Some("@alice:test.local"));
        assert_eq!(event.details["provider"], "sso");
    }
    let sign_in =
        events.iter().find(|event| event.details.get("method") == Some(&json!("provider"))).expect("it is noted");
    assert_eq!((sign_in.action.as_str(), &sign_in.details["provider"]), ("authn_login_success", &json!("sso")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_way_in_stays() {
    let (server, provider) = start(|_| {}).await;
    let (browser, _) = register(&server, &provider).await;
    let page = browser.open("/account/identities").await;

    let refused = browser.submit(&page, "/account/identities/unlink", &[]).await;
    let form = browser.open("/account/password").await;
    let new = "correct horse battery staple";
    browser.submit(&form, "/account/password", &[("password", new), ("repeated", new)]).await;
    let page = browser.open("/account/identities").await;
    let unlinked = browser.submit(&page, "/account/identities/unlink", &[]).await;

    refused.assert_says("Nothing else opens your account.");
    unlinked.assert_says("There are none.");
    let other = TestBrowser::new(&server);
    let form = other.open(SSO).await;
    assert_eq!(other.sign_in(&form, "carol", new).await.address, SSO, "the password opens it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_there_opens_one_account_here() {
    let (server, provider) = start(|_| {}).await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    link(&server, &provider, &alice, carol()).await;

    let (_, refused) = link(&server, &provider, &bob, carol()).await;
    let (_, again) = link(&server, &provider, &alice, carol()).await;

    refused.assert_says("That account opens another account here already.");
    again.assert_says("It is saved.");
    let page = sign_in(&server, &provider, &TestBrowser::new(&server), carol()).await;
    page.assert_says("@alice:test.local");
}

#[tokio::test(flavor = "multi_thread")]
async fn linking_needs_a_fresh_proof_at_both_ends() {
    let (server, provider) = start(|_| {}).await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/account/identities").await;
    let page = browser.sign_in(&form, "alice", &alice.password()).await;

    let there = browser.submit(&page, "/account/identities/link", &[("provider", "sso")]).await;
    server.app.clock.advance(Duration::from_secs(301));
    let late = browser.open(&provider.approve(&server, &there.address, carol())).await;
    let again = browser.submit(&page, "/account/identities/link", &[("provider", "sso")]).await;

    late.assert_says("This took too long. Begin again.");
    again.assert_says("Is it you?");
    assert_eq!(server.scalar::<i64>("select count(*) from linked_identities").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_told_by_e_mail() {
    let (mailbox, provider) = (TestMailbox::start().await, TestProvider::start().await);
    let rules = provider.rules();
    let server = TestServer::start_with(|config| {
        mailbox.configure(config);
        config.mail.tell_of_sign_ins = false;
        config.identity_providers = vec![rules];
    })
    .await;
    let (browser, _) = register(&server, &provider).await;

    let page = browser.open("/account/identities").await;
    let there = browser.submit(&page, "/account/identities/link", &[("provider", "sso")]).await;
    browser.open(&provider.approve(&server, &there.address, json!({ "sub": "second", "name": "Work" }))).await;
    let told = mailbox.next().await;

    assert_eq!(told.to, ["carol@mailbox.test"]);
    assert!(told.text.contains("Example SSO") && told.text.contains("@carol:test.local"), "{}", told.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_not_used_any_more_is_no_way_in() {
    let (server, provider) = start(|_| {}).await;
    let (browser, _) = register(&server, &provider).await;
    server.execute("update linked_identities set issuer = 'https://former.test/'").await;
    let page = browser.open("/account/identities").await;
    page.assert_says("https://former.test/");

    let there = browser.submit(&page, "/account/identities/link", &[("provider", "sso")]).await;
    let page = browser.open(&provider.approve(&server, &there.address, json!({ "sub": "second" }))).await;
    let ids: Vec<_> =
        page.html.split("name=\"id\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let fields = |id: &str| {
        vec![
            ("csrf".to_owned(), page.between("name=\"csrf\" value=\"", "\"").to_owned()),
            ("id".to_owned(), id.to_owned()),
        ]
    };
    let refused = browser.post("/account/identities/unlink", &fields(ids[1])).await;
    let unlinked = browser.post("/account/identities/unlink", &fields(ids[0])).await;

    refused.assert_says("Nothing else opens your account.");
    assert!(!unlinked.html.contains("former.test"), "{unlinked:?}");
}
