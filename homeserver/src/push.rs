//! Tells people's devices what they are to be notified of. Client-server API, "Push Notifications".

mod deliveries;
mod gateway;
pub mod notifications;
pub mod pushers;
mod watch;

use self::{deliveries::Deliveries, gateway::Gateway, watch::Watch};
pub use self::{notifications::Notifications, pushers::Pushers};
use crate::{
    clock::Clock,
    config,
    remote::outgoing::Outgoing,
    rooms::Rooms,
    secrets::Secrets,
    storage::Storage,
    tail::Tail,
    tasks::Tasks,
    unread::{Judge, Unread},
};

/// What push is built from.
#[derive(Debug)]
#[expect(missing_docs, reason = "each part is described where it is defined")]
pub struct Parts<'a> {
    pub storage: Storage,
    pub secrets: Secrets,
    pub clock: Clock,
    pub tail: Tail,
    pub tasks: &'a Tasks,
    pub outgoing: Outgoing,
    pub rooms: Rooms,
    pub judge: Judge,
    pub unread: Unread,
    pub rules: config::Push,
}

/// Notifications and those who are told of them; clones share them.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each service is described where it is defined")]
pub struct Push {
    pub pushers: Pushers,
    pub notifications: Notifications,
}

impl Push {
    /// Builds the services and starts the task that watches the log.
    pub fn start(parts: Parts<'_>) -> Self {
        let Parts { storage, secrets, clock, tail, tasks, outgoing, rooms, judge, unread, rules } = parts;
        let pushers = Pushers::new(storage.clone(), secrets, clock.clone(), rules);
        let gateway = Gateway::new(outgoing, storage.clone(), rooms.clone(), unread.clone());
        let deliveries = Deliveries::new(storage.clone(), pushers.clone(), gateway, clock, tasks.clone());
        let watch = Watch::new(storage, tail, rooms.clone(), judge.clone(), pushers.clone(), deliveries);
        watch.start(tasks);
        Self { pushers, notifications: Notifications::new(rooms, judge, unread) }
    }
}
