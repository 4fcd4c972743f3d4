//! Tells in words what became of a case.

use crate::{
    actions::{Account, State},
    reply::Reply,
    time,
};

/// What became of a case.
pub fn describe(account: &Account, now_ms: i64) -> Reply {
    let case = &account.case;
    let id = &case.case_id;
    let (done, failed) = (account.count(State::Done), account.count(State::Failed));
    let (needless, open) = (account.count(State::Needless), account.count(State::Queued) + account.count(State::Begun));
    let mut reply = if open > 0 {
        Reply::new(format!("**{}** is under way: {done} done, {open} to do. `!mod case {id}` tells more.", case.title))
    } else if failed > 0 {
        Reply::new(format!("**{}**: {done} done, {failed} could not be done. Case `{id}`.", case.title))
    } else if done == 0 {
        Reply::new(format!("**{}**: there was nothing to do. Case `{id}`.", case.title))
    } else if account.can_be_undone() {
        Reply::new(format!("**{}**: done. Case `{id}`; `!mod undo {id}` takes it back.", case.title))
    } else {
        Reply::new(format!("**{}**: done. Case `{id}`.", case.title))
    };
    if needless > 0 && done > 0 {
        reply = reply.line(format!("{needless} were so already."));
    }
    if let Some(ends_at) = account.ends_at(now_ms) {
        reply = reply.line(format!("It ends by itself in {}.", time::left(ends_at - now_ms)));
    }
    for refusal in refusals(account).into_iter().take(5) {
        reply = reply.item(refusal);
    }
    reply
}

/// Why acts could not be done, each reason once.
pub fn refusals(account: &Account) -> Vec<String> {
    let mut all = Vec::new();
    for job in account.jobs.iter().filter(|job| job.state == State::Failed) {
        let refusal = format!("{}: {}", job.kind.replace('_', " "), job.refusal());
        if !all.contains(&refusal) {
            all.push(refusal);
        }
    }
    all
}
