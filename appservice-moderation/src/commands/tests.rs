//! What the table of commands says, and who may use what.

use std::collections::BTreeSet;

use ruma::{room_id, user_id};
use serde_json::json;

use super::*;

fn actor(role: Option<Role>, power: Option<serde_json::Value>) -> Actor {
    let room = room_id!("!room:here.test");
    Actor {
        user_id: user_id!("@alice:here.test").to_owned(),
        role,
        room: power.map(|content| (room.to_owned(), PowerLevels::new(content, Vec::new()))),
        cause: "a cause".to_owned(),
        is_alone: false,
        origin: "operator",
    }
}

fn may(actor: &Actor) -> BTreeSet<&'static str> {
    table().filter(|command| actor.may(command)).map(|command| command.verb).collect()
}

#[test]
fn each_command_has_a_name_of_its_own_and_an_example_that_is_understood() {
    let mut verbs = BTreeSet::new();
    for command in table() {
        let words = arguments::words(command.example).expect("the example has words");
        assert!(verbs.insert(command.verb), "{} is there twice", command.verb);
        assert!(command.summary.ends_with('.'), "{} is explained in a sentence", command.verb);
        assert_eq!(words[0], command.verb);
        Arguments::parse(&words[1..]).unwrap_or_else(|error| panic!("{}: {error}", command.example));
    }
}

#[test]
fn each_role_may_what_is_documented_and_no_more() {
    let look = ["case", "cases", "help", "lists", "protect", "roles", "rooms", "rules", "token", "tokens", "who"];
    let act = ["ban", "kick", "mute", "netban", "redact", "unban", "undo", "unmute", "warn"];
    let rule = [
        "allow",
        "approve",
        "close",
        "deny",
        "lock",
        "lockdown",
        "publish",
        "revoke",
        "suspend",
        "unlock",
        "unprotect",
        "unpublish",
        "unsuspend",
        "unwatch",
        "watch",
    ];
    let of = |lists: &[&[&'static str]]| lists.concat().into_iter().collect::<BTreeSet<_>>();

    assert_eq!(may(&actor(Some(Role::Auditor), None)), of(&[&look]));
    assert_eq!(may(&actor(Some(Role::Moderator), None)), of(&[&look, &act]));
    assert_eq!(may(&actor(Some(Role::Admin), None)), of(&[&look, &act, &rule]));
    assert_eq!(may(&actor(Some(Role::Owner), None)), of(&[&look, &act, &rule, &["role"]]));
}

#[test]
fn who_has_no_role_may_in_a_room_what_their_power_allows() {
    let levels = |own: i64| {
        json!({
            "users": { "@alice:here.test": own }, "kick": 30, "redact": 40, "ban": 50,
            "events": { "m.room.power_levels": 100 },
        })
    };
    let of = |own| may(&actor(None, Some(levels(own))));
    let kick = BTreeSet::from(["help", "kick"]);
    let redact = BTreeSet::from(["help", "kick", "redact"]);
    let ban = BTreeSet::from(["ban", "case", "cases", "help", "kick", "netban", "protect", "redact", "unban", "undo"]);
    let all = &ban | &BTreeSet::from(["mute", "unmute"]);

    assert_eq!((of(0), of(30), of(40), of(50), of(100)), (BTreeSet::new(), kick, redact, ban, all));
    assert!(may(&actor(None, None)).is_empty(), "power in a room counts in that room only");
    assert!(!actor(None, Some(levels(0))).is_somebody() && actor(None, Some(levels(30))).is_somebody());
}
