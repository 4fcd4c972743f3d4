//! `help`: what there is, and how it is used.

use futures_util::FutureExt;
use serde_json::json;

use super::{Answer, Arguments, Command, find, table};
use crate::{Result, commands::Actor, reply::Reply, roles::Permission};

/// What stands here.
pub(super) const COMMANDS: &[Command] = &[Command {
    verb: "help",
    usage: "[command]",
    summary: "Tells what there is, or how one command is used.",
    example: "help ban",
    needs: Permission::Look,
    in_room: Some(super::Power::Kick),
    handler: |_, actor, arguments| async { help(actor, arguments) }.boxed(),
}];

fn help(actor: &Actor, arguments: &Arguments) -> Result<Answer> {
    if let Some(verb) = arguments.word(0) {
        let command = find(verb)?;
        let reply = Reply::new(format!("`!mod {} {}`", command.verb, command.usage))
            .line(command.summary)
            .line(format!("For example: `!mod {}`", command.example));
        return Ok(Answer::told(reply, describe(command)));
    }
    let usable: Vec<&Command> = table().filter(|command| actor.may(command)).collect();
    let mut reply = Reply::new("You can use here:");
    for command in &usable {
        reply = reply.item(format!("`{} {}` {}", command.verb, command.usage, command.summary));
    }
    reply = reply.line("Options: `--for 7d`, `--reason why`, `--room #room:server`, `--yes` to do it without asking.");
    let facts = usable.into_iter().map(describe).collect::<Vec<_>>();
    Ok(Answer::told(reply, json!({ "commands": facts })))
}

fn describe(command: &Command) -> serde_json::Value {
    json!({
        "verb": command.verb,
        "usage": command.usage,
        "summary": command.summary,
        "example": command.example,
    })
}

/// How many letters have to be changed, added or left out to make one word of another.
pub(super) fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (place, of_other) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *of_other);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn words_are_near_that_are_mistyped() {
        for (one, other, expected) in [("bann", "ban", 1), ("kcik", "kick", 2), ("ban", "ban", 0), ("", "who", 3)] {
            assert_eq!(distance(one, other), expected);
        }
    }
}
