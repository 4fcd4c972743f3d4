//! Requests that are wrong as such, whatever they ask for.

use homeserver_testing::TestServer;
use reqwest::{Method, Response};
use serde_json::Value;

async fn send(server: &TestServer, method: Method, path: &str, body: &[u8]) -> Response {
    let request = server.http().request(method, format!("{}{path}", server.url())).body(body.to_vec());
    request.send().await.expect("the server answers")
}

async fn errcode(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.expect("errors are JSON");
    assert!(body["error"].is_string(), "{body}");
    (status, body["errcode"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_is_told_from_what_has_the_wrong_form() {
    let server = TestServer::start().await;
    let cases: [(&[u8], &str); 9] = [
        (b"{", "M_NOT_JSON"),
        (b"nonsense", "M_NOT_JSON"),
        (b"{\"username\": \"a\x81\"}", "M_NOT_JSON"),
        (b"{\"not looked at\": \"a\x81\"}", "M_NOT_JSON"),
        (b"{\"username\": \"a\"} trailing", "M_NOT_JSON"),
        (b"[]", "M_BAD_JSON"),
        (b"\"text\"", "M_BAD_JSON"),
        (b"{\"username\": 1}", "M_BAD_JSON"),
        (b"{\"auth\": \"text\"}", "M_BAD_JSON"),
    ];

    for (body, expected) in cases {
        let answer = send(&server, Method::POST, "/_matrix/client/v3/register", body).await;
        assert_eq!(errcode(answer).await, (400, Value::from(expected)), "{}", String::from_utf8_lossy(body));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_takes_no_nonsense_either() {
    let server = TestServer::start().await;
    let cases: [(&[u8], &str); 5] = [
        (b"", "M_BAD_JSON"),
        (b"{", "M_NOT_JSON"),
        (b"[]", "M_BAD_JSON"),
        (b"{}", "M_BAD_JSON"),
        (b"{\"type\": null}", "M_BAD_JSON"),
    ];

    for (body, expected) in cases {
        let answer = send(&server, Method::POST, "/_matrix/client/v3/login", body).await;
        assert_eq!(errcode(answer).await, (400, Value::from(expected)), "{}", String::from_utf8_lossy(body));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_wrong_methods_are_unrecognized() {
    let server = TestServer::start().await;
    let unknown = ["/", "/_matrix/unknown", "/_matrix/client/unknown", "/_matrix/client/v1/unknown"];
    let wrong = [(Method::PUT, "/_matrix/client/v3/login"), (Method::DELETE, "/_matrix/client/v3/register")];

    for path in unknown {
        let answer = send(&server, Method::GET, path, b"").await;
        assert_eq!(errcode(answer).await, (404, Value::from("M_UNRECOGNIZED")), "{path}");
    }
    for (method, path) in wrong {
        let answer = send(&server, method, path, b"").await;
        assert_eq!(errcode(answer).await, (405, Value::from("M_UNRECOGNIZED")), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_of_all_origins_may_ask_and_read_errors() {
    let server = TestServer::start().await;

    let preflight = send(&server, Method::OPTIONS, "/_matrix/client/v3/login", b"").await;
    let unknown = send(&server, Method::OPTIONS, "/_matrix/client/v3/unknown", b"").await;
    let refusal = send(&server, Method::GET, "/_matrix/client/v3/account/whoami", b"").await;
    let wrong = send(&server, Method::PUT, "/_matrix/client/v3/login", b"").await;

    assert_eq!((preflight.status(), unknown.status()), (reqwest::StatusCode::OK, reqwest::StatusCode::OK));
    assert_eq!(refusal.status(), 401);
    for answer in [preflight, unknown, refusal, wrong] {
        assert_eq!(answer.headers()["Access-Control-Allow-Origin"], "*");
        let headers = answer.headers()["Access-Control-Allow-Headers"].to_str().expect("a text");
        assert!(headers.contains("Authorization") && headers.contains("Content-Type"), "{headers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_identifiers_in_paths_are_invalid_parameters() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let refusal = alice.get("/_matrix/client/v3/profile/nonsense").await.expect_err("it is no user ID");

    assert_eq!(refusal.status, 400);
    assert_eq!(refusal.body["errcode"], "M_INVALID_PARAM");
}
