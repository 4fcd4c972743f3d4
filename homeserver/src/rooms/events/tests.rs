//! Events that are stored, remembered, replaced and forgotten.

use serde_json::json;

use super::*;
use crate::{
    event::flags,
    rooms::{append::event_row, testing::TestStorage},
    storage::{
        log::rows::{RoomRow, Rows},
        numbers::{RoomNid, UserNid},
    },
};

fn message(nid: i64, body: &str, flags: i32) -> Arc<Event> {
    let json = json!({
        "type": "m.room.message",
        "sender": "@alice:test.local",
        "room_id": "!room:test.local",
        "origin_server_ts": 1,
        "content": { "body": body },
    });
    let id = id(nid);
    let pdu = parse_stored(json.to_string().into(), id, "!room:test.local".try_into().unwrap()).unwrap();
    let circumstances = Circumstances {
        nid: EventNid(nid),
        room_nid: RoomNid(1),
        sender_nid: UserNid(1),
        state_key_nid: None,
        flags,
        snapshot: None,
        transaction: Some(Transaction { device_id: "DEVICE".into(), txn_id: format!("txn {nid}") }),
        unsigned: "".into(),
        position: None,
    };
    Arc::new(Event::new(pdu, circumstances))
}

fn id(nid: i64) -> OwnedEventId {
    format!("$event-{nid}").try_into().unwrap()
}

/// A database with the events 1 to 5, and the events as they are read from it.
async fn start() -> (TestStorage, Events) {
    let test = TestStorage::start().await;
    let room = RoomRow {
        nid: RoomNid(1),
        id: "!room:test.local".try_into().unwrap(),
        version: "11".to_owned(),
        created_at: 0,
    };
    let events = (1..=5).map(|nid| event_row(&message(nid, "Stored", 0), Vec::new(), true)).collect();
    test.write(Rows { rooms: vec![room], events, ..Rows::default() }).await;
    let events = Events::new(test.storage.clone());
    (test, events)
}

fn nids(events: &[Arc<Event>]) -> Vec<i64> {
    events.iter().map(|event| event.nid.0).collect()
}

#[tokio::test]
async fn an_event_is_read_as_it_was_written() {
    let (_test, events) = start().await;

    let event = events.load(EventNid(3)).await.unwrap();

    let written = message(3, "Stored", 0);
    assert_eq!(event.pdu.json, written.pdu.json);
    assert_eq!(event.id(), written.id());
    assert_eq!(event.transaction, written.transaction);
    assert_eq!(event.position().unwrap().0, 3);
}

#[tokio::test]
async fn events_come_in_the_order_in_which_they_are_asked_for() {
    let (_test, events) = start().await;
    events.load(EventNid(2)).await.unwrap();

    let loaded = events.load_many(&[4, 2, 1, 4].map(EventNid)).await.unwrap();
    let found = events.find_many(&[id(5), id(9), id(1), id(5)]).await.unwrap();

    assert_eq!(nids(&loaded), [4, 2, 1, 4]);
    let found: Vec<_> = found.iter().map(|event| event.as_ref().map(|event| event.nid.0)).collect();
    assert_eq!(found, [Some(5), None, Some(1), Some(5)]);
    assert!(events.load_many(&[EventNid(1), EventNid(9)]).await.is_err());
}

#[tokio::test]
async fn a_replaced_event_is_not_read_again() {
    let (test, events) = start().await;
    events.replace(message(3, "Redacted", flags::REDACTED));

    let stale = storage_form(&test, 3).await;

    assert!(events.admit(stale).unwrap().is_redacted());
    assert!(events.load(EventNid(3)).await.unwrap().is_redacted());
    assert!(events.find(&id(3)).await.unwrap().unwrap().is_redacted());
    assert!(events.load_many(&[EventNid(3)]).await.unwrap()[0].is_redacted());
}

#[tokio::test]
async fn an_expected_event_that_was_not_committed_is_forgotten() {
    let (_test, events) = start().await;
    let expected = events.expect(message(9, "Never written", 0));
    assert!(events.find(&id(9)).await.unwrap().is_some());

    drop(expected);

    assert!(events.find(&id(9)).await.unwrap().is_none());
    assert!(events.load(EventNid(9)).await.is_err());
}

async fn storage_form(test: &TestStorage, nid: i64) -> StoredEvent {
    let mut conn = test.storage.conn().await.unwrap();
    events::list(&mut conn, &[EventNid(nid)]).await.unwrap().pop().unwrap()
}
