//! What operators do about access rules when nobody can do it over the API any more.

use std::time::Duration;

use anyhow::anyhow;
use clap::Subcommand;

use super::{
    database::{self, Database},
    output::say,
};
use crate::{
    App, Error,
    access::{
        rule::Rule,
        rulebook::{Change, MOST_CHANGES},
    },
    audit::Actor,
    config::Config,
};

/// How long the database may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);
/// Rules that are listed at a time.
const PAGE: usize = 1000;
/// Whom rules are revoked by.
const OPERATOR: &str = "command";

/// What to do about access rules.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the rules in force.
    List,
    /// Revoke a rule, or all of them. The server follows within a second.
    Lift {
        /// The rule's ID.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        rule: Option<String>,
        /// Revoke all rules.
        #[arg(long)]
        all: bool,
    },
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> anyhow::Result<()> {
    let database = Database::for_command(&config)?;
    let started = tokio::time::timeout(
        PATIENCE,
        database::start(async || App::start_for_command(config.clone(), database.storage.clone()).await),
    );
    let outcome = match started.await {
        Ok(Ok(app)) => {
            let outcome = execute(&app, command).await;
            app.stop().await;
            outcome
        }
        Ok(Err(fault)) => Err(fault.into()),
        Err(_) => Err(anyhow!("the database is not available")),
    };
    database.close().await;
    outcome
}

async fn execute(app: &App, command: Command) -> anyhow::Result<()> {
    let rulebook = &app.access.rulebook;
    match command {
        Command::List => {
            let mut after = String::new();
            loop {
                let page = rulebook.list(&after, PAGE, |_| true).await;
                let Some(last) = page.last() else { return Ok(()) };
                after.clone_from(&last.id);
                say(&page.iter().map(|rule| describe(rule)).collect::<Vec<_>>().join("\n"))?;
            }
        }
        Command::Lift { rule: Some(rule), .. } => {
            match rulebook.change(&[Change::Revoke(rule.clone())], OPERATOR, &Actor::operator()).await {
                Err(Error::Refused { message, .. }) => return Err(anyhow!("{message}")),
                done => done?,
            }
            say(&format!("The rule {rule} is revoked."))
        }
        Command::Lift { rule: None, .. } => {
            let mut count = 0;
            loop {
                let page = rulebook.list("", MOST_CHANGES, |_| true).await;
                if page.is_empty() {
                    return say(&format!("{count} rules are revoked."));
                }
                count += page.len();
                let changes: Vec<Change> = page.iter().map(|rule| Change::Revoke(rule.id.clone())).collect();
                rulebook.change(&changes, OPERATOR, &Actor::operator()).await?;
            }
        }
    }
}

/// The rule in a line.
fn describe(rule: &Rule) -> String {
    let (kind, effect) = (rule.criterion.kind().name(), rule.effect.name());
    let value = if rule.value.is_empty() { String::new() } else { format!(":{}", rule.value) };
    format!("{}  {effect} {kind}{value} at {}, by {}", rule.id, rule.scope, rule.author)
}
