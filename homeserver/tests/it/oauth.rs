//! Applications that are let in by OAuth 2.0.

mod authorization;
mod devices;
mod metadata;
mod refresh;
mod registration;
mod sessions;
mod tokens;

use homeserver::config::Config;
use homeserver_testing::{TestBrowser, TestPage, TestServer, TestUser, encode_text};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A verifier and the challenge that is made from it: RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Where the application is, and comes back to.
const SITE: &str = "https://app.test/";
const CALLBACK: &str = "https://app.test/callback?source=salon";
const SCOPE: &str = "urn:matrix:client:api:* urn:matrix:client:device:AAABBBCCCD";

/// A server that serves OAuth. Requests go to its port, whatever it says its address is.
async fn server() -> TestServer {
    server_with(|_| {}).await
}

/// The same with a user.
async fn with_alice() -> (TestServer, TestUser) {
    let server = server().await;
    let alice = server.user("alice").await;
    (server, alice)
}

async fn server_with(change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::start_with(|config| {
        config.discovery.client_url = Some("https://matrix.test.local".parse().expect("a URL"));
        change(config);
    })
    .await
}

/// An answer to an application: its status and its JSON.
#[derive(Debug)]
struct Told {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Told {
    /// Fails the test unless the application was refused with this code, as OAuth has it.
    fn assert_refused(&self, status: u16, error: &str) {
        assert_eq!((self.status.as_u16(), self.body["error"].as_str()), (status, Some(error)), "{self:?}");
        assert!(self.body["error_description"].is_string(), "{self:?}");
        assert_eq!(self.body.get("errcode"), None, "clients would take it for a Matrix error: {self:?}");
        assert_eq!(self.headers["cache-control"], "no-store", "{self:?}");
    }

    fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("there is no {name} in {self:?}")).to_owned()
    }
}

async fn tell(request: reqwest::RequestBuilder) -> Told {
    let answer = request.send().await.expect("the server answers");
    let (status, headers) = (answer.status(), answer.headers().clone());
    Told { status, headers, body: answer.json().await.expect("every answer is JSON") }
}

async fn register(server: &TestServer, metadata: Value) -> Told {
    tell(server.http().post(format!("{}/oauth2/register", server.url())).json(&metadata)).await
}

async fn post(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Told {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode_text(value))).collect();
    let request = server.http().post(format!("{}{path}", server.url()));
    tell(request.header("content-type", "application/x-www-form-urlencoded").body(body.join("&"))).await
}

fn metadata() -> Value {
    json!({
        "client_name": "Nice app",
        "client_uri": SITE,
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "web",
    })
}

/// A registered application.
struct TestApp<'a> {
    server: &'a TestServer,
    client_id: String,
}

impl<'a> TestApp<'a> {
    async fn register(server: &'a TestServer) -> Self {
        Self::register_as(server, metadata()).await
    }

    async fn register_as(server: &'a TestServer, metadata: Value) -> Self {
        let answer = register(server, metadata).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Self { server, client_id: answer.text("client_id") }
    }

    /// The path to which the application sends its user; `changes` replace parameters, or take out
    /// those that are empty.
    fn request(&self, changes: &[(&str, &str)]) -> String {
        let usual = [
            ("response_type", "code"),
            ("client_id", &*self.client_id),
            ("redirect_uri", CALLBACK),
            ("scope", SCOPE),
            ("state", "a state"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let changed = |name: &str| changes.iter().find(|(of, _)| *of == name).map(|(_, value)| *value);
        let usual = usual.into_iter().map(|(name, value)| (name, changed(name).unwrap_or(value)));
        let more = changes.iter().copied().filter(|(name, _)| !usual.clone().any(|(of, _)| of == *name));
        let all: Vec<String> = usual
            .clone()
            .chain(more)
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", encode_text(value)))
            .collect();
        format!("/oauth2/authorize?{}", all.join("&"))
    }

    /// Lets the application in as `user`: where the browser ends up.
    async fn let_in(&self, user: &TestUser, changes: &[(&str, &str)]) -> TestPage {
        let browser = TestBrowser::new(self.server);
        let form = browser.open(&self.request(changes)).await;
        let page = browser.sign_in(&form, user.id.localpart(), &user.password()).await;
        browser.submit(&page, "/oauth2/authorize", &[("decision", "allow")]).await
    }

    /// A fresh code of `user`.
    async fn code(&self, user: &TestUser) -> String {
        self.let_in(user, &[]).await.parameter("code").expect("the application is let in")
    }

    async fn exchange(&self, code: &str) -> Told {
        self.exchange_with(code, &[]).await
    }

    async fn exchange_with(&self, code: &str, changes: &[(&str, &str)]) -> Told {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("client_id", &*self.client_id),
            ("code_verifier", VERIFIER),
        ];
        let changed = |name: &str| changes.iter().find(|(of, _)| *of == name).map(|(_, value)| *value);
        let fields: Vec<(&str, &str)> = usual
            .into_iter()
            .map(|(name, value)| (name, changed(name).unwrap_or(value)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        post(self.server, "/oauth2/token", &fields).await
    }

    /// The tokens of a new session of `user`.
    async fn log_in(&self, user: &TestUser) -> Told {
        let tokens = self.exchange(&self.code(user).await).await;
        assert_eq!(tokens.status, 200, "{tokens:?}");
        tokens
    }

    async fn refresh(&self, token: &str) -> Told {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", &self.client_id)];
        post(self.server, "/oauth2/token", &fields).await
    }
}

/// Lets an application in as `user`: its tokens, and the code for which it got them.
pub(crate) async fn tokens(server: &TestServer, user: &TestUser) -> Value {
    let app = TestApp::register(server).await;
    let code = app.code(user).await;
    let mut told = app.exchange(&code).await.body;
    told["code"] = json!(code);
    told
}

/// The session that the application has got.
fn session(user: &TestUser, tokens: &Told) -> TestUser {
    user.with_session("AAABBBCCCD", &tokens.text("access_token"))
}
