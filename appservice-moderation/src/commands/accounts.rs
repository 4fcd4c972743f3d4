//! `lock`, `unlock`, `suspend`, `unsuspend`: accounts of this server.

use futures_util::FutureExt;
use ruma::OwnedUserId;
use serde_json::json;

use super::{Actor, Answer, Arguments, Command, Handler, Services, plan};
use crate::{Error, Result, actions::Act, reply::Reply, roles::Permission};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[
    command(
        "lock",
        "Locks accounts: nothing can be done with them, and nothing is lost.",
        "lock @alice:example.org",
        |services, actor, arguments| restrict(services, actor, arguments, &LOCK).boxed(),
    ),
    command("unlock", "Unlocks accounts.", "unlock @alice:example.org", |services, actor, arguments| {
        restrict(services, actor, arguments, &UNLOCK).boxed()
    }),
    command(
        "suspend",
        "Suspends accounts: they can read, and nothing else.",
        "suspend @alice:example.org --for 3d --reason Please write to us.",
        |services, actor, arguments| restrict(services, actor, arguments, &SUSPEND).boxed(),
    ),
    command("unsuspend", "Lets accounts act again.", "unsuspend @alice:example.org", |services, actor, arguments| {
        restrict(services, actor, arguments, &UNSUSPEND).boxed()
    }),
];

const fn command(verb: &'static str, summary: &'static str, example: &'static str, handler: Handler) -> Command {
    let usage = "<user>… [--for 7d] [--reason <why>]";
    Command { verb, usage, summary, example, needs: Permission::RestrictAccounts, in_room: None, handler }
}

/// What is done to accounts.
struct Restriction {
    verb: &'static str,
    is_destructive: bool,
    act: fn(OwnedUserId) -> Act,
}

const LOCK: Restriction = Restriction { verb: "Lock", is_destructive: true, act: |user| Act::Lock { user } };
const UNLOCK: Restriction = Restriction { verb: "Unlock", is_destructive: false, act: |user| Act::Unlock { user } };
const SUSPEND: Restriction = Restriction { verb: "Suspend", is_destructive: true, act: |user| Act::Suspend { user } };
const UNSUSPEND: Restriction =
    Restriction { verb: "Unsuspend", is_destructive: false, act: |user| Act::Unsuspend { user } };

async fn restrict(
    services: &Services,
    actor: &Actor,
    arguments: &Arguments,
    restriction: &Restriction,
) -> Result<Answer> {
    actor.must(Permission::RestrictAccounts)?;
    arguments.only_targets()?;
    let users = arguments.users()?;
    services.check_local(&users)?;
    for user in &users {
        if restriction.is_destructive {
            services.check_not_immune(user).await?;
        }
        if services.access.account(user).await?.deactivated {
            return Err(Error::invalid(format!("{user} has no account any more.")));
        }
    }
    let title = format!("{} {}", restriction.verb, plan::names(&users));
    let preview = Reply::new(format!("**{title}**{}", plan::terms(arguments)));
    let facts = json!({ "users": users });
    let plan = arguments.plan(title, users.into_iter().map(restriction.act).collect());
    Ok(match restriction.is_destructive {
        true => Answer::ask(arguments, preview, facts, plan),
        false => Answer::act(arguments, preview, facts, plan),
    })
}
