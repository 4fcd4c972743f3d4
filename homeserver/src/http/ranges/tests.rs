//! Tests of the reading of `Range` headers.

use super::{Range, parse};

fn part(first: u64, last: u64) -> Range {
    Range::Part { first, last }
}

#[test]
fn a_range_has_a_first_and_a_last_byte() {
    assert_eq!(parse("bytes=0-0", 10), part(0, 0));
    assert_eq!(parse("bytes=2-5", 10), part(2, 5));
    assert_eq!(parse("Bytes= 2-5", 10), part(2, 5));
}

#[test]
fn a_range_ends_with_the_file() {
    assert_eq!(parse("bytes=2-", 10), part(2, 9));
    assert_eq!(parse("bytes=2-10", 10), part(2, 9));
    assert_eq!(parse("bytes=0-99999999999999999999999", 10), part(0, 9));
}

#[test]
fn a_suffix_counts_from_the_end() {
    assert_eq!(parse("bytes=-3", 10), part(7, 9));
    assert_eq!(parse("bytes=-30", 10), part(0, 9));
}

#[test]
fn what_the_file_does_not_have_cannot_be_sent() {
    for (header, size) in [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0)] {
        assert_eq!(parse(header, size), Range::Unsatisfiable, "{header} of {size}");
    }
}

#[test]
fn what_is_not_understood_is_answered_with_the_whole_file() {
    for header in
        ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=+1-2", "lines=1-2", "bytes=1-2,4-5"]
    {
        assert_eq!(parse(header, 10), Range::Whole, "{header}");
    }
}
