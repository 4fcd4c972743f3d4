//! What others try with identity providers.

use homeserver::secrets::hex;
use homeserver_testing::{TestBrowser, TestPage, TestProvider, TestServer};
use serde_json::{Value, json};

use super::{SSO, WITH_SSO, carol, link, register, sign_in, start};

/// Comes back with an ID token that `make` makes from its claims.
async fn with_token(
    server: &TestServer,
    provider: &TestProvider,
    make: impl FnOnce(&TestProvider, Value) -> String,
) -> (TestBrowser, TestPage) {
    let browser = TestBrowser::new(server);
    let there = browser.open(WITH_SSO).await;
    let back = provider.approve_with(server, &there.address, carol(), |claims| make(provider, claims));
    let page = browser.open(&back).await;
    (browser, page)
}

async fn assert_nobody_is_signed_in(browser: &TestBrowser) {
    assert!(browser.open(SSO).await.address.starts_with("/login?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_not_for_this_sign_in_are_refused() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;
    let now = server.app.clock.now_ms() / 1000;

    for (name, value) in [
        ("nonce", json!("another")),
        ("nonce", json!(null)),
        ("aud", json!("another client")),
        ("aud", json!(["salon", "another client"])),
        ("iss", json!("https://another.test/")),
        ("exp", json!(now - 3600)),
        ("iat", json!(now + 3600)),
    ] {
        let (browser, page) = with_token(&server, &provider, |provider, mut claims| {
            claims[name] = value.clone();
            provider.sign(&claims)
        })
        .await;
        assert!([403, 503].contains(&page.status), "{name} {value}: {page:?}");
        assert_nobody_is_signed_in(&browser).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_the_provider_did_not_sign_are_refused() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;

    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "none", "kid": "1" }),
        json!({ "alg": "HS256", "kid": "1" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RS256", "kid": "1" }),
        json!({ "alg": "EdDSA", "kid": "unknown" }),
        json!({ "alg": "EdDSA", "kid": "1", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": "AAAA" } }),
    ] {
        // The key is another one than the provider's.
        let (browser, page) =
            with_token(&server, &provider, |provider, claims| provider.sign_as(&header, &claims, 99)).await;
        assert!([403, 503].contains(&page.status), "{header}: {page:?}");
        assert_nobody_is_signed_in(&browser).await;
    }
    let cut = |token: String| format!("{}.", token.rsplit_once('.').expect("it has three parts").0);
    let (browser, page) = with_token(&server, &provider, |provider, claims| cut(provider.sign(&claims))).await;
    assert!([403, 503].contains(&page.status), "{page:?}");
    assert_nobody_is_signed_in(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_good_once_and_in_one_browser() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;
    let (mallory, victim) = (TestBrowser::new(&server), TestBrowser::new(&server));
    victim.open("/login").await;

    let there = mallory.open(WITH_SSO).await;
    let back = provider.approve(&server, &there.address, carol());
    let planted = victim.open(&back).await;
    let used = mallory.open(&back).await;
    let other = TestBrowser::new(&server);
    other.set_cookies(mallory.cookies().into_iter().filter(|(name, _)| name == "salon-visitor").collect());
    let replayed = other.open(&back).await;
    let made_up = victim.open("/login/with/sso/done?code=x&state=made-up").await;

    for refused in [&planted, &replayed, &made_up] {
        assert_eq!(refused.status, 404, "{refused:?}");
        refused.assert_says("This took too long, or was begun in another browser.");
    }
    assert_eq!(used.address, SSO);
    assert_nobody_is_signed_in(&victim).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_are_not_mixed_up() {
    let (honest, evil) = (TestProvider::start().await, TestProvider::start().await);
    let (rules, mut others) = (honest.rules(), evil.rules());
    others.id = "evil".to_owned();
    let server = TestServer::start_with(|config| config.identity_providers = vec![rules, others]).await;
    register(&server, &honest).await;

    let browser = TestBrowser::new(&server);
    let there = browser.open(WITH_SSO).await;
    let back = honest.approve(&server, &there.address, carol());
    let at_the_other = browser.open(&back.replace("/login/with/sso/", "/login/with/evil/")).await;
    let (without, _) = back.split_once("&iss=").expect("it names the issuer");
    let unnamed = browser.open(without).await;
    let there = browser.open(WITH_SSO).await;
    let back = honest.approve(&server, &there.address, carol());
    let (without, _) = back.split_once("&iss=").expect("it names the issuer");
    let of_the_other =
        browser.open(&format!("{without}&iss={}", homeserver_testing::encode_text(&evil.issuer()))).await;
    // The other provider claims to know the same person.
    let elsewhere = browser.open(&WITH_SSO.replace("/sso?next", "/evil?next")).await;
    let claimed = browser.open(&evil.approve(&server, &elsewhere.address, carol())).await;

    assert_eq!(at_the_other.status, 404);
    assert_eq!((unnamed.status, of_the_other.status), (403, 403));
    claimed.assert_says("Make an account");
    assert_nobody_is_signed_in(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_sign_in_is_refused_by_the_provider() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;
    let (mallory, victim) = (TestBrowser::new(&server), TestBrowser::new(&server));

    let of_victim = victim.open(WITH_SSO).await;
    let stolen = provider.approve(&server, &of_victim.address, carol());
    let code = homeserver_testing::parameter(&stolen, "code").expect("a code");
    let there = mallory.open(WITH_SSO).await;
    let own = provider.approve(&server, &there.address, json!({ "sub": "mallory" }));
    let own_code = homeserver_testing::parameter(&own, "code").expect("a code");
    let injected = mallory.open(&own.replace(&own_code, &code)).await;

    assert_eq!(injected.status, 403);
    injected.assert_says("You were not signed in there.");
    assert_nobody_is_signed_in(&mallory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_userinfo_endpoint_must_tell_of_the_same_person() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;

    let (browser, page) = with_token(&server, &provider, |provider, mut claims| {
        claims["sub"] = json!("somebody else");
        provider.sign(&claims)
    })
    .await;

    page.assert_says("What was told of you there could not be verified.");
    assert_nobody_is_signed_in(&browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_led_to_another_site_afterwards() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;

    for next in ["https://evil.test/", "//evil.test/account", "/\\evil.test"] {
        let browser = TestBrowser::new(&server);
        let there = browser.open(&format!("/login/with/sso?next={}", homeserver_testing::encode_text(next))).await;
        let page = browser.open(&provider.approve(&server, &there.address, carol())).await;
        assert_eq!(page.address, "/account", "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_and_linked_by_its_own_browser_only() {
    let (server, provider) = start(|_| {}).await;
    let alice = server.user("alice").await;
    let (browser, other) = (TestBrowser::new(&server), TestBrowser::new(&server));
    let arrival = sign_in(&server, &provider, &browser, carol()).await;

    let elsewhere = other.open(&arrival.address).await;
    let forged = other.post("/account/identities/link", &[("provider".to_owned(), "sso".to_owned())]).await;
    // Mallory begins to link, and has Alice come back with it.
    let mallory = server.user("mallory").await;
    let form = other.open("/account/identities").await;
    let page = other.sign_in(&form, "mallory", &mallory.password()).await;
    let there = other.submit(&page, "/account/identities/link", &[("provider", "sso")]).await;
    let (victim, _) = link(&server, &provider, &alice, json!({ "sub": "alice" })).await;
    let planted = victim.open(&provider.approve(&server, &there.address, json!({ "sub": "mallory" }))).await;

    elsewhere.assert_says("This took too long, or was begun in another browser.");
    assert_eq!(forged.status, 403);
    planted.assert_says("This took too long, or was begun in another browser.");
    assert_eq!(server.scalar::<i64>("select count(*) from linked_identities").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_could_be_used_or_read_is_stored() {
    let (server, provider) = start(|_| {}).await;
    register(&server, &provider).await;
    let browser = TestBrowser::new(&server);
    let there = browser.open(WITH_SSO).await;
    let other = TestBrowser::new(&server);
    let other_person = json!({ "sub": "o-1", "name": "Secretive Person", "email": "secretive@mailbox.test" });
    let arrival = sign_in(&server, &provider, &other, other_person).await;

    let dump = server.dump().await;

    let parameter = |name| homeserver_testing::parameter(&there.address, name).expect("it is there");
    let token = homeserver_testing::parameter(&arrival.address, "arrival").expect("a token");
    for secret in [
        "c-4711".to_owned(),
        "carol@mailbox.test".to_owned(),
        "Secretive Person".to_owned(),
        parameter("state"),
        parameter("nonce"),
        token,
    ] {
        assert!(!dump.contains(&hex(secret.as_bytes()).to_uppercase()), "{secret} is in the dump");
    }
    assert!(dump.contains(&hex(provider.issuer().as_bytes()).to_uppercase()), "what is no secret is found");
}
