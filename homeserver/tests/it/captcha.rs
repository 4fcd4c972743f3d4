//! Captchas that people solve who register. Client-server API, "Google ReCaptcha".

use homeserver::config::{CaptchaService, RegistrationMode};
use homeserver_testing::{Answer, TestBrowser, TestCaptcha, TestPage, TestServer};
use serde_json::{Value, json};

const REGISTER: &str = "/_matrix/client/v3/register";
const RECAPTCHA: &str = "m.login.recaptcha";
const OTHER: &str = "salon.login.captcha";

/// A server that wants a captcha, and its service.
async fn start(service: CaptchaService) -> (TestServer, TestCaptcha) {
    let captcha = TestCaptcha::start().await;
    let rules = captcha.rules(service);
    (TestServer::start_with(|config| config.captcha = rules).await, captcha)
}

async fn register(server: &TestServer, name: &str, auth: Value) -> Answer<Value> {
    server.anonymous().post(REGISTER, json!({ "username": name, "password": "long enough", "auth": auth })).await
}

/// Begins to register; what the server asks for.
async fn challenge(server: &TestServer) -> Value {
    register(server, "newcomer", json!(null)).await.expect_err("nothing is proved").body
}

fn answer(session: &Value, answer: &str) -> Value {
    json!({ "type": RECAPTCHA, "response": answer, "session": session })
}

fn page_of(kind: &str, challenge: &Value) -> String {
    let session = challenge["session"].as_str().expect("a session");
    format!("/_matrix/client/v3/auth/{kind}/fallback/web?session={session}")
}

async fn accounts(server: &TestServer) -> i64 {
    server.scalar("select count(*) from accounts").await
}

/// Fails unless a page shows a captcha whose script comes from `sources`, and loads nothing else.
fn assert_shows(page: &TestPage, class: &str, script: &str, sources: &str) {
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.html.contains(&format!("<div class=\"{class} captcha\" data-sitekey=\"the-site\">")), "{page:?}");
    assert_eq!(page.html.matches("<script").count(), 1);
    assert!(page.html.contains(&format!("<script src=\"{script}\" async defer>")), "{page:?}");
    let policy = format!(
        "default-src 'none'; script-src {sources}; frame-src {sources}; connect-src {sources}; style-src 'self' \
         {sources}; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    assert_eq!(page.header("content-security-policy"), policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_draw_the_captcha_register_with_its_answer() {
    let (server, captcha) = start(CaptchaService::Recaptcha).await;

    let challenge = challenge(&server).await;
    let without = register(&server, "alice", json!({ "type": "m.login.dummy", "session": challenge["session"] })).await;
    let made = register(&server, "alice", answer(&challenge["session"], &captcha.solve())).await;

    assert_eq!(challenge["flows"], json!([{ "stages": [RECAPTCHA] }]));
    assert_eq!(challenge["params"], json!({ RECAPTCHA: { "public_key": "the-site" } }));
    assert_eq!(without.expect_err("it is not solved").body["errcode"], "M_FORBIDDEN");
    assert_eq!(made.expect("it is solved")["user_id"], "@alice:test.local");
    let [asked] = &captcha.asked()[..] else { panic!("it was asked once: {:?}", captcha.asked()) };
    assert_eq!(asked["secret"], "the secret of the captcha");
    assert_eq!(asked["remoteip"], "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_empty_and_used_answers_are_refused() {
    let (server, captcha) = start(CaptchaService::Recaptcha).await;
    let session = challenge(&server).await["session"].clone();
    let solved = captcha.solve();
    register(&server, "alice", answer(&session, &solved)).await.expect("it is solved");
    let session = challenge(&server).await["session"].clone();
    let asked = captcha.asked().len();

    for wrong in [solved.as_str(), "guessed", "", &"x".repeat(20_000)] {
        let refusal = register(&server, "bob", answer(&session, wrong)).await.expect_err("it is not solved");
        assert_eq!(refusal.status, 401);
        assert_eq!(refusal.body["errcode"], "M_FORBIDDEN");
        assert_eq!(refusal.body["error"], "The captcha was not solved, or too long ago. Solve it once more.");
        assert_eq!(refusal.body["completed"], json!([]));
        assert_eq!(refusal.body["session"], session, "the same session can go on");
    }
    assert_eq!(captcha.asked().len(), asked + 2, "what cannot be an answer is not passed on");
    assert_eq!(accounts(&server).await, 1);
    register(&server, "bob", answer(&session, &captcha.solve())).await.expect("it is solved now");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_service_is_away_people_are_told_to_try_again() {
    let (server, captcha) = start(CaptchaService::Recaptcha).await;
    let session = challenge(&server).await["session"].clone();
    let browser = TestBrowser::new(&server);
    let form = browser.open("/register").await;
    let wrong_secret = json!({ "success": false, "error-codes": ["invalid-input-secret"] });

    for (status, body) in [(502, json!({})), (200, json!("nonsense")), (200, wrong_secret)] {
        captcha.fail(status, body);
        let refusal = register(&server, "alice", answer(&session, "solved")).await.expect_err("nobody can tell");
        assert_eq!(refusal.status, 503);
        assert_eq!(refusal.body["error"], "The captcha service is not available at the moment.");
        let fields = [("name", "alice"), ("password", "long enough"), ("repeated", "long enough")];
        let page = browser.submit(&form, "/register", &[&fields[..], &[("g-recaptcha-response", "x")]].concat()).await;
        assert_eq!(page.status, 503);
        page.assert_says("Something that this server needs is away. Try again in a moment.");
    }
    assert_eq!(accounts(&server).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_for_clients_that_do_not_draw_it_shows_the_captcha_and_nothing_else_foreign() {
    let (server, captcha) = start(CaptchaService::Recaptcha).await;
    let challenge = challenge(&server).await;
    let browser = TestBrowser::new(&server);

    let page = browser.open(&page_of(RECAPTCHA, &challenge)).await;
    let submit = async |answer: &str| {
        browser.submit(&page, "/_matrix/", &[("decision", "allow"), ("g-recaptcha-response", answer)]).await
    };
    let refused = submit("guessed").await;
    let early = register(&server, "alice", json!({ "session": challenge["session"] })).await;
    let done = submit(&captcha.solve()).await;

    let sources = "https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/ \
                   https://recaptcha.google.com/recaptcha/";
    assert_shows(&page, "g-recaptcha", "https://www.google.com/recaptcha/api.js", sources);
    assert_eq!(page.header("referrer-policy"), "strict-origin", "the session stands in the address");
    assert_eq!(refused.status, 403);
    refused.assert_says("The captcha was not solved, or too long ago.");
    assert!(refused.html.contains("data-sitekey"), "it can be solved once more: {refused:?}");
    early.expect_err("it is not solved");
    done.assert_says("It is confirmed.");
    assert!(!done.header("content-security-policy").contains("google"), "that page needs none of it");
    register(&server, "alice", json!({ "session": challenge["session"] })).await.expect("it is solved");
}

#[tokio::test(flavor = "multi_thread")]
async fn captchas_of_others_are_solved_on_a_page_because_clients_would_draw_google_s() {
    for (service, class, field, script, sources) in [
        (
            CaptchaService::Turnstile,
            "cf-turnstile",
            "cf-turnstile-response",
            "https://challenges.cloudflare.com/turnstile/v0/api.js",
            "https://challenges.cloudflare.com",
        ),
        (
            CaptchaService::Hcaptcha,
            "h-captcha",
            "h-captcha-response",
            "https://js.hcaptcha.com/1/api.js",
            "https://hcaptcha.com https://*.hcaptcha.com",
        ),
    ] {
        let (server, captcha) = start(service).await;
        let challenge = challenge(&server).await;
        let browser = TestBrowser::new(&server);

        let page = browser.open(&page_of(OTHER, &challenge)).await;
        let other = browser.open(&page_of(RECAPTCHA, &challenge)).await;
        let by_client = register(&server, "alice", answer(&challenge["session"], &captcha.solve())).await;
        let done = browser.submit(&page, "/_matrix/", &[("decision", "allow"), (field, &captcha.solve())]).await;

        assert_eq!(challenge["flows"], json!([{ "stages": [OTHER] }]));
        assert_shows(&page, class, script, sources);
        assert_eq!(other.status, 404, "there is no such stage");
        by_client.expect_err("there is no such stage");
        done.assert_says("It is confirmed.");
        register(&server, "alice", json!({ "session": challenge["session"] })).await.expect("it is solved");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_on_which_people_register_asks_for_it_too() {
    let captcha = TestCaptcha::start().await;
    let mut rules = captcha.rules(CaptchaService::Turnstile);
    rules.script_url = Some("https://captcha.example.org/v1/api.js".parse().expect("a URL"));
    rules.script_sources = vec!["https://static.example.org/captcha/".to_owned()];
    let server = TestServer::start_with(|config| config.captcha = rules).await;
    let browser = TestBrowser::new(&server);
    let form = browser.open("/register").await;
    let register = async |name: &str, answer: &str| {
        let account = [("name", name), ("password", "long enough"), ("repeated", "long enough")];
        browser.submit(&form, "/register", &[&account[..], &[("cf-turnstile-response", answer)]].concat()).await
    };

    let missing = register("alice", "").await;
    let wrong = register("alice", "guessed").await;
    let solved = captcha.solve();
    let reserved = register("_alice", &solved).await;
    let made = register("alice", &solved).await;

    let sources = "https://captcha.example.org https://static.example.org/captcha/";
    assert_shows(&form, "cf-turnstile", "https://captcha.example.org/v1/api.js", sources);
    for refused in [missing, wrong] {
        assert_eq!(refused.status, 403);
        refused.assert_says("The captcha was not solved, or too long ago.");
        assert!(refused.html.contains("data-sitekey"), "it can be solved once more: {refused:?}");
    }
    assert_eq!(reserved.status, 400, "an answer is not used up by a bad name");
    assert_eq!(made.address, "/account");
    assert!(!made.header("content-security-policy").contains("example.org"), "only that page needs it");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_between_the_token_and_the_documents() {
    let captcha = TestCaptcha::start().await;
    let rules = captcha.rules(CaptchaService::Recaptcha);
    let server = TestServer::start_with(|config| {
        config.captcha = rules;
        config.registration.mode = RegistrationMode::Token;
    })
    .await;
    server.registration_token("welcome", 1).await;
    let challenge = challenge(&server).await;
    let browser = TestBrowser::new(&server);
    let page = browser.open(&page_of(RECAPTCHA, &challenge)).await;

    let solved = captcha.solve();
    let early = browser.submit(&page, "/_matrix/", &[("decision", "allow"), ("g-recaptcha-response", &solved)]).await;
    let auth = json!({ "type": "m.login.registration_token", "token": "welcome", "session": challenge["session"] });
    let next = register(&server, "alice", auth).await.expect_err("one stage is left");
    let made = register(&server, "alice", answer(&challenge["session"], &solved)).await;

    assert_eq!(challenge["flows"], json!([{ "stages": ["m.login.registration_token", RECAPTCHA] }]));
    early.assert_says("Something else comes first.");
    assert_eq!(next.body["completed"], json!(["m.login.registration_token"]));
    made.expect("the answer was not used up before its time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_is_told_at_the_start_and_the_secret_is_never_shown() {
    let captcha = TestCaptcha::start().await;
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    std::fs::write(file.path(), "the secret of the captcha\n").expect("it can be written");
    let mut rules = captcha.rules(CaptchaService::Recaptcha);
    rules.secret = None;
    rules.secret_file = Some(file.path().to_owned());
    let server = TestServer::start_with(|config| config.captcha = rules).await;

    let session = challenge(&server).await["session"].clone();
    let made = register(&server, "alice", answer(&session, &captcha.solve())).await;
    let mut missing = server.app.config.clone();
    missing.captcha.secret_file = Some("/nowhere/captcha.secret".into());
    let refusal = homeserver::remote::captcha::CaptchaClient::new(&missing).expect_err("there is no such file");

    made.expect("the secret is that in the file");
    assert_eq!(refusal.to_string(), "there is no file /nowhere/captcha.secret");
    assert!(!format!("{:?} {:?}", captcha.rules(CaptchaService::Recaptcha), server.app).contains("the secret of"));
}
