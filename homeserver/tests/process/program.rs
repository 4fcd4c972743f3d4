//! A running `salon` with a data directory, watched from outside.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take, on a machine that has more to do.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A place for a server: its directory outlives each of its processes.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

/// A process of the server.
#[derive(Debug)]
pub struct Salon {
    process: Child,
    log: Receiver<String>,
    /// `http://127.0.0.1:…`
    pub url: String,
    metrics_url: String,
    http: reqwest::Client,
}

impl Place {
    /// A fresh one; the server listens at a free port and lets everybody register.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        Self::within(if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() })
    }

    /// The same on a disk, where a commit takes its time.
    pub fn on_disk() -> Self {
        Self::within(std::env::temp_dir())
    }

    fn within(parent: PathBuf) -> Self {
        let directory = tempfile::Builder::new().prefix("salon-process-").tempdir_in(parent);
        let place = Self { directory: directory.expect("a directory can be made"), variables: Vec::new() };
        place
            .with("SALON_LISTENERS__PLAIN", "127.0.0.1:0")
            .with("SALON_LISTENERS__METRICS", "127.0.0.1:0")
            .with("SALON_REGISTRATION__MODE", "open")
            .with("SALON_RATE_LIMITS__ENABLED", "false")
    }

    /// The same with another environment variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The directory in which the process is started.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of the private database.
    pub fn database(&self) -> PathBuf {
        self.path().join("data/mariadb")
    }

    /// The process of the private database.
    pub fn database_process(&self) -> Option<Pid> {
        let pid = std::fs::read_to_string(self.database().join("pid")).ok()?;
        Pid::from_raw(pid.trim().parse().ok()?)
    }

    /// The program with these arguments, in this place.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_salon"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SALON_")) {
            command.env_remove(name);
        }
        command.args(arguments).current_dir(self.path()).envs(self.variables.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    /// The same with something on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the program starts");
        let mut stdin = process.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).expect("the program reads");
        drop(stdin);
        process.wait_with_output().expect("it ends")
    }

    /// Starts the server; it listens, but may not be ready.
    pub fn start(&self) -> Salon {
        Salon::start(self.command(&["serve"]))
    }

    /// Starts the server and waits until it is ready.
    pub async fn start_ready(&self) -> Salon {
        let salon = self.start();
        salon.until_healthy().await;
        salon
    }
}

impl Salon {
    /// Starts the server with this command and waits until it listens.
    pub fn start(mut command: Command) -> Self {
        // Already installed by another test of this process: that is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let (lines, log) = channel();
        for output in [
            Box::new(process.stderr.take().expect("it is piped")) as Box<dyn Read + Send>,
            Box::new(process.stdout.take().expect("it is piped")),
        ] {
            let lines = lines.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = lines.send(line);
                }
            });
        }
        let http = reqwest::Client::new();
        let mut salon = Self { process, log, url: String::new(), metrics_url: String::new(), http };
        let listening = || {
            let line = salon.until_logged("Listening");
            let address = line.split("address=").nth(1).expect("the line tells the address");
            format!("http://{address}")
        };
        let (url, metrics_url) = (listening(), listening());
        salon.url = url;
        salon.metrics_url = metrics_url;
        salon
    }

    /// Waits for a line of output with `text` in it.
    pub fn until_logged(&self, text: &str) -> String {
        let mut seen = String::new();
        loop {
            let Ok(line) = self.log.recv_timeout(PATIENCE) else { panic!("{text:?} was not logged, but: {seen}") };
            if line.contains(text) {
                return line;
            }
            seen.push_str(&line);
            seen.push('\n');
        }
    }

    /// All that was written and not looked at yet.
    pub fn output(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    /// Waits until the server and its database are well.
    pub async fn until_healthy(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.get("/health").await.0.is_success() {
            assert!(Instant::now() < deadline, "the server did not become healthy: {:?}", self.output());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until so many requests wait for news, as Prometheus would see it.
    pub async fn until_parked(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        let expected = format!("salon_parked_requests {count}\n");
        loop {
            let answer = self.http.get(format!("{}/metrics", self.metrics_url)).send().await.expect("it answers");
            if answer.text().await.expect("it is text").contains(&expected) {
                return;
            }
            assert!(Instant::now() < deadline, "there are not {count} parked requests");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The status, the headers and the JSON of an answer.
    pub async fn get(&self, path: &str) -> (reqwest::StatusCode, reqwest::header::HeaderMap, Value) {
        self.get_as(path, "").await
    }

    /// The same with an access token.
    pub async fn get_as(&self, path: &str, token: &str) -> (reqwest::StatusCode, reqwest::header::HeaderMap, Value) {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(token);
        let answer = request.send().await.expect("the server answers");
        let (status, headers) = (answer.status(), answer.headers().clone());
        (status, headers, answer.json().await.unwrap_or_default())
    }

    /// Registers a user; returns the access token.
    pub async fn register(&self, name: &str) -> String {
        let body = json!({ "username": name, "password": "a long password", "auth": { "type": "m.login.dummy" } });
        let request = self.http.post(format!("{}/_matrix/client/v3/register", self.url)).json(&body);
        let answer: Value = request.send().await.expect("the server answers").json().await.expect("JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("an access token: {answer}")).to_owned()
    }

    /// Logs in with a password; returns the access token, or what was answered instead.
    pub async fn log_in(&self, name: &str, password: &str) -> Result<String, Value> {
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": name },
            "password": password,
        });
        let request = self.http.post(format!("{}/_matrix/client/v3/login", self.url)).json(&body);
        let answer: Value = request.send().await.expect("the server answers").json().await.expect("JSON");
        answer["access_token"].as_str().map(ToOwned::to_owned).ok_or(answer)
    }

    /// Waits until a token is not known any more.
    pub async fn until_logged_out(&self, token: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.get_as("/_matrix/client/v3/account/whoami", token).await.2["errcode"] != "M_UNKNOWN_TOKEN" {
            assert!(Instant::now() < deadline, "the token is still good");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whose token this is.
    pub async fn whoami(&self, token: &str) -> Value {
        self.get_as("/_matrix/client/v3/account/whoami", token).await.2["user_id"].clone()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("the process is there");
    }

    /// Kills it without warning; returns what it had written and was not looked at yet.
    pub fn kill(mut self) -> Vec<String> {
        self.process.kill().expect("the process is there");
        self.process.wait().expect("it ends");
        self.output()
    }

    /// Asks it to end and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.process.wait().expect("it ends")
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> ExitStatus {
        self.process.wait().expect("it ends")
    }
}

impl Drop for Salon {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; otherwise the process has ended before.
        if let Ok(None) = self.process.try_wait() {
            let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
            let _ = self.process.wait();
        }
    }
}

/// Whether a process is there and has not ended.
pub fn is_alive(process: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    status.is_ok_and(|status| !status.contains(") Z "))
}

/// Waits until `is_so`.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
