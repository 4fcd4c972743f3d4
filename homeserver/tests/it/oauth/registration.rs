//! Applications register themselves.

use std::time::Duration;

use serde_json::{Value, json};

use super::{CALLBACK, TestApp, metadata, register, server, server_with};

fn changed(changes: Value) -> Value {
    let mut all = metadata();
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            all.as_object_mut().expect("an object").remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_learns_what_was_registered_of_it() {
    let server = server().await;

    let answer = register(
        &server,
        changed(json!({
            "client_name#fr": "Belle application",
            "logo_uri": "https://app.test/logo.png",
            "tos_uri": "https://evil.test/terms",
            "policy_uri": "http://app.test/privacy",
            "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"],
            "contacts": ["admin@app.test"],
        })),
    )
    .await;

    assert_eq!(answer.status, 201);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let mut body = answer.body;
    let client_id = body.as_object_mut().expect("an object").remove("client_id").expect("a client ID");
    assert!(client_id.as_str().is_some_and(|id| id.len() >= 20));
    let expected = json!({
        "client_name": "Nice app",
        "client_uri": "https://app.test/",
        "logo_uri": "https://app.test/logo.png",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "web",
    });
    assert_eq!(body, expected, "what is not known or not safe is left out");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_application_is_stored_once() {
    let server = server().await;

    let first = TestApp::register(&server).await;
    let second = TestApp::register(&server).await;
    let other = TestApp::register_as(&server, changed(json!({ "client_name": "Other app" }))).await;

    assert_eq!(first.client_id, second.client_id);
    assert_ne!(first.client_id, other.client_id);
    assert_eq!(server.scalar::<i64>("select count(*) from oauth_clients").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_are_not_sound_are_refused() {
    let server = server().await;

    for changes in [
        json!({ "client_uri": null }),
        json!({ "client_uri": "http://app.test/" }),
        json!({ "client_uri": "https://user@app.test/" }),
        json!({ "client_uri": "javascript:alert(1)" }),
        json!({ "client_uri": 7 }),
        json!({ "grant_types": ["password", "implicit"] }),
        json!({ "response_types": ["token"] }),
        json!({ "token_endpoint_auth_method": "client_secret_basic" }),
        json!({ "application_type": "toaster" }),
        json!({ "redirect_uris": CALLBACK }),
    ] {
        let refusal = register(&server, changed(changes.clone())).await;
        refusal.assert_refused(400, "invalid_client_metadata");
    }
    for changes in [
        json!({ "redirect_uris": [] }),
        json!({ "redirect_uris": null }),
        json!({ "redirect_uris": ["https://evil.test/"] }),
        json!({ "redirect_uris": [CALLBACK, "javascript:alert(1)"] }),
        json!({ "redirect_uris": ["http://localhost/"] }),
        json!({ "redirect_uris": ["https://app.test/#fragment"] }),
        json!({ "redirect_uris": ["test.app:/callback"] }),
    ] {
        let refusal = register(&server, changed(changes.clone())).await;
        refusal.assert_refused(400, "invalid_redirect_uri");
    }
    let request = server.http().post(format!("{}/oauth2/register", server.url())).body("no JSON");
    super::tell(request).await.assert_refused(400, "invalid_client_metadata");
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_that_are_being_developed_register_only_where_that_is_allowed() {
    let local = changed(json!({ "client_uri": "http://localhost:8080/", "redirect_uris": ["http://localhost:8080/"] }));
    let strict = server().await;
    let lenient = server_with(|config| config.oauth.allow_local_clients = true).await;

    register(&strict, local.clone()).await.assert_refused(400, "invalid_client_metadata");
    assert_eq!(register(&lenient, local).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_is_slowed_down_and_put_off() {
    let server = server_with(|config| config.rate_limits.enabled = true).await;
    let mut statuses = Vec::new();

    for number in 0..11 {
        let answer = register(&server, changed(json!({ "client_name": format!("App {number}") }))).await;
        statuses.push(answer.status.as_u16());
        if answer.status != 201 {
            answer.assert_refused(503, "temporarily_unavailable");
        }
    }
    server.app.clock.advance(Duration::from_secs(60));

    assert_eq!((&statuses[..10], statuses[10]), (&[201; 10][..], 503));
    assert_eq!(register(&server, metadata()).await.status, 201);
}
