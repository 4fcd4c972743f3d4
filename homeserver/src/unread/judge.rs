//! Judges events by their readers' push rules.

use std::{collections::BTreeMap, sync::Arc};

use quick_cache::sync::Cache;
use ruma::{
    OwnedEventId, UInt,
    events::room::power_levels::UserPowerLevel,
    power_levels::NotificationPowerLevels,
    push::{Action, PushConditionPowerLevelsCtx, PushConditionRoomCtx},
    room_version_rules::RoomPowerLevelsRules,
};
use serde::Deserialize;

use super::{Reader, prepared::Prepared};
use crate::{
    Result,
    accounts::{ignored::Ignored, push_rules::PushRules},
    ephemeral::threads,
    event::Event,
    rooms::{Rooms, view::View},
    storage::numbers::EventNid,
};

/// Events kept in memory in the form in which rules look at them.
const PREPARED: usize = 4_000;
/// Power levels events whose levels for notifications are kept.
const LEVELS: usize = 1_000;

/// What a reader's rules say of an event.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What is to be done.
    pub actions: Vec<Action>,
}

impl Verdict {
    /// Whether the reader is to be notified.
    pub fn notifies(&self) -> bool {
        self.actions.iter().any(Action::should_notify)
    }

    /// Whether the notification is to be highlighted.
    pub fn is_highlight(&self) -> bool {
        self.actions.iter().any(Action::is_highlight)
    }
}

/// Judges events; clones share what is in memory.
#[derive(Clone, Debug)]
pub struct Judge {
    rooms: Rooms,
    rules: PushRules,
    ignored: Ignored,
    prepared: Arc<Cache<EventNid, Arc<Prepared>>>,
    levels: Arc<Cache<EventNid, NotificationPowerLevels>>,
}

impl Judge {
    /// Judges events of `rooms` by `rules`.
    pub fn new(rooms: Rooms, rules: PushRules, ignored: Ignored) -> Self {
        let (prepared, levels) = (Arc::new(Cache::new(PREPARED)), Arc::new(Cache::new(LEVELS)));
        Self { rooms, rules, ignored, prepared, levels }
    }

    /// What the rules of `reader` say of an event of the room `view`.
    pub async fn judge(&self, reader: Reader<'_>, view: &View, event: &Arc<Event>) -> Result<Verdict> {
        if event.sender_nid == reader.nid {
            return Ok(Verdict::default());
        }
        if self.ignored.load(reader.nid, reader.id).await?.contains(event.sender()) {
            return Ok(Verdict::default());
        }
        let rules = self.rules.load(reader.nid, reader.id).await?;
        let prepared = self.prepared(event);
        let context = self.context(reader, view, event).await?;
        for rule in rules.iter() {
            if prepared.is_matched_by(rule, &context).await {
                return Ok(Verdict { actions: rule.actions().to_vec() });
            }
        }
        Ok(Verdict::default())
    }

    /// The root of the thread that an event is in.
    pub async fn thread(&self, event: &Arc<Event>) -> Result<Option<OwnedEventId>> {
        let prepared = self.prepared(event);
        let find = async || Ok(threads::ancestry(self.rooms.events(), event).await?.thread);
        prepared.thread.get_or_try_init(find).await.cloned()
    }

    fn prepared(&self, event: &Arc<Event>) -> Arc<Prepared> {
        if let Some(prepared) = self.prepared.get(&event.nid) {
            return prepared;
        }
        let prepared = Arc::new(Prepared::new(event));
        self.prepared.insert(event.nid, prepared.clone());
        prepared
    }

    async fn context(&self, reader: Reader<'_>, view: &View, event: &Event) -> Result<PushConditionRoomCtx> {
        let member_count = UInt::new_saturating(view.joined.len() as u64);
        let name = self.display_name(reader, view).await?;
        let context = PushConditionRoomCtx::new(view.id.clone(), member_count, reader.id.to_owned(), name);
        Ok(context.with_power_levels(self.power_levels(view, event)))
    }

    /// What the reader is called in the room.
    async fn display_name(&self, reader: Reader<'_>, view: &View) -> Result<String> {
        #[derive(Deserialize)]
        struct Content {
            displayname: Option<String>,
        }
        let member = self.rooms.state_event(view, "m.room.member", reader.id.as_str()).await?;
        let name = member.and_then(|member| member.content_as::<Content>()?.displayname);
        Ok(name.unwrap_or_else(|| reader.id.localpart().to_owned()))
    }

    /// The power levels as far as the event's sender is concerned.
    fn power_levels(&self, view: &View, event: &Event) -> PushConditionPowerLevelsCtx {
        let sender = event.sender().to_owned();
        let rules = &view.rules.authorization;
        let (users, privileged) = match view.power(&sender) {
            UserPowerLevel::Int(power) => (BTreeMap::from([(sender, power)]), None),
            _ => (BTreeMap::new(), Some(sender)),
        };
        let rules = RoomPowerLevelsRules::new(rules, privileged);
        PushConditionPowerLevelsCtx::new(users, ruma::int!(0), self.notification_levels(view), rules)
    }

    fn notification_levels(&self, view: &View) -> NotificationPowerLevels {
        #[derive(Deserialize)]
        struct Content {
            #[serde(default)]
            notifications: NotificationPowerLevels,
        }
        let Some(event) = view.power_levels() else { return NotificationPowerLevels::new() };
        if let Some(levels) = self.levels.get(&event.nid) {
            return levels;
        }
        let levels = event.content_as::<Content>().map(|content| content.notifications).unwrap_or_default();
        self.levels.insert(event.nid, levels.clone());
        levels
    }
}
