//! A whole server in the test's process, spoken to over HTTP.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use homeserver::{
    App,
    accounts::{User, registration::NewRegistrationToken},
    audit::{Actor, Origin},
    clock::Clock,
    config::Config,
    http::{Entrance, Socket},
    metrics::Metrics,
    storage::{Address, Storage},
};

use sqlx::{Decode, MySql, Type};
use tokio::runtime::Handle;

use crate::{TestDatabase, TestUser};

/// Connections to one server, at most.
const CONNECTIONS: usize = 10_000;
/// How long a server may take to stop.
const STOP: Duration = Duration::from_secs(5);

/// A running server with its own database, port and clock.
#[derive(Debug)]
pub struct TestServer {
    /// The server itself, for looking behind the scenes.
    pub app: App,
    address: SocketAddr,
    http: reqwest::Client,
    // Stopped before its database goes: fields are dropped in this order.
    running: Running,
    database: TestDatabase,
    data: tempfile::TempDir,
}

/// Stops a server when it is dropped, so that its connections do not outlive its test.
struct Running {
    app: App,
    stop_listening: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Running(…)")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        (self.stop_listening)();
        // Tests run on multi-threaded runtimes, where this is possible; elsewhere nothing is lost.
        if let Ok(runtime) = Handle::try_current() {
            let stop = tokio::time::timeout(STOP, self.app.stop());
            tokio::task::block_in_place(|| runtime.block_on(stop)).unwrap_or_default();
        }
    }
}

impl TestServer {
    /// Starts a server named `test.local`.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server with a changed configuration.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        // Already installed by another server of this process: that is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let database = TestDatabase::create().await;
        let data = tempfile::Builder::new().prefix("salon-data-").tempdir().expect("a directory can be made");
        let name = "test.local".try_into().expect("the name is valid");
        let mut config = Config::for_tests(name, &database.url(), data.path());
        change(&mut config);
        Self::run(config, Clock::default(), database, data).await
    }

    /// Stops the server and starts it again, with the same database, data and clock, but on another
    /// port: see [`TestUser::at`].
    pub async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same with a changed configuration.
    pub async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let (mut config, clock) = (self.app.config.clone(), self.app.clock.clone());
        change(&mut config);
        drop(self.running);
        Self::run(config, clock, self.database, self.data).await
    }

    async fn run(config: Config, clock: Clock, database: TestDatabase, data: tempfile::TempDir) -> Self {
        let app = start(config, clock).await;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let server = homeserver::http::serve(&Entrance::to(app.clone()), vec![Socket::Plain(listener)], CONNECTIONS);
        let server = server.expect("the server listens");
        let handle = server.handle();
        // Told at once; nobody waits for it.
        let running = Running { app: app.clone(), stop_listening: Box::new(move || drop(handle.stop(false))) };
        app.tasks.start_once("http", async move {
            if let Err(fault) = server.await {
                panic!("the listener failed: {fault}");
            }
        });
        Self { app, address, http: reqwest::Client::new(), running, database, data }
    }

    /// Another process of the same server: it shares the database and the clock, and has no port.
    /// Stop it at the end.
    pub async fn another_process(&self) -> App {
        start(self.app.config.clone(), self.app.clock.clone()).await
    }

    /// `http://127.0.0.1:…`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the database behind the server's back.
    pub async fn execute(&self, sql: &str) {
        self.database.execute(sql).await;
    }

    /// Everything in the database, see [`TestDatabase::dump`].
    pub async fn dump(&self) -> String {
        self.database.dump().await
    }

    /// The one value that a query answers, for what no endpoint tells.
    pub async fn scalar<T>(&self, sql: &str) -> T
    where
        T: Type<MySql> + for<'r> Decode<'r, MySql> + Send + Unpin,
    {
        self.database.scalar(sql).await
    }

    /// A plain HTTP client.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The user behind a test user's session, as services know it.
    pub async fn caller(&self, user: &TestUser) -> User {
        let origin = Origin::new(IpAddr::V4(Ipv4Addr::LOCALHOST), None);
        self.app.accounts.sessions.authenticate(&user.token, &origin).await.expect("the token is valid")
    }

    /// Somebody without an account.
    pub fn anonymous(&self) -> TestUser {
        TestUser::anonymous(self, "nobody")
    }

    /// Makes a registration token that is good for so many accounts.
    pub async fn registration_token(&self, token: &str, uses: u32) {
        let new = NewRegistrationToken { token: Some(token.to_owned()), uses_allowed: Some(uses), lifetime: None };
        self.app.accounts.registration.create_token(Actor::operator(), new).await.expect("it can be made");
    }

    /// Waits until the readers of the log have caught up with everything that is committed.
    pub async fn settled(&self) {
        self.app.directory.settled().await;
    }

    /// Registers a user.
    pub async fn user(&self, localpart: &str) -> TestUser {
        TestUser::register(self, localpart).await
    }

    /// Registers several users.
    pub async fn users<const N: usize>(&self, localparts: [&str; N]) -> [TestUser; N] {
        let mut users = Vec::with_capacity(N);
        for localpart in localparts {
            users.push(self.user(localpart).await);
        }
        users.try_into().expect("there are as many users as names")
    }
}

async fn start(config: Config, clock: Clock) -> App {
    let address = config.database.url.clone().map(Address::Url).expect("a database is set");
    let storage = Storage::open(&address, config.database.connections).expect("the URL of the database is valid");
    App::start(config, storage, clock, Metrics::default()).await.expect("the server starts")
}
