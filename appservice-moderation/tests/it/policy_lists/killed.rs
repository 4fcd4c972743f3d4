//! A process that is killed while it does what a list wants: everything is done, and nothing twice.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use homeserver_testing::{TestServer, TestUser, segment};
use ruma::{OwnedRoomId, RoomId};
use serde_json::json;

use super::rule;
use crate::support::{PATIENCE, database, registration_text};

/// The program, as operators run it.
struct Program {
    child: Child,
    config: PathBuf,
    address: SocketAddr,
}

impl Program {
    async fn start(config: PathBuf, address: SocketAddr) -> Self {
        let program = Self { child: spawn(&config), config, address };
        program.is_ready().await;
        program
    }

    /// Kills it, as `kill -9` does, and starts it again.
    async fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        self.child = spawn(&self.config);
        self.is_ready().await;
    }

    async fn is_ready(&self) {
        let url = format!("http://{}/health", self.address);
        until("the program is ready", async || {
            reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(config: &PathBuf) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_salon-moderation"));
    command.arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it can be started")
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE * 2;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How many events of a room give somebody a membership, by anybody else.
async fn count(owner: &TestUser, room: &RoomId, membership: &str) -> usize {
    let messages = owner.messages(room, 200).await;
    let is_it = |event: &&serde_json::Value| {
        event["content"]["membership"] == membership && event["sender"] != event["state_key"]
    };
    messages.iter().filter(is_it).count()
}

async fn joined_operators(root: &TestUser) -> OwnedRoomId {
    let path = format!("/_matrix/client/v3/directory/room/{}", segment("#_moderation_operators:test.local"));
    let answer = root.get(&path).await.expect("there is one");
    let room = OwnedRoomId::try_from(answer["room_id"].as_str().expect("an ID")).expect("a room ID");
    root.join(&room).await;
    room
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_of_a_list_happens_once_however_often_the_process_is_killed() {
    const USERS: usize = 12;
    let address = TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("it is bound");
    let place = tempfile::tempdir().expect("a directory can be made");
    let file = place.path().join("moderation.yaml");
    std::fs::write(&file, registration_text(&format!("http://{address}"))).expect("it can be written");
    let server = TestServer::start_with(|config| config.appservices.registrations.push(file.clone())).await;
    let root = server.user("root").await;
    server.app.accounts.administration.set_admin(&root.id, true).await.expect("the account is there");
    let config = place.path().join("moderation.toml");
    let text = format!(
        "[homeserver]\nurl = {:?}\nregistration = {:?}\n[listener]\naddress = \"{address}\"\n[database]\nurl = {:?}\n",
        server.url(),
        file,
        database(&server).1
    );
    std::fs::write(&config, text).expect("it can be written");
    let mut program = Program::start(config, address).await;
    let operators = joined_operators(&root).await;
    let [alice, writer] = server.users(["alice", "writer"]).await;
    let list = writer.create_public_room().await;
    rule(&writer, &list, "user", "@spam*:test.local").await;
    rule(&writer, &list, "server", "evil.test").await;
    let bot = "@_moderation:test.local";
    let room = alice
        .create_room_with(json!({
            "preset": "public_chat", "invite": [bot], "power_level_content_override": { "users": { bot: 100 } },
        }))
        .await;
    until("the bot has come", async || {
        let member = alice.state(&room, "m.room.member", bot).await;
        member.is_ok_and(|member| member["membership"] == "join")
    })
    .await;
    for number in 0..USERS {
        server.user(&format!("spam{number}")).await.join(&room).await;
    }

    root.say(&operators, &format!("!mod watch {list} --yes")).await;
    for bans in [1, 4, 8] {
        until("some are banned", async || count(&alice, &room, "ban").await >= bans).await;
        program.kill().await;
    }
    let acls = async || {
        let messages = alice.messages(&room, 200).await;
        messages.iter().filter(|event| event["type"] == "m.room.server_acl").count()
    };
    until("all are banned", async || count(&alice, &room, "ban").await >= USERS && acls().await > 0).await;
    program.kill().await;
    root.say(&operators, &format!("!mod unwatch {list} --yes")).await;
    for lifted in [1, 6] {
        until("some bans are lifted", async || count(&alice, &room, "leave").await >= lifted).await;
        program.kill().await;
    }
    until("all bans are lifted", async || count(&alice, &room, "leave").await >= USERS && acls().await > 1).await;
    program.kill().await;

    assert_eq!(count(&alice, &room, "ban").await, USERS);
    assert_eq!(count(&alice, &room, "leave").await, USERS);
    assert_eq!(acls().await, 2);
}
