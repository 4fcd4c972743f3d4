//! Names for rooms: which room an alias stands for, and who may say so.

use std::time::Duration;

use ruma::{OwnedRoomAliasId, OwnedRoomId, OwnedServerName, RoomAliasId, RoomId, events::TimelineEventType};

use super::Directory;
use crate::{
    Error, Result,
    accounts::User,
    error::ErrorKind,
    rooms::view::View,
    storage::{directory, numbers::RoomNid},
};

/// An alias whose room did not come to be in this time is free again.
const RESERVED: Duration = Duration::from_mins(1);

impl Directory {
    /// Makes `alias` stand for a room. Whoever is in the room may do that, and application services
    /// with the aliases in their namespace.
    pub async fn set_alias(&self, user: &User, alias: &RoomAliasId, room_id: &RoomId) -> Result<()> {
        self.must_be_ours(alias)?;
        if user.is_guest {
            return Err(Error::forbidden("Guests cannot give names to rooms."));
        }
        self.may_use(user, alias)?;
        self.rooms.must_not_be_blocked(room_id).await?;
        let view = match &user.appservice {
            Some(_) => self.known(room_id).await?,
            None => self.rooms.joined(user, room_id).await?,
        };
        if self.bind(user, alias, view.nid).await? {
            Ok(())
        } else {
            Err(Error::conflict(format!("{alias} is taken.")))
        }
    }

    /// Makes an alias stand for a room that is about to be created.
    pub async fn reserve(&self, user: &User, localpart: &str, room: RoomNid) -> Result<OwnedRoomAliasId> {
        let invalid = || Error::invalid_param("This cannot be the local part of a room alias.");
        let alias =
            OwnedRoomAliasId::try_from(format!("#{localpart}:{}", self.server_name())).map_err(|_| invalid())?;
        // A colon in the local part would be taken for the end of it.
        if alias.alias() != localpart || alias.server_name() != self.server_name() {
            return Err(invalid());
        }
        self.must_be_ours(&alias)?;
        self.may_use(user, &alias)?;
        if self.bind(user, &alias, room).await? {
            Ok(alias)
        } else {
            Err(Error::room_in_use(format!("{alias} is taken.")))
        }
    }

    /// Frees the alias of a room that was not created after all.
    pub async fn release(&self, alias: &RoomAliasId, room: RoomNid) -> Result<()> {
        directory::delete_alias(&mut *self.storage.conn().await?, alias, room).await
    }

    async fn bind(&self, user: &User, alias: &RoomAliasId, room: RoomNid) -> Result<bool> {
        let now_ms = self.clock.now_ms();
        let reserved_ms = i64::try_from(RESERVED.as_millis()).unwrap_or(i64::MAX);
        let mut conn = self.storage.conn().await?;
        if directory::insert_alias(&mut conn, alias, room, user.nid, now_ms).await? {
            return Ok(true);
        }
        directory::delete_orphan_alias(&mut conn, alias, now_ms - reserved_ms).await?;
        directory::insert_alias(&mut conn, alias, room, user.nid, now_ms).await
    }

    /// The room that an alias stands for.
    pub async fn resolve(&self, alias: &RoomAliasId) -> Result<OwnedRoomId> {
        let found = self.find(alias).await?;
        found.ok_or_else(|| Error::not_found(format!("There is no room with the alias {alias}.")))
    }

    /// The same, or none; and none for the aliases of other servers.
    pub async fn find(&self, alias: &RoomAliasId) -> Result<Option<OwnedRoomId>> {
        if alias.server_name() != self.server_name() {
            return Ok(None);
        }
        let mut stored = directory::find_alias(&mut *self.storage.conn().await?, alias).await?;
        if stored.is_none() && self.appservices.query_alias(alias).await {
            stored = directory::find_alias(&mut *self.storage.conn().await?, alias).await?;
        }
        let Some(stored) = stored else { return Ok(None) };
        Ok(self.rooms.find_by_nid(stored.room).await?.map(|view| view.id.clone()))
    }

    /// The servers through which a room may be joined, this one first.
    pub async fn servers_of(&self, room_id: &RoomId) -> Result<Vec<OwnedServerName>> {
        let mut servers = vec![self.server_name().to_owned()];
        if let Some(view) = self.rooms.find(room_id).await? {
            servers.extend(self.rooms.other_servers(&view, MOST_SERVERS).await?);
        }
        Ok(servers)
    }

    /// Frees an alias. Whoever made it may do that, and whoever may name the room. Where the room
    /// shows the alias, that is corrected.
    pub async fn delete_alias(&self, user: &User, alias: &RoomAliasId) -> Result<()> {
        self.must_be_ours(alias)?;
        self.may_use(user, alias)?;
        let stored = directory::find_alias(&mut *self.storage.conn().await?, alias).await?;
        let stored = stored.ok_or_else(|| Error::not_found(format!("There is no alias {alias}.")))?;
        let view = self.rooms.find_by_nid(stored.room).await?;
        let may_name = view.as_ref().is_some_and(|view| self.may_name(user, view));
        let is_free_to = user.is_admin || user.appservice.is_some();
        if stored.creator != user.nid && !may_name && !is_free_to {
            return Err(Error::forbidden("You may not delete this alias."));
        }
        directory::delete_alias(&mut *self.storage.conn().await?, alias, stored.room).await?;
        match view {
            Some(view) => self.hide_alias(user, &view, alias).await,
            None => Ok(()),
        }
    }

    /// The local aliases of a room, for those who are in it or may read it anyway.
    pub async fn aliases(&self, user: &User, room_id: &RoomId) -> Result<Vec<OwnedRoomAliasId>> {
        let view = self.rooms.find(room_id).await?;
        let view = view.filter(|view| user.is_admin || self.rooms.may_read_on(view, user.nid));
        let view = view.ok_or_else(|| Error::forbidden("You are not in this room."))?;
        directory::list_aliases(&mut *self.storage.conn().await?, view.nid).await
    }

    /// Gives the names of a room and its place on the published list to another.
    pub async fn hand_over(&self, user: &User, from: &View, to: &View) -> Result<()> {
        let mut conn = self.storage.conn().await?;
        directory::move_aliases(&mut conn, from.nid, to.nid).await?;
        let is_published = directory::lists::is_published(&mut conn, from.nid).await?;
        drop(conn);
        self.move_shown_aliases(user, from, to).await?;
        if is_published {
            self.publish(&*self.rooms.load(to.nid).await?).await?;
            self.unpublish(from.nid).await?;
        }
        Ok(())
    }

    /// Whether `user` may say what the room is called: that is, set its canonical alias.
    pub(super) fn may_name(&self, user: &User, view: &View) -> bool {
        view.is_joined(user.nid)
            && view.power(&user.id) >= view.power_to_send(&TimelineEventType::RoomCanonicalAlias, Some(""))
    }

    /// Refuses aliases that are an application service's, and to application services those that are
    /// not. Application service API, "Server admin style permissions".
    fn may_use(&self, user: &User, alias: &RoomAliasId) -> Result<()> {
        let service = user.appservice.as_deref();
        if service.is_some_and(|service| !service.namespaces.aliases.contains(alias.as_str())) {
            let message = "This alias is not in the application service's namespace.";
            return Err(Error::refused(ErrorKind::Exclusive, message));
        }
        self.appservices.known().check_alias_is_free(alias, service)
    }

    fn must_be_ours(&self, alias: &RoomAliasId) -> Result<()> {
        if alias.server_name() != self.server_name() {
            return Err(Error::invalid_param(format!("{alias} belongs to another server.")));
        }
        if alias.alias().is_empty() {
            return Err(Error::invalid_param("An alias needs a local part."));
        }
        Ok(())
    }
}

/// As many other servers are named for joining a room.
const MOST_SERVERS: usize = 20;
