//! A push gateway: a small HTTP server that keeps what it is told.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

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
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let manner: Arc<Mutex<Manner>> = Arc::default();
        let (tell, told) = mpsc::unbounded_channel();
        let gateway = manner.clone();
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawn(serve(stream, gateway.clone(), tell.clone()));
            }
        });
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

#[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}

/// Answers the requests of one connection.
async fn serve(stream: TcpStream, manner: Arc<Mutex<Manner>>, tell: mpsc::UnboundedSender<Value>) {
    let mut stream = BufReader::new(stream);
    while let Some(body) = read_request(&mut stream).await {
        let (status, answer) = {
            let mut manner = manner.lock().unwrap_or_else(PoisonError::into_inner);
            if manner.failures > 0 {
                manner.failures -= 1;
                ("503 Service Unavailable", json!({}))
            } else {
                // The test may have ended.
                let _ = tell.send(serde_json::from_slice(&body).expect("gateways are told JSON"));
                ("200 OK", json!({ "rejected": manner.rejected }))
            }
        };
        let answer = answer.to_string();
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        if stream.write_all(format!("{head}{answer}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request; returns its body, or nothing at the end of the connection.
async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}
