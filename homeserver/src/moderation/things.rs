//! Looks at what users have: devices, rooms, account data. Who looks at what is somebody's own is recorded.

use std::collections::BTreeMap;

use ruma::{OwnedRoomId, UserId, api::client::device::Device};
use serde_json::value::RawValue;

use super::Moderation;
use crate::{
    Error, Result,
    accounts::User,
    storage::{account_data, numbers::Position, rooms},
};

impl Moderation {
    /// The devices of a user, each with what the client called itself that last used it.
    pub async fn devices_of(&self, caller: &User, user_id: &UserId) -> Result<Vec<(Device, Option<String>)>> {
        let owner = self.accounts.administration.find(user_id).await?.user;
        self.record(Self::act(caller, "access.addresses.see").on(user_id)).await?;
        self.devices.list_with_clients(owner).await
    }

    /// What a user, perhaps of another server, is in which rooms.
    pub async fn memberships_of(&self, user_id: &UserId) -> Result<BTreeMap<OwnedRoomId, &'static str>> {
        let user = self.storage.find_user_nid(user_id).await?;
        let user = user.ok_or_else(|| Error::not_found("This server does not know that user."))?;
        let mut memberships = BTreeMap::new();
        for member in rooms::of_user(&mut *self.conn().await?, user).await? {
            if let Some(view) = self.rooms.find_by_nid(member.room).await? {
                memberships.insert(view.id.clone(), member.membership.as_str());
            }
        }
        Ok(memberships)
    }

    /// The account data of a user: of which room, their type and content.
    pub async fn account_data_of(
        &self,
        caller: &User,
        user_id: &UserId,
    ) -> Result<Vec<(Option<OwnedRoomId>, String, Box<RawValue>)>> {
        let owner = self.accounts.administration.find(user_id).await?.user;
        self.record(Self::act(caller, "user.account_data").on(user_id)).await?;
        let rows = account_data::list(&mut *self.conn().await?, owner, Position(i64::MIN)).await?;
        let mut found = Vec::with_capacity(rows.len());
        // Deleted data are empty.
        for row in rows.into_iter().filter(|row| row.content != "{}") {
            let room_id = match row.room {
                None => None,
                Some(room) => match self.rooms.find_by_nid(room).await? {
                    Some(view) => Some(view.id.clone()),
                    None => continue,
                },
            };
            let content = RawValue::from_string(row.content).map_err(|fault| Error::internal(fault.to_string()))?;
            found.push((room_id, row.kind, content));
        }
        Ok(found)
    }
}
