//! A homeserver and its moderation, both real, speaking to each other over sockets of this machine.

mod notes;

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use homeserver_testing::{TestServer, TestUser};
use moderation::{
    App,
    clock::Clock,
    config::{Config, Hidden},
    http::{self, Entrance, ServerHandle},
    registration::{self, Registration},
    tasks::Tasks,
};
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};
use tokio::runtime::Handle;

/// How long anything may take, on a machine that has more to do.
pub const PATIENCE: Duration = Duration::from_secs(20);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// What waits for a confirmation.
pub struct Proposal<'a> {
    world: &'a World,
    user: &'a TestUser,
    room: &'a RoomId,
    /// What is proposed.
    pub text: String,
    event_id: String,
}

impl Proposal<'_> {
    /// Confirms it.
    pub async fn confirm(&self) {
        self.react("👍").await;
    }

    /// Reacts to it.
    pub async fn react(&self, key: &str) {
        let relation = json!({ "rel_type": "m.annotation", "event_id": self.event_id, "key": key });
        self.user.send_event(self.room, "m.reaction", json!({ "m.relates_to": relation })).await;
    }

    /// What became of it.
    pub async fn outcome(&self) -> String {
        self.world.answer_after(self.user, self.room, &self.event_id).await.0
    }
}

/// A homeserver with its moderation.
pub struct World {
    /// An administrator of the server, who has come into the operators' room.
    pub root: TestUser,
    /// The operators' room.
    pub operators: OwnedRoomId,
    /// The moderation, for looking behind the scenes.
    pub app: App,
    /// Where programs reach the moderation.
    pub url: String,
    database: String,
    running: ServerHandle,
    /// The homeserver. Stopped last.
    pub server: TestServer,
    _place: tempfile::TempDir,
}

impl World {
    /// Starts both; `root` administrates.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with a changed configuration of the homeserver.
    pub async fn start_with(change: impl FnOnce(&mut homeserver::config::Config)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let place = tempfile::tempdir().expect("a directory can be made");
        let file = place.path().join("moderation.yaml");
        std::fs::write(&file, registration_text(&url)).expect("it can be written");
        let server = TestServer::start_with(|config| {
            config.appservices.registrations.push(file.clone());
            change(config);
        })
        .await;
        let root = server.user("root").await;
        server.app.accounts.administration.set_admin(&root.id, true).await.expect("the account is there");

        let mut config = Config::default();
        config.homeserver.url = server.url().parse().expect("a URL");
        config.homeserver.data_directory = place.path().to_owned();
        let (database, database_url) = database(&server);
        config.database.url = Some(Hidden::from(database_url));
        let registration = Registration::read(&file).expect("it is valid");
        let (entrance, running) = serve(listener);
        let app = App::start(config, registration, Clock::default()).await.expect("moderation starts");
        entrance.open(app.clone());
        let operators = app.rooms.operators().expect("it was made");
        root.join(&operators).await;
        Self { root, operators, app, url, database, running, server, _place: place }
    }

    /// Says something in a room and waits for what the bot says to that; its plain text.
    pub async fn tell(&self, user: &TestUser, room: &RoomId, text: &str) -> String {
        let asked = user.say(room, text).await;
        self.answer_after(user, room, asked.as_str()).await.0
    }

    /// Commands in the operators' room as `root`; the plain text of the answer.
    pub async fn command(&self, text: &str) -> String {
        self.tell(&self.root, &self.operators, text).await
    }

    /// Commands in the operators' room as `root` and confirms; what was proposed and what became of it.
    pub async fn confirm(&self, text: &str) -> (String, String) {
        self.confirm_as(&self.root, &self.operators, text).await
    }

    /// The same as anybody in any room.
    pub async fn confirm_as(&self, user: &TestUser, room: &RoomId, text: &str) -> (String, String) {
        let proposal = self.propose_as(user, room, text).await;
        proposal.confirm().await;
        let outcome = proposal.outcome().await;
        (proposal.text, outcome)
    }

    /// Commands in the operators' room as `root`, and does not confirm yet.
    pub async fn propose(&self, text: &str) -> Proposal<'_> {
        self.propose_as(&self.root, &self.operators, text).await
    }

    async fn propose_as<'a>(&'a self, user: &'a TestUser, room: &'a RoomId, text: &str) -> Proposal<'a> {
        let asked = user.say(room, text).await;
        let (text, event_id) = self.answer_after(user, room, asked.as_str()).await;
        assert!(text.contains('👍'), "this is no proposal: {text}");
        Proposal { world: self, user, room, text, event_id }
    }

    /// The ID of the case that a text names.
    pub fn case_in(&self, text: &str) -> String {
        let is_end = |letter: char| !letter.is_alphanumeric() && letter != '_';
        let id = text.split(is_end).find(|word| word.starts_with("c_"));
        id.unwrap_or_else(|| panic!("this names no case: {text}")).to_owned()
    }

    /// A statement with the name of moderation's own database in it.
    pub fn in_own_database(&self, sql: &str) -> String {
        sql.replace("{}", &self.database)
    }

    /// Lets some time pass for both.
    pub fn advance(&self, length: Duration) {
        self.app.clock.advance(length);
        self.server.app.clock.advance(length);
    }

    /// Ends the moderation, lets some time pass, and starts it again at the same address.
    pub async fn sleep_through(mut self, length: Duration) -> Self {
        let (config, registration) = (self.app.config.clone(), self.app.registration.clone());
        let clock = self.app.clock.clone();
        self.running.stop(false).await;
        self.app.stop().await;

        clock.advance(length);
        let address = self.url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(address).expect("the address is free again");
        let (entrance, running) = serve(listener);
        self.app = App::start(config, registration, clock).await.expect("moderation starts");
        entrance.open(self.app.clone());
        self.running = running;
        self
    }

    /// Lets the homeserver tell of events, in a transaction of their own.
    pub async fn push(&self, events: &[Value]) {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let url = format!("{}/_matrix/app/v1/transactions/pushed{number}", self.url);
        let request = self.server.http().put(url).bearer_auth("the token of the homeserver");
        let answer = request.json(&json!({ "events": events })).send().await.expect("it answers");
        assert_eq!(answer.status().as_u16(), 200);
    }

    /// Makes somebody an administrator, and lets the bot find out.
    pub async fn make_administrator(&self, user: &TestUser) {
        self.server.app.accounts.administration.set_admin(&user.id, true).await.expect("the account is there");
        self.app.clock.advance(Duration::from_secs(11));
    }

    /// The first message of the bot after an event: its text and its ID.
    async fn answer_after(&self, user: &TestUser, room: &RoomId, event_id: &str) -> (String, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let messages = user.messages(room, 50).await;
            let later = messages.iter().take_while(|event| event["event_id"] != event_id);
            let answers = later.filter(|event| {
                event["sender"] == self.app.bot.user_id().as_str() && event["type"] == "m.room.message"
            });
            if let Some(answer) = answers.last() {
                return (text(&answer["content"]["body"]), text(&answer["event_id"]));
            }
            assert!(Instant::now() < deadline, "the bot did not answer, but: {messages:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Makes a public room that the bot looks after, with `owner` as its creator and the bot with all power that one can be given.
    pub async fn protected_room(&self, owner: &TestUser) -> OwnedRoomId {
        let bot = self.app.bot.user_id();
        let room = owner
            .create_room_with(json!({
                "preset": "public_chat",
                "invite": [bot],
                "power_level_content_override": { "users": { bot.as_str(): 100 } },
            }))
            .await;
        self.until("the bot has come", async || {
            self.app.rooms.protected().await.expect("it can be read").contains(&room)
        })
        .await;
        room
    }

    /// Waits until `is_so`.
    pub async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so().await {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Ok(runtime) = Handle::try_current() {
            tokio::task::block_in_place(|| {
                runtime.block_on(async {
                    self.running.stop(false).await;
                    self.app.stop().await;
                });
            });
        }
    }
}

fn serve(listener: TcpListener) -> (Entrance, ServerHandle) {
    let entrance = Entrance::default();
    let server = http::serve(&entrance, listener).expect("it listens");
    let handle = server.handle();
    Tasks::default().start_once("listener", async move {
        server.await.expect("it listens");
    });
    (entrance, handle)
}

/// The registration of a moderation at `url`.
pub fn registration_text(url: &str) -> String {
    registration::text(url, "the token of moderation", "the token of the homeserver")
}

/// A database for moderation beside that of the homeserver.
pub fn database(server: &TestServer) -> (String, String) {
    let url = server.app.config.database.url.as_ref().expect("it is set").expose().to_owned();
    let (before, query) = url.split_once('?').expect("it names the socket");
    let (server, _) = before.rsplit_once('/').expect("it names a database");
    let name = format!("moderation_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let url = format!("{server}/{name}?{query}");
    (name, url)
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
