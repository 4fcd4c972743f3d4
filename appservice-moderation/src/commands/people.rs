//! `kick`, `ban`, `unban`, `mute`, `unmute`, `warn`: what is done to people in rooms.

use futures_util::FutureExt;
use ruma::{OwnedRoomId, OwnedUserId};
use serde_json::json;

use super::{Actor, Answer, Arguments, Command, Handler, Power, Services, Target, plan, reach::Reach, rules};
use crate::{
    Error, Result,
    actions::{Act, Plan},
    reply::Reply,
    roles::Permission,
};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        verb: "kick",
        usage: "<user>… [--room <room>] [--reason <why>]",
        summary: "Puts people out of rooms; they can come back.",
        example: "kick @spammer:example.org --reason off topic",
        needs: Permission::ActInRooms,
        in_room: Some(Power::Kick),
        handler: KICK,
    },
    Command {
        verb: "ban",
        usage: "<user|ip:…|email:…|domain:…|server:…>… [--room <room>|--feature <name>] [--for 7d] [--reason <why>]",
        summary: "Keeps people out of rooms, or networks and e-mail addresses out of the server, a room or a feature.",
        example: "ban ip:203.0.113.0/24 --for 7d --reason raid",
        needs: Permission::ActInRooms,
        in_room: Some(Power::Ban),
        handler: BAN,
    },
    Command {
        verb: "unban",
        usage: "<user|ip:…|domain:…|server:…>… [--room <room>]",
        summary: "Lets people in again, or lifts the rules about a network, a domain or a server.",
        example: "unban @alice:example.org",
        needs: Permission::ActInRooms,
        in_room: Some(Power::Ban),
        handler: UNBAN,
    },
    Command {
        verb: "mute",
        usage: "<user>… [--room <room>] [--for 1h] [--reason <why>]",
        summary: "Takes people's voice in rooms.",
        example: "mute @loud:example.org --for 1h --reason flooding",
        needs: Permission::ActInRooms,
        in_room: Some(Power::ChangePower),
        handler: MUTE,
    },
    Command {
        verb: "unmute",
        usage: "<user>… [--room <room>]",
        summary: "Gives people their voice back.",
        example: "unmute @loud:example.org",
        needs: Permission::ActInRooms,
        in_room: Some(Power::ChangePower),
        handler: UNMUTE,
    },
    Command {
        verb: "warn",
        usage: "<user>… --reason <what>",
        summary: "Tells people something in a chat with me.",
        example: "warn @loud:example.org --reason Please read the rules of the room.",
        needs: Permission::ActInRooms,
        in_room: None,
        handler: WARN,
    },
];

const KICK: Handler = |services, actor, arguments| {
    async move {
        let wanted = Wanted { verb: "Kick", power: Power::Kick, is_destructive: true };
        in_rooms(services, actor, arguments, wanted, |room, user, membership| {
            matches!(membership, "join" | "invite" | "knock").then_some(Act::Kick { room, user })
        })
        .await
    }
    .boxed()
};

const BAN: Handler = |services, actor, arguments| {
    async move {
        if is_about_rules(arguments) {
            return rules::write(services, actor, arguments, "deny").await;
        }
        let wanted = Wanted { verb: "Ban", power: Power::Ban, is_destructive: true };
        in_rooms(services, actor, arguments, wanted, |room, user, membership| {
            (membership != "ban").then_some(Act::Ban { room, user })
        })
        .await
    }
    .boxed()
};

const UNBAN: Handler = |services, actor, arguments| {
    async move {
        if is_about_rules(arguments) {
            return rules::lift(services, actor, arguments).await;
        }
        let wanted = Wanted { verb: "Unban", power: Power::Ban, is_destructive: false };
        in_rooms(services, actor, arguments, wanted, |room, user, membership| {
            (membership == "ban").then_some(Act::Unban { room, user })
        })
        .await
    }
    .boxed()
};

const MUTE: Handler = |services, actor, arguments| {
    async move {
        let wanted = Wanted { verb: "Mute", power: Power::ChangePower, is_destructive: true };
        in_rooms(services, actor, arguments, wanted, |room, user, _| Some(Act::Mute { room, user })).await
    }
    .boxed()
};

const UNMUTE: Handler = |services, actor, arguments| {
    async move {
        let wanted = Wanted { verb: "Unmute", power: Power::ChangePower, is_destructive: false };
        in_rooms(services, actor, arguments, wanted, |room, user, _| Some(Act::Unmute { room, user, level: None }))
            .await
    }
    .boxed()
};

const WARN: Handler = |services, actor, arguments| async move { warn(services, actor, arguments).await }.boxed();

/// Whether something else than people in rooms is meant.
fn is_about_rules(arguments: &Arguments) -> bool {
    arguments.option("feature").is_some()
        || arguments.option("scope").is_some()
        || arguments.targets.iter().any(|target| !matches!(target, Target::User(_)))
}

/// What is wanted of people in rooms.
struct Wanted {
    verb: &'static str,
    power: Power,
    is_destructive: bool,
}

/// Plans something for all users that are named in all rooms that are meant, where `act` makes something
/// of what they are there.
async fn in_rooms(
    services: &Services,
    actor: &Actor,
    arguments: &Arguments,
    wanted: Wanted,
    act: impl Fn(OwnedRoomId, OwnedUserId, &str) -> Option<Act>,
) -> Result<Answer> {
    arguments.only_targets()?;
    let users = arguments.users()?;
    let rooms = services.rooms_of(actor, arguments).await?;
    let names = users.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (mut acts, mut preview) =
        (Vec::new(), Reply::new(format!("**{} {names}**{}", wanted.verb, plan::terms(arguments))));
    for user in &users {
        if wanted.is_destructive {
            services.check_not_immune(user).await?;
        }
        let reach = services.reach(actor, &rooms, user, wanted.power).await?;
        let before = acts.len();
        let is_there = reach.rooms.iter().filter(|reached| reached.membership == "join").count();
        for reached in &reach.rooms {
            acts.extend(act(reached.room.clone(), user.clone(), &reached.membership));
        }
        let count = acts.len() - before;
        preview = preview.item(format!("{user} in {}; is in {is_there} of them now", plan::rooms(count)));
        preview = obstacles(services, &reach, preview).await;
    }
    if acts.is_empty() {
        return Err(Error::invalid(format!("There is nothing to do. {}", preview.plain())));
    }
    let facts = json!({ "users": users, "rooms": rooms, "acts": acts.len() });
    let plan = Plan {
        title: format!("{} {names}", wanted.verb),
        reason: arguments.reason(),
        room_id: actor.room.as_ref().map(|(room, _)| room.clone()),
        acts,
        for_ms: arguments.for_ms(),
    };
    Ok(Answer::Planned { preview, facts, plan, needs_confirmation: wanted.is_destructive && !arguments.is_set("yes") })
}

/// Says where something cannot be done.
async fn obstacles(services: &Services, reach: &Reach, mut preview: Reply) -> Reply {
    for (room, obstacle) in reach.out_of_reach.iter().take(5) {
        preview = preview.item(format!("not in {}: {obstacle}", services.name_of(room).await));
    }
    if reach.out_of_reach.len() > 5 {
        preview = preview.item(format!("and not in {} more rooms", reach.out_of_reach.len() - 5));
    }
    preview
}

async fn warn(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    actor.must(Permission::ActInRooms)?;
    arguments.only_targets()?;
    let users = arguments.users()?;
    let text =
        arguments.reason().ok_or_else(|| Error::invalid("What shall I tell them? Write it after `--reason`."))?;
    let elsewhere = users.iter().find(|user| !services.bot.is_local(user));
    if let Some(user) = elsewhere {
        return Err(Error::invalid(format!("{user} is not of this server.")));
    }
    let names = users.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let acts = users.iter().map(|user| Act::Warn { user: user.clone(), text: text.clone() }).collect();
    let plan = Plan { title: format!("Warn {names}"), reason: Some(text), room_id: None, acts, for_ms: None };
    let (preview, facts) = (Reply::new(format!("**Warn {names}**")), json!({ "users": users }));
    Ok(Answer::Planned { preview, facts, plan, needs_confirmation: false })
}
