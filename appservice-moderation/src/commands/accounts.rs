//! `lock`, `unlock`, `suspend`, `unsuspend`: accounts of this server.

use futures_util::FutureExt;
use serde_json::json;

use super::{Actor, Answer, Arguments, Command, Handler, Services, plan};
use crate::{
    Error, Result,
    actions::{Act, Plan},
    reply::Reply,
    roles::Permission,
};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[
    command(
        "lock",
        "Locks accounts: nothing can be done with them, and nothing is lost.",
        "lock @alice:example.org",
        LOCK,
    ),
    command("unlock", "Unlocks accounts.", "unlock @alice:example.org", UNLOCK),
    command(
        "suspend",
        "Suspends accounts: they can read, and nothing else.",
        "suspend @alice:example.org --for 3d --reason Please write to us.",
        SUSPEND,
    ),
    command("unsuspend", "Lets accounts act again.", "unsuspend @alice:example.org", UNSUSPEND),
];

const fn command(verb: &'static str, summary: &'static str, example: &'static str, handler: Handler) -> Command {
    let usage = "<user>… [--for 7d] [--reason <why>]";
    Command { verb, usage, summary, example, needs: Permission::RestrictAccounts, in_room: None, handler }
}

const LOCK: Handler = |services, actor, arguments| {
    async move { restrict(services, actor, arguments, "Lock", |user| Act::Lock { user }).await }.boxed()
};
const UNLOCK: Handler = |services, actor, arguments| {
    async move { restrict(services, actor, arguments, "Unlock", |user| Act::Unlock { user }).await }.boxed()
};
const SUSPEND: Handler = |services, actor, arguments| {
    async move { restrict(services, actor, arguments, "Suspend", |user| Act::Suspend { user }).await }.boxed()
};
const UNSUSPEND: Handler = |services, actor, arguments| {
    async move { restrict(services, actor, arguments, "Unsuspend", |user| Act::Unsuspend { user }).await }.boxed()
};

async fn restrict(
    services: &Services,
    actor: &Actor,
    arguments: &Arguments,
    verb: &str,
    act: fn(ruma::OwnedUserId) -> Act,
) -> Result<Answer> {
    actor.must(Permission::RestrictAccounts)?;
    arguments.only_targets()?;
    let users = arguments.users()?;
    let is_destructive = !verb.starts_with("Un");
    for user in &users {
        if !services.bot.is_local(user) {
            return Err(Error::invalid(format!("{user} is not of this server.")));
        }
        if is_destructive {
            services.check_not_immune(user).await?;
        }
        if services.access.account(user).await?.deactivated {
            return Err(Error::invalid(format!("{user} has no account any more.")));
        }
    }
    let names = users.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let title = format!("{verb} {names}");
    let preview = Reply::new(format!("**{title}**{}", plan::terms(arguments)));
    let facts = json!({ "users": users });
    let acts = users.into_iter().map(act).collect();
    let plan = Plan { title, reason: arguments.reason(), room_id: None, acts, for_ms: arguments.for_ms() };
    Ok(Answer::Planned { preview, facts, plan, needs_confirmation: is_destructive && !arguments.is_set("yes") })
}
