//! Rooms that let in the members of other rooms. Client-server API, "Restricted rooms".

use ruma::{
    OwnedRoomId, OwnedUserId,
    room::{AllowRule, JoinRule, JoinRuleKind},
    state_res::events::RoomPowerLevelsIntField,
};

use super::{Rooms, view::View};
use crate::{Result, storage::numbers::UserNid};

impl View {
    /// Whether members of other rooms are let in.
    pub fn is_restricted(&self) -> bool {
        matches!(self.join_rule(), JoinRuleKind::Restricted | JoinRuleKind::KnockRestricted)
    }

    /// The rooms whose members are let in.
    pub fn allowed_rooms(&self) -> Vec<OwnedRoomId> {
        let rule = self.join_rules_event().and_then(|event| event.content_as::<JoinRule>());
        let (Some(JoinRule::Restricted(rule)) | Some(JoinRule::KnockRestricted(rule))) = rule else {
            return Vec::new();
        };
        let rooms = rule.allow.into_iter().filter_map(|allowed| match allowed {
            AllowRule::RoomMembership(membership) => Some(membership.room_id),
            _ => None,
        });
        rooms.collect()
    }
}

impl Rooms {
    /// Whether `user` is in a room whose members the room `view` lets in.
    pub async fn is_in_an_allowed_room(&self, view: &View, user: UserNid) -> Result<bool> {
        for allowed in view.allowed_rooms() {
            if let Some(other) = self.find(&allowed).await?
                && other.is_joined(user)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A member of this server who may invite, on whose authority others may come in.
    pub async fn local_inviter(&self, view: &View) -> Result<Option<OwnedUserId>> {
        let needed = view.power_needed(RoomPowerLevelsIntField::Invite);
        let members: Vec<UserNid> = view.local.iter().copied().collect();
        let members = self.storage.user_ids(&members).await?;
        Ok(members.into_iter().find(|member| view.power(member) >= needed))
    }
}
