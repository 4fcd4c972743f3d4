//! What push rules may be like. Their pieces are kept small because they are looked at for every
//! event.

use ruma::push::{Action, NewPushRule, PushCondition};
use serde_json::Value;

use crate::{Error, Result};

/// Rules of one user, at most.
pub const MOST: usize = 500;
/// Most bytes of a rule ID or a pattern.
const LONGEST: usize = 255;
/// Most bytes of all conditions or all actions of a rule.
const LARGEST: usize = 4096;
/// Actions that say nothing any more, but that clients still send. They are kept and ignored.
/// Client-server API, "Historical Actions".
const HISTORICAL: [&str; 2] = ["dont_notify", "coalesce"];

/// Refuses rules that are too long, or do what cannot be done.
pub fn rule(rule: &NewPushRule) -> Result<()> {
    if rule.rule_id().is_empty() || rule.rule_id().len() > LONGEST {
        return Err(Error::invalid_param(format!("A rule ID has between 1 and {LONGEST} bytes.")));
    }
    match rule {
        NewPushRule::Override(rule) | NewPushRule::Underride(rule) => {
            conditions(&rule.conditions)?;
            actions(&rule.actions)
        }
        NewPushRule::Content(rule) => {
            pattern(&rule.pattern)?;
            actions(&rule.actions)
        }
        NewPushRule::Room(rule) => actions(&rule.actions),
        NewPushRule::Sender(rule) => actions(&rule.actions),
        _ => Err(Error::invalid_param("There is no such kind of push rules.")),
    }
}

/// Refuses actions that are too long, or unknown.
pub fn actions(actions: &[Action]) -> Result<()> {
    small(actions, "actions")?;
    let is_known = |action: &Action| match action {
        Action::Notify | Action::SetTweak(_) => true,
        action => match serde_json::to_value(action) {
            Ok(Value::String(name)) => HISTORICAL.contains(&&*name),
            _ => false,
        },
    };
    if actions.iter().all(is_known) { Ok(()) } else { Err(Error::invalid_param("There is no such action.")) }
}

fn conditions(conditions: &[PushCondition]) -> Result<()> {
    small(conditions, "conditions")?;
    conditions.iter().try_for_each(|condition| match condition {
        PushCondition::EventMatch(condition) => pattern(&condition.pattern),
        _ => Ok(()),
    })
}

fn pattern(pattern: &str) -> Result<()> {
    if pattern.len() > LONGEST {
        return Err(Error::invalid_param(format!("A pattern has at most {LONGEST} bytes.")));
    }
    Ok(())
}

fn small(part: &(impl serde::Serialize + ?Sized), name: &str) -> Result<()> {
    let length = serde_json::to_string(part).map_err(anyhow::Error::from)?.len();
    if length > LARGEST {
        return Err(Error::too_large(format!("The {name} of a rule have at most {LARGEST} bytes.")));
    }
    Ok(())
}
