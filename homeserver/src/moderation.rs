//! What server administrators do about people and rooms: look at them, redact what somebody said, shut
//! rooms down. Whatever they change is recorded with who did it; what takes its time is an errand, which
//! survives the end of the server.

mod blocks;
mod errands;
mod history;
mod joining;
mod media;
mod notices;
mod power;
mod reading;
mod record;
mod redactions;
mod reports;
mod rooms;
mod shutdowns;
mod tasks;
mod things;
mod users;
mod whereabouts;

use std::sync::Arc;

use tokio::sync::Notify;

pub use self::{
    errands::Kind as TaskKind,
    history::Until,
    media::OldMedia,
    notices::Notice,
    redactions::{RedactionRequest, RedactionStatus},
    reports::ReportKind,
    rooms::{RoomDetail, RoomSummary},
    shutdowns::{Done, ShutdownRequest, ShutdownStatus},
    tasks::Task,
    users::UserChange,
    whereabouts::{Connection, DeviceConnections},
};
use crate::{
    Result,
    access::Access,
    accounts::{Accounts, turns::Turns},
    audit::Audit,
    clock::Clock,
    config,
    creation::Creations,
    devices::Devices,
    directory::Directory,
    media::Media,
    membership::Memberships,
    reading::Reading,
    rooms::Rooms,
    storage::{PooledConn, Storage},
    tasks::Tasks,
};

/// What moderation is built from.
#[derive(Debug)]
#[expect(missing_docs, reason = "each part is described where it is defined")]
pub struct Parts {
    pub storage: Storage,
    pub clock: Clock,
    pub audit: Audit,
    pub access: Access,
    pub accounts: Accounts,
    pub devices: Devices,
    pub rooms: Rooms,
    pub directory: Directory,
    pub memberships: Memberships,
    pub creations: Creations,
    pub reading: Reading,
    pub media: Media,
    pub notices: config::ServerNotices,
}

/// Moderates this server; clones share it.
#[derive(Clone, Debug)]
pub struct Moderation {
    parts: Arc<Parts>,
    /// Rung when there is a new errand.
    bell: Arc<Notify>,
    /// Rung when an errand came to its end.
    ended: Arc<Notify>,
    /// Who tells one user something waits until who did before is done.
    turns: Turns,
}

impl std::ops::Deref for Moderation {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Moderation {
    /// Moderation that does its errands in `tasks`, those that were left undone first.
    pub fn start(parts: Parts, tasks: &Tasks) -> Self {
        let moderation =
            Self { parts: Arc::new(parts), bell: Arc::default(), ended: Arc::default(), turns: Turns::default() };
        errands::start(&moderation, tasks);
        moderation
    }

    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    async fn conn(&self) -> Result<PooledConn> {
        self.storage.conn().await
    }
}
