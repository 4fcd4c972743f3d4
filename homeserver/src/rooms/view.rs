//! A room as it stands at one moment: its state and what is read from it often. Immutable; a change
//! makes a new one that shares almost everything with the old.

use std::{collections::HashSet, sync::Arc};

use imbl::OrdSet;
use ruma::{
    Int, OwnedRoomId, OwnedUserId, RoomVersionId, ServerName, UserId,
    events::{
        StateEventType, TimelineEventType,
        room::{history_visibility::HistoryVisibility, power_levels::UserPowerLevel},
    },
    room::JoinRuleKind,
    room_version_rules::RoomVersionRules,
    state_res::events::{
        RoomCreateEvent, RoomJoinRulesEvent, RoomMemberEvent, RoomPowerLevelsEvent, RoomPowerLevelsIntField,
    },
};
use serde::Deserialize;

use super::{server_acl::ServerAcl, snapshots::Snapshot};
use crate::{
    event::Event,
    storage::{
        numbers::{RoomNid, UserNid},
        rooms::Membership,
    },
};

/// A room at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// The room's number.
    pub nid: RoomNid,
    /// The room's ID.
    pub id: OwnedRoomId,
    /// The room's version.
    pub version: RoomVersionId,
    /// What follows from the version.
    pub rules: Arc<RoomVersionRules>,
    /// The state.
    pub snapshot: Snapshot,
    /// Who is in the room, from wherever.
    pub joined: OrdSet<UserNid>,
    /// Who of them is a user of this server.
    pub local: OrdSet<UserNid>,
    /// Who is invited.
    pub invited: OrdSet<UserNid>,
    creators: Arc<HashSet<OwnedUserId>>,
    key_events: KeyEvents,
}

/// The events that are asked for at every turn.
#[derive(Clone, Debug, Default)]
struct KeyEvents {
    create: Option<Arc<Event>>,
    power_levels: Option<RoomPowerLevelsEvent<Arc<Event>>>,
    join_rules: Option<Arc<Event>>,
    history_visibility: Option<HistoryVisibility>,
    encryption: bool,
    guest_access: bool,
    name: Option<Arc<str>>,
    canonical_alias: Option<Arc<str>>,
    server_acl: Option<Arc<ServerAcl>>,
}

/// A change of one user's membership.
#[derive(Clone, Copy, Debug)]
pub struct MemberChange {
    /// Who.
    pub user: UserNid,
    /// Whether it is a user of this server.
    pub is_local: bool,
    /// What they are now; none where a resolution took their membership event away.
    pub membership: Option<Membership>,
}

/// The event types that a view keeps at hand, besides memberships.
pub const KEY_TYPES: [&str; 9] = [
    "m.room.create",
    "m.room.power_levels",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.encryption",
    "m.room.guest_access",
    "m.room.name",
    "m.room.canonical_alias",
    "m.room.server_acl",
];

impl View {
    /// A room whose members and key events are still to be added.
    pub fn new(
        nid: RoomNid,
        id: OwnedRoomId,
        version: RoomVersionId,
        rules: RoomVersionRules,
        snapshot: Snapshot,
    ) -> Self {
        Self {
            nid,
            id,
            version,
            rules: Arc::new(rules),
            snapshot,
            joined: OrdSet::new(),
            local: OrdSet::new(),
            invited: OrdSet::new(),
            creators: Arc::default(),
            key_events: KeyEvents::default(),
        }
    }

    /// Takes note of a membership.
    pub fn set_member(&mut self, change: MemberChange) {
        self.joined.remove(&change.user);
        self.local.remove(&change.user);
        self.invited.remove(&change.user);
        match change.membership {
            Some(Membership::Join) => {
                self.joined.insert(change.user);
                if change.is_local {
                    self.local.insert(change.user);
                }
            }
            Some(Membership::Invite) => {
                self.invited.insert(change.user);
            }
            _ => {}
        }
    }

    /// Takes note of a state event of one of [`KEY_TYPES`], or of its removal.
    pub fn set_key_event(&mut self, kind: &str, event: Option<&Arc<Event>>) {
        #[derive(Deserialize)]
        struct Name {
            name: Option<String>,
        }
        #[derive(Deserialize)]
        struct Alias {
            alias: Option<String>,
        }
        #[derive(Deserialize)]
        struct Visibility {
            history_visibility: HistoryVisibility,
        }
        #[derive(Deserialize)]
        struct Guests {
            guest_access: String,
        }
        let keys = &mut self.key_events;
        match kind {
            "m.room.create" => {
                let creators = event
                    .and_then(|event| RoomCreateEvent::new(event.clone()).creators(&self.rules.authorization).ok());
                self.creators = Arc::new(creators.unwrap_or_default());
                keys.create = event.cloned();
            }
            "m.room.power_levels" => keys.power_levels = event.cloned().map(RoomPowerLevelsEvent::new),
            "m.room.join_rules" => keys.join_rules = event.cloned(),
            "m.room.history_visibility" => {
                keys.history_visibility =
                    event.and_then(|event| event.content_as::<Visibility>()).map(|content| content.history_visibility);
            }
            "m.room.encryption" => keys.encryption = event.is_some(),
            "m.room.guest_access" => {
                keys.guest_access = event
                    .and_then(|event| event.content_as::<Guests>())
                    .is_some_and(|content| content.guest_access == "can_join");
            }
            "m.room.name" => {
                let name = event.and_then(|event| event.content_as::<Name>()).and_then(|content| content.name);
                keys.name = name.filter(|name| !name.is_empty()).map(Into::into);
            }
            "m.room.canonical_alias" => {
                let alias = event.and_then(|event| event.content_as::<Alias>()).and_then(|content| content.alias);
                keys.canonical_alias = alias.filter(|alias| !alias.is_empty()).map(Into::into);
            }
            "m.room.server_acl" => keys.server_acl = event.map(|event| Arc::new(ServerAcl::parse(event.content()))),
            _ => {}
        }
    }

    /// Whether `user` is in the room.
    pub fn is_joined(&self, user: UserNid) -> bool {
        self.joined.contains(&user)
    }

    /// The creation event.
    pub fn create(&self) -> Option<&Arc<Event>> {
        self.key_events.create.as_ref()
    }

    /// Who created the room: from room version 12 on they have more power than any number says.
    pub fn creators(&self) -> &HashSet<OwnedUserId> {
        &self.creators
    }

    /// Whether the room lets `server` take part.
    pub fn allows_server(&self, server: &ServerName) -> bool {
        self.key_events.server_acl.as_ref().is_none_or(|acl| acl.allows(server))
    }

    /// The room's type, such as `m.space`.
    pub fn room_type(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Type {
            #[serde(rename = "type")]
            room_type: Option<String>,
        }
        self.create()?.content_as::<Type>()?.room_type
    }

    /// Whether servers other than the creator's may take part.
    pub fn is_federated(&self) -> bool {
        self.create().is_some_and(|event| RoomCreateEvent::new(event.clone()).federate().unwrap_or(false))
    }

    /// Whether messages are to be encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.key_events.encryption
    }

    /// Whether guests may come in.
    pub fn is_open_to_guests(&self) -> bool {
        self.key_events.guest_access
    }

    /// The name that was given to the room.
    pub fn name(&self) -> Option<&str> {
        self.key_events.name.as_deref()
    }

    /// The main alias.
    pub fn canonical_alias(&self) -> Option<&str> {
        self.key_events.canonical_alias.as_deref()
    }

    /// Who may come in; by invitation, where the room does not say.
    pub fn join_rule(&self) -> JoinRuleKind {
        let rule = self.key_events.join_rules.as_ref().map(|event| RoomJoinRulesEvent::new(event.clone()).join_rule());
        rule.and_then(Result::ok).unwrap_or(JoinRuleKind::Invite)
    }

    /// Whether everybody may come in or read: then everybody may find its members too.
    pub fn is_open(&self) -> bool {
        self.join_rule() == JoinRuleKind::Public || self.history_visibility() == HistoryVisibility::WorldReadable
    }

    /// The event that says who may come in.
    pub fn join_rules_event(&self) -> Option<&Arc<Event>> {
        self.key_events.join_rules.as_ref()
    }

    /// Who may see what was said; `shared`, where the room does not say.
    pub fn history_visibility(&self) -> HistoryVisibility {
        self.key_events.history_visibility.clone().unwrap_or(HistoryVisibility::Shared)
    }

    /// The power levels event.
    pub fn power_levels(&self) -> Option<&RoomPowerLevelsEvent<Arc<Event>>> {
        self.key_events.power_levels.as_ref()
    }

    /// The power of `user`.
    pub fn power(&self, user: &UserId) -> UserPowerLevel {
        let rules = &self.rules.authorization;
        let is_creator = self.creators.contains(user);
        if rules.explicitly_privilege_room_creators && is_creator {
            return UserPowerLevel::Infinite;
        }
        let power = match self.power_levels() {
            Some(levels) => levels.user_power_level(user, rules).unwrap_or(Int::MIN),
            // Without power levels the creator has 100, everybody else nothing.
            None if is_creator => ruma::int!(100),
            None => ruma::int!(0),
        };
        UserPowerLevel::Int(power)
    }

    /// The power that one of the general acts needs.
    pub fn power_needed(&self, act: RoomPowerLevelsIntField) -> UserPowerLevel {
        match self.power_levels() {
            Some(levels) => levels
                .get_as_int_or_default(act, &self.rules.authorization)
                .map_or(UserPowerLevel::Infinite, UserPowerLevel::Int),
            None => UserPowerLevel::Int(act.default_value()),
        }
    }

    /// The power that sending an event of this type needs.
    pub fn power_to_send(&self, kind: &TimelineEventType, state_key: Option<&str>) -> UserPowerLevel {
        let default = match state_key {
            Some(_) => RoomPowerLevelsIntField::StateDefault,
            None => RoomPowerLevelsIntField::EventsDefault,
        };
        match self.power_levels() {
            Some(levels) => levels
                .event_power_level(kind, state_key, &self.rules.authorization)
                .map_or(UserPowerLevel::Infinite, UserPowerLevel::Int),
            None => UserPowerLevel::Int(default.default_value()),
        }
    }

    /// Whether `user` may redact `event`: their own server's events, or any with enough power.
    pub fn may_redact(&self, user: &UserId, event: &Event) -> bool {
        event.sender() == user || self.power(user) >= self.power_needed(RoomPowerLevelsIntField::Redact)
    }

    /// Whether a redaction from `server` by `user` takes effect on an event of `sender`.
    /// Room version 3, "Handling redactions".
    pub fn redaction_takes_effect(&self, user: &UserId, sender: &UserId) -> bool {
        let same_server: bool = server_of(user) == server_of(sender);
        same_server || self.power(user) >= self.power_needed(RoomPowerLevelsIntField::Redact)
    }
}

fn server_of(user: &UserId) -> &ServerName {
    user.server_name()
}

/// What a membership event says.
pub fn membership_in(event: &Arc<Event>) -> Membership {
    let membership = RoomMemberEvent::new(event.clone()).membership();
    membership.map_or(Membership::Leave, |membership| Membership::from_word(membership.as_str()))
}

/// The state event type, for looking up state.
pub fn state_type(kind: &TimelineEventType) -> StateEventType {
    kind.to_string().into()
}
