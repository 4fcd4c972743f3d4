//! Tests of user names.

use ruma::server_name;

use super::*;

#[test]
fn capitals_are_lowered() {
    let user_id = user_id("Alice-42", server_name!("here.test")).expect("the name is possible");

    assert_eq!(user_id, "@alice-42:here.test");
}

#[test]
fn names_outside_the_grammar_are_refused() {
    let too_long = "x".repeat(250);
    for name in ["", "_bridge", "a b", "a:b", "@alice", "älice", "a\nb", "a!", "[a]", too_long.as_str()] {
        user_id(name, server_name!("here.test")).expect_err(name);
    }
}

#[test]
fn generated_names_can_be_registered() {
    user_id(&generate(), server_name!("here.test")).expect("the name is possible");
}

#[test]
fn a_login_names_a_user_of_this_server() {
    let here = server_name!("here.test");

    assert_eq!(parse("@alice:here.test", here).expect("whole"), "@alice:here.test");
    assert_eq!(parse("alice", here).expect("localpart"), "@alice:here.test");
    assert_eq!(parse("@alice:there.test", here), None);
    assert_eq!(parse("@alice", here), None);
}

#[test]
fn reserved_names_are_matched_by_pattern() {
    let reserved = Reserved::new(&["admin*".to_owned(), "root".to_owned()]).expect("the patterns are possible");

    reserved.check("administrator").expect_err("it matches");
    reserved.check("root").expect_err("it matches");
    reserved.check("alice").expect("it does not");
}

#[test]
fn names_from_elsewhere_become_possible_ones() {
    let cases = [
        ("Alice", Some("alice")),
        ("alice@example.org", Some("alice")),
        ("Alice O'Hara", Some("alice_o_hara")),
        ("_svc_", Some("svc")),
        ("Käro", Some("k_ro")),
        ("@", None),
        ("日本", None),
        ("", None),
    ];

    for (name, expected) in cases {
        assert_eq!(suggestion(name).as_deref(), expected, "{name:?}");
    }
}
