//! Rules about who may register and log in.

use homeserver::{accounts::registration::NewRegistrationToken, config::RegistrationMode, error::ErrorKind};
use homeserver_testing::{Answer, TestServer, TestUser};
use serde_json::{Value, json};

use super::{administrator, assert_forbidden, lift, rule, try_rule};
use crate::emails;

async fn register(server: &TestServer, name: &str, from: &str) -> Answer<Value> {
    let body = json!({ "username": name, "password": "a long password", "auth": { "type": "m.login.dummy" } });
    server.anonymous().coming_from(from).post("/_matrix/client/v3/register", body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_may_not_register_and_yet_use_accounts_it_has() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await.coming_from("127.0.5.1");
    let more = json!({ "case": "c_7" });
    try_rule(&root, "ban", "network 127.0.5.0/24 registration deny", more).await.expect("the rule is allowed");

    let refusal = assert_forbidden(register(&server, "bob", "127.0.5.1").await);

    assert_eq!(refusal.body["salon.case"], "c_7");
    alice.login().await;
    register(&server, "bob", "127.0.6.1").await.expect("others may");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_a_rule_forbids_cannot_be_registered() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    rule(&root, "ban", "user @official*:test.local registration deny").await;

    assert_forbidden(register(&server, "official_support", "127.0.0.1").await);
    register(&server, "unofficial", "127.0.0.1").await.expect("other names are free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_may_not_log_in_does_not_learn_whether_the_password_was_right() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    let alice = server.user("alice").await.coming_from("127.0.5.1");
    rule(&root, "ban", "network 127.0.5.0/24 login deny").await;

    let right = assert_forbidden(alice.try_login(json!({})).await);
    let wrong = assert_forbidden(alice.try_login(json!({ "password": "a guess" })).await);

    assert_eq!(right.body, wrong.body);
    alice.get("/_matrix/client/v3/account/whoami").await.expect("the session it has is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_waits_for_approval_can_read_but_not_act() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    rule(&root, "ask", "network 127.0.5.0/24 registration require_approval").await;

    let answer = register(&server, "bob", "127.0.5.1").await.expect("it is taken");
    let bob = TestUser::anonymous(&server, "bob")
        .with_session(answer["device_id"].as_str().expect("an ID"), answer["access_token"].as_str().expect("a token"));
    let create = || bob.post("/_matrix/client/v3/createRoom", json!({}));
    create().await.expect_err("it waits").assert_is(&ErrorKind::UserSuspended);
    bob.get("/_matrix/client/v3/sync").await.expect("it can read");
    let queue = root.get("/_salon/access/v1/approvals").await.expect("the queue");
    root.post(&format!("/_salon/access/v1/approvals/{}", bob.id), json!({ "approve": true })).await.expect("approved");

    assert_eq!(queue["approvals"][0]["user_id"], bob.id.as_str());
    assert_eq!(queue["approvals"][0]["rule_id"], "ask");
    create().await.expect("it is approved");
    let queue = root.get("/_salon/access/v1/approvals").await.expect("the queue");
    assert_eq!(queue["approvals"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_denied_is_closed() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    rule(&root, "ask", "everyone - registration require_approval").await;
    let answer = register(&server, "bob", "127.0.0.1").await.expect("it is taken");
    let bob = TestUser::anonymous(&server, "bob").with_session("X", answer["access_token"].as_str().expect("a token"));

    let body = json!({ "approve": false, "reason": "We do not know you." });
    root.post(&format!("/_salon/access/v1/approvals/{}", bob.id), body).await.expect("denied");

    assert!(!bob.is_logged_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_token_opens_what_is_closed_to_others() {
    let server = TestServer::start_with(|config| config.registration.mode = RegistrationMode::Token).await;
    let registration = &server.app.accounts.registration;
    for token in ["good", "other"] {
        let new = NewRegistrationToken { token: Some(token.to_owned()), ..NewRegistrationToken::default() };
        registration.create_token(homeserver::audit::Actor::operator(), new).await.expect("a token");
    }
    let root = server.app.accounts.administration.create_user("root", Some("a long password".to_owned()), true).await;
    let root = TestUser::anonymous(&server, root.expect("an account").user_id.localpart());
    let login = root.try_login(json!({ "password": "a long password" })).await.expect("the password is right");
    let root = root.with_session("X", login["access_token"].as_str().expect("a token"));
    rule(&root, "closed", "everyone - registration deny").await;
    rule(&root, "open", "registration_token good registration allow").await;
    let register = |name: &'static str, token: &'static str| {
        let auth = json!({ "type": "m.login.registration_token", "token": token });
        let body = json!({ "username": name, "password": "a long password", "auth": auth });
        let anonymous = server.anonymous();
        async move { anonymous.post("/_matrix/client/v3/register", body).await }
    };

    assert_forbidden(register("alice", "other").await);
    register("alice", "good").await.expect("the token opens");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_lockdown_newcomers_prove_an_address_before_they_have_an_account() {
    let (server, mailbox) = emails::start(|_| {}).await;
    let root = administrator(&server).await;
    let newcomer = server.anonymous();
    let path = "/_matrix/client/v3/register";
    rule(&root, "lockdown", "everyone - registration require_verified_email").await;
    let body = |auth: Value| json!({ "username": "bob", "password": "a long password", "auth": auth });

    let question = newcomer.post(path, body(Value::Null)).await.expect_err("something has to be proved");
    let session = question.body["session"].clone();
    let mut nothing = body(json!({ "type": "m.login.dummy", "session": session }));
    newcomer.post(path, nothing.clone()).await.expect_err("that is not enough");
    let asked = emails::request(&newcomer, emails::REGISTER, "bob@mailbox.test").await.expect("mail can be sent");
    emails::confirm(&newcomer, &mailbox.next().await).await;
    let mut proof = emails::proof(&asked["sid"]);
    proof["session"] = session;
    newcomer.post(path, body(proof)).await.expect("the address is proved");

    assert_eq!(question.body["flows"], json!([{ "stages": ["m.login.email.identity"] }]));
    lift(&root, "lockdown").await;
    nothing["username"] = "carol".into();
    nothing["auth"] = json!({ "type": "m.login.dummy" });
    newcomer.post(path, nothing).await.expect("the lockdown is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_mail_is_sent_a_lockdown_says_so() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    rule(&root, "lockdown", "everyone - registration require_verified_email").await;

    let refusal = assert_forbidden(register(&server, "bob", "127.0.0.1").await);

    assert!(refusal.body["error"].as_str().is_some_and(|text| text.contains("sends no mail")), "{refusal:?}");
}
