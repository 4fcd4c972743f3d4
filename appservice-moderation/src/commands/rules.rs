//! `deny`, `allow`, `approve`, `revoke`, `rules`, `rule`: access rules, with whom they would hit before they
//! are written.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use ruma::OwnedRoomId;
use serde_json::{Value, json};

use super::{Actor, Answer, Arguments, Command, Services, Target, plan};
use crate::{
    Error, Result,
    actions::Act,
    matrix::{Preview, Rule, RuleForm},
    reply::Reply,
    roles::Permission,
    time,
};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[
    Command {
        verb: "deny",
        usage: "<user|ip:…|email:…|domain:…|server:…|everyone>… [--room <room>|--feature <name>|--scope <scope>] \
                [--for 7d] [--reason <public | private>]",
        summary: "Refuses people the server, registering, signing in, a room or a feature.",
        example: "deny domain:throwaway.example --scope registration --for 30d",
        needs: Permission::WriteRules,
        in_room: None,
        handler: |services, actor, arguments| write(services, actor, arguments, "deny").boxed(),
    },
    Command {
        verb: "allow",
        usage: "<…as for deny>…",
        summary: "Makes a hole in a wider rule of the same kind, or grants what everyone is refused.",
        example: "allow ip:203.0.113.7",
        needs: Permission::WriteRules,
        in_room: None,
        handler: |services, actor, arguments| write(services, actor, arguments, "allow").boxed(),
    },
    Command {
        verb: "approve",
        usage: "<…as for deny>…",
        summary: "Lets people do something only after an administrator has approved of it.",
        example: "approve everyone --scope registration",
        needs: Permission::WriteRules,
        in_room: None,
        handler: |services, actor, arguments| write(services, actor, arguments, "require_approval").boxed(),
    },
    Command {
        verb: "revoke",
        usage: "<rule>…",
        summary: "Revokes rules by their IDs.",
        example: "revoke c_8k2fma3p-0",
        needs: Permission::WriteRules,
        in_room: None,
        handler: |services, actor, arguments| revoke(services, actor, arguments).boxed(),
    },
    Command {
        verb: "rules",
        usage: "[user|ip:…|domain:…] [--scope <scope>] [--case <case>] [--effect <effect>]",
        summary: "Lists the access rules that are in force.",
        example: "rules --scope registration",
        needs: Permission::Look,
        in_room: None,
        handler: |services, actor, arguments| list(services, actor, arguments).boxed(),
    },
];

/// Rules that are shown at a time.
const SHOWN: u32 = 50;
/// Rules that are looked through.
const LOOKED_THROUGH: u32 = 1000;

/// Plans rules with an effect about all targets that are named.
pub(super) async fn write(services: &Services, actor: &Actor, arguments: &Arguments, effect: &str) -> Result<Answer> {
    actor.must(Permission::WriteRules)?;
    arguments.only_targets()?;
    if arguments.targets.is_empty() {
        return Err(Error::invalid("Whom? Name users, or `ip:…`, `email:…`, `domain:…`, `server:…`."));
    }
    let (scope, room) = scope(services, actor, arguments).await?;
    let (public, private) = reasons(arguments);
    let mut rules: BTreeMap<String, RuleForm> = BTreeMap::new();
    for (number, target) in arguments.targets.iter().enumerate() {
        let (kind, value) = target.in_rules()?;
        if let (Target::User(user), "deny") = (target, effect) {
            services.check_not_immune(user).await?;
        }
        let scope = match (target, scope.as_str()) {
            // A server itself is met only where servers call.
            (Target::Server(_), "server") => "federation".to_owned(),
            _ => scope.clone(),
        };
        let rule = RuleForm {
            kind: kind.to_owned(),
            value,
            scope,
            effect: effect.to_owned(),
            reason: public.clone(),
            private_reason: private.clone(),
            case: None,
            origin: None,
            expires_at: None,
            permanent: arguments.is_set("permanent"),
        };
        rules.insert(format!("preview-{number:05}"), rule);
    }
    let found = services.access.rehearse(&actor.user_id, &rules).await?;
    let title = format!("{} {} {}", verb(effect), arguments.shown(), place(&scope));
    let preview = Reply::new(format!("**{title}**{}", plan::terms(arguments))).and(told(&found, arguments));
    let facts = json!({ "preview": found, "rules": rules.values().map(without_value).collect::<Vec<_>>() });
    let acts = rules.into_values().map(|rule| Act::PutRule { id: String::new(), rule }).collect();
    let plan = arguments.plan(title, acts).in_room(room.as_ref());
    Ok(match effect {
        "allow" => Answer::act(arguments, preview, facts, plan),
        _ => Answer::ask(arguments, preview, facts, plan),
    })
}

/// Plans to revoke the rules that deny what is named.
pub(super) async fn lift(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    actor.must(Permission::WriteRules)?;
    arguments.only_targets()?;
    let scope = match arguments.option("room").or(arguments.option("feature")).or(arguments.option("scope")) {
        Some(_) => Some(scope(services, actor, arguments).await?.0),
        None => actor.here().map(|room| format!("room:{room}")),
    };
    let mut ids = Vec::new();
    for target in &arguments.targets {
        let (kind, value) = target.in_rules()?;
        if kind == "email" {
            return Err(Error::invalid(
                "E-mail addresses in rules are not shown. Look for the rule with `!mod rules`, then `!mod revoke` it.",
            ));
        }
        let filters = [("kind", kind.to_owned())];
        for rule in services.access.rules(&actor.user_id, &filters, LOOKED_THROUGH).await? {
            let is_meant = rule.value == value && rule.effect != "allow";
            if is_meant && scope.as_ref().is_none_or(|scope| *scope == rule.scope) {
                ids.push(rule.rule_id);
            }
        }
    }
    if ids.is_empty() {
        return Err(Error::not_found("There is no such rule in force. `!mod rules` lists them."));
    }
    Ok(revocation(arguments, &ids))
}

async fn revoke(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    if arguments.words.is_empty() {
        return Err(Error::invalid("Which? `!mod rules` shows the IDs of rules."));
    }
    for id in &arguments.words {
        let rule = services.access.rule(&actor.user_id, id).await?;
        if rule.revoked_at.is_some() {
            return Err(Error::invalid(format!("The rule {id} is revoked already.")));
        }
    }
    Ok(revocation(arguments, &arguments.words))
}

fn revocation(arguments: &Arguments, ids: &[String]) -> Answer {
    let acts = ids.iter().map(|id| Act::RevokeRule { id: id.clone() }).collect();
    let title = format!("Revoke {}", plan::names(ids));
    let preview = Reply::new(format!("**{title}**"));
    Answer::act(arguments, preview, json!({ "rules": ids }), arguments.plan(title, acts))
}

async fn list(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    let mut filters = Vec::new();
    if arguments.option("scope").or(arguments.option("feature")).or(arguments.option("room")).is_some() {
        filters.push(("scope", scope(services, actor, arguments).await?.0));
    }
    for name in ["case", "effect"] {
        filters.extend(arguments.option(name).map(|value| (name, value.to_owned())));
    }
    let criterion = arguments.targets.first().map(Target::in_rules).transpose()?;
    filters.extend(criterion.as_ref().map(|(kind, _)| ("kind", (*kind).to_owned())));
    let limit = if criterion.is_some() { LOOKED_THROUGH } else { SHOWN };
    let mut rules = services.access.rules(&actor.user_id, &filters, limit).await?;
    // What addresses are is known to the homeserver alone.
    rules.retain(|rule| criterion.as_ref().is_none_or(|(kind, value)| *kind == "email" || rule.value == *value));
    let now_ms = services.clock.now_ms();
    let mut reply = match rules.len() {
        0 => Reply::new("There is no such rule in force."),
        1 => Reply::new("One rule:"),
        count => Reply::new(format!("{count} rules:")),
    };
    for rule in rules.iter().take(SHOWN as usize) {
        reply = reply.item(line(rule, now_ms));
    }
    Ok(Answer::told(reply, json!({ "rules": rules })))
}

/// A rule in a line.
pub(super) fn line(rule: &Rule, now_ms: i64) -> String {
    let ends = match rule.expires_at {
        Some(at) => format!(", {} more", time::left(at - now_ms)),
        None => String::new(),
    };
    let reason = rule.private_reason.as_ref().or(rule.reason.as_ref());
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let matched = if rule.match_count > 0 { format!(", matched {} times", rule.match_count) } else { String::new() };
    let value = if rule.value.is_empty() { String::new() } else { format!(" {}", rule.value) };
    format!(
        "`{}` {} {}{value} {}{ends}{matched}{reason}",
        rule.rule_id,
        rule.effect.replace('_', " "),
        rule.kind.replace('_', " "),
        place(&rule.scope)
    )
}

/// Where rules hold that somebody asks for, and the room if it is one.
async fn scope(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<(String, Option<OwnedRoomId>)> {
    let (room, feature, scope) = (arguments.option("room"), arguments.option("feature"), arguments.option("scope"));
    if [room, feature, scope].into_iter().flatten().count() > 1 {
        return Err(Error::invalid("A rule has one place: a room, a feature, or a scope."));
    }
    if let Some((here, _)) = &actor.room {
        if feature.or(scope).is_some() {
            return Err(Error::forbidden("Here you can command this room only. Use the operators' room for others."));
        }
        services.rooms_of(actor, arguments).await?;
        return Ok((format!("room:{here}"), Some(here.clone())));
    }
    if let Some(room) = room {
        let room = services.room_named(room).await?;
        return Ok((format!("room:{room}"), Some(room)));
    }
    let scope = feature.map(|feature| format!("feature:{feature}")).or(scope.map(ToOwned::to_owned));
    Ok((scope.unwrap_or_else(|| "server".to_owned()), None))
}

/// What people are told, and what only operators see: before and after a bar.
fn reasons(arguments: &Arguments) -> (Option<String>, Option<String>) {
    let Some(reason) = arguments.option("reason") else { return (None, None) };
    let part = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    match reason.split_once('|') {
        Some((public, private)) => (part(public), part(private)),
        None => (part(reason), None),
    }
}

/// Whom rules would hit, in words.
fn told(preview: &Preview, arguments: &Arguments) -> Reply {
    let whom = match preview.accounts {
        0 => "It hits no account that is known.".to_owned(),
        count => format!("It hits {}{}.", plan::accounts(count), plan::some(&preview.users, count)),
    };
    let cut = match preview.live_requests {
        0 => String::new(),
        1 => " One connection is cut off.".to_owned(),
        count => format!(" {count} connections are cut off."),
    };
    let reply = Reply::new(format!("{whom}{cut}"));
    let is_unlimited = arguments.for_ms().is_none() && !arguments.is_set("permanent");
    let is_limited = arguments
        .targets
        .iter()
        .any(|target| matches!(target, Target::Network(_) | Target::Email(_) | Target::EmailDomain(_)));
    if is_unlimited && is_limited {
        return reply.line(
            "It ends after 30 days for networks and a year for e-mail, unless you say `--for` or `--permanent`.",
        );
    }
    reply
}

fn verb(effect: &str) -> &'static str {
    match effect {
        "allow" => "Allow",
        "require_approval" => "Approve",
        _ => "Deny",
    }
}

/// A scope in words.
fn place(scope: &str) -> String {
    match scope.split_once(':') {
        Some(("feature", name)) => format!("for {}", name.replace('_', " ")),
        Some((kind, id)) => format!("in the {kind} {id}"),
        None if scope == "server" => "on the whole server".to_owned(),
        None => format!("at {scope}"),
    }
}

fn without_value(rule: &RuleForm) -> Value {
    json!({ "kind": rule.kind, "scope": rule.scope, "effect": rule.effect })
}
