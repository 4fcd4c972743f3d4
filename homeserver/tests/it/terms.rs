//! Documents that people have to accept. Client-server API, "Terms of service at registration".

use std::collections::BTreeMap;

use homeserver::config::{Config, RegistrationMode, Terms, TermsText};
use homeserver_testing::{TestBrowser, TestProvider, TestServer, TestUser};
use serde_json::{Value, json};

const REGISTER: &str = "/_matrix/client/v3/register";
const SSO: &str = "/sso?redirectUrl=https%3A%2F%2Fapp.test%2F";

/// A document in English at an address.
fn document(id: &str, version: &str) -> Terms {
    let url = format!("https://example.org/{id}").parse().expect("a URL");
    let text = TermsText { name: format!("The {id}"), url: Some(url), file: None };
    Terms { id: id.to_owned(), version: version.to_owned(), texts: BTreeMap::from([("en".to_owned(), text)]) }
}

fn privacy(config: &mut Config) {
    config.terms = vec![document("privacy", "1.0")];
}

async fn register(user: &TestUser, name: &str, auth: Value) -> homeserver_testing::Answer<Value> {
    user.post(REGISTER, json!({ "username": name, "password": "long enough", "auth": auth })).await
}

async fn accepted(server: &TestServer) -> i64 {
    server.scalar("select count(*) from accepted_terms").await
}

/// A server in whose database Alice has accepted version 1.0, and that wants 2.0 now.
async fn with_new_version() -> (TestServer, TestUser) {
    let server = TestServer::start_with(|config| {
        config.terms = vec![document("privacy", "2.0"), document("conduct", "1")];
    })
    .await;
    let alice = server.anonymous();
    register(&alice, "alice", json!({ "type": "m.login.terms" })).await.expect("it is accepted");
    server.execute("update accepted_terms set version = '1.0' where terms_id = 'privacy'").await;
    (server, alice)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_show_the_documents_and_say_that_they_are_accepted() {
    let server = TestServer::start_with(privacy).await;
    let nobody = server.anonymous();

    let challenge = register(&nobody, "alice", json!(null)).await.expect_err("nothing is accepted");
    let session = challenge.body["session"].as_str().expect("a session");
    let dummy = register(&nobody, "alice", json!({ "type": "m.login.dummy", "session": session })).await;
    let auth = json!({ "type": "m.login.terms", "session": session });
    register(&nobody, "alice", auth).await.expect("it is accepted");

    assert_eq!(challenge.body["flows"], json!([{ "stages": ["m.login.terms"] }]));
    let expected = json!({
        "m.login.terms": { "policies": { "privacy": {
            "version": "1.0", "en": { "name": "The privacy", "url": "https://example.org/privacy" },
        } } },
    });
    assert_eq!(challenge.body["params"], expected);
    dummy.expect_err("that is not enough");
    assert_eq!(accepted(&server).await, 1);
    server.app.audit.settled().await;
    let events = server.app.audit.list(0, 100).await.expect("it can be read");
    let event = events.iter().find(|event| event.action == "user_terms_accepted").expect("it is noted");
    assert_eq!(event.target.as_deref(), Some("@alice:test.local"));
    assert_eq!(event.details["documents"], json!(["privacy:1.0"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_from_before_a_new_version_accepts_nothing() {
    let server = TestServer::start_with(privacy).await;
    let challenge = register(&server.anonymous(), "alice", json!(null)).await.expect_err("nothing is accepted");
    let other = server.restart_with(|config| config.terms = vec![document("privacy", "1.1")]).await;

    let auth = json!({ "type": "m.login.terms", "session": challenge.body["session"] });
    let refused = register(&other.anonymous(), "alice", auth).await.expect_err("something else is to be accepted");

    assert_eq!(refused.body["params"]["m.login.terms"]["policies"]["privacy"]["version"], "1.1");
    assert_ne!(refused.body["session"], challenge.body["session"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_them_to_clients_that_do_not_know_the_stage() {
    let server = TestServer::start_with(|config| {
        privacy(config);
        config.registration.mode = RegistrationMode::Token;
    })
    .await;
    server.registration_token("welcome", 1).await;
    let nobody = server.anonymous();
    let challenge = register(&nobody, "alice", json!(null)).await.expect_err("nothing is proved");
    let session = challenge.body["session"].as_str().expect("a session");
    let page_of = |kind: &str| format!("/_matrix/client/v3/auth/{kind}/fallback/web?session={session}");
    let browser = TestBrowser::new(&server);

    let terms = browser.open(&page_of("m.login.terms")).await;
    let allow = ("decision", "allow");
    let early = browser.submit(&terms, "/_matrix/", &[allow, ("terms", "privacy:1.0")]).await;
    let token = browser.open(&page_of("m.login.registration_token")).await;
    browser.submit(&token, "/_matrix/", &[allow, ("token", "welcome")]).await.assert_says("It is confirmed.");
    let unread = browser.submit(&terms, "/_matrix/", &[allow]).await;
    let done = browser.submit(&terms, "/_matrix/", &[allow, ("terms", "privacy:1.0")]).await;

    assert_eq!(challenge.body["flows"], json!([{ "stages": ["m.login.registration_token", "m.login.terms"] }]));
    assert_eq!(terms.link("The privacy"), "https://example.org/privacy");
    early.assert_says("Something else comes first.");
    unread.assert_says("Accept the documents to go on.");
    done.assert_says("It is confirmed.");
    register(&nobody, "alice", json!({ "session": session })).await.expect("all is proved");
    assert_eq!(accepted(&server).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_accepted_on_the_pages_too() {
    let provider = TestProvider::start().await;
    let rules = provider.rules();
    let server = TestServer::start_with(|config| {
        privacy(config);
        config.identity_providers = vec![rules];
    })
    .await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/register").await;
    let fields = [("name", "alice"), ("password", "long enough"), ("repeated", "long enough")];

    let refused = browser.submit(&form, "/register", &fields).await;
    let stale = browser.submit(&form, "/register", &[&fields[..], &[("terms", "privacy:0.9")]].concat()).await;
    let page = browser.submit(&form, "/register", &[&fields[..], &[("terms", "privacy:1.0")]].concat()).await;
    let other = TestBrowser::new(&server);
    let there = other.open("/login/with/sso").await;
    let arrival = other.open(&provider.approve(&server, &there.address, json!({ "sub": "bob" }))).await;
    let unread = other.submit(&arrival, "/register/with", &[("name", "bob")]).await;
    let made = other.submit(&arrival, "/register/with", &[("name", "bob"), ("terms", "privacy:1.0")]).await;

    for refusal in [refused, stale, unread] {
        assert_eq!(refusal.status, 403);
        refusal.assert_says("Accept the documents to go on.");
    }
    assert_eq!((page.address.as_str(), made.address.as_str()), ("/account", "/account"));
    assert_eq!(accepted(&server).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_is_asked_about_before_an_app_is_let_in() {
    let (server, _alice) = with_new_version().await;
    let browser = TestBrowser::new(&server);
    let form = browser.open(SSO).await;

    let page = browser.sign_in(&form, "alice", "long enough").await;
    assert!(page.address.starts_with("/login/terms?"), "{}", page.address);
    assert_eq!(page.html.matches("name=\"terms\"").count(), 1, "the other document is accepted");
    let account = browser.open("/account").await;
    let refused = browser.submit(&page, "/login/terms", &[]).await;
    let accepted = browser.submit(&page, "/login/terms", &[("terms", "privacy:2.0")]).await;

    assert_eq!(account.status, 200, "people can look after their accounts before");
    refused.assert_says("Accept the documents to go on.");
    assert_eq!(accepted.address, SSO);
    accepted.assert_says("Allow access?");
    assert_eq!(browser.open("/login/terms?next=%2Faccount").await.address, "/account", "nothing is new");
}

#[tokio::test(flavor = "multi_thread")]
async fn this_server_shows_documents_that_are_files() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        TermsText { name: format!("Terms <{name}>"), url: None, file: Some(path) }
    };
    let texts = [("en", file("en", "Be kind.\n\nDo not <b>shout</b>.")), ("fr", file("fr", "Soyez aimables."))];
    let texts = texts.map(|(language, text)| (language.to_owned(), text)).into();
    let terms = Terms { id: "conduct".into(), version: "1".into(), texts };
    let server = TestServer::start_with(|config| config.terms = vec![terms]).await;
    let browser = TestBrowser::new(&server);

    let challenge = register(&server.anonymous(), "alice", json!(null)).await.expect_err("nothing is accepted");
    let address = |language: &str| {
        let policy = &challenge.body["params"]["m.login.terms"]["policies"]["conduct"];
        let url = policy[language]["url"].as_str().expect("an address").to_owned();
        url.strip_prefix("https://test.local").expect("it is here").to_owned()
    };
    let english = browser.open(&address("en")).await;
    let french = browser.open(&address("fr")).await;

    english.assert_says("Terms <en>");
    assert!(english.html.contains("Do not &#60;b&#62;shout"), "text is shown as text: {english:?}");
    french.assert_says("Soyez aimables.");
    assert_eq!(browser.open("/terms/unknown").await.status, 404);
}
