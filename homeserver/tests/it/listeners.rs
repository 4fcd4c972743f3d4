//! What is true of all requests, whatever they ask for: TLS, sizes, unknown paths, measurements.

use std::{net::TcpListener, path::Path};

use homeserver::{
    http::{Entrance, Socket, monitoring, serve, tls::Certificate},
    metrics::Metrics,
};
use homeserver_testing::TestServer;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Writes a new certificate for `localhost`; returns it.
fn write_certificate(directory: &Path) -> reqwest::Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate can be made");
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).expect("it can be written");
    std::fs::write(directory.join("certificate.pem"), made.cert.pem()).expect("it can be written");
    reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).expect("it is PEM")
}

fn socket() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    (listener, port)
}

/// The version of HTTP of an answer, or why there is none.
async fn versions(port: u16, trusted: &reqwest::Certificate) -> Result<reqwest::Version, reqwest::Error> {
    let client = reqwest::Client::builder().tls_certs_only([trusted.clone()]).build().expect("a client");
    let answer = client.get(format!("https://localhost:{port}/_matrix/client/versions")).send().await?;
    assert_eq!(answer.status(), StatusCode::OK);
    Ok(answer.version())
}

#[tokio::test(flavor = "multi_thread")]
async fn https_serves_the_newest_certificate() {
    let server = TestServer::start().await;
    let directory = tempfile::tempdir().expect("a directory can be made");
    let (file, key) = (directory.path().join("certificate.pem"), directory.path().join("key.pem"));
    let first = write_certificate(directory.path());
    let certificate = Certificate::read(&file, &key).expect("it is good");
    let (listener, port) = socket();
    let sockets = vec![Socket::Tls(listener, certificate.clone())];
    let https = serve(&Entrance::to(server.app.clone()), sockets, 100).expect("the server listens");
    server.app.tasks.start_once("https", async move { https.await.expect("the listener works") });

    assert_eq!(versions(port, &first).await.expect("it is trusted"), reqwest::Version::HTTP_2);

    let second = write_certificate(directory.path());
    certificate.refresh();
    versions(port, &second).await.expect("the new one is served");
    versions(port, &first).await.expect_err("the old one is not");

    // Half of a change, or nonsense, leaves what is good.
    std::fs::write(&key, "nonsense").expect("it can be written");
    certificate.refresh();
    versions(port, &second).await.expect("it is still served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_limit_is_refused() {
    let server = TestServer::start_with(|config| config.http.body_limit_bytes = 200_000).await;
    let send = async |size: usize| {
        let body = json!({ "username": "alice", "password": "x".repeat(size) });
        let request = server.http().post(format!("{}/_matrix/client/v3/register", server.url())).json(&body);
        let answer = request.send().await.expect("the server answers");
        (answer.status(), answer.json::<Value>().await.expect("JSON")["errcode"].clone())
    };

    assert_eq!(send(250_000).await, (StatusCode::PAYLOAD_TOO_LARGE, "M_TOO_LARGE".into()));
    assert_ne!(send(1_000).await.1, "M_TOO_LARGE");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_are_told_apart_and_open_to_scripts() {
    let server = TestServer::start().await;
    let cases = [
        (Method::GET, "/_matrix/client/v3/nothing", StatusCode::NOT_FOUND),
        (Method::DELETE, "/_matrix/client/v3/account/whoami", StatusCode::METHOD_NOT_ALLOWED),
        (Method::OPTIONS, "/_matrix/client/v3/account/whoami", StatusCode::OK),
    ];
    for (method, path, expected) in cases {
        let request = server.http().request(method.clone(), format!("{}{path}", server.url()));
        let answer = request.send().await.expect("the server answers");
        assert_eq!(answer.status(), expected, "{method} {path}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        if expected != StatusCode::OK {
            assert_eq!(answer.json::<Value>().await.expect("JSON")["errcode"], "M_UNRECOGNIZED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entrance_is_closed_until_the_server_is_complete() {
    let server = TestServer::start().await;
    let entrance = Entrance::closed(Metrics::default());
    let (listener, port) = socket();
    let early = serve(&entrance, vec![Socket::Plain(listener)], 100).expect("the server listens");
    server.app.tasks.start_once("early", async move { early.await.expect("the listener works") });
    let get = async |path: &str| {
        let url = format!("http://127.0.0.1:{port}{path}");
        server.http().get(url).send().await.expect("the server answers")
    };

    let refused = get("/_matrix/client/versions").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<Value>().await.expect("JSON")["errcode"], "M_UNKNOWN");

    entrance.open(server.app.clone());

    assert_eq!(get("/_matrix/client/versions").await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_learns_of_requests_and_levels() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    alice.get("/_matrix/client/v3/account/whoami").await.expect("alice is known");
    let (listener, port) = socket();
    let prometheus = monitoring::serve(Entrance::to(server.app.clone()), listener).expect("it listens");
    server.app.tasks.start_once("prometheus", async move { prometheus.await.expect("the listener works") });

    let answer = server.http().get(format!("http://127.0.0.1:{port}/metrics")).send().await.expect("it answers");

    let text = answer.text().await.expect("it is text");
    for expected in [
        r#"salon_http_requests_total{method="GET",endpoint="/_matrix/client/v3/account/whoami",status="200"} 1"#,
        r#"salon_http_request_duration_seconds_count{method="POST",endpoint="/_matrix/client/v3/register"} 1"#,
        "salon_parked_requests 0",
        "salon_database_connections ",
        "salon_log_batch_jobs_count ",
    ] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_the_databases() {
    let server = TestServer::start().await;
    let health = async || {
        let answer = server.http().get(format!("{}/health", server.url())).send().await;
        answer.expect("the server answers").status()
    };

    assert_eq!(health().await, StatusCode::OK);
    server.app.storage.close().await;
    assert_eq!(health().await, StatusCode::SERVICE_UNAVAILABLE);
}
