//! Helps to find rooms and people: aliases, the published list, what outsiders may know of a room.

pub mod aliases;
mod canonical_alias;
mod hierarchy;
mod keeper;
pub mod listing;
pub mod people;
pub mod summary;

use ruma::ServerName;
use tokio::sync::watch;

use crate::{
    clock::Clock,
    remote::appservices::AppServiceClient,
    rooms::Rooms,
    storage::{Storage, numbers::Position},
    tail::Tail,
};

/// Finds rooms and people.
#[derive(Clone, Debug)]
pub struct Directory {
    storage: Storage,
    rooms: Rooms,
    tail: Tail,
    clock: Clock,
    appservices: AppServiceClient,
    /// Up to where the log is reflected in the published list.
    listed_up_to: watch::Sender<Position>,
}

impl Directory {
    /// The directory of `rooms`.
    pub fn new(storage: Storage, rooms: Rooms, tail: Tail, clock: Clock, appservices: AppServiceClient) -> Self {
        Self { storage, rooms, tail, clock, appservices, listed_up_to: watch::channel(Position::ZERO).0 }
    }

    fn server_name(&self) -> &ServerName {
        self.rooms.server_name()
    }
}
