//! What lists want in a room.

use ruma::{room_id, server_name, user_id};
use serde_json::{Value, json};

use super::*;
use crate::event::Event;

fn ban(kind: &str, entity: &str, recommendation: &str) -> Event {
    serde_json::from_value(json!({
        "event_id": format!("${}", crate::ids::derived(20, &[entity])),
        "room_id": "!list:there.test", "sender": "@writer:there.test",
        "type": format!("m.policy.rule.{kind}"), "state_key": entity,
        "content": { "entity": entity, "recommendation": recommendation },
    }))
    .expect("an event")
}

fn books(rules: &[Event], effects: Effects) -> Books {
    let spared =
        Spared { server: server_name!("here.test").to_owned(), users: vec![user_id!("@root:here.test").to_owned()] };
    Books::new([(room_id!("!list:there.test"), &List::read(rules), effects)], spared)
}

fn room(members: &[&UserId], powers: Value) -> RoomNow {
    RoomNow {
        room: room_id!("!room:here.test").to_owned(),
        members: members.iter().map(|user| (*user).to_owned()).collect(),
        powers: PowerLevels::new(powers, Vec::new()),
        bot: user_id!("@bot:here.test").to_owned(),
        acl: Acl::read(Some(&json!({ "allow": ["*"], "deny": ["old.test"] }))),
    }
}

fn shown(wants: &[Want]) -> Vec<String> {
    wants.iter().map(|want| format!("{} {}", want.outcome.name(), want.target)).collect()
}

#[test]
fn members_are_banned_kicked_or_left_in_peace() {
    let rules = [
        ban("user", "@spam:there.test", "m.ban"),
        ban("user", "@worse:there.test", "org.matrix.msc4204.takedown"),
        ban("user", "@mod:there.test", "m.ban"),
        ban("server", "evil.test", "m.ban"),
        ban("server", "old.test", "m.ban"),
    ];
    let members = [
        user_id!("@spam:there.test"),
        user_id!("@worse:there.test"),
        user_id!("@mod:there.test"),
        user_id!("@a:evil.test"),
        user_id!("@nice:nice.test"),
        user_id!("@bot:here.test"),
    ];
    let now = room(&members, json!({ "users": { "@bot:here.test": 100, "@mod:there.test": 100 } }));

    let wants = books(&rules, Effects::default()).in_room(&now);

    let expected = ["ban @spam:there.test", "takedown @worse:there.test", "kick @a:evil.test", "acl evil.test"];
    assert_eq!(shown(&wants), expected);
}

#[test]
fn nothing_is_wanted_that_the_bot_cannot_do() {
    let rules = [ban("user", "@spam:there.test", "m.ban"), ban("server", "evil.test", "m.ban")];
    let members = [user_id!("@spam:there.test"), user_id!("@a:evil.test")];

    let wants = books(&rules, Effects::default()).in_room(&room(&members, json!({})));

    assert!(wants.is_empty());
}

#[test]
fn only_what_was_chosen_comes_of_a_list() {
    let rules = [ban("user", "@spam:there.test", "m.ban"), ban("server", "evil.test", "m.ban")];
    let now = room(&[user_id!("@spam:there.test")], json!({ "users": { "@bot:here.test": 100 } }));
    let wanted = |effects: &str| {
        let books = books(&rules, Effects::parse(effects).expect("effects"));
        [shown(&books.in_room(&now)), shown(&books.on_server())].concat()
    };

    assert_eq!(wanted("bans"), ["ban @spam:there.test"]);
    assert_eq!(wanted("acl"), ["acl evil.test"]);
    let mut rules = wanted("access");
    rules.sort();
    assert_eq!(rules, ["rule server:evil.test", "rule user:@spam:there.test"]);
    assert!(wanted("none").is_empty());
}

#[test]
fn no_list_keeps_users_of_this_server_from_it() {
    let server = server_name!("here.test");
    for (entity, expected) in [
        ("@a:here.test", true),
        ("@a:there.test", false),
        ("@spam*:there.test", false),
        ("@spam*:here.test", true),
        ("@spam*:*", true),
        ("@spam*", true),
        ("*.test", true),
        ("*where.test", false),
    ] {
        assert_eq!(may_be_of(&Entity::read(entity).expect("an entity"), server), expected, "{entity}");
    }
}

#[test]
fn what_was_done_has_a_reason_as_long_as_a_rule_says_it() {
    let rules = [ban("user", "@spam*", "m.ban"), ban("server", "*.evil.test", "m.ban")];
    let books = books(&rules, Effects::default());

    for (outcome, target, expected) in [
        (Outcome::Ban, "@spam1:there.test", true),
        (Outcome::Ban, "@ham:there.test", false),
        (Outcome::Kick, "@a:x.evil.test", true),
        (Outcome::Acl, "*.evil.test", true),
        (Outcome::Acl, "evil.test", false),
        (Outcome::Rule, "server:*.evil.test", false),
    ] {
        assert_eq!(books.reason(outcome, target).is_some(), expected, "{target}");
    }
}
