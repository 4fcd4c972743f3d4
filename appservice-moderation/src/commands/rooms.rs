//! `rooms`, `unprotect`, `redact`, `netban`, `close`: what concerns rooms as a whole.

use futures_util::FutureExt;
use ruma::OwnedRoomId;
use serde_json::json;

use super::{Actor, Answer, Arguments, Command, Power, Services, Target, plan};
use crate::{Error, Result, actions::Act, reply::Reply, roles::Permission, time};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        verb: "redact",
        usage: "<user|link to a message>… [--room <room>] [--last 100] [--since 1d] [--reason <why>]",
        summary: "Takes the content of messages, which cannot be undone.",
        example: "redact @spammer:example.org --last 50",
        needs: Permission::ActInRooms,
        in_room: Some(Power::Redact),
        handler: |services, actor, arguments| redact(services, actor, arguments).boxed(),
    },
    Command {
        verb: "netban",
        usage: "<user>… [--room <room>] [--for 7d] [--reason <why>]",
        summary: "Keeps those networks out of a room from which somebody came lately, without anybody seeing an address.",
        example: "netban @spammer:example.org --for 7d --reason raid",
        // The homeserver looks itself whether they may: that needs power in the room.
        needs: Permission::ActInRooms,
        in_room: Some(Power::Ban),
        handler: |services, actor, arguments| netban(services, actor, arguments).boxed(),
    },
    Command {
        verb: "rooms",
        usage: "",
        summary: "Lists the rooms that I look after.",
        example: "rooms",
        needs: Permission::Look,
        in_room: None,
        handler: |services, _, _| list(services).boxed(),
    },
    Command {
        verb: "unprotect",
        usage: "<room>…",
        summary: "Leaves rooms to themselves again.",
        example: "unprotect #lobby:example.org",
        needs: Permission::ChooseRooms,
        in_room: None,
        handler: |services, actor, arguments| protect(services, actor, arguments, false).boxed(),
    },
    Command {
        verb: "close",
        usage: "<room>… [--reason <why>]",
        summary: "Closes rooms for good: everybody is put out and nobody comes in again. This cannot be undone.",
        example: "close #bad:example.org --reason illegal content",
        needs: Permission::CloseRooms,
        in_room: None,
        handler: |services, actor, arguments| close(services, actor, arguments).boxed(),
    },
];

/// Messages of one user in one room that are redacted, if nobody says how many, and at most.
const LAST: (u32, u32) = (100, 10_000);

async fn redact(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    arguments.only_targets()?;
    let limit = arguments.number("last")?.unwrap_or(LAST.0).min(LAST.1);
    let since_ms = match arguments.option("since") {
        Some(length) => Some(services.clock.now_ms() - time::parse(length)?),
        None => None,
    };
    let mut acts = Vec::new();
    for target in &arguments.targets {
        match target {
            Target::User(user) => {
                services.check_not_immune(user).await?;
                let rooms = services.rooms_of(actor, arguments).await?;
                for reached in services.reach(actor, &rooms, user, Power::Redact).await?.rooms {
                    acts.push(Act::RedactUser { room: reached.room, user: user.clone(), since_ms, limit });
                }
            }
            Target::Event(room, event) => {
                if actor.here().is_some_and(|here| here != room) {
                    return Err(Error::forbidden("Here you can command this room only."));
                }
                acts.push(Act::Redact { room: room.clone(), event: event.to_string() });
            }
            other => return Err(Error::invalid(format!("{} has said nothing.", other.shown()))),
        }
    }
    if acts.is_empty() {
        return Err(Error::invalid("There is nothing to redact: name a user, or give a link to a message."));
    }
    let title = format!("Redact {}", arguments.shown());
    let preview = Reply::new(format!("**{title}**{}", plan::terms(arguments))).line(format!(
        "In {}, at most the last {limit} messages in each. This cannot be undone.",
        plan::rooms(acts.len())
    ));
    let facts = json!({ "acts": acts.len() });
    let plan = arguments.plan(title, acts).in_room(actor.here());
    Ok(Answer::ask(arguments, preview, facts, plan))
}

async fn netban(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    arguments.only_targets()?;
    let rooms = services.rooms_of(actor, arguments).await?;
    let [room] = &rooms[..] else {
        return Err(Error::invalid("In which room? Say `--room`, or give the command in the room."));
    };
    let users = arguments.users()?;
    let mut acts = Vec::new();
    for user in &users {
        services.check_not_immune(user).await?;
        for network in services.access.room_networks(&actor.user_id, room, user).await? {
            let (room, reason) = (room.clone(), arguments.reason());
            acts.push(Act::PutRoomRule { room, id: String::new(), network, reason, expires_at: None });
        }
    }
    if acts.is_empty() {
        return Err(Error::not_found("It is not known from where they came lately."));
    }
    let title = format!("Network ban of {} in {}", plan::names(&users), services.name_of(room).await);
    let preview = Reply::new(format!("**{title}**{}", plan::terms(arguments)))
        .line(format!("{} network(s) are kept out of the room. Others who come from there are, too.", acts.len()));
    let facts = json!({ "networks": acts.len() });
    Ok(Answer::ask(arguments, preview, facts, arguments.plan(title, acts).in_room(Some(room))))
}

async fn list(services: &Services) -> Result<Answer> {
    let rooms = services.rooms.protected().await?;
    let mut reply = match rooms.len() {
        0 => Reply::new("I look after no room yet. Invite me into one, and make me a moderator there."),
        count => Reply::new(format!("I look after {}:", plan::rooms(count))),
    };
    let mut facts = Vec::new();
    for room in &rooms {
        let name = services.name_of(room).await;
        let levels = services.bot.power_levels(room).await;
        let lacks = levels.is_ok_and(|levels| levels.of(services.bot.user_id()) < Power::Ban.needed(&levels));
        reply = reply.item(format!("{name}{}", if lacks { ", where I lack the power to ban" } else { "" }));
        facts.push(json!({ "room_id": room, "name": name, "lacks_power": lacks }));
    }
    Ok(Answer::told(reply, json!({ "rooms": facts })))
}

/// Looks after rooms, or leaves them to themselves.
pub(super) async fn protect(
    services: &Services,
    actor: &Actor,
    arguments: &Arguments,
    is_protected: bool,
) -> Result<Answer> {
    actor.must(Permission::ChooseRooms)?;
    arguments.no_rehearsal()?;
    let rooms = named(services, arguments).await?;
    for room in &rooms {
        if is_protected && services.bot.power_levels(room).await.is_err() {
            return Err(Error::invalid(format!("I am not in {room}. Invite me first.")));
        }
        services.rooms.protect(room, is_protected, &actor.user_id).await?;
    }
    let verb = if is_protected { "I look after" } else { "I no longer look after" };
    let reply = Reply::new(format!("{verb} {}.", plan::rooms(rooms.len())));
    Ok(Answer::told(reply, json!({ "rooms": rooms })))
}

async fn close(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    actor.must(Permission::CloseRooms)?;
    let rooms = named(services, arguments).await?;
    if services.rooms.operators().is_some_and(|operators| rooms.contains(&operators)) {
        return Err(Error::forbidden("This is the operators' room."));
    }
    let title = format!("Close {}", plan::names(&rooms));
    let mut preview = Reply::new(format!("**{title}**{}", plan::terms(arguments)));
    for room in &rooms {
        let members = services.bot.joined_members(room).await.map(|members| members.len());
        let members = members.map_or_else(|_| "I am not in it".to_owned(), |count| format!("{count} members"));
        preview = preview.item(format!("{}: {members}", services.name_of(room).await));
    }
    preview = preview.line("Everybody is put out, and nobody comes in again. This cannot be undone.");
    let facts = json!({ "rooms": rooms });
    let acts = rooms.into_iter().map(|room| Act::CloseRoom { room }).collect();
    Ok(Answer::ask(arguments, preview, facts, arguments.plan(title, acts)))
}

async fn named(services: &Services, arguments: &Arguments) -> Result<Vec<OwnedRoomId>> {
    let mut rooms = Vec::new();
    for target in &arguments.targets {
        let Target::Room(room) = target else {
            return Err(Error::invalid(format!("{} is not a room.", target.shown())));
        };
        rooms.push(services.resolve(room).await?);
    }
    if rooms.is_empty() {
        return Err(Error::invalid("Which room? Name one like #room:example.org."));
    }
    Ok(rooms)
}
