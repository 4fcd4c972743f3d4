//! E-mail addresses: proved, added, used to sign in and to choose a new password.

mod addresses;
mod messages;
mod proofs;

use homeserver::config::Config;
use homeserver_testing::{Answer, TestMail, TestMailbox, TestServer, TestUser};
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) const REGISTER: &str = "/_matrix/client/v3/register/email/requestToken";
const RESET: &str = "/_matrix/client/v3/account/password/email/requestToken";
pub(crate) const ADD: &str = "/_matrix/client/v3/account/3pid/email/requestToken";
const PAGE: &str = "/_salon/email/confirm";
const ADDRESS: &str = "alice@mailbox.test";

pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> (TestServer, TestMailbox) {
    let mailbox = TestMailbox::start().await;
    let server = TestServer::start_with(|config| {
        mailbox.configure(config);
        config.mail.tell_of_sign_ins = false;
        change(config);
    })
    .await;
    (server, mailbox)
}

pub(crate) async fn request(user: &TestUser, path: &str, email: &str) -> Answer<Value> {
    user.post(path, json!({ "client_secret": "secret", "email": email, "send_attempt": 1 })).await
}

/// Opens the link in a message and clicks.
pub(crate) async fn confirm(user: &TestUser, mail: &TestMail) {
    let page = user.call(Method::GET, &mail.link()).send().await.expect("the server answers");
    assert_eq!(page.status(), 200);
    let answer = click(user, &mail.token()).await;
    assert_eq!(answer.status(), 200);
}

async fn click(user: &TestUser, token: &str) -> reqwest::Response {
    user.call(Method::POST, PAGE).body(format!("token={token}")).send().await.expect("the server answers")
}

/// Adds an address to a user's account.
pub(crate) async fn add(user: &TestUser, mailbox: &TestMailbox, email: &str) {
    let asked = request(user, ADD, email).await.expect("mail can be sent");
    confirm(user, &mailbox.next().await).await;
    let body = json!({ "sid": asked["sid"], "client_secret": "secret", "auth": user.confirmation() });
    user.post("/_matrix/client/v3/account/3pid/add", body).await.expect("it is confirmed");
    assert!(mailbox.next().await.text.contains("was added"));
}

pub(crate) fn proof(sid: &Value) -> Value {
    json!({
        "type": "m.login.email.identity",
        "threepid_creds": { "sid": sid, "client_secret": "secret" },
    })
}
