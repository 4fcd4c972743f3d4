//! Application services find out whether this server reaches them.

use homeserver::error::ErrorKind;
use homeserver_testing::{TestAppService, TestServer};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_comes_back() {
    let mut service = TestAppService::start().await;
    let server = service.server().await;
    let sender = service.sender(&server);

    let path = "/_matrix/client/v1/appservice/irc/ping";
    let pinged = sender.post(path, json!({ "transaction_id": "meow" }));
    let (answer, ()) = tokio::join!(pinged, async {
        let asked = service.asked().await;
        assert_eq!(asked.path, "/_matrix/app/v1/ping");
        assert_eq!(asked.body, json!({ "transaction_id": "meow" }));
        asked.answer(200, json!({}));
    });

    assert!(answer.expect("the ping came back")["duration_ms"].is_number());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_tells_why_it_did_not_come_back() {
    let mut service = TestAppService::start().await;
    let deaf = TestAppService::start_with(|registration| {
        registration["id"] = json!("deaf");
        registration["as_token"] = json!("deaf");
        registration["url"] = json!(null);
    })
    .await;
    let gone = TestAppService::start_with(|registration| {
        registration["id"] = json!("gone");
        registration["as_token"] = json!("gone");
        registration["url"] = json!("http://127.0.0.1:1");
    })
    .await;
    let server = TestServer::start_with(|config| {
        for service in [&service, &deaf, &gone] {
            service.register(config);
        }
    })
    .await;
    let sender = service.sender(&server);

    let pinged = sender.post("/_matrix/client/v1/appservice/irc/ping", json!({}));
    let (refused, ()) = tokio::join!(pinged, async {
        service.asked().await.answer(403, json!({ "errcode": "M_FORBIDDEN" }));
    });

    let refused = refused.expect_err("the application service refused");
    assert_eq!(refused.status, StatusCode::BAD_GATEWAY);
    assert_eq!(refused.body["errcode"], "M_BAD_STATUS");
    assert_eq!(refused.body["status"], 403);
    assert_eq!(refused.body["body"], r#"{"errcode":"M_FORBIDDEN"}"#);
    let refused = deaf.ping(&server, json!({})).await.expect_err("it has no URL");
    assert_eq!((refused.status, &refused.body["errcode"]), (StatusCode::BAD_REQUEST, &json!("M_URL_NOT_SET")));
    let refused = gone.ping(&server, json!({})).await.expect_err("nobody is there");
    assert_eq!((refused.status, &refused.body["errcode"]), (StatusCode::BAD_GATEWAY, &json!("M_CONNECTION_FAILED")));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_application_services_ping_and_only_themselves() {
    let service = TestAppService::start().await;
    let server = service.server().await;
    let path = |id: &str| format!("/_matrix/client/v1/appservice/{id}/ping");

    let other = service.sender(&server).post(&path("other"), json!({})).await;
    let person = server.user("bob").await.post(&path("irc"), json!({})).await;

    for refused in [other, person] {
        let refused = refused.expect_err("this is not the application service's token");
        refused.assert_is(&ErrorKind::Forbidden);
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
}
