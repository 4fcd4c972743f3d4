//! A database with a log that nobody reads, for tests of what reads it again.

use homeserver_testing::TestDatabase;

use crate::{
    metrics::Metrics,
    storage::{
        Address, Storage,
        log::{Job, Log, Readers, rows::Rows},
        numbers::Position,
    },
    tasks::Tasks,
};

/// An empty database of its own.
pub(super) struct TestStorage {
    pub storage: Storage,
    log: Log<()>,
    _tasks: Tasks,
    _database: TestDatabase,
}

struct Nobody;

impl Readers<()> for Nobody {
    fn publish(&self, _: Position, _: Position, publish: &mut dyn FnMut(&mut ())) {
        publish(&mut ());
    }
}

impl TestStorage {
    pub(super) async fn start() -> Self {
        let database = TestDatabase::create().await;
        let storage = Storage::open(&Address::Url(database.url().into()), 4).unwrap();
        let tasks = Tasks::default();
        let log = Log::start(storage.clone(), &tasks, Nobody, Metrics::default());
        Self { storage, log, _tasks: tasks, _database: database }
    }

    pub(super) async fn write(&self, rows: Rows) {
        self.log.append(Job { rows, broken: None, publish: Box::new(|_, _| {}) }).await.unwrap();
    }
}
