//! Looks at rooms, whoever is in them.

use std::sync::Arc;

use ruma::{OwnedUserId, RoomId};
use serde::Deserialize;
use serde_json::Value;

use super::Moderation;
use crate::{
    Error, Result,
    rooms::view::View,
    storage::{
        directory,
        numbers::UserNid,
        overview::{
            Page,
            rooms::{self, RoomFilter, RoomOrder},
        },
    },
};

/// What a list tells of a room.
#[derive(Clone, Debug)]
pub struct RoomSummary {
    /// The room.
    pub view: Arc<View>,
    /// Whether it is on the published list.
    pub is_published: bool,
    /// The algorithm by which messages are encrypted.
    pub encryption: Option<String>,
    /// What the room's state says about guests.
    pub guest_access: Option<String>,
}

/// What else is told of one room.
#[derive(Clone, Debug)]
pub struct RoomDetail {
    /// What a list tells.
    pub summary: RoomSummary,
    /// What it is about.
    pub topic: Option<String>,
    /// Its picture.
    pub avatar_url: Option<String>,
    /// How many devices people of this server have who are in it.
    pub local_devices: i64,
    /// Whether nobody of this server remembers it.
    pub is_forgotten: bool,
}

impl Moderation {
    /// A page of the rooms, and how many there are in all.
    pub async fn rooms(&self, filter: &RoomFilter, order: RoomOrder, page: Page) -> Result<(Vec<RoomSummary>, i64)> {
        let mut conn = self.conn().await?;
        let listed = rooms::list(&mut conn, filter, order, page).await?;
        let count = rooms::count(&mut conn, filter).await?;
        drop(conn);
        let mut summaries = Vec::with_capacity(listed.len());
        for room in listed {
            if let Some(view) = self.rooms.find_by_nid(room).await? {
                summaries.push(self.summary(view).await?);
            }
        }
        Ok((summaries, count))
    }

    /// One room.
    pub async fn room(&self, room_id: &RoomId) -> Result<RoomDetail> {
        let view = self.known_room(room_id).await?;
        let text = async |kind, field| Ok::<_, Error>(self.state_text(&view, kind, field).await?);
        let (topic, avatar_url) = (text("m.room.topic", "topic").await?, text("m.room.avatar", "url").await?);
        let mut conn = self.conn().await?;
        let local_devices = rooms::count_local_devices(&mut conn, view.nid).await?;
        let is_forgotten = rooms::is_forgotten(&mut conn, view.nid).await?;
        drop(conn);
        Ok(RoomDetail { summary: self.summary(view).await?, topic, avatar_url, local_devices, is_forgotten })
    }

    /// Who is in a room.
    pub async fn room_members(&self, room_id: &RoomId) -> Result<Vec<OwnedUserId>> {
        let view = self.known_room(room_id).await?;
        let joined: Vec<UserNid> = view.joined.iter().copied().collect();
        self.storage.user_ids(&joined).await
    }

    pub(super) async fn known_room(&self, room_id: &RoomId) -> Result<Arc<View>> {
        let view = self.rooms.find(room_id).await?;
        view.ok_or_else(|| Error::not_found("This server does not know that room."))
    }

    async fn summary(&self, view: Arc<View>) -> Result<RoomSummary> {
        Ok(RoomSummary {
            is_published: directory::lists::is_published(&mut *self.conn().await?, view.nid).await?,
            encryption: self.state_text(&view, "m.room.encryption", "algorithm").await?,
            guest_access: self.state_text(&view, "m.room.guest_access", "guest_access").await?,
            view,
        })
    }

    /// What a piece of state says in one member of its content.
    async fn state_text(&self, view: &View, kind: &str, field: &str) -> Result<Option<String>> {
        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Content(serde_json::Map<String, Value>);
        let event = self.rooms.state_event(view, kind, "").await?;
        let content: Option<Content> = event.and_then(|event| event.content_as());
        Ok(content.and_then(|mut content| content.0.remove(field)?.as_str().map(ToOwned::to_owned)))
    }
}
