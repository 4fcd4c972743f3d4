//! `cases`, `case`: what was done, and what became of it.

use futures_util::FutureExt;
use serde_json::{Value, json};

use super::{Actor, Answer, Arguments, Command, Power, Services, Target};
use crate::{
    Error, Result,
    actions::{About, Account, Case, Job, State},
    reply::Reply,
    roles::Permission,
    time,
};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        verb: "cases",
        usage: "[user|room|ip:…]",
        summary: "Lists what was done lately, or what was done to somebody.",
        example: "cases @alice:example.org",
        needs: Permission::Look,
        in_room: Some(Power::Ban),
        handler: |services, actor, arguments| list(services, actor, arguments).boxed(),
    },
    Command {
        verb: "case",
        usage: "<case>",
        summary: "Tells what a case is about and what became of it.",
        example: "case c_8k2fma3p",
        needs: Permission::Look,
        in_room: Some(Power::Ban),
        handler: |services, actor, arguments| show(services, actor, arguments).boxed(),
    },
];

/// Cases that are shown at a time.
const SHOWN: u32 = 20;
/// Jobs of a case that are shown.
const JOBS_SHOWN: usize = 20;

async fn list(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    let target = arguments.targets.first().map(about).transpose()?;
    let about = match (actor.here(), &target) {
        (Some(here), _) => About::Room(here.as_str()),
        (None, Some(target)) => About::Target(target),
        (None, None) => About::Everything,
    };
    let cases = services.actions.list(about, SHOWN).await?;
    let now_ms = services.clock.now_ms();
    let mut reply = match cases.is_empty() {
        true => Reply::new("There is no such case."),
        false => Reply::new("The newest cases:"),
    };
    for case in &cases {
        let undone = if case.undone_at.is_some() { ", undone" } else { "" };
        let ago = time::words(now_ms - case.created_at);
        reply = reply.item(format!("`{}` {}, {ago} ago by {}{undone}", case.case_id, case.title, case.author));
    }
    Ok(Answer::told(reply, json!({ "cases": cases.iter().map(facts).collect::<Vec<_>>() })))
}

/// How jobs name what they act on.
fn about(target: &Target) -> Result<String> {
    match target {
        Target::User(user) => Ok(user.to_string()),
        Target::Room(room) => Ok(room.to_string()),
        other => match other.criterion() {
            Some((kind, value)) if kind != "email" => Ok(format!("{kind}:{value}")),
            _ => Err(Error::invalid(format!("Cases are not listed by {}.", other.shown()))),
        },
    }
}

async fn show(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    let account = find(services, actor, arguments).await?;
    let (case, now_ms) = (&account.case, services.clock.now_ms());
    let mut reply = Reply::new(format!("`{}` **{}**", case.case_id, case.title)).line(format!(
        "{} ago by {} ({})",
        time::words(now_ms - case.created_at),
        case.author,
        case.origin
    ));
    if let Some(reason) = &case.reason {
        reply = reply.line(format!("Reason: {reason}"));
    }
    if let (Some(at), Some(by)) = (case.undone_at, &case.undone_by) {
        reply = reply.line(format!("Undone {} ago by {by}", time::words(now_ms - at)));
    }
    for job in account.jobs.iter().take(JOBS_SHOWN) {
        reply = reply.item(line(job, now_ms));
    }
    if account.jobs.len() > JOBS_SHOWN {
        reply = reply.line(format!("and {} more", account.jobs.len() - JOBS_SHOWN));
    }
    Ok(Answer::told(reply, facts_of(&account)))
}

/// A job in a line.
fn line(job: &Job, now_ms: i64) -> String {
    let what = match &job.reverses {
        Some(_) if job.state == State::Queued && job.due_at > now_ms => {
            return format!("ends in {}", time::left(job.due_at - now_ms));
        }
        Some(_) => "taken back".to_owned(),
        None => what(job),
    };
    let refusal = job.refusal();
    let refusal = if refusal.is_empty() { String::new() } else { format!(" ({refusal})") };
    format!("{what}: {}{refusal}", job.state.name())
}

/// What a job does, to whom and where.
pub(super) fn what(job: &Job) -> String {
    let target = job.target.as_deref().map(|target| format!(" {target}")).unwrap_or_default();
    let room = job.room_id.as_deref().map(|room| format!(" in {room}")).unwrap_or_default();
    format!("{}{target}{room}", job.kind.replace('_', " "))
}

/// The case that somebody names, if they may know of it.
pub(super) async fn find(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Account> {
    let id = arguments.word(0).or(arguments.option("case"));
    let id = id.ok_or_else(|| Error::invalid("Which case? `!mod cases` lists them."))?;
    let account = services.actions.account(id).await?;
    match actor.here() {
        Some(here) if account.case.room_id.as_ref() != Some(here) => {
            Err(Error::not_found(format!("There is no case {id} of this room.")))
        }
        _ => Ok(account),
    }
}

/// A case, for programs.
fn facts(case: &Case) -> Value {
    json!({
        "case_id": case.case_id,
        "title": case.title,
        "reason": case.reason,
        "author": case.author,
        "origin": case.origin,
        "room_id": case.room_id,
        "created_at": case.created_at,
        "undone_at": case.undone_at,
        "undone_by": case.undone_by,
    })
}

/// A case with its acts, for programs.
pub fn facts_of(account: &Account) -> Value {
    let job = |job: &Job| {
        json!({
            "job_id": job.job_id,
            "act": job.kind,
            "room_id": job.room_id,
            "target": job.target,
            "state": job.state.name(),
            "reverses": job.reverses,
            "due_at": job.due_at,
            "finished_at": job.finished_at,
            "refusal": Some(job.refusal()).filter(|refusal| !refusal.is_empty()),
        })
    };
    let mut case = facts(&account.case);
    case["jobs"] = account.jobs.iter().map(job).collect();
    case
}
