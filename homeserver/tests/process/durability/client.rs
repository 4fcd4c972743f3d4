//! Somebody who asks again until they are answered.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::watch;

use crate::program::PATIENCE;

/// How long to wait before a request is repeated.
const PAUSE: Duration = Duration::from_millis(50);

/// An account and a device of it.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The account.
    pub id: String,
    /// The device.
    pub client: Client,
}

/// A device that finds the server wherever it is.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: watch::Receiver<String>,
    token: String,
}

impl Client {
    /// A device with an access token.
    pub fn new(url: watch::Receiver<String>, token: String) -> Self {
        Self { http: reqwest::Client::new(), url, token }
    }

    /// Waits until the server was started again, or that will not happen any more.
    pub async fn next_start(&mut self) {
        let _ = self.url.changed().await;
    }

    /// What is answered to a GET.
    pub async fn get(&self, path: &str) -> Value {
        self.insist(&Method::GET, path, None).await
    }

    /// What is answered to a POST.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.insist(&Method::POST, path, Some(body)).await
    }

    /// What is answered to a PUT.
    pub async fn put(&self, path: &str, body: &Value) -> Value {
        self.insist(&Method::PUT, path, Some(body)).await
    }

    /// Sends a request until there is a whole answer to it. There may be none, because the server is
    /// dead, or it may be that the server has no database; anything else is a failure.
    async fn insist(&self, method: &Method, path: &str, body: Option<&Value>) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let url = format!("{}{path}", &*self.url.borrow());
            let mut request = self.http.request(method.clone(), url).bearer_auth(&self.token);
            if let Some(body) = body {
                request = request.json(body);
            }
            if let Ok(answer) = request.send().await {
                let status = answer.status();
                // Where there is no JSON, the answer was cut off.
                if let Ok(answer) = answer.json::<Value>().await {
                    if status.is_success() {
                        return answer;
                    }
                    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{method} {path}: {answer}");
                }
            }
            assert!(Instant::now() < deadline, "there is no answer to {method} {path}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
