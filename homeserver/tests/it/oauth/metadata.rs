//! What applications are told of the server.

use homeserver::{config::RegistrationMode, error::ErrorKind};
use homeserver_testing::TestServer;
use ruma::api::client::discovery::get_authorization_server_metadata::v1::AuthorizationServerMetadata;
use serde_json::{Value, json};

use super::{server, server_with, tell};

const PATHS: [&str; 4] = [
    "/_matrix/client/v1/auth_metadata",
    "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_are_whole_and_the_same_everywhere() {
    let server = server().await;
    let mut answers = Vec::new();

    for path in PATHS {
        let answer = tell(server.http().get(format!("{}{path}", server.url()))).await;
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(answer.headers["cache-control"], "public, max-age=3600");
        answers.push(answer.body);
    }

    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let metadata = &answers[0];
    // The members without which clients do not take OAuth for served.
    assert_eq!(metadata["issuer"], "https://matrix.test.local/");
    for (name, path) in [
        ("authorization_endpoint", "oauth2/authorize"),
        ("token_endpoint", "oauth2/token"),
        ("registration_endpoint", "oauth2/register"),
        ("revocation_endpoint", "oauth2/revoke"),
        ("device_authorization_endpoint", "oauth2/device"),
        ("account_management_uri", "account"),
    ] {
        assert_eq!(metadata[name], format!("https://matrix.test.local/{path}"));
    }
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["response_modes_supported"], json!(["query", "fragment"]));
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["none"]));
    assert_eq!(metadata["prompt_values_supported"], json!(["create"]));
    for grant_type in ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"] {
        assert!(metadata["grant_types_supported"].as_array().is_some_and(|all| all.contains(&json!(grant_type))));
    }
    let actions = metadata["account_management_actions_supported"].as_array().expect("a list");
    for action in
        ["profile", "devices_list", "device_view", "device_delete", "account_deactivate", "cross_signing_reset"]
    {
        assert!(actions.contains(&json!(format!("org.matrix.{action}"))), "{action}");
    }
    let parsed: AuthorizationServerMetadata = serde_json::from_value(metadata.clone()).expect("ruma can read them");
    parsed.validate_urls().expect("the addresses are safe");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_registration_is_offered_where_it_is_closed() {
    let server = server_with(|config| config.registration.mode = RegistrationMode::Closed).await;

    let metadata = server.anonymous().get(PATHS[0]).await.expect("OAuth is served");

    assert_eq!(metadata.get("prompt_values_supported"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_suitable_address_oauth_is_not_served() {
    let unknown = TestServer::start().await;
    let off = server_with(|config| config.oauth.enabled = false).await;
    let address = |text: &str| Some(text.parse().expect("a URL"));
    let below = server_with(|config| config.discovery.client_url = address("https://test.local/matrix")).await;
    let insecure = server_with(|config| config.discovery.client_url = address("http://matrix.test.local")).await;

    for server in [unknown, off, below, insecure] {
        for path in PATHS {
            let refusal = server.anonymous().get(path).await.expect_err("it is not served");
            assert_eq!(refusal.status, 404);
            refusal.assert_is(&ErrorKind::Unrecognized);
        }
        for path in ["/oauth2/register", "/oauth2/token", "/oauth2/revoke", "/oauth2/device"] {
            let refusal = server.anonymous().post(path, json!({})).await.expect_err("it is not served");
            assert_eq!(refusal.status, 404);
        }
        let flows = server.anonymous().get("/_matrix/client/v3/login").await.expect("the flows are told");
        assert_eq!(flows["flows"][1], json!({ "type": "m.login.sso" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_know_of_oauth_are_told_to_prefer_the_pages() {
    let server = server().await;

    let answer = server.anonymous().get("/_matrix/client/v3/login").await.expect("the flows are told");

    let types: Vec<&Value> = answer["flows"].as_array().expect("a list").iter().map(|flow| &flow["type"]).collect();
    assert!(types.contains(&&json!("m.login.password")), "passwords are good as before");
    assert_eq!(answer["flows"][1]["oauth_aware_preferred"], true);
    assert_eq!(answer["flows"][1]["org.matrix.msc3824.delegated_oidc_compatibility"], true);
}
