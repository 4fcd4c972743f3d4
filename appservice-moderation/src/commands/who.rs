//! `who`: all that is known about somebody or something.

use futures_util::FutureExt;
use ruma::UserId;
use serde_json::{Value, json};

use super::{Actor, Answer, Arguments, Command, Services, Target, plan, rules};
use crate::{
    Error, Result,
    actions::About,
    matrix::{Rule, Session},
    reply::Reply,
    roles::Permission,
    time,
};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[Command {
    verb: "who",
    usage: "<user|ip:…|email:…|domain:…>",
    summary: "Tells about an account, or who comes from a network, and which rules fit.",
    example: "who @alice:example.org",
    needs: Permission::Look,
    in_room: None,
    handler: |services, actor, arguments| who(services, actor, arguments).boxed(),
}];

/// Cases that are named.
const CASES: u32 = 5;

async fn who(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    arguments.only_targets()?;
    let [target] = &arguments.targets[..] else {
        return Err(Error::invalid("Who? Name one user, `ip:…`, `email:…` or `domain:…`."));
    };
    match target {
        Target::User(user) => about_user(services, actor, user).await,
        Target::Network(network) => {
            let sessions = services.access.sessions(&actor.user_id, ("network", &network.to_string())).await?;
            let question = json!({ "scope": "server", "address": network.addr() });
            let mut users: Vec<String> = sessions.iter().map(|session| session.user_id.clone()).collect();
            users.dedup();
            users.sort();
            users.dedup();
            let count = users.len() as u64;
            let reply = match count {
                0 => Reply::new(format!("Nobody is known to come from {}.", target.shown())),
                _ => Reply::new(format!(
                    "From {} came {}{}.",
                    target.shown(),
                    plan::accounts(count),
                    plan::some(&users, count)
                )),
            };
            finish(services, actor, reply, json!({ "users": users, "sessions": sessions }), &question, None).await
        }
        Target::Email(email) => {
            let question = json!({ "scope": "registration", "email": email });
            finish(services, actor, Reply::new(target.shown()), json!({}), &question, None).await
        }
        Target::EmailDomain(domain) => {
            let question = json!({ "scope": "registration", "email": format!("anybody@{domain}") });
            let about = format!("email_domain:{domain}");
            finish(services, actor, Reply::new(target.shown()), json!({}), &question, Some(&about)).await
        }
        other => Err(Error::invalid(format!("I cannot tell who {} is.", other.shown()))),
    }
}

async fn about_user(services: &Services, actor: &Actor, user: &UserId) -> Result<Answer> {
    let (mut reply, mut facts) = (Reply::new(format!("**{user}**")), json!({ "user_id": user }));
    if services.bot.is_local(user) {
        let account = services.access.account(user).await?;
        let states = [
            (account.is_admin, "administrator of the server"),
            (account.locked, "locked"),
            (account.suspended, "suspended"),
            (account.deactivated, "deactivated"),
        ];
        let states: Vec<&str> = states.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word).collect();
        let states = if states.is_empty() { "an active account".to_owned() } else { states.join(", ") };
        let sessions = services.access.sessions(&actor.user_id, ("user_id", user.as_str())).await?;
        reply = reply.line(format!("It is {states}; {}.", told(&sessions, services.clock.now_ms())));
        facts["account"] = serde_json::to_value(account).map_err(anyhow::Error::from)?;
        facts["sessions"] = serde_json::to_value(sessions).map_err(anyhow::Error::from)?;
    }
    let (mut joined, mut banned) = (0, 0);
    for room in services.rooms.protected().await? {
        match services.bot.member(&room, user).await {
            Ok(Some(member)) if member["membership"] == "join" => joined += 1,
            Ok(Some(member)) if member["membership"] == "ban" => banned += 1,
            Err(fault) if fault.is_temporary() => return Err(fault),
            _ => {}
        }
    }
    reply = reply.line(format!("In {} that I look after, banned from {}.", plan::rooms(joined), plan::rooms(banned)));
    (facts["joined_rooms"], facts["banned_rooms"]) = (joined.into(), banned.into());
    let question = json!({ "scope": "server", "user_id": user });
    finish(services, actor, reply, facts, &question, Some(user.as_str())).await
}

/// Devices and networks in words.
fn told(sessions: &[Session], now_ms: i64) -> String {
    let mut networks: Vec<&str> = sessions.iter().filter_map(|session| session.network.as_deref()).collect();
    networks.sort_unstable();
    networks.dedup();
    let last = sessions.iter().filter_map(|session| session.last_seen_at).max();
    match last {
        Some(at) => format!(
            "seen on {} device(s) in {} network(s), last {} ago",
            sessions.len(),
            networks.len(),
            time::words(now_ms - at)
        ),
        None => "it is not known from where it is used".to_owned(),
    }
}

/// Adds the rules that fit and the cases.
async fn finish(
    services: &Services,
    actor: &Actor,
    mut reply: Reply,
    mut facts: Value,
    question: &Value,
    about: Option<&str>,
) -> Result<Answer> {
    let answer = services.access.evaluate(&actor.user_id, question).await?;
    let now_ms = services.clock.now_ms();
    let matches = answer["gates"].as_array().into_iter().flatten().flat_map(|gate| gate["matches"].as_array());
    for found in matches.flatten() {
        if let Ok(rule) = serde_json::from_value::<Rule>(found["rule"].clone()) {
            let decides = if found["outcome"] == "decides" { ", which decides" } else { "" };
            reply = reply.item(format!("{}{decides}", rules::line(&rule, now_ms)));
        }
    }
    facts["gates"] = answer["gates"].clone();
    if let Some(about) = about {
        let cases = services.actions.list(About::Target(about), CASES).await?;
        for case in &cases {
            let undone = if case.undone_at.is_some() { ", undone" } else { "" };
            reply = reply.item(format!("case `{}` {}{undone}", case.case_id, case.title));
        }
        facts["cases"] = cases.iter().map(|case| Value::from(case.case_id.clone())).collect();
    }
    Ok(Answer::told(reply, facts))
}
