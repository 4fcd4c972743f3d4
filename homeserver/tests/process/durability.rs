//! What was acknowledged outlives everything: the server and its database are killed again and
//! again under load, and nothing is lost, repeated or put out of order.

mod client;
mod reader;
mod sender;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rand::Rng;
use rustix::process::{Signal, kill_process};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet};

use self::{
    client::{Client, Visitor},
    reader::{Habit, Reader},
    sender::Sender,
};
use crate::program::{PATIENCE, Place, Salon, is_alive};

const ROOMS: usize = 4;
const SENDERS: usize = 6;
/// How often the server is killed, and how often its database.
const BLOWS: (usize, usize) = (20, 5);
/// So many messages are acknowledged between two blows, at least: everything works again then.
const BREATH: usize = 60;
/// The blow falls up to so many milliseconds later, so that it meets all kinds of moments.
const SURPRISE_MS: u64 = 300;

/// MariaDB runs with the options that it has everywhere: each commit is flushed to the disk.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_told_once_and_in_order_however_often_the_server_is_killed() {
    let place = Place::on_disk();
    let mut world = World::open(&place).await;
    let rooms = world.rooms(ROOMS).await;
    let readers = [
        world.reader("dora", &rooms, Habit::Waits).await,
        world.reader("emil", &rooms, Habit::Waits).await,
        world.reader("fritz", &rooms, Habit::ComesAfterEachStart).await,
    ];
    let senders = world.senders(&rooms, &readers).await;

    let (stop, stopped) = watch::channel(false);
    let (total, known_total) = watch::channel(None);
    let mut sending = JoinSet::new();
    for sender in senders {
        sending.spawn(sender.send_until(stopped.clone()));
    }
    let mut reading = JoinSet::new();
    for reader in readers {
        reading.spawn(reader.read_until(known_total.clone()));
    }
    world.strike(&place).await;
    stop.send_replace(true);
    let senders = sending.join_all().await;
    total.send_replace(Some(world.acknowledged.load(Ordering::Relaxed)));
    let readers = reading.join_all().await;

    for room in &rooms {
        let told = readers[0].history(room).await;
        for reader in &readers {
            assert_eq!(reader.seen(room), told, "what one saw who went on from token to token, and what the room has");
        }
        for sender in &senders {
            let sent: Vec<_> = told.iter().filter(|message| message.sender == sender.id).cloned().collect();
            assert_eq!(sent, sender.acknowledged(room), "what the room has, and what was acknowledged");
        }
    }
    for sender in &senders {
        for reader in &readers {
            assert_eq!(reader.notes_of(&sender.id), sender.acknowledged_notes());
        }
        sender.repeat_the_last().await;
    }
    assert!(world.salon.expect("it runs").stop().success());
}

/// The server under test, and what those who use it share.
struct World {
    salon: Option<Salon>,
    /// Where the server is; it listens elsewhere after each start.
    url: watch::Sender<String>,
    acknowledged: Arc<AtomicUsize>,
}

impl World {
    async fn open(place: &Place) -> Self {
        let salon = place.start_ready().await;
        let url = watch::Sender::new(salon.url.clone());
        Self { salon: Some(salon), url, acknowledged: Arc::default() }
    }

    async fn visitor(&self, name: &str) -> Visitor {
        let token = self.salon.as_ref().expect("it runs").register(name).await;
        Visitor { id: format!("@{name}:localhost"), client: Client::new(self.url.subscribe(), token) }
    }

    async fn rooms(&self, count: usize) -> Vec<String> {
        let host = self.visitor("host").await;
        let mut rooms = Vec::new();
        for _ in 0..count {
            let room = host.client.post("/_matrix/client/v3/createRoom", &json!({ "preset": "public_chat" })).await;
            rooms.push(room["room_id"].as_str().expect("a room has an ID").to_owned());
        }
        rooms
    }

    async fn member(&self, name: &str, rooms: &[String]) -> Visitor {
        let visitor = self.visitor(name).await;
        for room in rooms {
            visitor.client.post(&format!("/_matrix/client/v3/join/{room}"), &json!({})).await;
        }
        visitor
    }

    async fn senders(&self, rooms: &[String], readers: &[Reader]) -> Vec<Sender> {
        let noted: Vec<_> = readers.iter().map(|reader| reader.id.clone()).collect();
        let mut senders = Vec::new();
        for number in 0..SENDERS {
            let visitor = self.member(&format!("sender{number}"), rooms).await;
            senders.push(Sender::new(visitor, rooms, &noted, self.acknowledged.clone()));
        }
        senders
    }

    async fn reader(&self, name: &str, rooms: &[String], habit: Habit) -> Reader {
        Reader::arrive(self.member(name, rooms).await, habit).await
    }

    /// Kills the server and its database as often as is due. Every second time, the database is not
    /// back when the server is killed as well.
    async fn strike(&mut self, place: &Place) {
        let (of_server, of_database) = BLOWS;
        let servers_per_database = of_server / of_database;
        for blow in 1..=of_server {
            self.breathe().await;
            if blow % servers_per_database == 0 {
                let database = place.database_process().filter(|process| is_alive(*process)).expect("it runs");
                kill_process(database, Signal::KILL).expect("it runs");
                if blow % (2 * servers_per_database) == 0 {
                    self.breathe().await;
                }
            }
            self.surprise().await;
            self.restart(place);
        }
        self.breathe().await;
    }

    /// Waits until messages are acknowledged again.
    async fn breathe(&self) {
        let before = self.acknowledged.load(Ordering::Relaxed);
        let deadline = Instant::now() + PATIENCE;
        while self.acknowledged.load(Ordering::Relaxed) < before + BREATH {
            let salon = self.salon.as_ref().expect("it runs");
            assert!(Instant::now() < deadline, "messages are not acknowledged any more: {:?}", salon.output());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets an unforeseeable time pass.
    async fn surprise(&self) {
        let delay = rand::rng().random_range(0..SURPRISE_MS);
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }

    fn restart(&mut self, place: &Place) {
        let log = self.salon.take().expect("it runs").kill();
        let failures: Vec<_> =
            log.iter().filter(|line| line.contains(" ERROR ") || line.contains("panicked")).collect();
        assert!(failures.is_empty(), "{failures:#?}");
        let salon = tokio::task::block_in_place(|| place.start());
        self.url.send_replace(salon.url.clone());
        self.salon = Some(salon);
    }
}
