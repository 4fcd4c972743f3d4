//! Reads in rooms as an administrator who need not be in them. Which room they look into is recorded.

use ruma::{
    EventId, OwnedEventId, RoomId,
    api::client::{context::get_context, message::get_message_events, space::get_hierarchy},
};

use super::Moderation;
use crate::{Result, accounts::User, rooms::timeline::Direction};

impl Moderation {
    /// A page of a room's timeline.
    pub async fn messages(&self, caller: &User, request: get_message_events::v3::Request) -> Result<String> {
        self.record_look(caller, &request.room_id).await?;
        self.reading.oversee_messages(caller, request).await
    }

    /// An event with what surrounds it.
    pub async fn context(&self, caller: &User, request: get_context::v3::Request) -> Result<String> {
        self.record_look(caller, &request.room_id).await?;
        self.reading.oversee_context(caller, request).await
    }

    /// The present state of a room, a JSON array.
    pub async fn room_state(&self, caller: &User, room_id: &RoomId) -> Result<String> {
        self.record_look(caller, room_id).await?;
        self.reading.oversee_state(caller, room_id).await
    }

    /// An event, whatever room it is of.
    pub async fn event(&self, caller: &User, id: &EventId) -> Result<String> {
        let event = self.reading.oversee_event(caller, id).await?;
        self.record(Self::act(caller, "event.read").detail("event_id", id.as_str())).await?;
        Ok(event)
    }

    /// The rooms in a space, as far as this server knows them.
    pub async fn hierarchy(&self, request: get_hierarchy::v1::Request) -> Result<String> {
        self.known_room(&request.room_id).await?;
        self.directory.oversee_hierarchy(request).await
    }

    /// The ends of a room's graph: what the next event follows.
    pub async fn ends(&self, room_id: &RoomId) -> Result<Vec<(OwnedEventId, i64)>> {
        let view = self.known_room(room_id).await?;
        let ends = self.rooms.ends(view.nid).await?;
        Ok(ends.into_iter().map(|end| (end.id, end.depth)).collect())
    }

    /// The event of a room that is nearest to a time, and when it was sent.
    pub async fn event_at(
        &self,
        caller: &User,
        room_id: &RoomId,
        ts_ms: i64,
        direction: Direction,
    ) -> Result<(OwnedEventId, i64)> {
        let event = self.reading.oversee_event_at(caller, room_id, ts_ms, direction).await?;
        Ok((event.id().to_owned(), event.pdu.origin_server_ts.0.into()))
    }

    async fn record_look(&self, caller: &User, room_id: &RoomId) -> Result<()> {
        self.record(Self::act(caller, "room.read").detail("room_id", room_id.as_str())).await
    }
}
