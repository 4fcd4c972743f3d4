//! Tests of what readers are told of receipts.

use std::sync::Arc;

use ruma::{OwnedEventId, UserId};
use serde_json::{Value, json};

use super::content_of;
use crate::{
    storage::numbers::{Position, RoomNid, UserNid},
    tail::Receipt,
};

const ALICE: UserNid = UserNid(1);
const BOB: UserNid = UserNid(2);

fn receipt(user: UserNid, event: &str, thread: &str) -> Receipt {
    let name = if user == ALICE { "alice" } else { "bob" };
    Receipt {
        room: RoomNid(1),
        user,
        user_id: UserId::parse(format!("@{name}:test.local")).expect("a user ID"),
        is_private: false,
        thread: thread.to_owned(),
        event_id: OwnedEventId::try_from(event).expect("an event ID"),
        event_position: Position(1),
        ts_ms: 7,
    }
}

fn told(receipts: Vec<Receipt>, reader: UserNid) -> Value {
    let receipts: Vec<_> = receipts.into_iter().map(Arc::new).collect();
    serde_json::from_str(&content_of(&receipts, reader)).expect("JSON")
}

#[test]
fn receipts_are_grouped_by_event_and_type() {
    let content = told(vec![receipt(ALICE, "$one", ""), receipt(BOB, "$one", ""), receipt(BOB, "$two", "main")], ALICE);

    let expected = json!({
        "$one": { "m.read": { "@alice:test.local": { "ts": 7 }, "@bob:test.local": { "ts": 7 } } },
        "$two": { "m.read": { "@bob:test.local": { "ts": 7, "thread_id": "main" } } },
    });
    assert_eq!(content, expected);
}

#[test]
fn private_receipts_are_told_to_nobody_else() {
    let private = Receipt { is_private: true, ..receipt(BOB, "$one", "") };

    assert_eq!(told(vec![private.clone()], ALICE), json!({}));
    assert_eq!(told(vec![private], BOB), json!({ "$one": { "m.read.private": { "@bob:test.local": { "ts": 7 } } } }));
}

#[test]
fn only_the_newest_receipt_of_a_thread_is_told() {
    let content = told(vec![receipt(BOB, "$one", ""), receipt(BOB, "$two", "")], ALICE);

    assert_eq!(content, json!({ "$two": { "m.read": { "@bob:test.local": { "ts": 7 } } } }));
}

#[test]
fn an_unthreaded_receipt_wins_over_a_threaded_one_at_the_same_event() {
    let content = told(vec![receipt(BOB, "$one", ""), receipt(BOB, "$one", "$root")], ALICE);

    assert_eq!(content, json!({ "$one": { "m.read": { "@bob:test.local": { "ts": 7 } } } }));
}
