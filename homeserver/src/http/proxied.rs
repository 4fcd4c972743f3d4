//! Listens where load balancers come, which say first for whom they speak. Nobody else is heard here,
//! and nobody who says nothing.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_http::{HttpService, Protocol, error::DispatchError};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{
    dev::{AppConfig, Server},
    rt::net::TcpStream,
};
use ipnet::IpNet;
use tokio::io::AsyncReadExt;

use super::{
    CLOSING_S, HEAD_TIMEOUT, KEEP_ALIVE, application,
    entrance::Entrance,
    proxy_protocol::{self, Preamble},
    resources::Resources,
    routes,
};
use crate::{Error, Result};

/// How long a preamble that comes in parts is left alone.
const PART: Duration = Duration::from_millis(5);

/// Prepares the listener for balancers in the networks `from`; it runs when awaited.
pub fn serve(entrance: &Entrance, listener: TcpListener, from: Vec<IpNet>, connections: usize) -> Result<Server> {
    let (entrance, resources) = (entrance.clone(), Resources::new(routes()));
    let server = actix_server::Server::build()
        .workers(1)
        .max_concurrent_connections(connections)
        .shutdown_timeout(CLOSING_S)
        .disable_signals()
        .listen("proxied", listener, move || {
            let app = application(&entrance, &resources).into_factory();
            let app = app.map_err(|fault: actix_web::Error| fault.error_response());
            let http = HttpService::build()
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(HEAD_TIMEOUT)
                .finish(map_config(app, |()| AppConfig::default()));
            let from = from.clone();
            fn_service(move |stream: TcpStream| introduce(stream, from.clone()))
                .map_err(DispatchError::Io)
                .and_then(http)
        })
        .map_err(|fault| Error::internal(format!("listening for balancers: {fault}")))?;
    Ok(server.run())
}

/// Finds out for whom somebody speaks who may say so.
async fn introduce(mut stream: TcpStream, from: Vec<IpNet>) -> io::Result<(TcpStream, Protocol, Option<SocketAddr>)> {
    let balancer = stream.peer_addr()?;
    if !from.iter().any(|network| network.contains(&balancer.ip().to_canonical())) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let client = tokio::time::timeout(HEAD_TIMEOUT, preamble(&mut stream)).await??;
    Ok((stream, Protocol::Http1, Some(client.unwrap_or(balancer))))
}

/// Takes the preamble from the stream, and nothing of what follows it.
async fn preamble(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut bytes = vec![0; proxy_protocol::LONGEST];
    loop {
        let count = stream.peek(&mut bytes).await?;
        match proxy_protocol::parse(&bytes[..count]) {
            Preamble::Complete(length, client) => {
                stream.read_exact(&mut bytes[..length]).await?;
                return Ok(client);
            }
            Preamble::Incomplete if count > 0 => tokio::time::sleep(PART).await,
            Preamble::Incomplete => return Err(io::ErrorKind::UnexpectedEof.into()),
            Preamble::Malformed => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
