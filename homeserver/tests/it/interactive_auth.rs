//! User-interactive authentication, as any endpoint has it that needs confirmation.

use std::time::Duration;

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

const DEACTIVATE: &str = "/_matrix/client/v3/account/deactivate";

/// Begins to deactivate the account; the session in which it is to be confirmed.
async fn begin(user: &TestUser) -> String {
    let refusal = user.post(DEACTIVATE, json!({})).await.expect_err("it is not confirmed");
    assert_eq!(refusal.status, 401);
    refusal.body["session"].as_str().expect("a session").to_owned()
}

fn auth(user: &TestUser, session: &str) -> Value {
    let mut auth = user.confirmation();
    auth["session"] = json!(session);
    auth
}

async fn deactivate(user: &TestUser, auth: Value) -> Answer<Value> {
    user.post(DEACTIVATE, json!({ "auth": auth })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_confirms_with_or_without_a_session() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let session = begin(&alice).await;
    let with = deactivate(&alice, auth(&alice, &session)).await;
    let without = deactivate(&bob, bob.confirmation()).await;

    assert_eq!(with.expect("it is confirmed"), json!({ "id_server_unbind_result": "success" }));
    without.expect("it is confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_can_be_corrected_in_the_same_session() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let session = begin(&alice).await;

    let mut wrong = alice.confirmation_by("wrong");
    wrong["session"] = json!(session);
    let refusal = deactivate(&alice, wrong).await.expect_err("the password is wrong");

    assert_eq!(refusal.status, 401);
    assert_eq!(refusal.body["errcode"], "M_FORBIDDEN");
    assert_eq!(refusal.body["session"], session);
    assert_eq!(refusal.body["flows"], json!([{ "stages": ["m.login.password"] }, { "stages": ["m.login.sso"] }]));
    assert_eq!((&refusal.body["params"], &refusal.body["completed"]), (&json!({}), &json!([])));
    deactivate(&alice, auth(&alice, &session)).await.expect("the password is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_may_be_named_the_old_way() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    let old = json!({ "type": "m.login.password", "user": "alice", "password": alice.password() });

    deactivate(&alice, old).await.expect("it is confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_confirms_for_somebody_else() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;

    let refusal = deactivate(&alice, bob.confirmation()).await.expect_err("the password is another user's");

    assert_eq!(refusal.status, 403);
    refusal.assert_is(&ErrorKind::Forbidden);
    assert!(alice.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_good_for_one_user_one_device_and_one_operation() {
    let server = TestServer::start().await;
    let [alice, bob] = server.users(["alice", "bob"]).await;
    let phone = alice.login().await;
    let session = begin(&alice).await;

    let of_another = deactivate(&bob, auth(&bob, &session)).await;
    let on_another_device = deactivate(&phone, auth(&phone, &session)).await;
    let body = json!({ "auth": auth(&alice, &session), "erase": true });
    let with_other_parameters = alice.post(DEACTIVATE, body).await;
    let body = json!({ "auth": auth(&alice, &session), "devices": [phone.device_id] });
    let for_something_else = alice.post("/_matrix/client/v3/delete_devices", body).await;
    let invented = deactivate(&alice, auth(&alice, "invented")).await;

    for answer in [of_another, on_another_device, with_other_parameters, for_something_else, invented] {
        let refusal = answer.expect_err("the session is for something else");
        assert_eq!(refusal.status, 401);
        assert_eq!(refusal.body["errcode"], "M_UNKNOWN");
        assert!(refusal.body["session"].as_str().is_some_and(|fresh| fresh != session), "{refusal:?}");
    }
    assert!(alice.is_logged_in().await && bob.is_logged_in().await && phone.is_logged_in().await);
    deactivate(&alice, auth(&alice, &session)).await.expect("the session was not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_used_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let phone = alice.login().await;
    let path = "/_matrix/client/v3/delete_devices";
    let request = |auth: Value| json!({ "auth": auth, "devices": [phone.device_id] });
    let begun = alice.post(path, json!({ "devices": [phone.device_id] })).await.expect_err("it is not confirmed");
    let session = begun.body["session"].as_str().expect("a session").to_owned();
    alice.post(path, request(auth(&alice, &session))).await.expect("it is confirmed");

    let refusal = alice.post(path, request(json!({ "session": session }))).await.expect_err("the session is over");

    assert_eq!(refusal.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lasts_a_quarter_of_an_hour() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let session = begin(&alice).await;

    server.app.clock.advance(Duration::from_secs(15 * 60 + 1));

    deactivate(&alice, auth(&alice, &session)).await.expect_err("the session has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_a_type_only_asks_how_far_it_is() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let session = begin(&alice).await;

    let refusal = deactivate(&alice, json!({ "session": session })).await.expect_err("nothing is proved");

    assert_eq!(refusal.status, 401);
    assert_eq!(refusal.body["session"], session);
    assert_eq!(refusal.body.get("errcode"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_of_no_flow_prove_nothing() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for kind in ["m.login.dummy", "m.login.terms", "org.example.magic"] {
        let refusal = deactivate(&alice, json!({ "type": kind })).await.expect_err("it is no stage here");
        assert_eq!(refusal.status, 401, "{kind}");
        assert_eq!(refusal.body["errcode"], "M_FORBIDDEN", "{kind}");
    }
    assert!(alice.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_authentication_data_are_bad_json() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;

    for auth in [json!("text"), json!({ "type": "m.login.password" }), json!({ "type": 1 })] {
        let refusal = deactivate(&alice, auth).await.expect_err("this cannot be read");
        assert_eq!(refusal.status, 400);
        refusal.assert_is(&ErrorKind::BadJson);
    }
    let empty = deactivate(&alice, json!({})).await.expect_err("nothing is proved");
    assert_eq!(empty.status, 401);
}
