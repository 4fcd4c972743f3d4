//! Lets operators change the keys that protect what is stored.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use clap::Subcommand;

use super::{command, output::say};
use crate::{
    App,
    audit::{Action, Actor, Event},
    config::Config,
    rotation,
    secrets::files,
};

/// After this time all processes on this machine use a new key.
const ADOPTION: Duration = Duration::from_secs(3);

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say how many values each key protects.
    List,
    /// Make a new key and encrypt everything with it; the server may run meanwhile.
    Rotate,
    /// Take older keys out of the file, provided that nothing needs them any more.
    Prune,
}

/// Does it.
pub(super) async fn run(config: Config, command: Command) -> anyhow::Result<()> {
    let file = config.secrets.keys.is_none().then(|| config.key_file());
    command::run(config, async |app| match command {
        Command::List => list(app).await,
        Command::Rotate => rotate(app, file).await,
        Command::Prune => prune(app, file).await,
    })
    .await
}

async fn list(app: &App) -> anyhow::Result<()> {
    for (key, count) in rotation::count(&app.storage).await? {
        say(&format!("key {key}: {count} values"))?;
    }
    Ok(())
}

async fn rotate(app: &App, file: Option<PathBuf>) -> anyhow::Result<()> {
    if let Some(file) = &file {
        let mut keys = files::key_ring(file)?;
        let id = keys.add()?;
        // Before anything is encrypted with it: the file is the only place where it is.
        files::replace_key_ring(file, &keys)?;
        note(app, "added", id).await?;
        say(&format!("Key {id} is in {}. Back the file up.", file.display()))?;
        tokio::time::sleep(ADOPTION).await;
        app.secrets.reload()?;
    }
    let mut total = 0;
    // A process that had not noticed the new key may have used the old one until now.
    loop {
        let count = rotation::reseal(&app.storage, &app.secrets).await?;
        total += count;
        if count == 0 {
            break;
        }
    }
    say(&format!("{total} values were encrypted anew. `salon keys prune` takes older keys out of the file."))
}

async fn prune(app: &App, file: Option<PathBuf>) -> anyhow::Result<()> {
    let Some(file) = file else { bail!("The keys are given by secrets.keys: take older ones out there.") };
    let mut keys = files::key_ring(&file)?;
    let current = keys.current();
    if rotation::count(&app.storage).await?.into_keys().any(|key| key != current) {
        bail!("Older keys are still needed: run `salon keys rotate` first.");
    }
    let removed = keys.remove_older();
    if removed.is_empty() {
        return say("There are no older keys.");
    }
    files::replace_key_ring(&file, &keys)?;
    for id in &removed {
        note(app, "removed", *id).await?;
    }
    say(&format!("{} older keys are gone. Backups of the database from before need them.", removed.len()))
}

async fn note(app: &App, change: &'static str, key: u16) -> anyhow::Result<()> {
    let mut tx = app.storage.begin().await?;
    let event = Event::new(Action::KeysRotated, Actor::operator()).detail("change", change).detail("key", key);
    app.audit.append(&mut tx, [event]).await?;
    Ok(tx.commit().await.map_err(crate::Error::from)?)
}
