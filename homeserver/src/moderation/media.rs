//! Looks at files and withdraws them: those of a user, of a room, or old ones.

use std::collections::{BTreeSet, HashSet};

use ruma::{MxcUri, OwnedMxcUri, OwnedServerName, RoomId, ServerName, UserId};
use serde_json::Value;

use super::Moderation;
use crate::{
    Error, Result,
    accounts::User,
    storage::{
        events::Range,
        media::{
            MediaKey,
            overview::{self, ListedMedia, MediaOrder},
            statistics::{self, UploadFilter, UploadOrder, Uploads},
        },
        numbers::Position,
        overview::Page,
    },
};

/// Events that are looked through at a time.
const PAGE: usize = 500;

/// Which media go.
#[derive(Clone, Copy, Debug)]
pub struct OldMedia {
    /// Those that came before this time, in ms since the epoch.
    pub before_ms: i64,
    /// Those with more bytes.
    pub larger_than: i64,
    /// Whether what people and rooms show as their pictures stays.
    pub keeps_pictures: bool,
}

impl Moderation {
    /// A page of what a user has uploaded, and how much there is in all.
    pub async fn media_of(&self, user_id: &UserId, order: MediaOrder, page: Page) -> Result<(Vec<ListedMedia>, i64)> {
        let account = self.accounts.administration.find(user_id).await?;
        let mut conn = self.conn().await?;
        let listed = overview::of_user(&mut conn, account.user, order, page).await?;
        Ok((listed, overview::count_of_user(&mut conn, account.user).await?))
    }

    /// One media.
    pub async fn media_at(&self, server: &ServerName, media_id: &str) -> Result<ListedMedia> {
        let found = overview::find(&mut *self.conn().await?, server, media_id).await?;
        found.ok_or_else(|| Error::not_found("There is no such media."))
    }

    /// Deletes media of this server; returns the IDs of those that were there.
    pub async fn delete_media(&self, caller: &User, ids: Vec<String>) -> Result<Vec<String>> {
        let server = self.rooms.server_name().to_owned();
        let event = Self::act(caller, "media.delete").detail("media", ids.clone());
        self.record(event).await?;
        let mut deleted = Vec::with_capacity(ids.len());
        for id in ids {
            match self.media.delete(MediaKey { origin: &server, media_id: &id }).await {
                Ok(()) => deleted.push(id),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deleted)
    }

    /// Deletes old media: of this server, or copies of those of others. Returns their IDs.
    pub async fn delete_old_media(&self, caller: &User, is_local: bool, old: OldMedia) -> Result<Vec<String>> {
        let what = if is_local { "media.delete_old" } else { "media.delete_copies" };
        let event = Self::act(caller, what).detail("before", old.before_ms).detail("larger_than", old.larger_than);
        self.record(event).await?;
        let server = self.rooms.server_name().to_owned();
        let pictures: HashSet<String> = match old.keeps_pictures {
            true => overview::pictures(&mut *self.conn().await?).await?.into_iter().collect(),
            false => HashSet::new(),
        };
        let (mut deleted, mut after) = (Vec::new(), (String::new(), String::new()));
        loop {
            let bounds = (old.before_ms, old.larger_than);
            let page = overview::old(&mut *self.conn().await?, &server, is_local, bounds, (&after.0, &after.1)).await?;
            let Some(last) = page.last() else { return Ok(deleted) };
            after = last.clone();
            for (origin, media_id) in page {
                if pictures.contains(&format!("mxc://{origin}/{media_id}")) {
                    continue;
                }
                let Ok(origin) = OwnedServerName::try_from(origin) else { continue };
                self.media.delete(MediaKey { origin: &origin, media_id: &media_id }).await?;
                deleted.push(media_id);
            }
        }
    }

    /// Withdraws one media, or lifts that. Returns how many media have the same content.
    pub async fn quarantine(
        &self,
        caller: &User,
        server: &ServerName,
        media_id: &str,
        is_withdrawn: bool,
    ) -> Result<u64> {
        let uri = format!("mxc://{server}/{media_id}");
        self.record(Self::act(caller, "media.quarantine").detail("media", uri).detail("set", is_withdrawn)).await?;
        let key = MediaKey { origin: server, media_id };
        match is_withdrawn {
            true => self.media.quarantine(key, caller.nid).await,
            false => self.media.end_quarantine(key).await,
        }
    }

    /// Keeps a media of this server from being withdrawn, or no longer.
    pub async fn protect(&self, caller: &User, media_id: &str, is_protected: bool) -> Result<()> {
        let key = MediaKey { origin: self.rooms.server_name(), media_id };
        self.media.protect(key, is_protected.then_some(caller.nid)).await?;
        self.record(Self::act(caller, "media.protect").detail("media", media_id).detail("set", is_protected)).await
    }

    /// A page of those who have uploaded something, and how many there are in all.
    pub async fn uploads(&self, filter: &UploadFilter, order: UploadOrder, page: Page) -> Result<(Vec<Uploads>, i64)> {
        let mut conn = self.conn().await?;
        Ok((statistics::list(&mut conn, filter, order, page).await?, statistics::count(&mut conn, filter).await?))
    }

    /// Notes that an administrator looks at a media, be it withdrawn.
    pub async fn record_look_at(&self, caller: &User, server: &ServerName, media_id: &str) -> Result<()> {
        self.record(Self::act(caller, "media.see").detail("media", format!("mxc://{server}/{media_id}"))).await
    }

    /// Withdraws what a user has uploaded, but for what is protected; returns how many media that were.
    pub async fn quarantine_of(&self, caller: &User, user_id: &UserId) -> Result<usize> {
        let everything = Page { from: 0, limit: u32::MAX, is_backward: false };
        let (listed, _) = self.media_of(user_id, MediaOrder::Id, everything).await?;
        let server = self.rooms.server_name().to_owned();
        self.record(Self::act(caller, "media.quarantine").on(user_id).detail("count", listed.len())).await?;
        let mut count = 0;
        for media in &listed {
            let key = MediaKey { origin: &server, media_id: &media.media_id };
            if !self.media.is_protected(key).await? {
                self.media.quarantine(key, caller.nid).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Withdraws what is shown in a room, as far as this server has it; returns how many media that were.
    pub async fn quarantine_in(&self, caller: &User, room_id: &RoomId) -> Result<usize> {
        let shown = self.media_in(room_id).await?;
        let event = Self::act(caller, "media.quarantine").detail("room_id", room_id.as_str());
        self.record(event.detail("count", shown.len())).await?;
        let mut count = 0;
        for uri in &shown {
            let Ok((origin, media_id)) = uri.parts() else { continue };
            let key = MediaKey { origin, media_id };
            match self.media.is_protected(key).await {
                Ok(true) => continue,
                Err(error) if error.is_not_found() => continue,
                outcome => outcome?,
            };
            match self.media.quarantine(key, caller.nid).await {
                Ok(_) => count += 1,
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// The media that are shown in a room, as far as it is not encrypted.
    pub async fn media_in(&self, room_id: &RoomId) -> Result<Vec<OwnedMxcUri>> {
        let view = self.known_room(room_id).await?;
        let (mut found, mut after) = (BTreeSet::new(), Position(i64::MIN));
        loop {
            let range = Range::Up(after, Position(i64::MAX));
            let events = self.rooms.stored_page(view.nid, range, PAGE).await?;
            let Some(last) = events.last().and_then(|event| event.position()) else { break };
            after = last;
            for event in &events {
                let content: Value = serde_json::from_str(event.content().get()).unwrap_or_default();
                for place in ["/url", "/info/thumbnail_url", "/avatar_url"] {
                    let uri = content.pointer(place).and_then(Value::as_str).map(<&MxcUri>::from);
                    found.extend(uri.filter(|uri| uri.is_valid()).map(ToOwned::to_owned));
                }
            }
        }
        Ok(found.into_iter().collect())
    }
}
