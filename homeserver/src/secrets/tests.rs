//! What is sealed stays so, whatever becomes of the keys.

use super::{KeyRing, Secrets, columns, files, key_of};

fn secrets(keys: &KeyRing) -> Secrets {
    Secrets::new(keys, None)
}

#[test]
fn what_is_sealed_opens_for_its_row_alone() {
    let secrets = secrets(&KeyRing::generate());

    let sealed = secrets.seal(&columns::DEVICE_ADDRESS, &[&7, &"PHONE"], b"192.0.2.1");

    let open = |column, key: &[&dyn std::fmt::Display]| secrets.open(column, key, &sealed).map(|plain| plain.to_vec());
    assert_eq!(open(&columns::DEVICE_ADDRESS, &[&7, &"PHONE"]).expect("it is the row"), b"192.0.2.1");
    open(&columns::DEVICE_ADDRESS, &[&8, &"PHONE"]).expect_err("it is another's");
    open(&columns::PUSH_KEY, &[&7, &"PHONE", &""]).expect_err("it is another column's");
    assert!(!sealed.windows(9).any(|part| part == b"192.0.2.1"));
}

#[test]
fn parts_of_a_key_do_not_run_into_each_other() {
    let binding = |user: i64, device: &str| columns::DEVICE_ADDRESS.binding(&[&user, &device]);

    assert_ne!(binding(1, "2 A"), binding(12, " A"));
    assert_ne!(binding(1, "1"), binding(11, ""));
}

#[test]
fn older_keys_decrypt_and_the_newest_encrypts() {
    let mut keys = KeyRing::generate();
    let before = secrets(&keys);
    let sealed = before.seal(&columns::AUDIT_ORIGIN, &[&1], b"old");
    let hash = before.hash("token", "x");

    assert_eq!(keys.add().expect("there are numbers left"), 2);
    let after = secrets(&keys);

    assert_eq!(after.open(&columns::AUDIT_ORIGIN, &[&1], &sealed).expect("the key is still there").to_vec(), b"old");
    let resealed = after.reseal(&columns::AUDIT_ORIGIN, &[&1], &sealed).expect("it opens");
    assert_eq!((key_of(&sealed), key_of(&resealed)), (Some(1), Some(2)));
    assert_eq!(after.hash("token", "x"), hash, "tokens outlive a change of keys");
    assert_eq!(keys.remove_older(), [1]);
    let later = secrets(&keys);
    assert_eq!(later.open(&columns::AUDIT_ORIGIN, &[&1], &resealed).expect("it is the newest").to_vec(), b"old");
    later.open(&columns::AUDIT_ORIGIN, &[&1], &sealed).expect_err("the key is gone");
}

#[test]
fn keys_are_read_as_they_were_written() {
    let mut keys = KeyRing::generate();
    keys.add().expect("there are numbers left");

    let read = KeyRing::parse(&keys.text().replace('\n', " "), "here").expect("it is well-formed");

    assert_eq!(read.text(), keys.text());
    assert_eq!(read.current(), 2);
}

#[test]
fn malformed_keys_are_refused_with_their_place() {
    let key = "A".repeat(43);
    let cases = [
        String::new(),
        key.clone(),
        format!("1:{key}"),
        format!("hashing:{key}"),
        format!("hashing:{key} 1:short"),
        format!("hashing:{key} 1:{key} 1:{key}"),
        format!("hashing:{key} one:{key}"),
        format!("hashing:{key} 65536:{key}"),
    ];

    for text in cases {
        let fault = KeyRing::parse(&text, "secrets.keys").expect_err(&text).to_string();
        assert!(fault.starts_with("secrets.keys: ") && !fault.contains(&key), "{fault}");
    }
}

#[test]
fn a_key_file_is_made_once_and_for_its_owner_alone() {
    use std::os::unix::fs::MetadataExt;
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("deep/secrets.key");

    let made = files::key_ring(&path).expect("it can be made");
    let read = files::key_ring(&path).expect("it can be read");

    assert_eq!(made.text(), read.text());
    assert_eq!(std::fs::metadata(&path).expect("it is there").mode() & 0o777, 0o600);
}

#[test]
fn a_key_that_was_added_to_the_file_is_found_when_it_is_needed() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("secrets.key");
    let mut keys = files::key_ring(&path).expect("it can be made");
    let serving = Secrets::new(&keys, Some(path.clone()));

    keys.add().expect("there are numbers left");
    files::replace_key_ring(&path, &keys).expect("it can be written");
    let sealed = secrets(&keys).seal(&columns::AUDIT_ORIGIN, &[&1], b"new");

    assert_eq!(serving.open(&columns::AUDIT_ORIGIN, &[&1], &sealed).expect("the file has it").to_vec(), b"new");
    assert_eq!(key_of(&serving.seal(&columns::AUDIT_ORIGIN, &[&1], b"newer")), Some(2));
}
