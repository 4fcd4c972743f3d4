//! Tests of what profile fields may look like.

use serde_json::json;

use super::*;

#[test]
fn names_are_known_or_namespaced() {
    for name in ["displayname", "avatar_url", "m.tz", "org.example.favourite_colour", "us.cloke.msc4175.tz"] {
        check_name(name).expect(name);
    }
    for name in ["", "colour", "Org.example", "org..example", "org.1example", "org.example.", ".org", "org.exämple"] {
        check_name(name).expect_err(name);
    }
}

#[test]
fn values_of_known_fields_are_text() {
    check_value(DISPLAY_NAME, json!(1)).expect_err("not text");
    check_value(AVATAR_URL, json!(null)).expect_err("not text");
    check_value(DISPLAY_NAME, json!("x".repeat(257))).expect_err("too long");

    assert_eq!(check_value(DISPLAY_NAME, json!("Alice")).expect("text"), Some(json!("Alice")));
    assert_eq!(check_value(AVATAR_URL, json!("")).expect("text"), None);
    assert_eq!(check_value("org.example.any", json!(null)).expect("anything"), Some(json!(null)));
}

#[test]
fn a_profile_is_measured_with_the_new_value_in_place_of_the_old() {
    let half = format!("\"{}\"", "x".repeat(40 << 10));
    let fields = [("org.example.a".to_owned(), half.clone())];

    check_size(&fields, "org.example.a", &half).expect("it replaces the other");
    check_size(&fields, "org.example.b", &half).expect_err("both are too much");
}
