//! `lockdown`: closes the server step by step while it is under attack, and opens it by itself.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use serde_json::json;

use super::{Actor, Answer, Arguments, Command, Services, plan};
use crate::{
    Error, Result,
    actions::{Act, Plan},
    matrix::RuleForm,
    reply::Reply,
    roles::Permission,
    time,
};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[Command {
    verb: "lockdown",
    usage: "<4|3|2|1|off> [--for 2h] [--reason <why>]",
    summary: "Closes the server while it is under attack: 4 is the mildest level, 1 the strictest.",
    example: "lockdown 3 --for 2h --reason raid",
    needs: Permission::WriteRules,
    in_room: None,
    handler: |services, actor, arguments| lockdown(services, actor, arguments).boxed(),
}];

/// Where the rules come from.
const ORIGIN: &str = "lockdown";
/// How long it lasts if nobody says so, in milliseconds.
const LENGTH_MS: i64 = 2 * 3_600_000;
/// Rules of earlier levels that are looked for.
const LOOKED_FOR: u32 = 1000;

/// What is closed from a level on.
struct Step {
    level: u8,
    /// Scopes, with the effect of a rule about everyone.
    rules: &'static [(&'static str, &'static str)],
    /// The same in words.
    words: &'static str,
}

const STEPS: [Step; 4] = [
    Step {
        level: 4,
        rules: &[("registration", "require_verified_email")],
        words: "new accounts need an e-mail address that is proved to be theirs; a server that sends no mail takes none",
    },
    Step {
        level: 3,
        // The homeserver takes the stricter of the two about registration.
        rules: &[
            ("registration", "require_approval"),
            ("feature:create_room", "deny"),
            ("feature:create_space", "deny"),
            ("feature:publish", "deny"),
        ],
        words: "new accounts wait for an approval in place of that, and nobody makes or publishes rooms",
    },
    Step {
        level: 2,
        rules: &[("feature:invite", "deny"), ("feature:upload", "deny"), ("feature:send_media", "deny")],
        words: "nobody invites or sends files",
    },
    Step {
        level: 1,
        rules: &[
            ("feature:join", "deny"),
            ("feature:knock", "deny"),
            ("feature:send_message", "deny"),
            ("feature:react", "deny"),
        ],
        words: "nobody joins or writes",
    },
];

async fn lockdown(services: &Services, actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    actor.must(Permission::WriteRules)?;
    let level = match arguments.word(0) {
        Some("off" | "5") => None,
        Some(text) => Some(text.parse::<u8>().ok().filter(|level| (1..=4).contains(level)).ok_or_else(|| {
            Error::invalid("Levels are 4, 3, 2 and 1, from the mildest to the strictest; `off` ends it.")
        })?),
        None => return status(services, actor).await,
    };
    let present = services.access.rules(&actor.user_id, &[("origin", ORIGIN.to_owned())], LOOKED_FOR).await?;
    let earlier = present.iter().map(|rule| Act::RevokeRule { id: rule.rule_id.clone() });
    let Some(level) = level else {
        if present.is_empty() {
            return Err(Error::invalid("There is no lockdown."));
        }
        let title = "End of the lockdown";
        let plan = arguments.plan(title.to_owned(), earlier.collect());
        return Ok(Answer::act(arguments, Reply::new(title), json!({ "level": null }), plan));
    };
    let length = arguments.for_ms().unwrap_or(LENGTH_MS);
    let rules = rules(services, level, arguments).await?;
    let numbered: BTreeMap<String, RuleForm> =
        rules.iter().enumerate().map(|(number, rule)| (format!("preview-{number:05}"), rule.clone())).collect();
    let found = services.access.rehearse(&actor.user_id, &numbered).await?;
    let mut preview = Reply::new(format!("**Lockdown {level}** for {}", time::words(length)));
    for step in STEPS.iter().filter(|step| step.level >= level) {
        preview = preview.item(step.words);
    }
    preview = preview
        .line(format!("It hits {}. Those who look after the server are spared.", plan::accounts(found.accounts)));
    // What makes exceptions comes first, what closes after it, and what was before ends at last.
    let acts = rules.into_iter().map(|rule| Act::PutRule { id: String::new(), rule }).chain(earlier).collect();
    let plan = Plan { for_ms: Some(length), ..arguments.plan(format!("Lockdown {level}"), acts) };
    Ok(Answer::ask(arguments, preview, json!({ "level": level, "preview": found }), plan))
}

/// The rules of a level: first those that spare the people who look after the server, and the bot.
async fn rules(services: &Services, level: u8, arguments: &Arguments) -> Result<Vec<RuleForm>> {
    let steps = STEPS.iter().filter(|step| step.level >= level).flat_map(|step| step.rules);
    let steps: Vec<&(&str, &str)> = steps.collect();
    let mut spared: Vec<String> = services.roles.list().await?.iter().map(|(user, _)| user.to_string()).collect();
    spared.push(services.bot.user_id().to_string());
    let rule = |kind: &str, value: &str, scope: &str, effect: &str| RuleForm {
        kind: kind.to_owned(),
        value: value.to_owned(),
        scope: scope.to_owned(),
        effect: effect.to_owned(),
        reason: arguments.reason(),
        private_reason: None,
        case: None,
        origin: Some(ORIGIN.to_owned()),
        expires_at: None,
        permanent: false,
    };
    let mut rules = Vec::new();
    for (scope, _) in steps.iter().filter(|(scope, _)| *scope != "registration") {
        rules.extend(spared.iter().map(|user| rule("user", user, scope, "allow")));
    }
    rules.extend(steps.iter().map(|(scope, effect)| rule("everyone", "", scope, effect)));
    Ok(rules)
}

async fn status(services: &Services, actor: &Actor) -> Result<Answer> {
    let present = services.access.rules(&actor.user_id, &[("origin", ORIGIN.to_owned())], LOOKED_FOR).await?;
    let is_there = |(scope, effect): &(&str, &str)| {
        present.iter().any(|rule| rule.kind == "everyone" && rule.scope == *scope && rule.effect == *effect)
    };
    let level = STEPS.iter().filter(|step| step.rules.iter().any(is_there)).map(|step| step.level).min();
    let reply = match level {
        Some(level) => {
            let ends_at = present.iter().filter_map(|rule| rule.expires_at).max().unwrap_or_default();
            let left = time::left(ends_at - services.clock.now_ms());
            Reply::new(format!("Lockdown {level}, for {left} more. `!mod lockdown off` ends it."))
        }
        None => Reply::new("There is no lockdown."),
    };
    Ok(Answer::told(reply, json!({ "level": level })))
}
