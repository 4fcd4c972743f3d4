//! Tokens survive being written and read.

use super::*;

#[test]
fn a_token_survives_being_written() {
    let place = ListPlace { joined: 42, room: RoomNid(7) };
    for token in [Token(ListRange::After(place)), Token(ListRange::Before(place))] {
        assert_eq!(Token::parse(&token.to_string()).unwrap(), token);
    }
}

#[test]
fn what_is_not_a_token_is_refused() {
    for text in ["", "n", "n42", "n42_", "x42_7", "n42_7_", "näh", "ä"] {
        assert!(Token::parse(text).is_err(), "{text}");
    }
}
