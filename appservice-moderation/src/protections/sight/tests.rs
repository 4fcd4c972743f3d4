//! What is seen of events that anybody may have written.

use ruma::server_name;
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_000_000_000;

fn look(event: Value) -> Sight {
    Sight::of(&serde_json::from_value(event).expect("an event"), server_name!("here.test"), NOW)
}

fn see(event: Value) -> What {
    let mut whole = json!({
        "room_id": "!room:here.test",
        "event_id": "$event",
        "sender": "@bob:there.test",
        "origin_server_ts": NOW,
    });
    for (name, value) in event.as_object().expect("an object") {
        whole[name] = value.clone();
    }
    look(whole).what
}

fn say(content: Value) -> Said {
    match see(json!({ "type": "m.room.message", "content": content })) {
        What::Said(said) => said,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_change_of_name_is_not_a_join() {
    let member = |content: Value, before: Value| {
        see(json!({
            "type": "m.room.member",
            "state_key": "@bob:there.test",
            "content": content,
            "unsigned": { "prev_content": before },
        }))
    };
    let joined = json!({ "membership": "join", "displayname": "Bob" });

    assert_eq!(member(joined.clone(), Value::Null), What::Joined { name: Some("Bob".to_owned()) });
    assert_eq!(
        member(joined.clone(), json!({ "membership": "invite" })),
        What::Joined { name: Some("Bob".to_owned()) }
    );
    assert_eq!(member(joined.clone(), joined.clone()), What::Other);
    assert_eq!(
        member(joined, json!({ "membership": "join", "displayname": "Eve" })),
        What::Renamed { name: Some("Bob".to_owned()) }
    );
}

#[test]
fn links_are_found_and_mentions_are_none() {
    for (text, expected) in [
        ("see https://spam.test/x", true),
        ("SEE HTTPS://SPAM.TEST", true),
        ("www.spam.test", true),
        ("join https://matrix.to/#/#spam:spam.test", true),
        ("matrix:r/spam:spam.test", true),
        ("ask https://matrix.to/#/@alice:here.test", false),
        ("ask https://matrix.to/#/%40alice%3Ahere.test", false),
        ("awww. nice", false),
        ("1:30 at the place", false),
    ] {
        assert_eq!(say(json!({ "body": text })).has_link, expected, "{text}");
    }
}

#[test]
fn people_are_counted_once_however_they_are_called() {
    let said = say(json!({
        "body": "@Alice:here.test and @bob:here.test",
        "formatted_body": "<a href=\"https://matrix.to/#/@alice:here.test\">Alice</a>",
        "m.mentions": { "user_ids": ["@alice:here.test", "@carol:here.test", 7, "nobody"] },
    }));

    let expected = ["@alice:here.test", "@bob:here.test", "@carol:here.test"];
    assert_eq!(said.mentions, expected.map(ToOwned::to_owned).into());
}

#[test]
fn an_edit_says_what_it_says_now() {
    let said = say(json!({
        "body": "hello",
        "m.new_content": { "msgtype": "m.image", "body": "https://spam.test", "m.mentions": { "room": true } },
    }));

    assert!(said.is_media && said.has_link && said.calls_room);
}

#[test]
fn contents_of_any_form_are_survived() {
    let contents =
        [json!(null), json!(7), json!([[]]), json!({ "body": { "body": [1] }, "m.mentions": [], "msgtype": 3 })];
    for content in contents {
        assert!(matches!(see(json!({ "type": "m.room.message", "content": content })), What::Said(_)));
        see(json!({ "type": "m.room.member", "state_key": "?", "content": content, "unsigned": content }));
    }
}

#[test]
fn nobody_hides_behind_a_wrong_clock() {
    let at = |sender: &str, sent_at: i64| {
        let event = json!({
            "room_id": "!r:here.test", "event_id": "$e", "sender": sender, "type": "m.x", "origin_server_ts": sent_at,
        });
        look(event).at
    };

    assert_eq!(at("@bob:there.test", NOW - 3_600_000), NOW);
    assert_eq!(at("@bob:there.test", NOW - 5_000), NOW - 5_000);
    assert_eq!(at("@alice:here.test", NOW - 3_600_000), NOW - 3_600_000);
    assert_eq!(at("@alice:here.test", NOW + 3_600_000), NOW);
}
