//! An application service: an HTTP server that keeps what it is told, fails on demand, and acts as its
//! users.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use homeserver::config::Config;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::{Answer, TestServer, TestUser, listener, segment};

/// How long to wait for a request.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running application service.
#[derive(Debug)]
pub struct TestAppService {
    /// Its registration.
    pub registration: Value,
    file: tempfile::NamedTempFile,
    manner: Arc<Mutex<Manner>>,
    told: mpsc::UnboundedReceiver<Told>,
    asked: mpsc::UnboundedReceiver<Asked>,
}

/// How the application service answers.
#[derive(Debug, Default)]
struct Manner {
    /// So many of the next transactions are answered with an error, after they were kept.
    failures: usize,
    /// Whether only the paths of before version 1 are known.
    is_old: bool,
}

/// A transaction that came.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its path, with its ID and a query.
    pub path: String,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The body.
    pub body: Value,
}

impl Told {
    /// The transaction ID.
    pub fn id(&self) -> &str {
        self.path.split('?').next().and_then(|path| path.rsplit('/').next()).expect("a path has a last part")
    }

    /// The events.
    pub fn events(&self) -> &[Value] {
        self.body["events"].as_array().expect("a list of events")
    }
}

/// A question that came, which waits for its answer.
#[derive(Debug)]
pub struct Asked {
    /// Its path with the query.
    pub path: String,
    /// The body.
    pub body: Value,
    reply: oneshot::Sender<(u16, Value)>,
}

impl Asked {
    /// Answers.
    pub fn answer(self, status: u16, body: Value) {
        self.reply.send((status, body)).expect("the question waits");
    }
}

impl TestAppService {
    /// Starts an application service for the users `@_irc_…` and the aliases `#_irc_…`.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts one with a changed registration.
    pub async fn start_with(change: impl FnOnce(&mut Value)) -> Self {
        let manner: Arc<Mutex<Manner>> = Arc::default();
        let (tell, told) = mpsc::unbounded_channel();
        let (ask, asked) = mpsc::unbounded_channel();
        let shared = manner.clone();
        let address = listener::start(move |request| {
            let (tell, ask, shared) = (tell.clone(), ask.clone(), shared.clone());
            async move { receive(request, &shared, &tell, &ask).await }
        })
        .await;
        let mut registration = json!({
            "id": "irc",
            "url": format!("http://{address}"),
            "as_token": "the token of the application service",
            "hs_token": "the token of the homeserver",
            "sender_localpart": "_irc_bot",
            "namespaces": {
                "users": [{ "exclusive": true, "regex": "@_irc_.*" }],
                "aliases": [{ "exclusive": true, "regex": "#_irc_.*" }],
                "rooms": [],
            },
        });
        change(&mut registration);
        // All JSON is YAML too.
        let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file can be made");
        file.write_all(registration.to_string().as_bytes()).expect("it can be written");
        Self { registration, file, manner, told, asked }
    }

    /// Starts a server that knows it.
    pub async fn server(&self) -> TestServer {
        TestServer::start_with(|config| self.register(config)).await
    }

    /// Makes a server know it.
    pub fn register(&self, config: &mut Config) {
        config.appservices.registrations.push(self.file.path().to_owned());
    }

    /// The sender, as the application service acts as them.
    pub fn sender(&self, server: &TestServer) -> TestUser {
        let localpart = self.registration["sender_localpart"].as_str().expect("a local part");
        TestUser::anonymous(server, localpart).with_session("NONE", self.token())
    }

    /// A user, as the application service acts as them.
    pub fn user(&self, server: &TestServer, localpart: &str) -> TestUser {
        let user = TestUser::anonymous(server, localpart).with_session("NONE", self.token());
        user.with_query("user_id", user.id.as_str())
    }

    /// Registers a user, and acts as them.
    pub async fn register_user(&self, server: &TestServer, localpart: &str) -> TestUser {
        self.try_register_user(server, localpart).await.expect("the user can be registered");
        self.user(server, localpart)
    }

    /// Tries to register a user.
    pub async fn try_register_user(&self, server: &TestServer, localpart: &str) -> Answer<Value> {
        let body = json!({ "type": "m.login.application_service", "username": localpart, "inhibit_login": true });
        self.sender(server).request(Method::POST, "/_matrix/client/v3/register", Some(body)).await
    }

    /// Asks the server to ping.
    pub async fn ping(&self, server: &TestServer, body: Value) -> Answer<Value> {
        let id = self.registration["id"].as_str().expect("an ID");
        self.sender(server).post(&format!("/_matrix/client/v1/appservice/{}/ping", segment(id)), body).await
    }

    fn token(&self) -> &str {
        self.registration["as_token"].as_str().expect("a token")
    }

    /// Answers the next `count` transactions with an error.
    pub fn fail(&self, count: usize) {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner).failures = count;
    }

    /// Knows only the paths of before version 1 from now on.
    pub fn become_old(&self) {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner).is_old = true;
    }

    /// The next transaction that came, whether or not it was taken.
    pub async fn told(&mut self) -> Told {
        let next = tokio::time::timeout(PATIENCE, self.told.recv()).await.expect("a transaction comes in time");
        next.expect("the application service runs")
    }

    /// A transaction that came already.
    pub fn try_told(&mut self) -> Option<Told> {
        self.told.try_recv().ok()
    }

    /// The event with this ID, and all that came before it in transactions that were taken.
    pub async fn told_until(&mut self, event_id: &ruma::EventId) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            events.extend(self.told().await.events().iter().cloned());
            if events.last().is_some_and(|event| event["event_id"] == event_id.as_str()) {
                return events;
            }
        }
    }

    /// The next question, whatever it is about.
    pub async fn asked(&mut self) -> Asked {
        let next = tokio::time::timeout(PATIENCE, self.asked.recv()).await.expect("a question comes in time");
        next.expect("the application service runs")
    }
}

async fn receive(
    request: listener::Request,
    manner: &Mutex<Manner>,
    tell: &mpsc::UnboundedSender<Told>,
    ask: &mpsc::UnboundedSender<Asked>,
) -> (u16, Value) {
    let is_new_path = request.path.starts_with("/_matrix/app/v1/");
    if is_new_path && manner.lock().unwrap_or_else(PoisonError::into_inner).is_old {
        return (404, json!({}));
    }
    let body = if request.body.is_empty() { Value::Null } else { request.json() };
    if request.method == "PUT" {
        // Decided before the test learns of it, which may change its mind then.
        let status = {
            let mut manner = manner.lock().unwrap_or_else(PoisonError::into_inner);
            let is_failing = manner.failures > 0;
            manner.failures = manner.failures.saturating_sub(1);
            if is_failing { 500 } else { 200 }
        };
        // The test may have ended.
        let _ = tell.send(Told { path: request.path, authorization: request.authorization, body });
        return (status, json!({}));
    }
    let (reply, answer) = oneshot::channel();
    let _ = ask.send(Asked { path: request.path, body, reply });
    answer.await.unwrap_or((404, json!({ "errcode": "M_NOT_FOUND" })))
}
