//! Servers in rooms: who is of them is put out, then they are shut out by the room's access control list.

use std::collections::BTreeSet;

use ruma::{OwnedRoomId, OwnedUserId};
use serde_json::json;

use super::{Actor, Answer, Arguments, Power, Services, Target, plan};
use crate::{Error, Result, actions::Act, matrix::PowerLevels, reply::Reply};

/// What shutting servers out of a room comes to.
struct Consequences {
    /// Those that are not shut out yet.
    servers: Vec<String>,
    /// Who is put out.
    members: Vec<OwnedUserId>,
    /// Who is of them, too, and cannot be put out; their servers cannot send anything for them all the same.
    out_of_reach: usize,
}

/// Plans to shut servers out of a room.
pub(super) async fn shut_out(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    let (room, levels) = room(services, actor, arguments).await?;
    let found = consequences(services, &room, &levels, patterns(arguments)).await?;
    let name = services.name_of(&room).await;
    if found.servers.is_empty() {
        return Err(Error::invalid(format!("There is nothing to do: they are shut out of {name} already.")));
    }
    let title = format!("Ban {} in {name}", shown(&found.servers));
    let members: Vec<String> = found.members.iter().map(ToString::to_string).collect();
    let count = members.len() as u64;
    let mut preview = Reply::new(format!("**{title}**{}", plan::terms(arguments)));
    preview = preview.line(match count {
        0 => "Nobody is there who is put out.".to_owned(),
        _ => format!("Puts out {}{}.", plan::accounts(count), plan::some(&members, count)),
    });
    if found.out_of_reach > 0 {
        let count = plan::accounts(found.out_of_reach as u64);
        preview = preview.line(format!("{count} with as much power there as I cannot be put out, only be cut off."));
    }
    preview = preview.line("Then nothing that these servers send comes into the room.");
    let facts = json!({ "room_id": room, "servers": found.servers, "members": members });
    // Who is put out first hears of it; whoever is shut out before does not.
    let kicks = found.members.into_iter().map(|user| Act::Kick { room: room.clone(), user });
    let acts = kicks.chain([Act::DenyServers { room: room.clone(), servers: found.servers }]).collect();
    Ok(Answer::ask(arguments, preview, facts, arguments.plan(title, acts).in_room(Some(&room))))
}

/// Plans to let servers into a room again.
pub(super) async fn let_in(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    let (room, _) = room(services, actor, arguments).await?;
    let acl = services.actions.access_list(&room).await?;
    let servers: Vec<String> = patterns(arguments).into_iter().filter(|server| acl.denies(server)).collect();
    let name = services.name_of(&room).await;
    if servers.is_empty() {
        let wanted = shown(&patterns(arguments));
        return Err(Error::not_found(format!("{wanted}: the access control list of {name} does not name it so.")));
    }
    let title = format!("Unban {} in {name}", shown(&servers));
    let preview = Reply::new(format!("**{title}**{}", plan::terms(arguments)));
    let facts = json!({ "room_id": room, "servers": servers });
    let acts = vec![Act::AllowServers { room: room.clone(), servers }];
    Ok(Answer::act(arguments, preview, facts, arguments.plan(title, acts).in_room(Some(&room))))
}

/// The room that is meant, where whoever asks and the bot may shut out servers.
async fn room(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<(OwnedRoomId, PowerLevels)> {
    arguments.only_targets()?;
    let rooms = services.rooms_of(actor, arguments).await?;
    let [room] = &rooms[..] else { return Err(Error::invalid("In which room? Say `--room`.")) };
    let levels = services.bot.power_levels(room).await?;
    match services.lacking(actor, &levels, Power::ShutOut) {
        Some(obstacle) => {
            let name = services.name_of(room).await;
            Err(Error::forbidden(format!("{name}: {obstacle} to change the access control list.")))
        }
        None => Ok((room.clone(), levels)),
    }
}

async fn consequences(
    services: &Services,
    room: &OwnedRoomId,
    levels: &PowerLevels,
    patterns: BTreeSet<String>,
) -> Result<Consequences> {
    let before = services.actions.access_list(room).await?;
    let after = before.changed(&patterns, &BTreeSet::new());
    after.check(&before, services.bot.user_id().server_name())?;
    let own = levels.of(services.bot.user_id());
    let mut found = Consequences {
        servers: patterns.into_iter().filter(|server| !before.denies(server)).collect(),
        members: Vec::new(),
        out_of_reach: 0,
    };
    for user in services.bot.joined_members(room).await? {
        let server = user.server_name();
        if !before.lets_in(server) || after.lets_in(server) {
            continue;
        }
        if levels.of(&user) < own {
            found.members.push(user);
        } else {
            found.out_of_reach += 1;
        }
    }
    Ok(found)
}

/// The names and patterns that are named.
fn patterns(arguments: &Arguments) -> BTreeSet<String> {
    let named = arguments.targets.iter().filter_map(|target| match target {
        Target::Server(server) => Some(server.clone()),
        _ => None,
    });
    named.collect()
}

fn shown<'a>(servers: impl IntoIterator<Item = &'a String>) -> String {
    servers.into_iter().map(|server| format!("server:{server}")).collect::<Vec<_>>().join(", ")
}
