//! `roles`, `role`, `token`, `tokens`: who may do what, and programs that act for them.

use futures_util::FutureExt;
use serde_json::json;

use super::{Actor, Answer, Arguments, Command, Services};
use crate::{
    Error, Result,
    reply::Reply,
    roles::{Permission, Role},
    time,
};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        verb: "roles",
        usage: "",
        summary: "Lists who has which role.",
        example: "roles",
        needs: Permission::Look,
        in_room: None,
        handler: |services, _, _| list(services).boxed(),
    },
    Command {
        verb: "role",
        usage: "<user>… <admin|moderator|auditor|none>",
        summary: "Gives people a role, or takes it.",
        example: "role @alice:example.org moderator",
        needs: Permission::GiveRoles,
        in_room: None,
        handler: |services, actor, arguments| give(services, actor, arguments).boxed(),
    },
    Command {
        verb: "token",
        usage: "--label <name> [--role moderator] [--for 90d]",
        summary: "Makes a token by which a program acts for you; only in a chat with me.",
        example: "token --label backup script --role auditor --for 90d",
        needs: Permission::Look,
        in_room: None,
        handler: |services, actor, arguments| token(services, actor, arguments).boxed(),
    },
    Command {
        verb: "tokens",
        usage: "[revoke <id>]",
        summary: "Lists your tokens, or ends one.",
        example: "tokens revoke 4kd8xm2p",
        needs: Permission::Look,
        in_room: None,
        handler: |services, actor, arguments| tokens(services, actor, arguments).boxed(),
    },
];

async fn list(services: &Services) -> Result<Answer> {
    let (mut reply, mut facts) = (Reply::new("Who looks after this server:"), Vec::new());
    for (user, role) in services.roles.list().await? {
        reply = reply.item(format!("{user}: {}", role.name()));
        facts.push(json!({ "user_id": user, "role": role.name() }));
    }
    Ok(Answer::told(reply, json!({ "roles": facts })))
}

async fn give(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    actor.must(Permission::GiveRoles)?;
    arguments.no_rehearsal()?;
    let users = arguments.users()?;
    let [name] = &arguments.words[..] else {
        return Err(Error::invalid("Which role? There are admin, moderator and auditor, and `none` takes it."));
    };
    let role = if name == "none" { None } else { Some(Role::parse(&name.to_lowercase())?) };
    let mut reply = Reply::default();
    for user in &users {
        services.roles.give(&actor.user_id, user, role).await?;
        reply = reply.line(match role {
            Some(role) => format!("{user} is {} now.", role.name()),
            None => format!("{user} has no role any more."),
        });
        if let (Some(room), Some(_)) = (services.rooms.operators(), role) {
            services.bot.invite_if_away(&room, user).await?;
        }
    }
    Ok(Answer::told(reply, json!({ "users": users, "role": role.map(Role::name) })))
}

async fn token(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    if !actor.is_alone {
        return Err(Error::forbidden("Others would read the token here. Write to me in a chat between us two."));
    }
    arguments.no_rehearsal()?;
    let own = actor.role.ok_or_else(|| Error::forbidden("You have no role."))?;
    let role = arguments.option("role").map(Role::parse).transpose()?.unwrap_or(own);
    // Whoever asks by a token may no more than that.
    if role > own {
        return Err(actor.lacks_permission());
    }
    let label = arguments.option("label").map(ToOwned::to_owned).unwrap_or_else(|| arguments.words.join(" "));
    let (made, secret) = services.tokens.make(&actor.user_id, role, &label, arguments.for_ms()).await?;
    let reply = Reply::new(format!("The token for \"{}\" ({}), which is shown only now:", made.label, role.name()))
        .line(format!("`{secret}`"))
        .line(format!("`tokens revoke {}` ends it.", made.token_id));
    Ok(Answer::told(reply, json!({ "token_id": made.token_id, "token": secret, "role": role.name() })))
}

async fn tokens(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    match &arguments.words[..] {
        [] => {}
        [verb, id] if verb == "revoke" => {
            arguments.no_rehearsal()?;
            services.tokens.revoke(&actor.user_id, id).await?;
            return Ok(Answer::told(Reply::new("The token is good no more."), json!({ "token_id": id })));
        }
        _ => return Err(Error::invalid("Write `tokens`, or `tokens revoke` with the ID of one.")),
    }
    let all = services.tokens.list(&actor.user_id).await?;
    let now_ms = services.clock.now_ms();
    let mut reply = Reply::new(if all.is_empty() { "You have no tokens." } else { "Your tokens:" });
    let mut facts = Vec::new();
    for token in all {
        let used = match token.last_used_at {
            Some(at) => format!("used {} ago", time::words(now_ms - at)),
            None => "never used".to_owned(),
        };
        reply = reply.item(format!("`{}` {} ({}), {used}", token.token_id, token.label, token.role));
        facts.push(json!({
            "token_id": token.token_id, "label": token.label, "role": token.role,
            "created_at": token.created_at, "expires_at": token.expires_at, "last_used_at": token.last_used_at,
        }));
    }
    Ok(Answer::told(reply, json!({ "tokens": facts })))
}
