//! What is about the old room is repeated for the new one, once.

use ruma::room_id;
use serde_json::json;

use super::*;

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[test]
fn a_direct_chat_stays_one() {
    let [old, new] = [room_id!("!old:a.b"), room_id!("!new:a.b")];
    let mut chats = object(json!({ "@bob:a.b": ["!old:a.b", "!x:a.b"], "@carol:a.b": ["!x:a.b"], "odd": 7 }));

    assert!(add_direct(&mut chats, old, new));
    assert!(!add_direct(&mut chats, old, new));

    let expected = json!({ "@bob:a.b": ["!old:a.b", "!x:a.b", "!new:a.b"], "@carol:a.b": ["!x:a.b"], "odd": 7 });
    assert_eq!(chats, object(expected));
}

#[test]
fn rules_about_the_old_room_are_repeated() {
    let [old, new] = [room_id!("!old:a.b"), room_id!("!new:a.b")];
    let condition = |room: &str| json!([{ "kind": "event_match", "key": "room_id", "pattern": room }]);
    let mut content = object(json!({ "global": {
        "override": [
            { "rule_id": ".m.rule.master", "conditions": [] },
            { "rule_id": "!old:a.b", "conditions": condition("!old:a.b"), "actions": [] },
            { "rule_id": "mine", "conditions": condition("!old:a.b"), "actions": [] },
        ],
        "room": [{ "rule_id": "!old:a.b", "actions": ["dont_notify"] }, { "rule_id": "!x:a.b", "actions": [] }],
    } }));

    assert!(copy_rules(&mut content, old, new));
    assert!(!copy_rules(&mut content, old, new));

    let global = &content["global"];
    assert_eq!(
        global["override"][2],
        json!({
            "rule_id": "!new:a.b", "conditions": condition("!new:a.b"), "actions": [],
        })
    );
    assert_eq!(global["override"][4]["rule_id"], "mine_!new:a.b");
    assert_eq!(global["override"].as_array().map(Vec::len), Some(5));
    assert_eq!(global["room"][1], json!({ "rule_id": "!new:a.b", "actions": ["dont_notify"] }));
    assert_eq!(global["room"].as_array().map(Vec::len), Some(3));
}
