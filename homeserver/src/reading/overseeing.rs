//! What server administrators read in rooms that they need not be in: everything.

use std::sync::Arc;

use ruma::{
    EventId, RoomId,
    api::client::{context::get_context, message::get_message_events},
};

use super::{Reading, filter::RelationFilter, write_state_event};
use crate::{
    Error, Result,
    accounts::User,
    event::Event,
    json,
    rooms::{
        timeline::{Direction, Visible},
        view::View,
        visibility::Sight,
    },
};

impl Reading {
    /// A page of a room's timeline.
    pub async fn oversee_messages(&self, reader: &User, request: get_message_events::v3::Request) -> Result<String> {
        let (view, sight) = self.whole(reader, &request.room_id).await?;
        self.messages_in(reader, &view, sight, request, RelationFilter::default()).await
    }

    /// An event with what surrounds it.
    pub async fn oversee_context(&self, reader: &User, request: get_context::v3::Request) -> Result<String> {
        let (view, mut sight) = self.whole(reader, &request.room_id).await?;
        let event = self.event_of(&view, &request.event_id).await?;
        let seen = sight.see(&event).await?;
        let visible = Visible { event, membership: seen.membership };
        self.context_in(reader, &view, sight, visible, request).await
    }

    /// An event, whatever room it is of.
    pub async fn oversee_event(&self, reader: &User, id: &EventId) -> Result<String> {
        let unknown = || Error::not_found("This server does not know that event.");
        let event = self.rooms.events().find(id).await?.ok_or_else(unknown)?;
        let view = self.rooms.find_by_nid(event.room_nid).await?.ok_or_else(unknown)?;
        let (_, mut sight) = self.whole(reader, &view.id).await?;
        let event = self.event_of(&view, id).await?;
        let seen = sight.see(&event).await?;
        let visible = Visible { event, membership: seen.membership };
        Ok(self.telling(&mut sight, reader, [&visible]).await?.text(&visible))
    }

    /// The whole present state of a room.
    pub async fn oversee_state(&self, reader: &User, room_id: &RoomId) -> Result<String> {
        let (view, _) = self.whole(reader, room_id).await?;
        let events = self.rooms.state_events(&view.snapshot).await?;
        let mut out = String::with_capacity(events.len() * 400);
        json::write_array(&mut out, &events, |out, event| write_state_event(out, event));
        Ok(out)
    }

    /// The event of a room that is nearest to a time.
    pub async fn oversee_event_at(
        &self,
        reader: &User,
        room_id: &RoomId,
        ts_ms: i64,
        direction: Direction,
    ) -> Result<Arc<Event>> {
        let (view, sight) = self.whole(reader, room_id).await?;
        self.rooms.event_at_in(&view, sight, ts_ms, direction).await
    }

    async fn event_of(&self, view: &View, id: &EventId) -> Result<Arc<Event>> {
        let event = self.rooms.events().find(id).await?;
        let event = event.filter(|event| event.room_nid == view.nid && event.position().is_some());
        event.ok_or_else(|| Error::not_found("There is no such event in this room."))
    }

    async fn whole(&self, reader: &User, room_id: &RoomId) -> Result<(Arc<View>, Sight)> {
        if !reader.is_admin {
            return Err(Error::forbidden("Only server administrators can do this."));
        }
        let view = self.rooms.find(room_id).await?;
        let view = view.ok_or_else(|| Error::not_found("This server does not know that room."))?;
        let sight = self.rooms.whole_sight(&view);
        Ok((view, sight))
    }
}
