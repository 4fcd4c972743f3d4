//! Runs the program: the listener first, then everything behind it once the homeserver and the database
//! are there, however long that takes.

use std::{net::TcpListener, time::Duration};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::{
    App, Error,
    clock::Clock,
    config::Config,
    http::{self, Entrance},
    registration::Registration,
    tasks::Tasks,
};

/// How long to wait for what is away, at first and at most.
const DELAY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Runs until the process is asked to end.
pub(super) async fn run(config: Config) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let file = config.registration_file();
    if Registration::write_if_missing(&file, &config.own_url())? {
        info!("Wrote the registration {}: the homeserver knows it when it is started again", file.display());
    }
    let registration = Registration::read(&file)?;
    // Whoever has the address is the one who works with the database.
    let address = config.listener.address;
    let listener = TcpListener::bind(address).with_context(|| format!("listening on {address}"))?;
    info!(address = %listener.local_addr()?, "Listening");

    let (entrance, tasks) = (Entrance::default(), Tasks::default());
    let server = http::serve(&entrance, listener)?;
    let handle = server.handle();
    tasks.start_once("listener", async move {
        if let Err(fault) = server.await {
            panic!("the listener failed: {fault}");
        }
    });
    let mut running = None;
    let outcome = tokio::select! {
        outcome = async {
            let app = start(&config, &registration).await?;
            running = Some(app.clone());
            entrance.open(app);
            info!("Ready");
            std::future::pending::<anyhow::Result<()>>().await
        } => outcome,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    info!("Stopping");
    if let Some(app) = running {
        app.stop().await;
    }
    // What was taken over is safe; what was not is told again.
    tasks.stop().await;
    handle.stop(false).await;
    outcome
}

/// Starts as soon as the homeserver and the database are there.
async fn start(config: &Config, registration: &Registration) -> anyhow::Result<App> {
    let (mut delay, longest) = DELAY;
    let mut has_told = false;
    loop {
        match App::start(config.clone(), registration.clone(), Clock::default()).await {
            Ok(app) => return Ok(app),
            Err(Error::Unavailable(what, cause)) => {
                if !has_told {
                    info!(cause = format!("{cause:#}"), "{what} is not there yet");
                    has_told = true;
                }
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(longest);
            }
            Err(fault) => return Err(fault.into()),
        }
    }
}
