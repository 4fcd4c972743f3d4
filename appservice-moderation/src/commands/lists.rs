//! `watch`, `unwatch`, `lists`, `publish`, `unpublish`: lists of bans that others keep, and the one of this server.

use futures_util::FutureExt;
use ruma::{OwnedRoomId, OwnedRoomOrAliasId};
use serde_json::json;

use super::{Actor, Answer, Arguments, Command, Services, Target};
use crate::{
    Error, Result,
    actions::Act,
    policy_lists::{effects::Effects, rule::Kind},
    reply::Reply,
    roles::Permission,
};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        verb: "lists",
        usage: "[release <room>]",
        summary: "Tells which policy lists are watched; lets one go on that rests because it wants too much.",
        example: "lists",
        needs: Permission::Look,
        in_room: None,
        handler: |services, actor, arguments| lists(services, actor, arguments).boxed(),
    },
    Command {
        verb: "watch",
        usage: "<room> [--effects bans,acl,access]",
        summary: "Shows what a policy list would do, and follows it.",
        example: "watch #bans:example.org",
        needs: Permission::ChooseRooms,
        in_room: None,
        handler: |services, _, arguments| watch(services, arguments).boxed(),
    },
    Command {
        verb: "unwatch",
        usage: "<room>",
        summary: "Follows a policy list no more, and takes back what came of it.",
        example: "unwatch #bans:example.org",
        needs: Permission::ChooseRooms,
        in_room: None,
        handler: |services, _, arguments| unwatch(services, arguments).boxed(),
    },
    Command {
        verb: "publish",
        usage: "<user or server> [--reason …]",
        summary: "Puts a ban on the policy list of this server, for everybody to read.",
        example: "publish server:spam.example --reason spam",
        needs: Permission::ChooseRooms,
        in_room: None,
        handler: |services, actor, arguments| publish(services, actor, arguments, true).boxed(),
    },
    Command {
        verb: "unpublish",
        usage: "<user or server>",
        summary: "Takes a ban from the policy list of this server.",
        example: "unpublish server:spam.example",
        needs: Permission::ChooseRooms,
        in_room: None,
        handler: |services, actor, arguments| publish(services, actor, arguments, false).boxed(),
    },
];

/// What stands on the list if nobody gave a reason.
const NO_REASON: &str = "no reason given";

async fn lists(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    if arguments.word(0) == Some("release") {
        actor.must(Permission::ChooseRooms)?;
        arguments.no_rehearsal()?;
        let room = services.resolve(target(arguments)?).await?;
        return match services.lists.release(&room).await? {
            true => Ok(Answer::told(Reply::new("It goes on."), json!({}))),
            false => Err(Error::invalid("This list does not rest.")),
        };
    }
    let all = services.lists.list().await?;
    let mut reply = match all.len() {
        0 => Reply::new("No policy list is watched. `!mod watch <room>` shows what one would do."),
        _ => Reply::new("Watched policy lists:"),
    };
    let mut facts = Vec::new();
    for list in &all {
        let rules = list.rules.map_or_else(|| "cannot be read".to_owned(), |count| format!("{count} rules"));
        let rests = match &*list.state {
            "held" => ", **rests**: it wants too much at once",
            "leaving" => ", is being taken back",
            _ => "",
        };
        let (name, room, effects, hits) = (&list.name, &list.room, &list.effects, list.hits);
        reply = reply.item(format!("**{name}** (`{room}`): {rules}, effects {effects}, {hits} hits{rests}"));
        facts.push(json!({
            "room_id": room, "name": name, "rules": list.rules, "effects": effects, "hits": hits, "state": list.state,
        }));
    }
    let own = services.lists.own().await?;
    if let Some(own) = &own {
        reply = reply.line(format!("The list of this server is `{own}`."));
    }
    Ok(Answer::told(reply, json!({ "lists": facts, "own": own })))
}

async fn watch(services: &Services, arguments: &Arguments) -> Result<Answer> {
    let effects = arguments.option("effects").map_or_else(|| Ok(Effects::default()), Effects::parse)?;
    let room = services.bot.enter(target(arguments)?).await?;
    let name = services.lists.name(&room).await;
    let Some(list) = services.lists.read(&room).await? else {
        return Err(Error::forbidden("I cannot read this room."));
    };
    if list.rules().next().is_none() && list.unknown == 0 {
        return Err(Error::invalid(format!("{name} has no rules: it does not seem to be a policy list.")));
    }
    let preview = services.lists.preview(&room, &list, effects).await?;
    let acts = vec![Act::Watch { list: room.clone(), effects: effects.to_string() }];
    let plan = arguments.plan(format!("Watch the policy list {name}"), acts).in_room(Some(&room));
    Ok(Answer::ask(arguments, preview.reply(&name, effects), preview.facts(), plan))
}

async fn unwatch(services: &Services, arguments: &Arguments) -> Result<Answer> {
    let room = services.resolve(target(arguments)?).await?;
    let all = services.lists.list().await?;
    let list = all.into_iter().find(|list| list.room == room);
    let list = list.ok_or_else(|| Error::not_found("This list is not watched. `!mod lists` tells which are."))?;
    let reply = Reply::new(format!("**{}** is followed no more, and {} hits are taken back.", list.name, list.hits));
    let acts = vec![Act::Unwatch { list: room.clone() }];
    let plan = arguments.plan(format!("Watch the policy list {} no more", list.name), acts).in_room(Some(&room));
    Ok(Answer::ask(arguments, reply, json!({ "hits": list.hits }), plan))
}

async fn publish(services: &Services, actor: &Actor, arguments: &Arguments, is_ban: bool) -> Result<Answer> {
    let [target] = &arguments.targets[..] else {
        return Err(Error::invalid("Name one user, or one server like server:spam.example."));
    };
    let (kind, entity) = published(target)?;
    if services.bot.user_id().server_name() == &*entity || entity == actor.user_id {
        return Err(Error::invalid("This is your own server, or yourself."));
    }
    let own = match is_ban {
        true => open_own(services, arguments).await?,
        false => services.lists.own().await?.ok_or_else(|| Error::not_found("Nothing has been published."))?,
    };
    let reason = arguments.reason().unwrap_or_else(|| NO_REASON.to_owned());
    let act = services.lists.publication(&own, kind, &entity, Some(&*reason).filter(|_| is_ban));
    let (title, reply) = match is_ban {
        true => (
            format!("Publish a ban of {entity}"),
            format!("Everybody can read on `{own}` that **{entity}** is banned here: {reason}."),
        ),
        false => (format!("Withdraw the published ban of {entity}"), format!("**{entity}** is taken from `{own}`.")),
    };
    let plan = arguments.plan(title, vec![act]).in_room(Some(&own));
    Ok(Answer::ask(arguments, Reply::new(reply), json!({ "entity": entity }), plan))
}

/// The list of this server, which is made if there is none; but not to try something out.
async fn open_own(services: &Services, arguments: &Arguments) -> Result<OwnedRoomId> {
    match services.lists.own().await? {
        Some(own) => Ok(own),
        None if arguments.is_rehearsal() => Err(Error::invalid("This server has no list yet: publishing makes it.")),
        None => services.lists.open_own().await,
    }
}

/// Refuses `--publish` where it does not go.
pub(super) fn may_publish_too(actor: &Actor, command: &Command) -> Result<()> {
    if !matches!(command.verb, "ban" | "deny") {
        return Err(Error::invalid("`--publish` goes with `ban` and `deny`."));
    }
    actor.must(Permission::ChooseRooms)
}

/// Also publishes the bans that `answer` plans, as `--publish` says.
pub(super) async fn publish_too(services: &Services, arguments: &Arguments, answer: Answer) -> Result<Answer> {
    let entities: Vec<(Kind, String)> = arguments.targets.iter().map(published).collect::<Result<_>>()?;
    let Answer::Planned { preview, facts, mut plan, next } = answer else { return Ok(answer) };
    let own = open_own(services, arguments).await?;
    let reason = arguments.reason().unwrap_or_else(|| NO_REASON.to_owned());
    for (kind, entity) in &entities {
        plan.acts.push(services.lists.publication(&own, *kind, entity, Some(&reason)));
    }
    let preview = preview.line(format!("Everybody can read it on `{own}`: {reason}."));
    Ok(Answer::Planned { preview, facts, plan, next })
}

/// What can be published of a target.
fn published(target: &Target) -> Result<(Kind, String)> {
    let (name, entity) =
        target.criterion().ok_or_else(|| Error::invalid("Only bans of users and servers can be published."))?;
    Ok((Kind::published_as(name)?, entity))
}

fn target(arguments: &Arguments) -> Result<&OwnedRoomOrAliasId> {
    match &arguments.targets[..] {
        [Target::Room(room)] => Ok(room),
        _ => Err(Error::invalid("Name one room, by its alias, its ID or a link to it.")),
    }
}
