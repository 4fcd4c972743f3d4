//! Lets operators check the security audit log, and take it elsewhere.

use anyhow::{anyhow, bail};
use clap::Subcommand;

use super::{command, output::say};
use crate::{
    App,
    audit::{Anchor, Verdict},
    clock,
    config::Config,
};

/// Events that are read at a time.
const PAGE: u32 = 1000;

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check that nothing was changed or taken away; the exit code is 1 if something was.
    Verify {
        /// A row that was noted elsewhere, as this command told it: the log must still have it.
        #[arg(long, value_name = "NUMBER:HASH")]
        anchor: Option<Anchor>,
    },
    /// Write events to the standard output, one JSON object a line, in the fields of ECS.
    Export {
        /// Begin at this day or time, such as 2026-11-01 or 2026-11-01T08:00:00Z.
        #[arg(long, value_name = "TIME", value_parser = time)]
        since: Option<i64>,
        /// Begin after the event with this number (`event.sequence`).
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: i64,
    },
}

fn time(text: &str) -> Result<i64, &'static str> {
    clock::parse(text).ok_or("this is neither a day nor a time")
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> anyhow::Result<()> {
    command::run(config, async |app| match command {
        Command::Verify { anchor } => verify(app, anchor).await,
        Command::Export { since, after } => export(app, since, after).await,
    })
    .await
}

async fn verify(app: &App, anchor: Option<Anchor>) -> anyhow::Result<()> {
    let Verdict { rows, newest, finding } = app.audit.verify(anchor.as_ref()).await?;
    if let Some(finding) = finding {
        bail!("The audit log is not what was written: {finding}.");
    }
    say(&format!("{rows} rows are as they were written. The newest is {newest}"))
}

async fn export(app: &App, since: Option<i64>, after: i64) -> anyhow::Result<()> {
    let mut after = after;
    loop {
        let page = app.audit.list(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        let wanted = page.iter().filter(|entry| since.is_none_or(|since| entry.at >= since));
        let lines: Vec<String> = wanted.map(|entry| entry.to_ecs(&app.config.server.name).to_string()).collect();
        if !lines.is_empty() {
            say(&lines.join("\n")).map_err(|fault| anyhow!("writing events: {fault}"))?;
        }
    }
}
