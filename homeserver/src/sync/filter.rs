//! The client's filter for `/sync`, made ready.

use ruma::{
    RoomId,
    api::client::filter::{EventFormat, FilterDefinition, LazyLoadOptions},
};

use crate::reading::filter::EventFilter;

/// Events of a room's timeline that are sent where the client does not say how many.
const DEFAULT_LIMIT: usize = 10;
/// Events of a room's timeline in one answer, at most.
const MAX_LIMIT: usize = 1000;

/// A filter for `/sync`.
#[derive(Clone, Debug)]
pub struct SyncFilter {
    /// For the timelines of rooms.
    pub timeline: EventFilter,
    /// For their state.
    pub state: EventFilter,
    /// For receipts and typing.
    pub ephemeral: EventFilter,
    /// For their account data.
    pub room_account_data: EventFilter,
    /// Which types of global account data pass.
    pub account_data: EventFilter,
    /// Which senders' presence passes.
    pub presence: EventFilter,
    /// Events of a room's timeline, at most.
    pub limit: usize,
    /// Whether rooms that were left come with an initial answer.
    pub include_leave: bool,
    /// Whether membership events are sent only where they are needed.
    pub lazy_load: bool,
    /// Whether they are sent though the device has them.
    pub redundant_members: bool,
    /// Whether unread counts are told by thread.
    pub thread_counts: bool,
    /// Whether events are told in the form that servers exchange.
    pub as_servers_do: bool,
    rooms: EventFilter,
}

impl SyncFilter {
    /// Makes `definition` ready.
    pub fn new(definition: &FilterDefinition) -> Self {
        let room = &definition.room;
        let of_rooms = ruma::assign!(ruma::api::client::filter::RoomEventFilter::default(), {
            rooms: room.rooms.clone(),
            not_rooms: room.not_rooms.clone(),
        });
        let plain = |filter: &ruma::api::client::filter::Filter| {
            EventFilter::new(&ruma::assign!(ruma::api::client::filter::RoomEventFilter::default(), {
                types: filter.types.clone(),
                not_types: filter.not_types.clone(),
                senders: filter.senders.clone(),
                not_senders: filter.not_senders.clone(),
            }))
        };
        let limit = room.timeline.limit.map(|limit| usize::try_from(u64::from(limit)).unwrap_or(MAX_LIMIT));
        let lazy = &room.state.lazy_load_options;
        Self {
            timeline: EventFilter::new(&room.timeline),
            state: EventFilter::new(&room.state),
            ephemeral: EventFilter::new(&room.ephemeral),
            room_account_data: EventFilter::new(&room.account_data),
            account_data: plain(&definition.account_data),
            presence: plain(&definition.presence),
            limit: limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT),
            include_leave: room.include_leave,
            lazy_load: !lazy.is_disabled(),
            redundant_members: matches!(lazy, LazyLoadOptions::Enabled { include_redundant_members: true }),
            thread_counts: room.timeline.unread_thread_notifications,
            as_servers_do: definition.event_format == EventFormat::Federation,
            rooms: EventFilter::new(&of_rooms),
        }
    }

    /// Whether anything of this room is wanted.
    pub fn wants_room(&self, room: &RoomId) -> bool {
        self.rooms.passes_room(room)
    }
}
