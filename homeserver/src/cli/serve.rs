//! Runs the server: what is started after what, and stopped in which order.
//!
//! The listeners come first and answer 503 until the database is there, however long that takes.
//! The database comes last in the stop: listeners, requests in flight, tasks, pool, database.

use std::{
    future::Future,
    net::{SocketAddr, TcpListener},
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::{
    database::{self, Database},
    output::say,
    runtime::raise_file_limit,
};
use crate::{
    App,
    clock::Clock,
    config::{Config, Listeners},
    http::{self, Entrance, Server, ServerHandle, Socket, monitoring, tls::Certificate},
    metrics::Metrics,
    secrets,
    tasks::Tasks,
};

/// Runs the server until the process is asked to end. `file` is the configuration's, as it was
/// named on the command line.
pub async fn run(config: Config, file: Option<&Path>) -> anyhow::Result<()> {
    let stop = stop_signal()?;
    tokio::pin!(stop);
    let connections = raise_file_limit();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.server.data_directory)
        .with_context(|| format!("making {}", config.server.data_directory.display()))?;
    secrets::files::word(&config.registration_secret_file())?;

    let front = Front::open(&config.listeners, connections)?;
    let database = Database::for_server(&config).await?;
    let build =
        async || App::start(config.clone(), database.storage.clone(), Clock::default(), front.metrics.clone()).await;

    let outcome = tokio::select! {
        started = database::start(build) => match started {
            Ok(app) => {
                front.entrance.open(app);
                if let Err(fault) = announce(&config, &front.addresses, file) {
                    warn!(error = %fault, "The standard output is closed");
                }
                stop.await;
                Ok(())
            }
            Err(fault) => Err(anyhow::Error::from(fault)),
        },
        () = &mut stop => Ok(()),
    };

    info!("Stopping");
    front.close().await;
    if let Some(app) = front.entrance.app() {
        app.stop().await;
    }
    database.close().await;
    outcome
}

/// Resolves when the process is asked to end. Who asks twice does not want to wait.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (on_first, first) = tokio::sync::oneshot::channel();
    Tasks::default().start_once("signals", async move {
        let mut next = async || {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        };
        next().await;
        let _ = on_first.send(());
        next().await;
        warn!("Asked again to stop: leaving at once");
        std::process::exit(1);
    });
    Ok(async move {
        let _ = first.await;
    })
}

/// The listeners, open before there is anything behind them.
struct Front {
    entrance: Entrance,
    metrics: Metrics,
    servers: Vec<ServerHandle>,
    tasks: Tasks,
    /// Where clients can come, as URLs.
    addresses: Vec<String>,
}

impl Front {
    fn open(listeners: &Listeners, connections: usize) -> anyhow::Result<Self> {
        let metrics = Metrics::default();
        let entrance = Entrance::closed(metrics.clone());
        let (servers, addresses) = (Vec::new(), Vec::new());
        let mut front = Self { entrance, metrics, servers, tasks: Tasks::default(), addresses };

        let mut sockets = Vec::new();
        for address in &listeners.plain {
            let (listener, address) = bind(*address)?;
            front.addresses.push(format!("http://{address}"));
            sockets.push(Socket::Plain(listener));
        }
        if let (Some(certificate), Some(key)) = (&listeners.certificate, &listeners.key) {
            let certificate = Certificate::read(certificate, key)?;
            for address in &listeners.tls {
                let (listener, address) = bind(*address)?;
                front.addresses.push(format!("https://{address}"));
                sockets.push(Socket::Tls(listener, certificate.clone()));
            }
            front.tasks.start("certificate", move |stop| certificate.clone().watch(stop));
        }
        front.run("listeners", http::serve(&front.entrance, sockets, connections)?);
        for address in &listeners.proxied {
            let (listener, _) = bind(*address)?;
            let from = listeners.proxied_from.clone();
            front.run("proxied listener", http::proxied::serve(&front.entrance, listener, from, connections)?);
        }
        if let Some(address) = listeners.metrics {
            let (listener, _) = bind(address)?;
            front.run("metrics listener", monitoring::serve(front.entrance.clone(), listener)?);
        }
        Ok(front)
    }

    fn run(&mut self, name: &'static str, server: Server) {
        self.servers.push(server.handle());
        self.tasks.start_once(name, async move {
            if let Err(fault) = server.await {
                panic!("the listener failed: {fault}");
            }
        });
    }

    async fn close(&self) {
        if let Some(app) = self.entrance.app() {
            app.tail.bus().close();
        }
        for server in &self.servers {
            http::stop(server, &self.entrance).await;
        }
        self.tasks.stop().await;
    }
}

/// Opens a socket; returns it with the address that it really has.
fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).with_context(|| format!("listening on {address}"))?;
    let bound = listener.local_addr()?;
    info!(address = %bound, "Listening");
    Ok((listener, bound))
}

/// Tells people what to do next.
fn announce(config: &Config, addresses: &[String], file: Option<&Path>) -> anyhow::Result<()> {
    let name = &config.server.name;
    let program = std::env::args().next().unwrap_or_else(|| "salon".to_owned());
    let option = file.map(|file| format!(" --config {}", file.display())).unwrap_or_default();
    let published = config.discovery.client_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    let url = published.or_else(|| addresses.first().cloned()).unwrap_or_else(|| "no address".to_owned());
    // An address that stands for all of the machine's is not one that a client can go to.
    let url = url.replace("//0.0.0.0:", "//localhost:").replace("//[::]:", "//localhost:");
    info!(server.name = %name, "Ready");
    say(&format!(
        "
Salon serves {name} at {url}

  A first user:  {program} user add alice --admin{option}
  A client:      in Element, choose \"Sign in\", edit the homeserver and enter {url}
  More to know:  README.md and docs/operating.md
"
    ))
}
