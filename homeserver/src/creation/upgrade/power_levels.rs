//! Power levels when a room is replaced: those of the new room, and those that close the old. Pure.

use serde_json::{Map, Value};

use super::Upgrade;

/// The power that sending a tombstone needs where creators have more than any number says.
const TOMBSTONE: i64 = 150;
/// The power of a creator where it is a number.
const CREATOR: i64 = 100;
/// The power that sending and inviting needs at least in a room that was replaced.
const CLOSED: i64 = 50;

/// The new room's levels, made of the old one's.
pub(super) fn moved(old: Map<String, Value>, upgrade: &Upgrade<'_>) -> Map<String, Value> {
    let mut levels = old;
    levels.values_mut().for_each(to_integers);
    let creator = upgrade.user.id.as_str();
    let highest = highest(&levels);
    let rules = &upgrade.rules.authorization;
    if rules.explicitly_privilege_room_creators {
        // They have all power there is, and may not be named.
        let users = map(&mut levels, "users");
        users.remove(creator);
        for user in &upgrade.additional_creators {
            users.remove(user.as_str());
        }
        require_tombstone_power(&mut levels);
    } else if upgrade.old.creators().contains(&upgrade.user.id) && is_privileged(upgrade) {
        map(&mut levels, "users").insert(creator.to_owned(), highest.max(CREATOR).into());
    }
    levels
}

/// Levels with which the creator alone can do everything until the rest is in place.
pub(super) fn of_creator_alone(levels: &Map<String, Value>, upgrade: &Upgrade<'_>) -> Map<String, Value> {
    if upgrade.rules.authorization.explicitly_privilege_room_creators {
        return Map::new();
    }
    let users = Map::from_iter([(upgrade.user.id.to_string(), highest(levels).max(CREATOR).into())]);
    Map::from_iter([("users".to_owned(), users.into())])
}

/// The old room's levels, changed so that ordinary members can neither speak nor invite; none if
/// they are so already.
pub(super) fn closed(old: Map<String, Value>) -> Option<Map<String, Value>> {
    let mut levels = old;
    let default = level(levels.get("users_default")).unwrap_or(0);
    let needed = CLOSED.max(default.saturating_add(1));
    let mut is_changed = false;
    for act in ["events_default", "invite"] {
        if level(levels.get(act)).unwrap_or(0) < needed {
            levels.insert(act.to_owned(), needed.into());
            is_changed = true;
        }
    }
    is_changed.then_some(levels)
}

/// Whether creators of the old room had more power than any number says.
fn is_privileged(upgrade: &Upgrade<'_>) -> bool {
    upgrade.old.rules.authorization.explicitly_privilege_room_creators
}

/// Client-server API, "Creation", 3: where creators are privileged, a tombstone needs more power
/// than other state.
fn require_tombstone_power(levels: &mut Map<String, Value>) {
    let default = level(levels.get("state_default")).unwrap_or(50);
    let events = map(levels, "events");
    if level(events.get("m.room.tombstone")).is_none_or(|level| level <= default) {
        events.insert("m.room.tombstone".to_owned(), TOMBSTONE.max(default.saturating_add(1)).into());
    }
}

/// The object at `key`, which is made if there is none.
fn map<'a>(levels: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = levels.entry(key).or_insert_with(|| Map::new().into());
    if !value.is_object() {
        *value = Map::new().into();
    }
    value.as_object_mut().expect("it was made an object above")
}

/// Before room version 10 levels might be written as text.
fn to_integers(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(to_integers),
        other => {
            if let Some(number) = level(Some(other)) {
                *other = number.into();
            }
        }
    }
}

fn level(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The highest level that anything is or needs.
fn highest(levels: &Map<String, Value>) -> i64 {
    let inner = levels.values().filter_map(Value::as_object).flat_map(Map::values);
    levels.values().chain(inner).filter_map(|value| level(Some(value))).max().unwrap_or(0)
}
