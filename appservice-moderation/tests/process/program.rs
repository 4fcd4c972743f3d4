//! A place with the programs `salon` and `salon-moderation`, and people who use them over HTTP.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take, on a machine that has more to do.
pub const PATIENCE: Duration = Duration::from_secs(90);
const PASSWORD: &str = "a long password";

/// A directory in which both programs are started; it outlives their processes.
pub struct Place {
    directory: TempDir,
    homeserver: u16,
    moderation: u16,
    http: reqwest::Client,
}

/// A running program.
pub struct Program {
    process: Child,
    log: Receiver<String>,
}

/// Somebody with a session.
pub struct Person<'a> {
    place: &'a Place,
    token: String,
}

impl Place {
    /// A fresh one, in which `root` administrates.
    pub fn new() -> Self {
        // Already installed by another test of this process: that is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let directory = tempfile::Builder::new().prefix("salon-moderation-").tempdir_in(parent);
        let directory = directory.expect("a directory can be made");
        let place = Self { directory, homeserver: free(), moderation: free(), http: reqwest::Client::new() };
        let mut command = place.command("salon", &["user", "add", "root", "--admin"]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("salon starts");
        writeln!(process.stdin.take().expect("it is piped"), "{PASSWORD}").expect("it reads");
        assert!(process.wait().expect("it ends").success());
        place
    }

    /// A program with these arguments, in this place.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        self.prepare(Command::new(programs().join(program)), arguments)
    }

    /// The script that runs both.
    pub fn script(&self, arguments: &[&str]) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/run");
        let mut command = Command::new(script);
        command.arg(programs());
        self.prepare(command, arguments)
    }

    fn prepare(&self, mut command: Command, arguments: &[&str]) -> Command {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SALON_")) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env("SALON_LISTENERS__PLAIN", format!("127.0.0.1:{}", self.homeserver))
            .env("SALON_REGISTRATION__MODE", "open")
            .env("SALON_RATE_LIMITS__ENABLED", "false")
            .env("SALON_MODERATION_LISTENER__ADDRESS", format!("127.0.0.1:{}", self.moderation))
            .stdin(Stdio::null());
        command
    }

    /// Starts the homeserver.
    pub fn start_homeserver(&self) -> Program {
        Program::start(self.command("salon", &["serve"]))
    }

    /// Starts the moderation beside it.
    pub fn start_moderation(&self) -> Program {
        Program::start(self.command("salon-moderation", &["serve", "--homeserver-url", &self.homeserver_url()]))
    }

    /// Where the homeserver answers.
    pub fn homeserver_url(&self) -> String {
        self.url("")
    }

    /// Writes the registration, as the script does.
    pub fn register_moderation(&self) {
        assert!(self.command("salon-moderation", &["register"]).status().expect("it starts").success());
    }

    /// Waits until the homeserver is well.
    pub async fn until_healthy(&self) {
        self.until("the homeserver is well", async || {
            let answer = self.http.get(self.url("/health")).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Waits until the moderation is ready.
    pub async fn until_moderated(&self) {
        self.until("the moderation is ready", async || {
            let answer = self.http.get(format!("http://127.0.0.1:{}/health", self.moderation)).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Waits until `is_so`.
    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so().await {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `root`, who has signed in.
    pub async fn root(&self) -> Person<'_> {
        let body = json!({
            "type": "m.login.password", "password": PASSWORD, "identifier": { "type": "m.id.user", "user": "root" },
        });
        self.person("/_matrix/client/v3/login", body).await
    }

    /// Somebody new.
    pub async fn register(&self, name: &str) -> Person<'_> {
        let body = json!({ "username": name, "password": PASSWORD, "auth": { "type": "m.login.dummy" } });
        self.person("/_matrix/client/v3/register", body).await
    }

    async fn person(&self, path: &str, body: Value) -> Person<'_> {
        let answer = self.http.post(self.url(path)).json(&body).send().await.expect("it answers");
        let answer: Value = answer.json().await.expect("JSON");
        let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("a token: {answer}")).to_owned();
        Person { place: self, token }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.homeserver)
    }
}

impl Person<'_> {
    /// Sends a request; the JSON of its answer, or none while the homeserver is away.
    pub async fn try_call(&self, method: Method, path: &str, body: Value) -> Option<Value> {
        let request = self.place.http.request(method, self.place.url(path)).bearer_auth(&self.token).json(&body);
        request.send().await.ok()?.json().await.ok()
    }

    /// Sends a request; the JSON of its answer.
    pub async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        self.try_call(method, path, body).await.expect("the homeserver answers")
    }

    /// Comes into the operators' room, once it is there.
    pub async fn join_operators(&self) -> String {
        let path = "/_matrix/client/v3/join/%23_moderation_operators%3Alocalhost";
        self.place
            .until("the operators' room is open", async || {
                self.try_call(Method::POST, path, json!({})).await.is_some_and(|answer| answer["room_id"].is_string())
            })
            .await;
        let answer = self.call(Method::POST, path, json!({})).await;
        answer["room_id"].as_str().expect("a room").to_owned()
    }

    /// Makes a public room, and the bot its moderator.
    pub async fn protected_room(&self) -> String {
        let bot = "@_moderation:localhost";
        let body = json!({
            "preset": "public_chat", "invite": [bot], "power_level_content_override": { "users": { bot: 100 } },
        });
        let answer = self.call(Method::POST, "/_matrix/client/v3/createRoom", body).await;
        let room = answer["room_id"].as_str().expect("a room").to_owned();
        let member = format!("/_matrix/client/v3/rooms/{room}/state/m.room.member/{bot}");
        self.place
            .until("the bot has come", async || {
                self.call(Method::GET, &member, json!({})).await["membership"] == "join"
            })
            .await;
        room
    }

    /// Says something in a room.
    pub async fn say(&self, room: &str, text: &str) {
        let transaction = format!("{:x}", rand::random::<u64>());
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}");
        let answer = self.call(Method::PUT, &path, json!({ "msgtype": "m.text", "body": text })).await;
        assert!(answer["event_id"].is_string(), "{answer}");
    }

    /// All events of a room that can be seen, the newest first.
    pub async fn events(&self, room: &str) -> Vec<Value> {
        let (mut events, mut from) = (Vec::new(), String::new());
        loop {
            let path = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=500{from}");
            let Some(page) = self.try_call(Method::GET, &path, json!({})).await else { return Vec::new() };
            events.extend(page["chunk"].as_array().cloned().unwrap_or_default());
            match page["end"].as_str() {
                Some(end) => from = format!("&from={end}"),
                None => return events,
            }
        }
    }

    /// How many messages of a room have `text` in them.
    pub async fn count(&self, room: &str, text: &str) -> usize {
        let events = self.events(room).await;
        let is_one = |event: &&Value| event["content"]["body"].as_str().is_some_and(|body| body.contains(text));
        events.iter().filter(is_one).count()
    }
}

impl Program {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
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
        Self { process, log }
    }

    /// Kills it without warning.
    pub fn kill(mut self) {
        self.process.kill().expect("the process is there");
        self.process.wait().expect("it ends");
    }

    /// Interrupts it, as Ctrl-C does, and waits until it has ended; the time that took, and what it wrote.
    pub fn interrupt(mut self) -> (ExitStatus, Duration, String) {
        let started = Instant::now();
        kill_process(Pid::from_child(&self.process), Signal::INT).expect("the process is there");
        let status = self.process.wait().expect("it ends");
        let elapsed = started.elapsed();
        // All writers have ended, so the log does.
        let log: Vec<String> = self.log.iter().collect();
        (status, elapsed, log.join("\n"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; otherwise the process has ended before.
        if let Ok(None) = self.process.try_wait() {
            let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
            let _ = self.process.wait();
        }
    }
}

/// Where the programs are: cargo builds both before it runs any test of the workspace.
fn programs() -> PathBuf {
    let own = Path::new(env!("CARGO_BIN_EXE_salon-moderation"));
    let directory = own.parent().expect("it is in a directory").to_owned();
    assert!(directory.join("salon").exists(), "build the whole workspace: cargo test --workspace");
    directory
}

fn free() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}
