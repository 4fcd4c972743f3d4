//! What registration files may look like, and what is wrong with others.

use ruma::{server_name, user_id};

use super::{AppService, Wants};

const IRC: &str = r##"
id: "IRC Bridge"
url: "http://127.0.0.1:1234"
as_token: "30c05ae90a248a4188e620216fa72e349803310ec83e2a77b34fe90be6081f46"
hs_token: 312
sender_localpart: "_irc_bot" # Will result in @_irc_bot:example.org
namespaces:
  users:
    - exclusive: true
      regex: "@_irc_bridge_.*"
  aliases:
    - exclusive: false
      regex: "#_irc_bridge_.*"
  rooms: []
"##;

fn parse(text: &str) -> Result<AppService, String> {
    AppService::parse(text, server_name!("example.org"))
}

#[test]
fn the_example_of_the_specification_is_understood() {
    let service = parse(IRC).expect("it is valid");

    assert_eq!(service.id, "IRC Bridge");
    assert_eq!(service.sender, "@_irc_bot:example.org");
    assert_eq!(service.hs_token.expose(), "312");
    assert!(service.is_rate_limited);
    assert_eq!(service.wants, Wants::default());
    assert!(service.owns_user(user_id!("@_irc_bridge_alice:example.org")));
    assert!(service.owns_user(user_id!("@_irc_bot:example.org")));
    assert!(!service.is_interested_in_user(user_id!("@_irc_bridge_alice:elsewhere.org")));
    assert!(!service.is_interested_in_user(user_id!("@alice_irc_bridge_:example.org")));
    assert!(service.namespaces.aliases.contains("#_irc_bridge_room:example.org"));
    assert!(!service.namespaces.aliases.owns("#_irc_bridge_room:example.org"));
}

#[test]
fn what_bridges_add_is_understood() {
    let text = r"
id: telegram
as_token: 1e5
hs_token: secret
namespaces:
  users: [{exclusive: true, regex: '^@telegram_.*:example\.org$'}, {exclusive: true, regex: '^@bot:example\.org$'}]
  rooms:
url: null
sender_localpart: h7Gs8
rate_limited: false
protocols: [telegram]
de.sorunome.msc2409.push_ephemeral: true
receive_ephemeral: true
org.matrix.msc3202: true
io.element.msc4190: true
push_ephemeral: maybe
";

    let service = parse(text).expect("it is valid");

    assert!(service.url.is_none() && !service.is_rate_limited);
    assert_eq!(service.as_token.expose(), "1e5");
    assert_eq!(service.protocols, ["telegram"]);
    assert_eq!(service.wants, Wants { ephemeral: true, unstable_names: true, encryption: true });
    assert!(service.owns_user(user_id!("@telegram_1:example.org")));
}

#[test]
fn errors_name_the_member_and_show_no_secret() {
    let with = |from: &str, to: &str| parse(&IRC.replace(from, to)).expect_err("this is refused");
    let cases = [
        (with("id: \"IRC Bridge\"", "other: x"), "missing field `id`"),
        (with("\"http://127.0.0.1:1234\"", "ftp://x"), "url: must begin with http://"),
        (with("hs_token: 312", "hs_token: ''"), "hs_token: must not be empty"),
        (with("hs_token: 312", "hs_token: [312]"), "hs_token: expected string scalar at line 5"),
        (with("exclusive: false", "exclusive: maybe"), "namespaces.aliases[0].exclusive: invalid boolean at line 12"),
        (with("@_irc_bridge_.*", "@(_irc"), "namespaces.users[0].regex: unclosed group"),
        (with("@_irc_bridge_.*", "@(?!a).*"), "namespaces.users[0].regex: look-around"),
        (with("_irc_bot\"", "\\0\""), "sender_localpart: "),
        (with("  rooms: []", "  rooms: ["), "line"),
    ];
    for (message, expected) in cases {
        assert!(message.contains(expected), "{message:?} says {expected:?}");
        assert!(!message.contains("30c05ae"), "{message:?}");
    }
}
