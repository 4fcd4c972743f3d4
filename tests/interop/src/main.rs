//! Runs all scenarios against the server at SALON_URL, and prints a line for each.
//! With words as arguments: only those whose names contain one of them.

// The SDK's futures are deeply nested.
#![recursion_limit = "256"]

mod browser;
mod person;
mod scenarios;
mod stage;

use std::{env, process::ExitCode, time::Duration};

use anyhow::{Context, Result, anyhow};
use tokio::task::{LocalSet, spawn_local};

use self::{scenarios::Scenario, stage::Stage};

/// How long a scenario may take.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let stage = Stage::at(env::var("SALON_URL").context("SALON_URL says where the server is")?);
    let words: Vec<String> = env::args().skip(1).collect();
    let mut failed = 0;
    for (name, scenario) in scenarios::all() {
        if !words.is_empty() && !words.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        match play(scenario, stage.clone()).await {
            Ok(()) => println!("test {name} ... ok"),
            Err(fault) => {
                failed += 1;
                println!("test {name} ... FAILED\n{fault:?}");
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays one scenario; a failed assertion in it is a panic, which has told of itself already.
async fn play(scenario: Scenario, stage: Stage) -> Result<()> {
    let scenes = LocalSet::new();
    let outcome = tokio::time::timeout(PATIENCE, scenes.run_until(async { spawn_local(scenario(stage)).await })).await;
    outcome.map_err(|_| anyhow!("It took too long."))?.map_err(|_| anyhow!("It panicked."))?
}
