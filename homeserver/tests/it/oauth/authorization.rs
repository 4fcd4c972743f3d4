//! Applications send their users to the server, who decide.

use homeserver_testing::{TestBrowser, parameter};
use serde_json::json;

use super::{CALLBACK, SCOPE, TestApp, metadata, server, with_alice};

#[tokio::test(flavor = "multi_thread")]
async fn an_application_gets_a_code_in_the_query_or_in_the_fragment() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;

    for (mode, separator) in [("", '?'), ("query", '?'), ("fragment", '#')] {
        let there = app.let_in(&alice, &[("response_mode", mode)]).await;

        let (before, after) = there.address.rsplit_once(separator).expect("there is an answer");
        assert!(CALLBACK.starts_with(before), "{}", there.address);
        assert_eq!(there.status, 303, "a form is not sent on to the application");
        assert!(there.address.starts_with(CALLBACK), "the query of the application stays: {}", there.address);
        let parameters: Vec<&str> = after.split('&').filter_map(|pair| pair.split('=').next()).collect();
        assert!(parameters.ends_with(&["code", "state", "iss"]), "{parameters:?}");
        assert_eq!(there.parameter("state").as_deref(), Some("a state"));
        assert_eq!(there.parameter("iss").as_deref(), Some("https://matrix.test.local/"), "against mix-ups");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_who_asks_for_what_and_can_decline() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let browser = TestBrowser::new(&server);

    let form = browser.open(&app.request(&[("response_mode", "fragment")])).await;
    let page = browser.sign_in(&form, "alice", &alice.password()).await;
    let there = browser.submit(&page, "/oauth2/authorize", &[("decision", "deny")]).await;

    for text in ["Nice app", "@alice:test.local", "https://app.test/", CALLBACK, "AAABBBCCCD"] {
        page.assert_says(text);
    }
    assert!(there.address.starts_with(&format!("{CALLBACK}#error=access_denied&")), "{}", there.address);
    assert_eq!(there.parameter("state").as_deref(), Some("a state"));
    assert_eq!(there.parameter("code"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn installed_apps_are_opened_by_a_link() {
    let (server, alice) = with_alice().await;
    let mut native = metadata();
    native["application_type"] = json!("native");
    native["redirect_uris"] = json!(["test.app.mobile:/callback", "https://app.test/open", "http://127.0.0.1/"]);
    let app = TestApp::register_as(&server, native).await;

    for uri in ["test.app.mobile:/callback", "https://app.test/open"] {
        let page = app.let_in(&alice, &[("redirect_uri", uri)]).await;
        let link = page.link("Open the app");
        assert_eq!(page.status, 200);
        assert!(link.starts_with(&format!("{uri}?code=")), "{link}");
        assert_eq!(parameter(&link, "state").as_deref(), Some("a state"));
    }
    let there = app.let_in(&alice, &[("redirect_uri", "http://127.0.0.1:4711/")]).await;
    assert!(there.address.starts_with("http://127.0.0.1:4711/?code="), "{}", there.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let browser = TestBrowser::new(&server);
    let form = browser.open(&app.request(&[])).await;
    browser.sign_in(&form, "alice", &alice.password()).await;

    for changes in [
        [("redirect_uri", "https://evil.test/")],
        [("redirect_uri", "https://app.test/callback")],
        [("redirect_uri", "https://app.test/callback?source=salon&more=1")],
        [("redirect_uri", "https://app.test/callback?source=salon#fragment")],
        [("redirect_uri", "javascript:alert(1)")],
        [("redirect_uri", "")],
        [("client_id", "unknown")],
        [("client_id", "")],
    ] {
        let page = browser.open(&app.request(&changes)).await;
        assert_eq!(page.status, 400, "{changes:?}");
        page.assert_says("This did not work");
        assert_eq!(page.header("location"), "", "{changes:?}");
    }
    for name in ["client_id", "redirect_uri"] {
        let twice = format!("{}&{name}=https%3A%2F%2Fevil.test%2F", app.request(&[]));
        assert_eq!(browser.open(&twice).await.status, 400, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_learns_what_is_wrong_with_its_request() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let mut for_devices = metadata();
    for_devices["grant_types"] = json!(["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"]);
    let device_app = TestApp::register_as(&server, for_devices).await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/account").await;
    browser.sign_in(&form, "alice", &alice.password()).await;
    let without_api = SCOPE.replace("urn:matrix:client:api:*", "openid");

    for (changes, error) in [
        ([("response_type", "token")], "unsupported_response_type"),
        ([("response_type", "code id_token")], "unsupported_response_type"),
        ([("response_type", "")], "invalid_request"),
        ([("response_mode", "form_post")], "invalid_request"),
        ([("code_challenge", "")], "invalid_request"),
        ([("code_challenge", "short")], "invalid_request"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        ([("code_challenge_method", "")], "invalid_request"),
        ([("scope", "")], "invalid_scope"),
        ([("scope", "urn:matrix:client:api:*")], "invalid_scope"),
        ([("scope", &*without_api)], "invalid_scope"),
    ] {
        let there = browser.open(&app.request(&changes)).await;
        assert!(there.address.starts_with(CALLBACK), "{changes:?}: {}", there.address);
        assert_eq!(there.parameter("error").as_deref(), Some(error), "{changes:?}");
        assert_eq!(there.parameter("state").as_deref(), Some("a state"), "{changes:?}");
        assert!(there.parameter("error_description").is_some(), "{changes:?}");
    }
    let there = browser.open(&format!("{}&scope=openid", app.request(&[]))).await;
    assert_eq!(there.parameter("error").as_deref(), Some("invalid_request"), "no parameter may come twice");
    let there = browser.open(&device_app.request(&[])).await;
    assert_eq!(there.parameter("error").as_deref(), Some("unauthorized_client"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_the_server_leads_no_stranger_anywhere() {
    let server = server().await;
    let app = TestApp::register(&server).await;
    let browser = TestBrowser::new(&server);

    let page = browser.open(&app.request(&[("response_type", "token")])).await;

    assert!(page.address.starts_with("/login?"), "anybody can register an application: {}", page.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_wishes_of_the_page_is_no_error() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let browser = TestBrowser::new(&server);

    let register = browser.open(&app.request(&[("prompt", "create")])).await;
    register.assert_says("Make an account");
    let hinted = browser.open(&app.request(&[("login_hint", "mxid:@alice:test.local")])).await;
    assert_eq!(hinted.between("name=\"name\" value=\"", "\""), "@alice:test.local");
    browser.sign_in(&hinted, "alice", &alice.password()).await;
    for prompt in ["consent", "select_account", "none", "something new", "login"] {
        let page = browser.open(&app.request(&[("prompt", prompt)])).await;
        page.assert_says("Allow access?");
    }
    server.app.clock.advance(std::time::Duration::from_secs(301));
    browser.open(&app.request(&[("prompt", "login")])).await.assert_says("Is it you?");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leads_to_the_application_lets_the_browser_go_there() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let browser = TestBrowser::new(&server);
    let form = browser.open(&app.request(&[])).await;

    let page = browser.sign_in(&form, "alice", &alice.password()).await;

    let policy = page.header("content-security-policy");
    assert!(!policy.contains("form-action"), "browsers hold it against the redirect: {policy}");
    assert!(policy.contains("frame-ancestors 'none'"));
    assert_eq!(page.header("x-frame-options"), "DENY");
}
