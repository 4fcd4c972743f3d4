//! How targets are written.

use super::Target;

fn shown(text: &str) -> String {
    Target::parse(text).expect("it is a target").map_or_else(|| "a word".to_owned(), |target| target.shown())
}

#[test]
fn targets_are_understood() {
    for (text, expected) in [
        ("@alice:example.org", "@alice:example.org"),
        ("user:@alice:example.org", "@alice:example.org"),
        ("@spam*:*", "@spam*:*"),
        ("ip:203.0.113.7/24", "ip:203.0.113.0/24"),
        ("IP:203.0.113.7", "ip:203.0.113.7"),
        ("203.0.113.7", "ip:203.0.113.7"),
        ("ip:2001:db8::1", "ip:2001:db8::/64"),
        ("2001:db8::/48", "ip:2001:db8::/48"),
        ("email:alice@example.org", "email:a…@example.org"),
        ("domain:@Mail.Example.org", "domain:mail.example.org"),
        ("server:*.bad.example", "server:*.bad.example"),
        ("#room:example.org", "#room:example.org"),
        ("!room:example.org", "!room:example.org"),
        ("https://matrix.to/#/@alice:example.org", "@alice:example.org"),
        ("https://matrix.to/#/!room:example.org/$event:example.org", "$event:example.org in !room:example.org"),
        ("https://matrix.to/#/%23room:example.org", "#room:example.org"),
        ("matrix:u/alice:example.org", "@alice:example.org"),
        ("everyone", "everyone"),
        ("raid", "a word"),
        ("c_8k2fma3p", "a word"),
        ("feature:join", "a word"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn what_is_meant_otherwise_is_refused_with_an_example() {
    for (text, expected) in [
        ("@alice", "user ID"),
        ("ip:203.0.113", "203.0.113.0/24"),
        ("ip:203.0.113.0/33", "203.0.113.0/24"),
        ("email:example.org", "e-mail"),
        ("domain:localhost", "example.org"),
        ("#room", "room"),
        ("https://matrix.to/#/nothing", "link"),
    ] {
        let refusal = Target::parse(text).expect_err("it is none").to_string();
        assert!(refusal.contains(expected), "{text}: {refusal}");
    }
}
