//! Tells programs beside the server where it keeps its data and where it answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Context;

use super::output::say;
use crate::config::Config;

/// Writes a line for each thing that is known: `data_directory=…`, and `url=…` if there is a listener without TLS.
pub(super) fn run(config: &Config) -> anyhow::Result<()> {
    let data = std::path::absolute(&config.server.data_directory).context("the path of the data directory")?;
    say(&format!("data_directory={}", data.display()))?;
    match config.listeners.plain.first() {
        Some(address) => say(&format!("url=http://{}", reachable(*address))),
        None => Ok(()),
    }
}

/// The address at which this machine reaches itself.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
