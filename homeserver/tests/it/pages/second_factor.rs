//! The second factor on the pages.

use homeserver_testing::{Authenticator, TestBrowser, TestPage, TestServer, TestUser};

const SSO: &str = "/sso?redirectUrl=https%3A%2F%2Fapp.test%2F";

/// Somebody with a second factor who has proved the password, and is asked for a code.
async fn halfway(server: &TestServer, user: &TestUser) -> (TestBrowser, TestPage) {
    let browser = TestBrowser::new(server);
    let form = browser.open(SSO).await;
    let page = browser.sign_in(&form, user.id.localpart(), &user.password()).await;
    assert!(page.address.starts_with("/login/code?"), "{page:?}");
    (browser, page)
}

async fn enter(browser: &TestBrowser, page: &TestPage, code: &str) -> TestPage {
    browser.submit(page, "/login/code", &[("code", code)]).await
}

async fn alice_with_app(server: &TestServer) -> (TestUser, Authenticator, Vec<String>) {
    let alice = server.user("alice").await;
    let (app, recovery_codes) = server.enrol(&alice).await;
    (alice, app, recovery_codes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_alone_opens_nothing() {
    let server = TestServer::start().await;
    let (alice, app, _) = alice_with_app(&server).await;

    let (browser, page) = halfway(&server, &alice).await;
    let meanwhile = browser.open(SSO).await;
    let half = browser.cookies()["salon-session"].clone();
    let there = enter(&browser, &page, &app.next_code()).await;

    assert!(meanwhile.address.starts_with("/login?"), "{meanwhile:?}");
    assert_eq!((there.address.as_str(), there.status), (SSO, 200));
    assert_ne!(browser.cookies()["salon-session"], half, "the token changes with the proof");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_whatever_the_entrance() {
    let server = TestServer::start().await;
    let (alice, app, _) = alice_with_app(&server).await;
    let (first, first_page) = halfway(&server, &alice).await;
    let (second, second_page) = halfway(&server, &alice).await;
    let code = app.next_code();

    let there = enter(&first, &first_page, &code).await;
    let refused = enter(&second, &second_page, &code).await;

    assert_eq!(there.address, SSO);
    refused.assert_says("This code is wrong, or was used before.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_stands_in_for_the_app_once() {
    let server = TestServer::start().await;
    let (alice, _, recovery_codes) = alice_with_app(&server).await;

    let (browser, page) = halfway(&server, &alice).await;
    let form = browser.open(&page.link("Use a recovery code").replace("&amp;", "&")).await;
    form.assert_says("Enter one of the recovery codes");
    let there = enter(&browser, &form, &recovery_codes[0]).await;
    let (again, page) = halfway(&server, &alice).await;
    let refused = enter(&again, &page, &recovery_codes[0]).await;

    assert_eq!(there.address, SSO);
    refused.assert_says("This code is wrong, or was used before.");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_end_the_sign_in() {
    let server = TestServer::start().await;
    let (alice, app, _) = alice_with_app(&server).await;
    let (browser, page) = halfway(&server, &alice).await;

    for _ in 0..5 {
        enter(&browser, &page, &app.wrong_code()).await.assert_says("This code is wrong");
    }
    let sixth = enter(&browser, &page, &app.next_code()).await;

    sixth.assert_says("There were too many wrong codes. Sign in again.");
    assert!(browser.open(SSO).await.address.starts_with("/login?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_the_same_time_count_as_well() {
    let server = TestServer::start().await;
    let (alice, app, _) = alice_with_app(&server).await;
    let (browser, page) = halfway(&server, &alice).await;
    let code = app.next_code();

    let (first, second) = tokio::join!(enter(&browser, &page, &code), enter(&browser, &page, &code));

    let arrived = [&first, &second].iter().filter(|page| page.address == SSO).count();
    assert!(arrived >= 1, "{first:?} {second:?}");
    let sessions = server.scalar::<i64>("select count(*) from browser_sessions where stage = 1").await;
    assert_eq!(sessions, 1, "only one of them used the code up");
}
