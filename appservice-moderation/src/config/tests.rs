//! What the configuration accepts and refuses, and that `config/moderation.toml` is complete.

use std::{collections::BTreeSet, io::Write};

use serde_json::Value;

use super::{
    Beside, Config, Problem, load,
    protections::{Mode, Protection},
};

const EXAMPLE: &str = include_str!("../../../config/moderation.toml");

fn from_file(text: &str) -> Result<Config, Problem> {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file can be made");
    file.write_all(text.as_bytes()).expect("it can be written");
    load(Some(file.path()), Beside::default())
}

#[test]
fn the_example_file_has_the_defaults() {
    assert_eq!(from_file(EXAMPLE).expect("the example is valid"), Config::default());
}

#[test]
fn nothing_acts_unless_somebody_has_chosen_that() {
    let protections = Config::default().protections;

    assert!(Protection::ALL.into_iter().all(|protection| protections.mode(protection) != Mode::Act));
}

/// Options without a default stand there too, commented out.
#[test]
fn the_example_file_has_every_option_with_a_sentence() {
    let (mut table, mut before) = (String::new(), "");
    let mut listed = BTreeSet::new();
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']').to_owned();
        } else if let Some((name, _)) = line.trim_start_matches("# ").split_once(" = ")
            && name.chars().all(|character| character.is_ascii_lowercase() || character == '_')
        {
            assert!(before.starts_with("# ") && before.ends_with('.'), "{table}.{name} has no sentence");
            listed.insert(format!("{table}.{name}"));
        }
        before = line;
    }
    let defaults = serde_json::to_value(Config::default()).expect("options are plain values");
    let mut options = BTreeSet::new();
    collect("", &defaults, &mut options);

    assert_eq!(listed, options);
}

/// The paths of all options.
fn collect(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(&path, member, found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn wrong_options_are_told_in_one_line() {
    for (text, expected) in [
        ("[homeserver]\nurl = 'ftp://x'", "homeserver.url: must begin with http:// or https://"),
        ("[homeservers]\nurl = 'http://x'", "there is no such option here, only"),
        ("[database]\nconnections = 0", "database.connections: must be at least 1"),
        ("[logging]\nfilter = 'a=b=c'", "logging.filter: "),
    ] {
        let problem = from_file(text).expect_err("it is refused").to_string();
        assert!(problem.contains(expected) && !problem.contains('\n'), "{problem}");
    }
}

#[test]
fn the_file_wins_over_the_homeserver_beside_which_it_runs() {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file can be made");
    file.write_all(b"[homeserver]\nurl = 'http://192.0.2.1:1'").expect("it can be written");
    let beside = Beside { url: Some("http://127.0.0.1:2".to_owned()), data_directory: Some("elsewhere".into()) };

    let config = load(Some(file.path()), beside).expect("it is valid");

    assert_eq!(config.homeserver.url.as_str(), "http://192.0.2.1:1/");
    assert_eq!(config.registration_file(), std::path::Path::new("elsewhere/appservices/moderation.yaml"));
}

#[test]
fn the_password_of_the_database_is_not_shown() {
    let config = from_file("[database]\nurl = 'mysql://salon:hunter2@db/salon'").expect("it is valid");

    assert!(!format!("{config:?}").contains("hunter2"));
}
