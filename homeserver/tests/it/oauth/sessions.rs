//! What sessions that began by OAuth may do, and what is left to the account page.

use std::time::Duration;

use homeserver::error::ErrorKind;
use homeserver_testing::{Signer, TestBrowser, TestUser};
use serde_json::{Value, json};

use super::{TestApp, session, with_alice};

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_confirmation_is_not_for_these_sessions() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let phone = session(&alice, &app.log_in(&alice).await);

    for (path, body) in [
        ("/_matrix/client/v3/account/password", json!({ "new_password": "long enough" })),
        ("/_matrix/client/v3/account/deactivate", json!({})),
        ("/_matrix/client/v3/delete_devices", json!({ "devices": [alice.device_id] })),
        ("/_matrix/client/v1/login/get_token", json!({})),
    ] {
        let mut confirmed = body.clone();
        confirmed["auth"] = alice.confirmation();
        for body in [body, confirmed] {
            let refusal = phone.post(path, body).await.expect_err("it is left to the account page");
            assert_eq!(refusal.status, 404, "{path}");
            refusal.assert_is(&ErrorKind::Unrecognized);
        }
    }
    let path = format!("/_matrix/client/v3/devices/{}", alice.device_id);
    assert_eq!(phone.delete(&path).await.expect_err("it is left to the account page").status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_say_so() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let phone = session(&alice, &app.log_in(&alice).await);

    let by_oauth = phone.get("/_matrix/client/v3/capabilities").await.expect("they are told");
    let legacy = alice.get("/_matrix/client/v3/capabilities").await.expect("they are told");

    for (name, expected) in [("m.change_password", true), ("m.get_login_token", true), ("m.3pid_changes", false)] {
        assert_eq!(by_oauth["capabilities"][name]["enabled"], false, "{name}");
        assert_eq!(legacy["capabilities"][name]["enabled"], expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_session() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let tokens = app.log_in(&alice).await;
    let phone = session(&alice, &tokens);

    phone.post("/_matrix/client/v3/logout", json!({})).await.expect("it can always be done");

    assert!(!phone.is_logged_in().await);
    app.refresh(&tokens.text("refresh_token")).await.assert_refused(400, "invalid_grant");
    assert_eq!(server.scalar::<i64>("select count(*) from oauth_sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_password_on_the_same_device_takes_it_over() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let tokens = app.log_in(&alice).await;

    let answer = alice.try_login(json!({ "device_id": "AAABBBCCCD" })).await.expect("the password is right");

    let legacy = alice.with_session("AAABBBCCCD", answer["access_token"].as_str().expect("a token"));
    app.refresh(&tokens.text("refresh_token")).await.assert_refused(400, "invalid_grant");
    let refusal =
        legacy.post("/_matrix/client/v3/account/deactivate", json!({})).await.expect_err("it is to be confirmed");
    assert_eq!(refusal.status, 401, "the session is a legacy one now");
}

/// An upload of a master key of `user`.
fn upload(user: &TestUser, key: &Signer) -> Value {
    json!({ "master_key": user.cross_signing_key("master", key) })
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_keys_are_replaced_when_that_was_allowed_on_the_account_page() {
    let (server, alice) = with_alice().await;
    let app = TestApp::register(&server).await;
    let phone = session(&alice, &app.log_in(&alice).await);
    let [first, second, third] = [(); 3].map(|()| upload(&alice, &Signer::cross_signing()));
    phone.upload_cross_signing_keys(first).await.expect("the first keys need no permission");

    let refusal = phone.upload_cross_signing_keys(second.clone()).await.expect_err("it is not allowed");
    let again = phone.upload_cross_signing_keys(second.clone()).await.expect_err("it is not allowed");
    assert_eq!((refusal.status.as_u16(), &refusal.body), (401, &again.body), "clients ask until it is allowed");
    let stages = json!([{ "stages": ["m.oauth"] }, { "stages": ["org.matrix.cross_signing_reset"] }]);
    assert_eq!(refusal.body["flows"], stages);
    let url = "https://matrix.test.local/account?action=org.matrix.cross_signing_reset";
    assert_eq!(refusal.body["params"]["m.oauth"]["url"], url);
    assert_eq!(refusal.body["params"]["org.matrix.cross_signing_reset"]["url"], url);

    let browser = TestBrowser::new(&server);
    let form = browser.open("/account?action=org.matrix.cross_signing_reset").await;
    let page = browser.sign_in(&form, "alice", &alice.password()).await;
    let done = browser.submit(&page, "/account/reset", &[]).await;
    done.assert_says("It is allowed for ten minutes.");
    let mut keys = second;
    keys["auth"] = json!({ "session": refusal.body["session"] });
    phone.upload_cross_signing_keys(keys).await.expect("it is allowed");
    phone.upload_cross_signing_keys(third.clone()).await.expect_err("it was allowed once");

    browser.submit(&page, "/account/reset", &[]).await;
    server.app.clock.advance(Duration::from_secs(601));
    phone.upload_cross_signing_keys(third).await.expect_err("it was allowed for ten minutes");
}
