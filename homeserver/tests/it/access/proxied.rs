//! Clients behind load balancers that speak the PROXY protocol.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use homeserver::http::{Entrance, proxied};
use homeserver_testing::TestServer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

use super::{administrator, rule};

/// A listener for balancers on 127.0.0.1.
async fn listen(server: &TestServer) -> SocketAddr {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port is free");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    let from = vec!["127.0.0.1/32".parse().expect("a network")];
    let running = proxied::serve(&Entrance::to(server.app.clone()), listener, from, 100).expect("it listens");
    server.app.tasks.start_once("proxied", async move { running.await.expect("it runs") });
    (Ipv4Addr::LOCALHOST, port).into()
}

/// The status of the answer to a request from `from` that follows `preamble`; none, if there is no answer.
async fn status(to: SocketAddr, from: Ipv4Addr, preamble: &str) -> Option<u16> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("an address of this machine");
    let mut stream = socket.connect(to).await.expect("somebody listens");
    for part in preamble.as_bytes().chunks(10) {
        stream.write_all(part).await.ok()?;
        stream.flush().await.ok()?;
    }
    let request = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_balancer_says_who_the_client_is() {
    let server = TestServer::start().await;
    let root = administrator(&server).await;
    rule(&root, "ban", "network 203.0.113.0/24 server deny").await;
    let balanced = listen(&server).await;

    assert_eq!(status(balanced, Ipv4Addr::LOCALHOST, "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n").await, Some(403));
    assert_eq!(
        status(balanced, Ipv4Addr::LOCALHOST, "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n").await,
        Some(200)
    );
    assert_eq!(status(balanced, Ipv4Addr::LOCALHOST, "PROXY UNKNOWN\r\n").await, Some(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_heard_there_who_does_not_say_so_or_is_no_balancer() {
    let server = TestServer::start().await;
    let balanced = listen(&server).await;
    let stranger = Ipv4Addr::new(127, 0, 5, 1);

    assert_eq!(status(balanced, Ipv4Addr::LOCALHOST, "").await, None);
    assert_eq!(status(balanced, stranger, "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n").await, None);
}
