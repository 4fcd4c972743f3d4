//! People whose identities open accounts.

use std::time::Duration;

use homeserver::config::RequireTotp;
use homeserver_testing::{TestBrowser, TestProvider, TestServer, parameter};
use serde_json::json;

use super::{SSO, WITH_SSO, carol, link, register, sign_in, start};

#[tokio::test(flavor = "multi_thread")]
async fn who_has_an_account_signs_in_there_and_comes_back_to_the_app() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;
    let browser = TestBrowser::new(&server);

    let form = browser.open(SSO).await;
    let there = browser.open(&form.link("Continue with Example SSO")).await;
    let page = browser.open(&provider.approve(&server, &there.address, carol())).await;
    let back = browser.submit(&page, "/sso", &[("decision", "allow")]).await;

    assert_eq!(parameter(&there.address, "scope").expect("scopes"), "openid profile email");
    assert_eq!(parameter(&there.address, "client_id").as_deref(), Some("salon"));
    assert_eq!(parameter(&there.address, "redirect_uri").as_deref(), Some("https://test.local/login/with/sso/done"));
    page.assert_says("@carol:test.local");
    let token = back.parameter("loginToken").expect("a login token");
    let login = json!({ "type": "m.login.token", "token": token });
    let session = server.anonymous().post("/_matrix/client/v3/login", login).await.expect("it logs in");
    assert_eq!(session["user_id"], "@carol:test.local");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_offer_the_providers_and_the_pages_of_this_server() {
    let provider = TestProvider::start().await;
    let mut rules = provider.rules();
    (rules.brand, rules.icon) = (Some("gitlab".to_owned()), Some("mxc://test.local/icon".into()));
    let server = TestServer::start_with(|config| config.identity_providers = vec![rules]).await;
    let browser = TestBrowser::new(&server);

    let flows = server.anonymous().get("/_matrix/client/v3/login").await.expect("it answers");
    let redirect = |id| format!("/_matrix/client/v3/login/sso/redirect/{id}?redirectUrl=https%3A%2F%2Fapp.test%2F");
    let chosen = browser.peek(&redirect("sso")).await;
    let here = browser.peek(&redirect("local")).await;
    let unknown = browser.peek(&redirect("other")).await;

    let sso = flows["flows"].as_array().expect("flows").iter().find(|flow| flow["type"] == "m.login.sso");
    let expected = json!([
        { "id": "sso", "name": "Example SSO", "brand": "gitlab", "icon": "mxc://test.local/icon" },
        { "id": "local", "name": "test.local" },
    ]);
    assert_eq!(sso.expect("it is there")["identity_providers"], expected);
    assert_eq!((chosen.status, chosen.header("location")), (302, WITH_SSO));
    assert_eq!((here.status, here.header("location")), (302, SSO));
    assert_eq!(unknown.status, 404);
    let there = browser.open(&redirect("sso")).await;
    assert!(there.address.starts_with(&provider.issuer()), "{}", there.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_factor_is_asked_for_after_it() {
    let (server, provider) = start(|_| {}).await;
    let alice = server.user("alice").await;
    link(&server, &provider, &alice, json!({ "sub": "a" })).await;
    let (app, _) = server.enrol(&alice).await;
    let browser = TestBrowser::new(&server);

    let code = sign_in(&server, &provider, &browser, json!({ "sub": "a" })).await;
    assert!(code.address.starts_with("/login/code?"), "{}", code.address);
    assert!(browser.open(SSO).await.address.starts_with("/login?"), "a code is missing");
    let page = browser.submit(&code, "/login/code", &[("code", &app.next_code())]).await;

    assert_eq!(page.address, SSO);
    page.assert_says("@alice:test.local");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_there_is_a_second_factor_only_where_the_operator_says_so() {
    let provider = TestProvider::start().await;
    let mut rules = provider.rules();
    rules.trusted_second_factor = true;
    let trusting = TestServer::start_with(|config| {
        config.identity_providers = vec![rules];
        config.login.require_totp = RequireTotp::All;
    })
    .await;
    let other_provider = TestProvider::start().await;
    let rules = other_provider.rules();
    let other = TestServer::start_with(|config| {
        config.identity_providers = vec![rules];
        config.login.require_totp = RequireTotp::All;
    })
    .await;

    let (_, page) = register(&trusting, &provider).await;
    page.assert_says("Allow access?");
    let browser = TestBrowser::new(&other);
    let arrival = sign_in(&other, &other_provider, &browser, carol()).await;
    let page = browser.submit(&arrival, "/register/with", &[("name", "carol")]).await;

    page.assert_says("This server wants you to have it before you go on.");
    let alice = trusting.user("alice").await;
    link(&trusting, &provider, &alice, json!({ "sub": "a" })).await;
    trusting.enrol(&alice).await;
    let page = sign_in(&trusting, &provider, &TestBrowser::new(&trusting), json!({ "sub": "a" })).await;
    assert_eq!(page.address, SSO, "no code is asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn ways_of_signing_in_there_may_be_not_good_enough() {
    let (server, provider) = start(|rules| rules.acr_values = vec!["gold".to_owned(), "silver".to_owned()]).await;
    let browser = TestBrowser::new(&server);
    let with = |acr: &str| json!({ "sub": "x", "acr": acr });

    let there = browser.open(WITH_SSO).await;
    let weak = browser.open(&provider.approve(&server, &there.address, with("bronze"))).await;
    let untold = sign_in(&server, &provider, &browser, json!({ "sub": "x" })).await;
    let good = sign_in(&server, &provider, &browser, with("silver")).await;

    assert_eq!(parameter(&there.address, "acr_values").as_deref(), Some("gold silver"));
    weak.assert_says("You have to sign in there in a safer way.");
    untold.assert_says("You have to sign in there in a safer way.");
    good.assert_says("Make an account");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_password_proves_anew_there_to_be_present() {
    let (server, provider) = start(|_| {}).await;
    let (browser, _) = register(&server, &provider).await;
    server.app.clock.advance(Duration::from_secs(301));

    let again = browser.open("/account/deactivate").await;
    again.assert_says("Sign in once more to go on.");
    assert!(!again.html.contains("type=\"password\""), "there is none");
    let link = again.link("Continue with Example SSO");
    let there = browser.open(&link).await;
    let before = server.app.clock.now_ms() / 1000 - 3600;
    let mut old = carol();
    old["auth_time"] = json!(before);
    let stale = browser.open(&provider.approve(&server, &there.address, old)).await;
    let there = browser.open(&link).await;
    let other = browser.open(&provider.approve(&server, &there.address, json!({ "sub": "somebody else" }))).await;
    let there = browser.open(&link).await;
    let page = browser.open(&provider.approve(&server, &there.address, carol())).await;

    assert_eq!(parameter(&there.address, "prompt").as_deref(), Some("login"));
    assert_eq!(parameter(&there.address, "max_age").as_deref(), Some("0"));
    stale.assert_says("You were not asked there who you are.");
    other.assert_says("You signed in there as somebody else");
    assert_eq!((page.address.as_str(), page.status), ("/account/deactivate", 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_cannot_ask_anew_is_taken_at_its_word_where_the_operator_says_so() {
    let (server, provider) = start(|rules| rules.reauthenticates = false).await;
    let (browser, _) = register(&server, &provider).await;
    server.app.clock.advance(Duration::from_secs(301));

    let again = browser.open("/account/deactivate").await;
    let there = browser.open(&again.link("Continue with Example SSO")).await;
    let page = browser.open(&provider.approve(&server, &there.address, carol())).await;

    assert_eq!(parameter(&there.address, "prompt"), None);
    assert_eq!(page.address, "/account/deactivate");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_asks_for_is_confirmed_there_where_there_is_no_password() {
    let (server, provider) = start(|_| {}).await;
    let (browser, page) = register(&server, &provider).await;
    let back = browser.submit(&page, "/sso", &[("decision", "allow")]).await;
    let login = json!({ "type": "m.login.token", "token": back.parameter("loginToken") });
    let session = server.anonymous().post("/_matrix/client/v3/login", login).await.expect("it logs in");
    let carol_here = server.anonymous().with_session("X", session["access_token"].as_str().expect("a token"));
    server.app.clock.advance(Duration::from_secs(301));

    let deactivate = "/_matrix/client/v3/account/deactivate";
    let refusal = carol_here.post(deactivate, json!({})).await.expect_err("it is not confirmed");
    assert_eq!(refusal.body["flows"], json!([{ "stages": ["m.login.sso"] }]));
    let auth = refusal.body["session"].as_str().expect("a session");
    let again = browser.open(&format!("/_matrix/client/v3/auth/m.login.sso/fallback/web?session={auth}")).await;
    let there = browser.open(&again.link("Continue with Example SSO")).await;
    let page = browser.open(&provider.approve(&server, &there.address, carol())).await;
    browser.submit(&page, "/_matrix/", &[("decision", "allow")]).await.assert_says("It is confirmed.");

    let confirmed = json!({ "auth": { "session": auth } });
    carol_here.post(deactivate, confirmed).await.expect("it is confirmed");
    assert_eq!(server.scalar::<i64>("select count(*) from linked_identities").await, 0, "it opens nothing any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_may_change_its_keys() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;
    provider.change_key();
    server.app.clock.advance(Duration::from_secs(61));

    let page = sign_in(&server, &provider, &TestBrowser::new(&server), carol()).await;

    assert_eq!(page.address, SSO);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_provider_is_away_passwords_go_on() {
    let (server, provider) = start(|_| {}).await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let there = browser.open(WITH_SSO).await;
    let back = provider.approve(&server, &there.address, carol());
    provider.go_away();
    let unread = TestProvider::start().await;
    unread.go_away();
    let rules = unread.rules();
    let other = TestServer::start_with(|config| config.identity_providers = vec![rules]).await;

    let finished = browser.open(&back).await;
    let begun = TestBrowser::new(&other).open("/login/with/sso").await;

    assert_eq!((finished.status, begun.status), (503, 503));
    begun.assert_says("Something that this server needs is away.");
    let form = browser.open(SSO).await;
    assert_eq!(browser.sign_in(&form, "alice", &alice.password()).await.address, SSO);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_sign_in_there_is_told_so() {
    let (server, provider) = start(|_| {}).await;
    let browser = TestBrowser::new(&server).with_header("accept-language", "fr");
    let there = browser.open(WITH_SSO).await;

    let page = browser.open(&provider.refuse(&there.address)).await;

    assert_eq!(page.status, 403);
    page.assert_says("Vous n’y avez pas été connecté.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_a_browser_is_let_in_by_it_too() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;
    let browser = TestBrowser::new(&server);

    let form = browser.open("/device").await;
    let there = browser.open(&form.link("Continue with Example SSO")).await;
    let page = browser.open(&provider.approve(&server, &there.address, carol())).await;

    assert_eq!((page.address.as_str(), page.status), ("/device", 200));
    page.assert_says("Enter the code that the device shows.");
}
