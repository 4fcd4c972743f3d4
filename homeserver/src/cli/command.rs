//! Runs a command on the services of a server, beside one that runs or without.

use std::time::Duration;

use anyhow::{Context, anyhow};

use super::database::{self, Database};
use crate::{App, Error, config::Config};

/// How long the database may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the services without the duties of a server, does `work`, and ends them.
pub(super) async fn run(config: Config, work: impl AsyncFnOnce(&App) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let database = Database::for_command(&config)?;
    let started = tokio::time::timeout(
        PATIENCE,
        database::start(async || App::start_for_command(config.clone(), database.storage.clone()).await),
    );
    let outcome = match started.await {
        Ok(Ok(app)) => {
            let outcome = work(&app).await;
            app.stop().await;
            outcome
        }
        Ok(Err(fault)) => Err(fault.into()),
        Err(_) => Err(anyhow!("the database is not available")),
    };
    database.close().await;
    outcome
}

/// What was refused, in the words that the user would be told.
pub(super) fn told<T>(outcome: crate::Result<T>) -> anyhow::Result<T> {
    match outcome {
        Err(Error::Refused { message, .. }) => Err(anyhow!("{message}")),
        outcome => outcome.context("the database"),
    }
}
