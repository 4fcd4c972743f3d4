//! Lists let in and keep out whom they should.

use serde_json::json;

use super::*;

fn acl(content: Value) -> ServerAcl {
    ServerAcl::parse(&serde_json::value::to_raw_value(&content).unwrap())
}

fn allows(acl: &ServerAcl, server: &str) -> bool {
    acl.allows(<&ServerName>::try_from(server).unwrap())
}

#[test]
fn nobody_is_allowed_unless_an_entry_says_so() {
    for content in [json!({}), json!({ "allow": [] }), json!({ "allow": "*" }), json!({ "allow": [1, null] })] {
        assert!(!allows(&acl(content), "here.test"));
    }
    assert!(allows(&acl(json!({ "allow": ["here.test"] })), "here.test"));
}

#[test]
fn a_denied_server_is_kept_out_though_it_is_allowed_too() {
    let acl = acl(json!({ "allow": ["*"], "deny": ["*.evil.test", "bad.test"] }));

    assert!(allows(&acl, "here.test"));
    assert!(allows(&acl, "evil.test"));
    assert!(!allows(&acl, "very.evil.test"));
    assert!(!allows(&acl, "bad.test"));
}

#[test]
fn ports_and_case_make_no_difference() {
    let acl = acl(json!({ "allow": ["*"], "deny": ["Evil.Test"] }));

    for server in ["evil.test", "EVIL.test", "evil.test:8448", "evil.test:1234"] {
        assert!(!allows(&acl, server), "{server}");
    }
}

#[test]
fn ip_literals_are_kept_out_only_where_the_list_says_false() {
    for (content, is_allowed) in [
        (json!({ "allow": ["*"] }), true),
        (json!({ "allow": ["*"], "allow_ip_literals": true }), true),
        (json!({ "allow": ["*"], "allow_ip_literals": "false" }), true),
        (json!({ "allow": ["*"], "allow_ip_literals": false }), false),
    ] {
        let acl = acl(content.clone());
        for server in ["1.1.1.1", "1.1.1.1:8448", "[2001:db8::1]", "[2001:db8::1]:8448"] {
            assert_eq!(allows(&acl, server), is_allowed, "{content} {server}");
        }
        assert!(allows(&acl, "here.test"));
    }
}

#[test]
fn ip_literals_are_matched_like_names() {
    let acl = acl(json!({ "allow": ["*"], "deny": ["1.1.1.*", "[2001:db8:*"] }));

    assert!(!allows(&acl, "1.1.1.1:8448"));
    assert!(!allows(&acl, "[2001:db8::1]:8448"));
    assert!(allows(&acl, "1.1.2.1"));
}

#[test]
fn wildcards_stand_for_what_the_appendix_says() {
    for (pattern, text, is_match) in [
        ("*", "", true),
        ("*", "anything", true),
        ("?", "", false),
        ("?", "a", true),
        ("?", "ab", false),
        ("a*c", "ac", true),
        ("a*c", "abcabc", true),
        ("a*c", "abcab", false),
        ("a*b*c", "a-b-b-c", true),
        ("**a", "bba", true),
        ("a?c*", "abc", true),
        ("[a-z]{1}", "b", false),
    ] {
        assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), is_match, "{pattern} {text}");
    }
}

#[test]
fn a_hostile_pattern_takes_no_exponential_time() {
    let pattern = "*a".repeat(100);
    let text = "a".repeat(99) + "b";

    assert!(!matches(pattern.as_bytes(), text.as_bytes()));
}
