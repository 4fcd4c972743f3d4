//! `undo`: takes back what was done, by those who could take it back by hand.

use std::time::Duration;

use futures_util::FutureExt;

use super::{
    Actor, Answer, Arguments, Command, Power, Services,
    cases::{facts_of, find, what},
};
use crate::{
    Error, Result,
    actions::{Account, Act, Job, State},
    matrix::PowerLevels,
    reply::Reply,
    roles::Permission,
};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[Command {
    verb: "undo",
    usage: "<case>",
    summary: "Takes back all that a case did, the cause before its effects.",
    example: "undo c_8k2fma3p",
    needs: Permission::ActInRooms,
    in_room: Some(Power::Ban),
    handler: |services, actor, arguments| undo(services, actor, arguments).boxed(),
}];

/// How long people wait to be told that it is done.
const PATIENCE: Duration = Duration::from_secs(5);

async fn undo(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    let account = find(services, actor, arguments).await?;
    for job in &account.jobs {
        may_take_back(actor, &Act::read(&job.act)?)?;
    }
    if arguments.is_rehearsal() {
        return rehearse_undoing(&account);
    }
    let case_id = &account.case.case_id;
    let irreversible = services.actions.undo(case_id, &actor.user_id).await?;
    let account = services.actions.settled(case_id, PATIENCE).await?;
    let failed = account.jobs.iter().filter(|job| job.reverses.is_some() && job.state == State::Failed);
    let failed: Vec<String> = failed.map(Job::refusal).collect();
    let is_settled = account.is_settled(services.clock.now_ms());
    let mut reply = match (is_settled, failed.is_empty()) {
        (true, true) => Reply::new(format!("**{}** is undone.", account.case.title)),
        (true, false) => Reply::new(format!("**{}** is undone, but not all of it:", account.case.title)),
        (false, _) => {
            Reply::new(format!("**{}** is being undone. `!mod case {case_id}` tells more.", account.case.title))
        }
    };
    for refusal in failed.iter().take(5) {
        reply = reply.item(refusal);
    }
    if !irreversible.is_empty() {
        let mut names: Vec<&str> = irreversible.iter().map(Act::name).collect();
        names.dedup();
        reply = reply.line(format!("This cannot be taken back: {}.", names.join(", ").replace('_', " ")));
    }
    Ok(Answer::told(reply, facts_of(&account)))
}

/// Tells what undoing a case would take back.
fn rehearse_undoing(account: &Account) -> Result<Answer> {
    let mut reply = Reply::new(format!("**{}** would be undone:", account.case.title));
    for job in account.jobs.iter().filter(|job| job.reverses.is_none()) {
        let what = what(job);
        reply = reply.item(match (job.state, Act::read(&job.act)?.is_reversible()) {
            (State::Done, true) => format!("{what} would be taken back"),
            (State::Done, false) => format!("{what} cannot be taken back"),
            (State::Queued | State::Begun, _) => format!("{what} would not be done any more"),
            _ => format!("{what} was not done"),
        });
    }
    Ok(Answer::told(reply, facts_of(account)))
}

/// Refuses who could not take an act back by hand either.
fn may_take_back(actor: &Actor, act: &Act) -> Result<()> {
    match (permission(act), &actor.room) {
        (None, _) => Ok(()),
        (Some(Permission::ActInRooms), Some((_, levels))) if !actor.acts_by_role() => {
            if power(act, levels).is_some_and(|needed| levels.of(&actor.user_id) < needed) {
                return Err(Error::forbidden("You lack the power in this room to take all of this back."));
            }
            Ok(())
        }
        (Some(permission), _) => actor.must(permission),
    }
}

/// The power that it takes in a room to take an act back.
fn power(act: &Act, levels: &PowerLevels) -> Option<i64> {
    Some(match act {
        Act::Ban { .. } | Act::Unban { .. } | Act::PutRoomRule { .. } => Power::Ban.needed(levels),
        Act::Mute { .. } => Power::ChangePower.needed(levels),
        Act::DenyServers { .. } | Act::AllowServers { .. } => Power::ShutOut.needed(levels),
        Act::SetState { kind, .. } => levels.needed_for_state(kind),
        _ => return None,
    })
}

/// What somebody needs on the whole server to take an act back.
fn permission(act: &Act) -> Option<Permission> {
    match act {
        Act::PutRule { .. } | Act::RevokeRule { .. } => Some(Permission::WriteRules),
        Act::Lock { .. } | Act::Unlock { .. } | Act::Suspend { .. } | Act::Unsuspend { .. } => {
            Some(Permission::RestrictAccounts)
        }
        Act::CloseRoom { .. } => Some(Permission::CloseRooms),
        Act::Watch { .. } | Act::Unwatch { .. } => Some(Permission::ChooseRooms),
        Act::SetState { kind, .. } if kind.starts_with("m.policy.rule.") => Some(Permission::ChooseRooms),
        Act::Reverse => None,
        _ => Some(Permission::ActInRooms),
    }
}
