//! Registering and logging in: what a password hash costs, and little more.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    client::Connection,
    measure::{Row, Tally, measure},
    setting::{PASSWORD, Setting, text, user},
};

const WORKERS: usize = 4;

/// Whole registrations, with the question what a registration needs.
pub async fn register(setting: &mut Setting) -> Result<Vec<Row>> {
    let connections = setting.connections(WORKERS).await?;
    let prefixes: Vec<String> = (0..WORKERS).map(|_| setting.name("registered")).collect();
    let until = Instant::now() + setting.time;
    let workers = connections.into_iter().zip(prefixes).map(|(mut connection, prefix)| async move {
        let mut tally = Tally::default();
        for number in 0.. {
            if Instant::now() >= until {
                break;
            }
            match register_one(&mut connection, &format!("{prefix}-{number}")).await {
                Ok(took) => tally.taken.push(took),
                Err(fault) => tally.fault(format!("{fault:#}")),
            }
        }
        (tally, ())
    });
    Ok(vec![measure(&setting.server, "register", workers.collect()).await?.0])
}

async fn register_one(connection: &mut Connection, name: &str) -> Result<Duration> {
    let path = "/_matrix/client/v3/register";
    let mut body = json!({ "username": name, "password": PASSWORD });
    let question = connection.exchange(Method::POST, "", path, Some(&body)).await?;
    ensure!(question.status == StatusCode::UNAUTHORIZED, "a registration began with {}", question.status);
    let session = text(&question.json()?, "session")?;
    body["auth"] = json!({ "type": "m.login.dummy", "session": session });
    let answer = connection.post("", path, &body).await?;
    user(&answer.json()?).context("a registration gives a session")?;
    Ok(question.took + answer.took)
}

/// Logging in by password, on a new device each time.
pub async fn log_in(setting: &mut Setting) -> Result<Vec<Row>> {
    let users = setting.crowd(WORKERS).await?;
    let connections = setting.connections(WORKERS).await?;
    let until = Instant::now() + setting.time;
    let workers = connections.into_iter().zip(users).map(|(mut connection, user)| async move {
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": user.id },
            "password": PASSWORD,
        });
        let mut tally = Tally::default();
        while Instant::now() < until {
            let answer = tally.count(connection.post("", "/_matrix/client/v3/login", &body).await);
            if answer.is_some_and(|answer| !answer.json().is_ok_and(|told: Value| told["access_token"].is_string())) {
                tally.fault("a login without an access token");
            }
        }
        (tally, ())
    });
    Ok(vec![measure(&setting.server, "login", workers.collect()).await?.0])
}
