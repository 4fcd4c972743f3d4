//! Tests of who is on the board, and since when.

use ruma::{UserId, user_id};

use super::{Board, REMEMBERED_MS};
use crate::storage::numbers::RoomNid;

const ROOM: RoomNid = RoomNid(1);

fn alice() -> &'static UserId {
    user_id!("@alice:test.local")
}

fn bob() -> &'static UserId {
    user_id!("@bob:test.local")
}

#[test]
fn whoever_starts_and_stops_is_news_once() {
    let mut board = Board::default();

    assert!(board.start(ROOM, alice(), 100, || 1));
    assert!(!board.start(ROOM, alice(), 200, || unreachable!("it is no news")));
    assert!(board.stop(ROOM, alice(), || 2));
    assert!(!board.stop(ROOM, alice(), || unreachable!("it is no news")));
}

#[test]
fn a_reader_is_told_what_changed_after_the_token() {
    let mut board = Board::default();
    board.start(ROOM, alice(), 100, || 5);
    board.start(ROOM, bob(), 100, || 6);

    assert_eq!(board.changed_since(ROOM, 5), Some(vec![alice().to_owned(), bob().to_owned()]));
    assert_eq!(board.changed_since(ROOM, 6), None);
    assert_eq!(board.rooms_changed_since(5), [ROOM]);
    assert!(board.rooms_changed_since(6).is_empty());
}

#[test]
fn a_reader_who_knows_nothing_is_not_told_that_nobody_types() {
    let mut board = Board::default();
    board.start(ROOM, alice(), 100, || 5);
    board.stop(ROOM, alice(), || 6);

    assert_eq!(board.changed_since(ROOM, 0), None);
    assert_eq!(board.changed_since(ROOM, 5), Some(Vec::new()));
}

#[test]
fn those_who_say_nothing_any_more_are_taken_off() {
    let mut board = Board::default();
    board.start(ROOM, alice(), 100, || 5);
    board.start(ROOM, bob(), 200, || 6);

    assert_eq!(board.expire(100, || 7), [ROOM]);
    assert_eq!(board.changed_since(ROOM, 6), Some(vec![bob().to_owned()]));
    assert_eq!(board.expire(200, || 8), [ROOM]);
    assert!(!board.is_somebody_typing());
}

#[test]
fn quiet_rooms_are_forgotten_after_a_while() {
    let mut board = Board::default();
    board.start(ROOM, alice(), 100, || 5);
    board.stop(ROOM, alice(), || 6);

    let later = i64::try_from(REMEMBERED_MS).expect("a day is a number") + 7;
    board.expire(later, || unreachable!("nobody is typing"));

    assert_eq!(board.changed_since(ROOM, 5), None);
}
