//! A captcha service that answers whether somebody solved its captcha, as those that there are do.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use homeserver::config::{Captcha, CaptchaService};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{listener, listener::Request};

/// The secret of the server that asks.
const SECRET: &str = "the secret of the captcha";

/// A running service.
#[derive(Debug)]
pub struct TestCaptcha {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Answers that are right, and have not been used.
    good: Vec<String>,
    /// The forms that came.
    asked: Vec<BTreeMap<String, String>>,
    /// How everything is answered from now on, if not as it should be.
    fault: Option<(u16, Value)>,
}

impl TestCaptcha {
    /// Starts a service.
    pub async fn start() -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = state.clone();
        let address = listener::start(move |request| {
            let answer = lock(&shared).answer(&request);
            async move { answer }
        })
        .await;
        Self { address, state }
    }

    /// How a server is told of it; it is taken for `service`.
    pub fn rules(&self, service: CaptchaService) -> Captcha {
        Captcha {
            service: Some(service),
            site_key: Some("the-site".to_owned()),
            secret: Some(SECRET.to_owned().into()),
            verify_url: Some(format!("http://{}/siteverify", self.address).parse().expect("a URL")),
            ..Captcha::default()
        }
    }

    /// Somebody solves the captcha; the answer that shows it, once.
    pub fn solve(&self) -> String {
        let mut state = lock(&self.state);
        let answer = format!("solved-{}", state.good.len() + state.asked.len());
        state.good.push(answer.clone());
        answer
    }

    /// The forms that came until now.
    pub fn asked(&self) -> Vec<BTreeMap<String, String>> {
        lock(&self.state).asked.clone()
    }

    /// Answers everything with this from now on.
    pub fn fail(&self, status: u16, body: Value) {
        lock(&self.state).fault = Some((status, body));
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> (u16, Value) {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/siteverify"));
        let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
        self.asked.push(form.clone());
        if let Some(fault) = &self.fault {
            return fault.clone();
        }
        if form["secret"] != SECRET {
            return (200, json!({ "success": false, "error-codes": ["invalid-input-secret"] }));
        }
        match self.good.iter().position(|good| *good == form["response"]) {
            Some(place) => {
                self.good.remove(place);
                (200, json!({ "success": true, "hostname": "test.local", "challenge_ts": "2026-11-24T17:00:00Z" }))
            }
            None => (200, json!({ "success": false, "error-codes": ["timeout-or-duplicate"] })),
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
