//! What others try with the pages.

use std::collections::BTreeMap;

use homeserver_testing::{TestBrowser, TestServer, encode_text};

const SSO: &str = "/sso?redirectUrl=https%3A%2F%2Fapp.test%2F";

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_led_to_another_site_after_signing_in() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for next in ["https://evil.test/", "//evil.test/account", "/\\evil.test", "/\t/evil.test", "javascript:alert(1)"] {
        let browser = TestBrowser::new(&server);
        let form = browser.open(&format!("/login?next={}", encode_text(next))).await;
        assert!(!form.html.contains("evil"), "{next}");
        let csrf = form.between("name=\"csrf\" value=\"", "\"").to_owned();
        let sent = [("csrf", csrf.as_str()), ("next", next), ("name", "alice"), ("password", &alice.password())];
        let page = browser.post("/login", &fields(&sent)).await;
        assert!(page.address.starts_with("/account"), "{next}: {}", page.address);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_another_site_sends_are_refused() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let form = browser.open(SSO).await;
    let page = browser.sign_in(&form, "alice", &alice.password()).await;
    let allow = [("decision", "allow")];
    let mallory = TestBrowser::new(&server);
    let csrf_of_mallory = mallory.open("/login").await.between("name=\"csrf\" value=\"", "\"").to_owned();
    let csrf_before = form.between("name=\"csrf\" value=\"", "\"").to_owned();

    for csrf in ["", "guessed", &csrf_of_mallory, &csrf_before] {
        let forged = browser.post(SSO, &fields(&[&[("csrf", csrf)], &allow[..]].concat())).await;
        assert_eq!(forged.status, 403, "{csrf}");
        forged.assert_says("This form is out of date.");
    }
    let csrf = page.between("name=\"csrf\" value=\"", "\"").to_owned();
    let elsewhere = TestBrowser::new(&server).with_header("sec-fetch-site", "cross-site");
    elsewhere.set_cookies(browser.cookies());
    let forged = elsewhere.post(SSO, &fields(&[&[("csrf", &*csrf)], &allow[..]].concat())).await;
    assert_eq!(forged.status, 403);
    let honest = browser.post(SSO, &fields(&[&[("csrf", &*csrf)], &allow[..]].concat())).await;
    assert!(honest.address.starts_with("https://app.test/?loginToken="), "{honest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_be_signed_in_as_somebody_else_by_another_site() {
    let server = TestServer::start().await;
    let mallory = server.user("mallory").await;
    let browser = TestBrowser::new(&server);

    let sent = [("name", "mallory"), ("password", &mallory.password()), ("next", "/account")];
    let forged = browser.post("/login", &fields(&sent)).await;

    assert_eq!(forged.status, 403);
    assert!(!browser.cookies().contains_key("salon-session"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_somebody_else_knows_is_not_used() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);
    let planted = BTreeMap::from([("salon-session".to_owned(), "salon_browser_planted".to_owned())]);
    browser.set_cookies(planted);

    let form = browser.open(SSO).await;
    browser.sign_in(&form, "alice", &alice.password()).await;

    let session = browser.cookies()["salon-session"].clone();
    assert_ne!(session, "salon_browser_planted");
    let query = format!("select count(*) from browser_sessions where session_hash = '{session}'");
    assert_eq!(server.scalar::<i64>(&query).await, 0, "only its hash is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_cannot_be_framed_cached_or_fed_with_scripts() {
    let server = TestServer::start().await;
    let browser = TestBrowser::new(&server);

    for path in ["/login", "/register", SSO, "/_matrix/client/v3/auth/m.login.sso/fallback/web?session=x", "/sso"] {
        let page = browser.open(path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(page.header("access-control-allow-origin"), "", "{path}");
        assert!(!page.html.contains("<script"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_typed_is_shown_as_text() {
    let server = TestServer::start().await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/login").await;

    let page = browser.sign_in(&form, "\"><script>alert(1)</script>", "wrong").await;

    assert!(!page.html.contains("<script"), "{}", page.html);
    page.assert_says("<script>alert(1)</script>");
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_bound_to_this_host_and_to_https() {
    let server = TestServer::start_with(|config| {
        config.discovery.client_url = Some("https://matrix.test.local".parse().expect("a URL"));
    })
    .await;
    let alice = server.user("alice").await;
    let browser = TestBrowser::new(&server);

    let form = browser.open("/login").await;
    let cookie = form.header("set-cookie").to_owned();
    browser.sign_in(&form, "alice", &alice.password()).await;

    assert!(cookie.starts_with("__Host-salon-visitor="), "{cookie}");
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(browser.cookies().contains_key("__Host-salon-session"));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_is_slowed_down_on_the_pages_too() {
    let server = TestServer::start_with(|config| config.rate_limits.enabled = true).await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/login").await;
    let mut statuses = Vec::new();

    for _ in 0..7 {
        statuses.push(browser.sign_in(&form, "alice", "guess").await.status);
    }

    assert_eq!(statuses, [403, 403, 403, 403, 403, 429, 429]);
}
