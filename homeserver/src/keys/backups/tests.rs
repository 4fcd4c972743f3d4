//! The rule by which a key in a backup is replaced.

use super::{Merit, is_better};

fn merit(is_verified: bool, first_message_index: i64, forwarded_count: i64) -> Merit {
    Merit { is_verified, first_message_index, forwarded_count }
}

#[test]
fn a_verified_key_replaces_an_unverified_one_whatever_else_it_is() {
    assert!(is_better(&merit(true, 9, 9), &merit(false, 1, 1)));
    assert!(!is_better(&merit(false, 1, 1), &merit(true, 9, 9)));
}

#[test]
fn of_two_equally_verified_keys_the_one_that_reads_more_messages_stays() {
    assert!(is_better(&merit(false, 1, 9), &merit(false, 2, 1)));
    assert!(!is_better(&merit(true, 2, 1), &merit(true, 1, 9)));
}

#[test]
fn of_two_keys_that_read_the_same_messages_the_one_forwarded_less_often_stays() {
    assert!(is_better(&merit(true, 5, 1), &merit(true, 5, 2)));
    assert!(!is_better(&merit(true, 5, 2), &merit(true, 5, 1)));
}

#[test]
fn a_key_does_not_replace_its_equal() {
    assert!(!is_better(&merit(true, 5, 2), &merit(true, 5, 2)));
}
