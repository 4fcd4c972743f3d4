//! The administration API of Synapse: what the tools that use it rely on.

mod entrance;
mod ketesa;
mod media;
mod notices;
mod redactions;
mod registration_tokens;
mod reports;
mod rooms;
mod shadow_bans;
mod shutdowns;
mod things;
mod users;

use homeserver_testing::{TestServer, TestUser, segment};
use serde_json::Value;

/// Where the paths of the API begin.
const API: &str = "/_synapse/admin";

/// A server administrator.
async fn administrator(server: &TestServer) -> TestUser {
    let root = server.user("root").await;
    server.app.accounts.administration.set_admin(&root.id, true).await.expect("the account is there");
    root
}

/// A path below which there is a user or a room.
fn path(before: &str, id: impl AsRef<str>, after: &str) -> String {
    format!("{API}{before}/{}{after}", segment(id.as_ref()))
}

/// The details of what the log of administrators' deeds tells of last under this name.
async fn recorded(server: &TestServer, what: &str) -> Option<Value> {
    server.app.audit.settled().await;
    let events = server.app.audit.list(0, 1000).await.expect("the log can be read");
    let events = events.into_iter().map(|event| serde_json::to_value(&event.details).expect("details are JSON"));
    events.rev().find(|details| details["what"] == what)
}

/// Waits until a task that an administrator began has ended; returns what is told of it.
async fn ended(caller: &TestUser, path: &str) -> Value {
    for _ in 0..500 {
        let status = caller.get(path).await.expect("the task is known");
        if status["status"] == "complete" || status["status"] == "failed" {
            return status;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the task at {path} does not end");
}
