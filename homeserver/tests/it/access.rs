//! Access rules: who may do what, from where, and how administrators say so.

mod description;
mod emails;
mod features;
mod guards;
mod hits;
mod lives;
mod networks;
mod proxied;
mod registration;
mod rules;
mod servers;
mod services;
mod spaces;

use homeserver::error::ErrorKind;
use homeserver_testing::{Answer, Refusal, TestServer, TestUser, segment};
use serde_json::{Value, json};

/// Where the paths of the access API begin.
const API: &str = "/_salon/access/v1";

/// A server administrator.
pub(crate) async fn administrator(server: &TestServer) -> TestUser {
    let root = server.user("root").await;
    server.app.accounts.administration.set_admin(&root.id, true).await.expect("the account is there");
    root
}

/// Writes a rule `kind value scope effect`; a value that is not needed is written as a dash.
async fn try_rule(by: &TestUser, id: &str, text: &str, more: Value) -> Answer<Value> {
    let [kind, value, scope, effect] = text.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let value = if value == "-" { "" } else { value };
    let mut body = json!({ "kind": kind, "value": value, "scope": scope, "effect": effect });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    by.put(&format!("{API}/rules/{id}"), body).await
}

pub(crate) async fn rule(by: &TestUser, id: &str, text: &str) {
    try_rule(by, id, text, json!({})).await.expect("the rule is allowed");
}

pub(crate) async fn lift(by: &TestUser, id: &str) {
    by.delete(&format!("{API}/rules/{id}")).await.expect("the rule is there");
}

fn assert_forbidden(answer: Answer<impl std::fmt::Debug>) -> Refusal {
    let refusal = answer.expect_err("it is refused");
    refusal.assert_is(&ErrorKind::Forbidden);
    refusal
}

fn room_path(room: &ruma::RoomId, rest: &str) -> String {
    format!("/_matrix/client/v3/rooms/{}/{rest}", segment(room.as_str()))
}
