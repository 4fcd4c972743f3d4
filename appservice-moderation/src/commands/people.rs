//! `kick`, `ban`, `unban`, `mute`, `unmute`, `warn`: what is done to people in rooms.

use futures_util::FutureExt;
use ruma::{OwnedRoomId, OwnedUserId};
use serde_json::json;

use super::{Actor, Answer, Arguments, Command, Power, Services, Target, plan, reach::Reach, rules, servers};
use crate::{
    Error, Result,
    actions::{About, Act, Case},
    reply::Reply,
    roles::Permission,
    time,
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
        handler: |services, actor, arguments| kick(services, actor, arguments).boxed(),
    },
    Command {
        verb: "ban",
        usage: "<user|ip:…|email:…|domain:…|server:…>… [--room <room>|--feature <name>] [--for 7d] [--reason <why>]",
        summary: "Keeps people out of rooms, servers out of a room, or networks and e-mail addresses out of the server, a \
                  room or a feature.",
        example: "ban ip:203.0.113.0/24 --for 7d --reason raid",
        needs: Permission::ActInRooms,
        in_room: Some(Power::Ban),
        handler: |services, actor, arguments| ban(services, actor, arguments).boxed(),
    },
    Command {
        verb: "unban",
        usage: "<user|ip:…|domain:…|server:…>… [--room <room>]",
        summary: "Lets people or servers in again, or lifts the rules about a network, a domain or a server.",
        example: "unban @alice:example.org",
        needs: Permission::ActInRooms,
        in_room: Some(Power::Ban),
        handler: |services, actor, arguments| unban(services, actor, arguments).boxed(),
    },
    Command {
        verb: "mute",
        usage: "<user>… [--room <room>] [--for 1h] [--reason <why>]",
        summary: "Takes people's voice in rooms.",
        example: "mute @loud:example.org --for 1h --reason flooding",
        needs: Permission::ActInRooms,
        in_room: Some(Power::ChangePower),
        handler: |services, actor, arguments| mute(services, actor, arguments).boxed(),
    },
    Command {
        verb: "unmute",
        usage: "<user>… [--room <room>]",
        summary: "Gives people their voice back.",
        example: "unmute @loud:example.org",
        needs: Permission::ActInRooms,
        in_room: Some(Power::ChangePower),
        handler: |services, actor, arguments| unmute(services, actor, arguments).boxed(),
    },
    Command {
        verb: "warn",
        usage: "<user>… --reason <what>",
        summary: "Tells people something in a chat with me.",
        example: "warn @loud:example.org --reason Please read the rules of the room.",
        needs: Permission::ActInRooms,
        in_room: None,
        handler: |services, actor, arguments| warn(services, actor, arguments).boxed(),
    },
];

/// What is wanted of people in rooms.
struct Wanted {
    verb: &'static str,
    power: Power,
    is_destructive: bool,
}

async fn kick(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    let wanted = Wanted { verb: "Kick", power: Power::Kick, is_destructive: true };
    in_rooms(services, actor, arguments, wanted, |room, user, membership| {
        matches!(membership, "join" | "invite" | "knock").then_some(Act::Kick { room, user })
    })
    .await
}

async fn ban(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    match meant(actor, arguments)? {
        Meant::Rules => rules::write(services, actor, arguments, "deny").await,
        Meant::Servers => servers::shut_out(services, actor, arguments).await,
        Meant::People => {
            let wanted = Wanted { verb: "Ban", power: Power::Ban, is_destructive: true };
            in_rooms(services, actor, arguments, wanted, |room, user, membership| {
                (membership != "ban").then_some(Act::Ban { room, user })
            })
            .await
        }
    }
}

async fn unban(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    match meant(actor, arguments)? {
        Meant::Rules => rules::lift(services, actor, arguments).await,
        Meant::Servers => servers::let_in(services, actor, arguments).await,
        Meant::People => {
            let wanted = Wanted { verb: "Unban", power: Power::Ban, is_destructive: false };
            in_rooms(services, actor, arguments, wanted, |room, user, membership| {
                (membership == "ban").then_some(Act::Unban { room, user })
            })
            .await
        }
    }
}

async fn mute(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    let wanted = Wanted { verb: "Mute", power: Power::ChangePower, is_destructive: true };
    in_rooms(services, actor, arguments, wanted, |room, user, _| Some(Act::Mute { room, user })).await
}

async fn unmute(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    let wanted = Wanted { verb: "Unmute", power: Power::ChangePower, is_destructive: false };
    in_rooms(services, actor, arguments, wanted, |room, user, _| Some(Act::Unmute { room, user, level: None })).await
}

/// What a ban is about.
enum Meant {
    /// People in rooms.
    People,
    /// Servers in a room, by its access control list.
    Servers,
    /// Whoever an access rule is about.
    Rules,
}

fn meant(actor: &Actor, arguments: &Arguments) -> Result<Meant> {
    if arguments.option("feature").is_some() || arguments.option("scope").is_some() {
        return Ok(Meant::Rules);
    }
    let is_in_room = actor.room.is_some() || arguments.option("room").is_some();
    let all = |is: fn(&Target) -> bool| arguments.targets.iter().all(is);
    if all(|target| matches!(target, Target::User(_))) {
        Ok(Meant::People)
    } else if is_in_room && all(|target| matches!(target, Target::Server(_))) {
        Ok(Meant::Servers)
    } else if all(|target| !matches!(target, Target::User(_))) {
        Ok(Meant::Rules)
    } else {
        Err(Error::invalid("People are banned from rooms, others by rules: please ban them one after the other."))
    }
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
    let title = format!("{} {}", wanted.verb, plan::names(&users));
    let (mut acts, mut preview) = (Vec::new(), Reply::new(format!("**{title}**{}", plan::terms(arguments))));
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
        let preview = earlier(services, actor, &users, preview).await?;
        return Err(Error::invalid(format!("There is nothing to do. {}", preview.plain())));
    }
    let facts = json!({ "users": users, "rooms": rooms, "acts": acts.len() });
    let plan = arguments.plan(title, acts).in_room(actor.here());
    Ok(match wanted.is_destructive {
        true => Answer::ask(arguments, preview, facts, plan),
        false => Answer::act(arguments, preview, facts, plan),
    })
}

/// Names the cases in which something was done already, and when that ends.
async fn earlier(services: &Services, actor: &Actor, users: &[OwnedUserId], mut preview: Reply) -> Result<Reply> {
    let now_ms = services.clock.now_ms();
    for user in users {
        let cases = services.actions.list(About::Target(user.as_str()), 1).await?;
        let is_theirs = |case: &&Case| actor.room.is_none() || case.room_id.as_ref() == actor.here();
        let Some(case) = cases.first().filter(is_theirs).filter(|case| case.undone_at.is_none()) else { continue };
        let account = services.actions.account(&case.case_id).await?;
        let end = account.ends_at(now_ms).map(|at| format!(", ends in {}", time::left(at - now_ms)));
        let end = end.unwrap_or_default();
        preview = preview.item(format!("case `{}` {}{end}; `!mod undo` it to decide anew", case.case_id, case.title));
    }
    Ok(preview)
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
    services.check_local(&users)?;
    let title = format!("Warn {}", plan::names(&users));
    let acts = users.iter().map(|user| Act::Warn { user: user.clone(), text: text.clone() }).collect();
    let (preview, facts) = (Reply::new(format!("**{title}**")), json!({ "users": users }));
    Ok(Answer::act(arguments, preview, facts, arguments.plan(title, acts)))
}
