//! What is packed comes out again.

use super::*;

fn entry(key: i64, event: i64) -> Entry {
    (StateKeyNid(key), (event != 0).then_some(EventNid(event)))
}

fn assert_survives(entries: &[Entry]) {
    let packed = pack(entries.iter().copied());
    let unpacked: Vec<Entry> = unpack(&packed).collect::<Result<_>>().unwrap();
    assert_eq!(unpacked, entries);
}

#[test]
fn entries_survive_packing() {
    assert_survives(&[]);
    assert_survives(&[entry(1, 1)]);
    assert_survives(&[entry(1, 0)]);
    assert_survives(&[entry(1, 900), entry(2, 0), entry(3, 899), entry(70_000, 901), entry(70_001, 0)]);
    assert_survives(&[entry(1, i64::MAX), entry(2, 1), entry(i64::MAX, i64::MAX)]);
}

#[test]
fn neighbouring_numbers_take_few_bytes() {
    let entries = (0..1000).map(|number| entry(5_000_000 + number, 80_000_000 + 3 * number));

    let packed = pack(entries);

    assert!(packed.len() < 2 * 1000 + 10, "{} bytes", packed.len());
}

#[test]
fn bytes_that_end_within_an_entry_are_an_error() {
    let mut packed = pack([entry(1, 70_000), entry(2, 80_000)]);
    packed.pop();

    let unpacked: Vec<Result<Entry>> = unpack(&packed).collect();

    assert_eq!(unpacked.len(), 2);
    assert!(unpacked[0].is_ok());
    assert!(unpacked[1].is_err());
}

#[test]
fn a_number_that_does_not_end_is_an_error() {
    assert!(unpack(&[0xff; 40]).next().unwrap().is_err());
}
