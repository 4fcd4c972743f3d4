//! The one runtime on which everything works, and the limits of the process it runs in.

use std::future::Future;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files and sockets for the database, logs and media, besides connections.
const RESERVED_FILES: u64 = 512;
/// Enough for any machine.
const MOST_CONNECTIONS: u64 = 200_000;

/// Runs `work` on a multi-threaded runtime.
pub(super) fn run(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider().install_default().ok().context("a TLS provider is installed twice")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    runtime.block_on(work)
}

/// Raises the number of files this process may open as far as it may, and returns how many
/// connections of clients that leaves room for.
pub(super) fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let connections = files.unwrap_or(u64::MAX).saturating_sub(RESERVED_FILES).clamp(RESERVED_FILES, MOST_CONNECTIONS);
    usize::try_from(connections).expect("the bound above fits")
}
