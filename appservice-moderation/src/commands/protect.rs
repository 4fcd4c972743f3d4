//! `protect`: which rooms are looked after, what protections look for there, and what comes of it.

use futures_util::FutureExt;
use ruma::{OwnedRoomId, RoomId};
use serde_json::{Value, json};

use super::{Actor, Answer, Arguments, Command, Power, Services, rooms};
use crate::{
    Error, Result,
    config::protections::{Mode, Protection},
    reply::Reply,
    roles::Permission,
};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[Command {
    verb: "protect",
    usage: "<room>… | [list | show <protection> | mode <protection> off|log|ask|act | set <protection> <option> <value> | reset \
            <protection> <option>] [--room …]",
    summary: "Looks after rooms that I am in; tells and changes what protections look for and what comes of it.",
    example: "protect mode flood act",
    needs: Permission::Look,
    in_room: Some(Power::Ban),
    handler: |services, actor, arguments| protect(services, actor, arguments).boxed(),
}];

async fn protect(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    if arguments.words.is_empty() && !arguments.targets.is_empty() {
        return rooms::protect(services, actor, arguments, true).await;
    }
    let room = chosen(services, actor, arguments).await?;
    let protection = |index| {
        let name =
            arguments.word(index).ok_or_else(|| Error::invalid("Which protection? `protect list` names them."))?;
        Protection::find(name)
            .ok_or_else(|| Error::invalid(format!("There is no protection `{name}`. `protect list` names them.")))
    };
    let room_id = room.as_deref();
    match arguments.word(0) {
        None | Some("list") => Ok(list(services, room_id)),
        Some("show") => Ok(show(services, room_id, protection(1)?)),
        Some("mode") => {
            must_choose(actor, arguments)?;
            let mode = arguments.word(2).ok_or_else(|| Error::invalid("Which mode: off, log, ask or act?"))?;
            set(services, actor, room, protection(1)?, ("mode", mode)).await
        }
        Some("set") => {
            must_choose(actor, arguments)?;
            let option = arguments.word(2).ok_or_else(|| Error::invalid("Which option? `protect show` names them."))?;
            let value = value(arguments).ok_or_else(|| Error::invalid(format!("What is `{option}` to be?")))?;
            set(services, actor, room, protection(1)?, (option, &value)).await
        }
        Some("reset") => {
            must_choose(actor, arguments)?;
            let option = arguments.word(2).ok_or_else(|| Error::invalid("Which option? `protect show` names them."))?;
            let protection = protection(1)?;
            let was_changed = services.guard.reset(protection, room_id, option).await?;
            let reply = if was_changed { "It is as it was configured." } else { "Nothing else was chosen for it." };
            Ok(Answer::told(Reply::new(reply), json!({ "was_changed": was_changed })))
        }
        Some(_) => Ok(show(services, room_id, protection(0)?)),
    }
}

/// Refuses who may only look, and to try out what is done at once.
fn must_choose(actor: &Actor, arguments: &Arguments) -> Result<()> {
    if !actor.has_power(Some(Power::Ban)) {
        actor.must(Permission::ChooseRooms)?;
    }
    arguments.no_rehearsal()
}

/// What follows the option: words, or what looks like a user or a server.
fn value(arguments: &Arguments) -> Option<String> {
    let words = arguments.words.get(3..).unwrap_or_default().iter().cloned();
    let values: Vec<String> = words.chain(arguments.targets.iter().map(|target| target.shown())).collect();
    Some(values.join(" ")).filter(|value| !value.is_empty())
}

fn list(services: &Services, room: Option<&RoomId>) -> Answer {
    let chosen = services.guard.chosen();
    let settings = room.map_or_else(|| chosen.everywhere(), |room| chosen.of(room));
    let mut reply = Reply::new(format!("{}:", scope("Protections", room)));
    let mut facts = serde_json::Map::new();
    for protection in Protection::ALL.into_iter().filter(|protection| room.is_none() || protection.is_of_rooms()) {
        let mode = settings.mode(protection);
        reply = reply.item(format!("**{protection}** ({}): {}", mode.name(), protection.summary()));
        facts.insert(protection.name().to_owned(), json!(mode));
    }
    let others = services.guard.rooms_with_own_settings();
    if room.is_none() && !others.is_empty() {
        let names: Vec<String> = others.iter().map(ToString::to_string).collect();
        reply = reply.line(format!("Something else is chosen for {}.", names.join(", ")));
    }
    reply = reply.line("`!mod protect show <protection>` tells its options.");
    Answer::told(reply, json!({ "protections": facts, "rooms": others }))
}

fn show(services: &Services, room: Option<&RoomId>, protection: Protection) -> Answer {
    let chosen = services.guard.chosen();
    let settings = room.map_or_else(|| chosen.everywhere(), |room| chosen.of(room));
    let changes = chosen.changes(room);
    let mut reply = Reply::new(format!("{}:", scope(&format!("**{protection}**"), room))).line(protection.summary());
    let mut facts = serde_json::Map::new();
    for (option, value) in settings.options(protection) {
        let is_changed = changes.is_some_and(|changes| changes.contains_key(&format!("{protection}.{option}")));
        let note = if is_changed { " (chosen by command)" } else { "" };
        reply = reply.item(format!("{option} = {}{note}", shown(&value)));
        facts.insert(option, value);
    }
    Answer::told(reply, Value::Object(facts))
}

async fn set(
    services: &Services,
    actor: &Actor,
    room: Option<OwnedRoomId>,
    protection: Protection,
    change: (&str, &str),
) -> Result<Answer> {
    let (path, value) = services.guard.set(protection, room.as_deref(), change, &actor.user_id).await?;
    let mut reply = Reply::new(format!("{}.", scope(&format!("{path} is {} now", shown(&value)), room.as_deref())));
    if value == json!(Mode::Act) {
        reply = reply.line("It acts by itself now; each case can be undone.");
    }
    Ok(Answer::told(reply, json!({ "option": path, "value": value, "room_id": room })))
}

fn scope(text: &str, room: Option<&RoomId>) -> String {
    match room {
        Some(room) => format!("{text} in {room}"),
        None => format!("{text} in all rooms"),
    }
}

/// A value as people write it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(is_on) => if *is_on { "on" } else { "off" }.to_owned(),
        Value::Array(items) if items.is_empty() => "nothing".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The room for which something is chosen: the one in which it is said, else the one that `--room` names; none,
/// if it is for all.
async fn chosen(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Option<OwnedRoomId>> {
    if actor.room.is_none() && arguments.option("room").is_none() {
        return Ok(None);
    }
    let room = services.rooms_of(actor, arguments).await?.pop();
    let is_protected = match &room {
        Some(room) => services.rooms.protected().await?.contains(room),
        None => false,
    };
    if is_protected { Ok(room) } else { Err(Error::not_found("I do not look after this room.")) }
}
