//! What the state of rooms costs: bytes and time per change, and the time to load it and to resolve
//! it. Run with `cargo bench --bench state`.

#![expect(clippy::print_stdout, reason = "it is what a benchmark is for")]

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use homeserver::{
    metrics::Metrics,
    rooms::{
        events::Events,
        resolution::Resolver,
        snapshots::{Snapshot, Snapshots, StateMap},
    },
    storage::{
        Address, Storage,
        log::{
            Job, Log, Readers,
            rows::{EventRow, RoomRow, Rows, SnapshotRow},
        },
        numbers::{EventNid, Position, RoomNid, SnapshotNid, StateKeyNid, UserNid},
    },
    tasks::Tasks,
};
use homeserver_testing::TestDatabase;
use rand::{Rng, SeedableRng, rngs::StdRng};
use ruma::RoomVersionId;
use serde_json::{Value, json};

const ROOM: RoomNid = RoomNid(1);
const MEMBERS: i64 = 100_000;
const CHANGES: i64 = 10_000;
/// Events have numbers from here on; others of the server lie between those of the room.
const EVENTS: i64 = 5_000_000;
/// The state keys of the room's members have numbers from here on.
const KEYS: i64 = 1_000_000;

type Report = Vec<(String, String)>;

#[tokio::main]
async fn main() {
    let mut report = Report::new();
    for members in [10, 100, 1000, 10_000, MEMBERS] {
        changes(&mut report, members);
    }
    let bench = Bench::start().await;
    bench.loads(&mut report).await;
    bench.resolutions(&mut report).await;
    show(&report);
}

/// Prints the figures: aligned, or with `--markdown` as a table to be pasted into a page.
fn show(report: &[(String, String)]) {
    let is_markdown = std::env::args().any(|argument| argument == "--markdown");
    let edge = if is_markdown { "|" } else { "" };
    if is_markdown {
        println!("| {:<66} | {:>20} |\n| {:-<66} | {:->19}: |", "states", "", "", "");
    }
    for (what, result) in report {
        println!("{edge} {what:<66} {edge} {result:>20} {edge}");
    }
}

/// A room in which members change their profiles at random; returns all rows and the last state.
fn history(members: i64) -> (Vec<SnapshotRow>, Vec<Duration>, Snapshot) {
    let random = &mut StdRng::seed_from_u64(1);
    let map = (0..members).map(|member| (StateKeyNid(KEYS + member), EventNid(EVENTS + 3 * member))).collect();
    let (mut snapshot, row) = Snapshots::first(ROOM, SnapshotNid(1), map);
    let (mut rows, mut times) = (vec![row], Vec::new());
    for step in 1..=CHANGES {
        let key = StateKeyNid(KEYS + random.random_range(0..members));
        let event = EventNid(EVENTS + 3 * (members + step));
        let start = Instant::now();
        let (next, row) = Snapshots::derive(&snapshot, SnapshotNid(1 + step), &[(key, Some(event))]);
        times.push(start.elapsed());
        rows.push(row);
        snapshot = next;
    }
    (rows, times, snapshot)
}

fn changes(report: &mut Report, members: i64) {
    let (rows, mut times, _) = history(members);
    let (root, others) = rows.split_first().expect("there is a first state");
    let bytes: usize = others.iter().map(|row| row.entries.len()).sum();
    let levels = [0, 1, 2].map(|level| others.iter().filter(|row| row.level == level).count());
    times.sort_unstable();
    let mean = times.iter().sum::<Duration>() / u32::try_from(times.len()).expect("there are few");
    let name = format!("{members} members");
    report.add(format!("{name}: the whole state, bytes"), root.entries.len());
    report.add(format!("{name}: a change, bytes"), bytes / others.len());
    report.add(format!("{name}: roots, middles and leaves among {CHANGES} changes"), format!("{levels:?}"));
    report.add(format!("{name}: derive a state and pack it, mean"), time(mean));
    report.add(format!("{name}: derive a state and pack it, longest"), time(times[times.len() - 1]));
}

/// A server with one large room.
struct Bench {
    storage: Storage,
    log: Log<()>,
    last: Snapshot,
    _tasks: Tasks,
    _database: TestDatabase,
}

struct Nobody;

impl Readers<()> for Nobody {
    fn publish(&self, _: Position, _: Position, publish: &mut dyn FnMut(&mut ())) {
        publish(&mut ());
    }
}

impl Bench {
    async fn start() -> Self {
        let database = TestDatabase::create().await;
        let storage = Storage::open(&Address::Url(database.url().into()), 4).expect("the URL is valid");
        let tasks = Tasks::default();
        let log = Log::start(storage.clone(), &tasks, Nobody, Metrics::default());
        let (rows, _, last) = history(MEMBERS);
        let bench = Self { storage, log, last, _tasks: tasks, _database: database };
        for chunk in rows.chunks(1000) {
            bench.write(Rows { snapshots: chunk.to_vec(), ..Rows::default() }).await;
        }
        bench
    }

    async fn write(&self, rows: Rows) {
        let job = Job { rows, broken: None, publish: Box::new(|_, _| {}) };
        self.log.append(job).await.expect("the rows are written");
    }

    async fn loads(&self, report: &mut Report) {
        let nid = self.last.nid;
        let cold = median(async || {
            let snapshots = Snapshots::new(self.storage.clone());
            snapshots.load(nid).await.expect("it is stored");
        });
        report.add("load a state, nothing in memory", time(cold.await));
        let cold = median(async || {
            let snapshots = Snapshots::new(self.storage.clone());
            snapshots.entry(nid, StateKeyNid(KEYS + 5)).await.expect("it is stored");
        });
        report.add("find one entry of a state, nothing in memory", time(cold.await));

        let snapshots = Snapshots::new(self.storage.clone());
        let root = SnapshotNid(1);
        snapshots.load(root).await.expect("it is stored");
        let mut next = root.0;
        let warm = median(async || {
            next += 1;
            snapshots.entry(SnapshotNid(next), StateKeyNid(KEYS + 5)).await.expect("it is stored");
        });
        report.add("find one entry of a state, its root in memory", time(warm.await));
        let mut next = root.0;
        let warm = median(async || {
            next += 1;
            snapshots.load(SnapshotNid(next)).await.expect("it is stored");
        });
        report.add("load a state, its root in memory", time(warm.await));
    }

    async fn resolutions(&self, report: &mut Report) {
        let (common, [one, other]) = self.fork().await;
        let rules = RoomVersionId::V11.rules().expect("the version is known");
        let fresh = || Resolver::new(self.storage.clone(), Events::new(self.storage.clone()));
        let states = || vec![one.clone(), other.clone()];
        let cold = median(async || {
            fresh().resolve(&rules, ROOM, states()).await.expect("they can be resolved");
        });
        report.add("resolve a fork, nothing in memory", time(cold.await));
        let resolver = fresh();
        let warm = median(async || {
            resolver.resolve(&rules, ROOM, states()).await.expect("they can be resolved");
        });
        report.add("resolve a fork, the auth graph in memory", time(warm.await));
        let agreed = median(async || {
            let states = vec![common.clone(), common.clone()];
            resolver.resolve(&rules, ROOM, states).await.expect("they are the same");
        });
        report.add("resolve equal states", time(agreed.await));
    }

    /// Writes a room of many members that forks: one sets the topic while another joins. Returns the
    /// state before and the two after it.
    async fn fork(&self) -> (StateMap, [StateMap; 2]) {
        let id = "!room:test.local".try_into().expect("the ID is valid");
        let version = "11".to_owned();
        self.write(Rows { rooms: vec![RoomRow { nid: ROOM, id, version, created_at: 0 }], ..Rows::default() }).await;
        let mut room = Room::new(&self.storage);
        let admin = "@admin:test.local";
        room.add(admin, "m.room.create", "", json!({ "room_version": "11" }), &[]).await;
        room.add(admin, "m.room.member", admin, json!({ "membership": "join" }), &[0]).await;
        room.add(admin, "m.room.power_levels", "", json!({ "users": { admin: 100 } }), &[0, 1]).await;
        room.add(admin, "m.room.join_rules", "", json!({ "join_rule": "public" }), &[0, 1, 2]).await;
        for member in 0..MEMBERS {
            let user = format!("@user-{member}:test.local");
            room.add(&user, "m.room.member", &user, json!({ "membership": "join" }), &[0, 2, 3]).await;
        }
        let common = room.state.clone();
        room.add(admin, "m.room.topic", "", json!({ "topic": "Forks" }), &[0, 1, 2]).await;
        let one = std::mem::replace(&mut room.state, common.clone());
        let user = "@late:test.local";
        room.add(user, "m.room.member", user, json!({ "membership": "join" }), &[0, 2, 3]).await;
        let other = room.state;
        for chunk in room.events.chunks(1000) {
            self.write(Rows { events: chunk.to_vec(), ..Rows::default() }).await;
        }
        (common, [one, other])
    }
}

/// A room that is being written.
struct Room<'a> {
    storage: &'a Storage,
    events: Vec<EventRow>,
    state: StateMap,
}

impl<'a> Room<'a> {
    fn new(storage: &'a Storage) -> Self {
        Self { storage, events: Vec::new(), state: StateMap::new() }
    }

    /// Adds an event that is authorised by those with the indexes `auth`.
    async fn add(&mut self, sender: &str, kind: &str, state_key: &str, content: Value, auth: &[usize]) {
        let number = i64::try_from(self.events.len()).expect("there are few");
        let nid = EventNid(EVENTS + 3 * number);
        let key = if state_key.starts_with("@user-") {
            // Nobody will ask for its number.
            StateKeyNid(KEYS + number)
        } else {
            self.storage.intern_state_key(kind, state_key).await.expect("it is stored")
        };
        let auth: Vec<&EventRow> = auth.iter().map(|index| &self.events[*index]).collect();
        let json = json!({
            "room_id": "!room:test.local", "sender": sender, "type": kind, "state_key": state_key,
            "content": content, "origin_server_ts": number, "depth": number, "prev_events": [],
            "auth_events": auth.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(),
        });
        let row = EventRow {
            nid,
            id: format!("$event-{number}").try_into().expect("the ID is valid"),
            room: ROOM,
            sender: UserNid(1),
            kind: kind.to_owned(),
            state_key: Some(key),
            depth: number,
            origin_server_ts: number,
            is_news: false,
            position: None,
            snapshot: None,
            flags: 0,
            device_id: None,
            txn_id: None,
            unsigned: None,
            json: json.to_string().into(),
            auth: auth.iter().map(|event| event.nid).collect(),
        };
        self.state.insert(key, nid);
        self.events.push(row);
    }
}

trait Add {
    fn add(&mut self, what: impl Into<String>, result: impl Display);
}

impl Add for Report {
    fn add(&mut self, what: impl Into<String>, result: impl Display) {
        self.push((what.into(), result.to_string()));
    }
}

fn time(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1000.0)
}

async fn median(mut work: impl AsyncFnMut()) -> Duration {
    let mut times = Vec::new();
    for _ in 0..15 {
        let start = Instant::now();
        work().await;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}
