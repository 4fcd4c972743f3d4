//! Tests of looking up stolen passwords.

use std::io::Write;

use super::*;

fn file(lines: &[String], end: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file can be made");
    for line in lines {
        write!(file, "{line}{end}").expect("it can be written");
    }
    file
}

fn hash(password: &str) -> String {
    hex(&Sha1::digest(password))
}

fn contains(list: &Breached, password: &str) -> bool {
    list.contains(password.as_bytes()).expect("the file can be read")
}

#[test]
fn hashes_are_found_wherever_they_stand() {
    let passwords: Vec<String> = (0..500).map(|number| format!("password{number}")).collect();
    let mut hashes: Vec<String> = passwords.iter().map(|password| hash(password)).collect();
    hashes.sort();
    let counted =
        hashes.iter().enumerate().map(|(count, hash)| format!("{}:{}", hash.to_ascii_uppercase(), count * 99));

    for list in [file(&counted.collect::<Vec<_>>(), "\r\n"), file(&hashes, "\n")] {
        let list = Breached::open(list.path()).map(|found| (found, list)).expect("the hashes are in order");

        assert_eq!(list.0.kind, Kind::Hashes);
        assert!(passwords.iter().all(|password| contains(&list.0, password)));
        assert!((500..1000).all(|number| !contains(&list.0, &format!("password{number}"))));
    }
}

#[test]
fn a_list_of_one_hash_is_a_list() {
    let list = file(&[hash("secret")], "");
    let list = Breached::open(list.path()).map(|found| (found, list)).expect("one is always in order");

    assert!(contains(&list.0, "secret"));
    assert!(!contains(&list.0, "other"));
}

#[test]
fn plain_passwords_are_found_as_they_are() {
    let lines = ["123456", "password", "größe ", "last"].map(str::to_owned);

    for end in ["\n", "\r\n"] {
        let list = file(&lines, end);
        let list = Breached::open(list.path()).map(|found| (found, list)).expect("it is a list");

        assert_eq!(list.0.kind, Kind::Passwords);
        assert!(lines.iter().all(|line| contains(&list.0, line)));
        assert!(!contains(&list.0, "größe"));
        assert!(!contains(&list.0, "12345"));
    }
}

#[test]
fn an_empty_list_has_nothing() {
    let list = file(&[], "");
    let list = Breached::open(list.path()).map(|found| (found, list)).expect("it is a list");

    assert!(!contains(&list.0, "secret"));
}

#[test]
fn missing_files_and_hashes_out_of_order_are_refused() {
    let mut hashes: Vec<String> = (0..1000).map(|number| hash(&number.to_string())).collect();
    hashes.sort();
    hashes.reverse();

    Breached::open(Path::new("/nowhere/list")).expect_err("there is no such file");
    Breached::open(file(&hashes, "\n").path()).expect_err("they are in the wrong order");
}
