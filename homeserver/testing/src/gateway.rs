//! A push gateway: a small HTTP server that keeps what it is told.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::listener;

/// How long to wait for a notification.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running gateway.
#[derive(Debug)]
pub struct TestGateway {
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    told: mpsc::UnboundedReceiver<Value>,
}

/// How the gateway answers.
#[derive(Clone, Debug, Default)]
struct Manner {
    /// So many of the next requests are answered with an error.
    failures: usize,
    rejected: Vec<String>,
}

impl TestGateway {
    /// Starts a gateway that takes everything.
    pub async fn start() -> Self {
        let manner: Arc<Mutex<Manner>> = Arc::default();
        let (tell, told) = mpsc::unbounded_channel();
        let gateway = manner.clone();
        let address = listener::start(move |request| {
            let mut manner = gateway.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = if manner.failures > 0 {
                manner.failures -= 1;
                (503, json!({}))
            } else {
                // The test may have ended.
                let _ = tell.send(request.json());
                (200, json!({ "rejected": manner.rejected }))
            };
            async move { answer }
        })
        .await;
        Self { address, manner, told }
    }

    /// The URL for pushers.
    pub fn url(&self) -> String {
        format!("http://{}/_matrix/push/v1/notify", self.address)
    }

    /// Answers the next `count` requests with an error.
    pub fn fail(&self, count: usize) {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner).failures = count;
    }

    /// Rejects a push key from now on.
    pub fn reject(&self, pushkey: &str) {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner).rejected.push(pushkey.to_owned());
    }

    /// The next notification that was taken, or rejected.
    pub async fn next(&mut self) -> Value {
        let next = tokio::time::timeout(PATIENCE, self.told.recv()).await.expect("a notification comes in time");
        next.expect("the gateway runs")["notification"].clone()
    }

    /// A notification that came already.
    pub fn try_next(&mut self) -> Option<Value> {
        self.told.try_recv().ok().map(|told| told["notification"].clone())
    }
}
