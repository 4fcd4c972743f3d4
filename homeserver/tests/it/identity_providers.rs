//! Signing in at identity providers elsewhere.

mod accounts;
mod attacks;
mod linking;
mod sign_in;

use homeserver::config::IdentityProvider;
use homeserver_testing::{TestBrowser, TestPage, TestProvider, TestServer, TestUser};
use serde_json::{Value, json};

/// A page that needs somebody to be signed in, and the link to it over the provider.
const SSO: &str = "/sso?redirectUrl=https%3A%2F%2Fapp.test%2F";
const WITH_SSO: &str = "/login/with/sso?next=%2Fsso%3FredirectUrl%3Dhttps%253A%252F%252Fapp.test%252F";

/// A server with a provider about which `change` says more.
async fn start(change: impl FnOnce(&mut IdentityProvider)) -> (TestServer, TestProvider) {
    let provider = TestProvider::start().await;
    let mut rules = provider.rules();
    change(&mut rules);
    let server = TestServer::start_with(|config| config.identity_providers = vec![rules]).await;
    (server, provider)
}

/// What the provider tells of Carol.
fn carol() -> Value {
    json!({
        "sub": "c-4711", "preferred_username": "carol", "name": "Carol C.",
        "email": "carol@mailbox.test", "email_verified": true,
    })
}

/// Comes back from the provider as the person of whom `claims` tell.
async fn sign_in(server: &TestServer, provider: &TestProvider, browser: &TestBrowser, claims: Value) -> TestPage {
    let there = browser.open(WITH_SSO).await;
    browser.open(&provider.approve(server, &there.address, claims)).await
}

/// Makes Carol's account; her browser, and the page that she goes on with.
async fn register(server: &TestServer, provider: &TestProvider) -> (TestBrowser, TestPage) {
    let browser = TestBrowser::new(server);
    let arrival = sign_in(server, provider, &browser, carol()).await;
    let page = browser.submit(&arrival, "/register/with", &[("name", "carol")]).await;
    assert_eq!((page.address.as_str(), page.status), (SSO, 200), "{page:?}");
    (browser, page)
}

/// Links an identity to the account of somebody with a password; their browser, and the page after it.
async fn link(server: &TestServer, provider: &TestProvider, user: &TestUser, claims: Value) -> (TestBrowser, TestPage) {
    let browser = TestBrowser::new(server);
    let form = browser.open("/account/identities").await;
    let page = browser.sign_in(&form, user.id.localpart(), &user.password()).await;
    let there = browser.submit(&page, "/account/identities/link", &[("provider", "sso")]).await;
    let page = browser.open(&provider.approve(server, &there.address, claims)).await;
    (browser, page)
}
