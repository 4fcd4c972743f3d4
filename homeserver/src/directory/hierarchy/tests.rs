//! Tokens survive being written, and orders are what the specification calls so.

use super::*;

#[test]
fn a_token_survives_being_written() {
    for (suggested_only, max_depth) in [(true, None), (false, Some(0)), (true, Some(u64::MAX))] {
        let token = Token { asked: Asked { suggested_only, max_depth }, last: RoomNid(7) };
        assert_eq!(Token::parse(&token.to_string()).unwrap(), token);
    }
}

#[test]
fn what_is_not_a_token_is_refused() {
    for text in ["", "h", "h7", "h7_a", "hx_a_", "h7_a_x", "n7_a_"] {
        assert!(Token::parse(text).is_err(), "{text}");
    }
}

#[test]
fn an_order_is_short_printable_ascii() {
    assert!(is_order(" "));
    assert!(is_order(&"~".repeat(50)));
    for order in ["", "ä", "\u{7f}", "\n", &"a".repeat(51)] {
        assert!(!is_order(order), "{order:?}");
    }
}
