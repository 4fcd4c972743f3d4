//! The worked examples of `docs/access-rules.md`, and the order in which rules weigh.

use std::sync::Arc;

use ruma::room_id;

use super::*;
use crate::{
    access::{
        email,
        glob::Glob,
        networks,
        rule::{Criterion, Hits, Kind},
    },
    secrets::Secrets,
};

const NOW: i64 = 1_000_000;

fn secrets() -> Secrets {
    Secrets::for_tests()
}

/// A rule as `kind value scope effect`; a value that is not needed is written as a dash.
fn rule(text: &str, number: i64) -> Arc<Rule> {
    let [kind, value, scope, effect] = text.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let criterion = match kind.parse().expect("a kind") {
        Kind::Everyone => Criterion::Everyone,
        Kind::User => Criterion::User(Glob::new(value)),
        Kind::Server => Criterion::Server(Glob::new(value)),
        Kind::Email => Criterion::Email(Email::parse(value, &secrets()).expect("an address").hash),
        Kind::EmailDomain => Criterion::EmailDomain(email::parse_domain(value).expect("a domain")),
        Kind::Network => Criterion::Network(networks::parse(value).expect("a network")),
        Kind::RegistrationToken => Criterion::RegistrationToken([value.len() as u8; 32]),
        Kind::RoomNetwork => Criterion::RoomNetwork(value.to_owned()),
        Kind::NamedNetwork => Criterion::NamedNetwork(value.to_owned()),
    };
    Arc::new(Rule {
        id: text.to_owned(),
        version: 1,
        criterion,
        value: value.to_owned(),
        scope: scope.parse().expect("a scope"),
        effect: Effect::parse(effect, Some((5, 60_000))).expect("an effect"),
        public_reason: None,
        private_reason: None,
        author: "@admin:test.local".to_owned(),
        case: None,
        origin: "operator".to_owned(),
        created_at: number,
        updated_at: number,
        expires_at: None,
        revoked: None,
        hits: Hits::default(),
    })
}

fn set(rules: &[Arc<Rule>]) -> RuleSet {
    RuleSet::new(rules, RoomNetworks::new(secrets()), NOW)
}

/// What `rules` say to somebody known as `who`: words that are a user ID, an address or an e-mail
/// address.
fn said(rules: &[&str], who: &str, place: Place<'_>) -> String {
    let rules: Vec<_> = rules.iter().zip(0..).map(|(text, number)| rule(text, number)).collect();
    let (mut facts, mut emails) = (Facts::default(), Vec::new());
    for word in who.split_whitespace() {
        match word.parse() {
            Ok(address) => facts.address = Some(address),
            Err(_) if word.starts_with('@') => {
                facts.user = Some(word);
                facts.server = word.split_once(':').map(|(_, server)| server);
            }
            Err(_) => emails.push(Email::parse(word, &secrets()).expect("an address")),
        }
    }
    let facts = Facts { emails: &emails, ..facts };
    let decision = set(&rules).decide(place, &facts, NOW);
    decision.rule.map_or_else(|| "nothing".to_owned(), |rule| rule.id.clone())
}

#[test]
fn nothing_is_said_about_those_whom_no_rule_fits() {
    assert_eq!(said(&[], "@alice:here 192.0.2.1", Place::Server), "nothing");
    assert_eq!(said(&["user @bob:here server deny"], "@alice:here", Place::Server), "nothing");
    assert_eq!(said(&["user @alice:here login deny"], "@alice:here", Place::Server), "nothing");
}

#[test]
fn the_longest_prefix_wins_so_holes_work() {
    let rules = [
        "network 203.0.113.0/24 server deny",
        "network 203.0.113.64/26 server allow",
        "network 203.0.113.99/32 server deny",
        "network 2001:db8::/32 server deny",
        "network 2001:db8:1::/48 server allow",
    ];
    for (address, expected) in [
        ("203.0.113.1", rules[0]),
        ("203.0.113.65", rules[1]),
        ("203.0.113.99", rules[2]),
        ("203.0.114.1", "nothing"),
        ("::ffff:203.0.113.1", rules[0]),
        ("64:ff9b::203.0.113.1", rules[0]),
        ("2001:db8::1", rules[3]),
        ("2001:db8:1::1", rules[4]),
    ] {
        assert_eq!(said(&rules, address, Place::Server), expected, "{address}");
    }
}

#[test]
fn the_exact_user_goes_before_patterns_and_longer_patterns_before_shorter() {
    let rules =
        ["user @spam*:evil.test server deny", "user @*:evil.test server allow", "user @spam7:evil.test server allow"];

    assert_eq!(said(&rules, "@spam1:evil.test", Place::Server), rules[0]);
    assert_eq!(said(&rules, "@SPAM1:Evil.test", Place::Server), rules[0]);
    assert_eq!(said(&rules, "@spam7:evil.test", Place::Server), rules[2]);
    assert_eq!(said(&rules, "@honest:evil.test", Place::Server), rules[1]);
}

#[test]
fn an_address_goes_before_its_domain_and_a_domain_before_the_one_above() {
    let rules = [
        "email_domain example.org server deny",
        "email_domain staff.example.org server allow",
        "email boss@example.org server allow",
    ];

    assert_eq!(said(&rules, "eve@example.org", Place::Server), rules[0]);
    assert_eq!(said(&rules, "eve@students.example.org", Place::Server), rules[0]);
    assert_eq!(said(&rules, "eve@staff.example.org", Place::Server), rules[1]);
    assert_eq!(said(&rules, "Boss+news@Example.org", Place::Server), rules[2]);
    assert_eq!(said(&rules, "eve@notexample.org", Place::Server), "nothing");
}

#[test]
fn of_several_addresses_the_worst_counts() {
    let rules = ["email_domain staff.test server allow", "email_domain trash.test server deny"];

    assert_eq!(said(&rules, "a@staff.test b@trash.test", Place::Server), rules[1]);
    assert_eq!(said(&rules, "a@staff.test b@elsewhere.test", Place::Server), rules[0]);
}

#[test]
fn between_kinds_the_strictest_wins() {
    let order = ["allow", "rate_limit", "require_verified_email", "require_2fa", "require_approval", "deny"];
    for (lenient, milder) in order.iter().enumerate() {
        for stricter in &order[lenient + 1..] {
            let user = format!("user @alice:here server {milder}");
            let network = format!("network 192.0.2.0/24 server {stricter}");
            assert_eq!(said(&[&user, &network], "@alice:here 192.0.2.1", Place::Server), network);
        }
    }
}

#[test]
fn of_equally_specific_rules_the_strictest_wins_then_the_newest() {
    let deny = "network 192.0.2.0/24 server deny";
    let allow = "network 192.0.2.0/24 server allow";

    assert_eq!(said(&[deny, allow], "192.0.2.1", Place::Server), deny);
    assert_eq!(said(&[allow, deny], "192.0.2.1", Place::Server), deny);
    let [older, newer] = [1, 2].map(|number| {
        let mut rule = rule(deny, number);
        Arc::get_mut(&mut rule).expect("nobody else has it").id = number.to_string();
        rule
    });
    let facts = Facts { address: Some("192.0.2.1".parse().expect("an address")), ..Facts::default() };
    let decided = set(&[newer, older]).decide(Place::Server, &facts, NOW).rule.expect("a rule");
    assert_eq!(decided.id, "2");
}

#[test]
fn a_rule_about_everyone_speaks_where_no_other_does() {
    let rules = ["everyone - feature:create_room deny", "email_domain staff.test feature:create_room allow"];
    let place = Place::Feature(Feature::CreateRoom);

    assert_eq!(said(&rules, "@alice:here", place), rules[0]);
    assert_eq!(said(&rules, "@alice:here a@staff.test", place), rules[1]);
    assert_eq!(said(&rules, "@alice:here", Place::Feature(Feature::Invite)), "nothing");
}

#[test]
fn what_only_counts_decides_nothing() {
    let rules = [rule("network 192.0.2.0/24 server log_only", 1), rule("network 192.0.0.0/16 server deny", 2)];
    let facts = Facts { address: Some("192.0.2.1".parse().expect("an address")), ..Facts::default() };

    let decision = set(&rules).decide(Place::Server, &facts, NOW);

    assert_eq!(decision.effect(), Effect::Deny);
    assert_eq!(decision.noted.len(), 1);
}

#[test]
fn what_has_ended_says_nothing() {
    let ended = |at| {
        let mut rule = rule("network 192.0.2.0/24 server deny", 1);
        Arc::get_mut(&mut rule).expect("nobody else has it").expires_at = Some(at);
        rule
    };
    let facts = Facts { address: Some("192.0.2.1".parse().expect("an address")), ..Facts::default() };
    let set = set(&[ended(NOW + 1)]);

    assert_eq!(set.decide(Place::Server, &facts, NOW).effect(), Effect::Deny);
    assert_eq!(set.decide(Place::Server, &facts, NOW + 1).effect(), Effect::Allow);
    assert_eq!(set.next_expiry(), Some(NOW + 1));
    assert!(super::tests::set(&[ended(NOW)]).is_empty());
}

#[test]
fn rooms_and_their_networks_are_told_apart() {
    let [here, there] = [room_id!("!here:test.local"), room_id!("!there:test.local")];
    let token = RoomNetworks::new(secrets()).token(here, "203.0.113.7".parse().expect("an address"));
    let ban = format!("room_network {token} room:{here} deny");

    assert_eq!(said(&[&ban], "203.0.113.7", Place::Room(here)), ban);
    assert_eq!(said(&[&ban], "203.0.113.8", Place::Room(here)), "nothing");
    assert_eq!(said(&[&ban], "203.0.113.7", Place::Room(there)), "nothing");
}

#[test]
fn a_named_network_weighs_as_much_as_that_of_a_customer() {
    let name = RoomNetworks::new(secrets()).name("203.0.113.7".parse().expect("an address"));
    let [wide, ban, hole] = [
        "network 203.0.113.0/24 registration allow".to_owned(),
        format!("named_network {name} registration deny"),
        "network 203.0.113.7 registration allow".to_owned(),
    ];

    assert_eq!(said(&[&wide, &ban], "203.0.113.7", Place::Registration), ban, "the narrower");
    assert_eq!(said(&[&wide, &ban], "203.0.113.8", Place::Registration), wide);
    assert_eq!(said(&[&ban, &hole], "203.0.113.7", Place::Registration), ban, "the stricter");
    assert_eq!(said(&[&ban], "203.0.113.7", Place::Server), "nothing");
}

#[test]
fn registration_tokens_are_known_by_their_hash() {
    let rules = [rule("registration_token abc registration allow", 1), rule("everyone - registration deny", 2)];
    let decide = |token: &[u8; 32]| {
        let facts = Facts { token: Some(token), ..Facts::default() };
        set(&rules).decide(Place::Registration, &facts, NOW).effect()
    };

    assert_eq!(decide(&[3; 32]), Effect::Allow);
    assert_eq!(decide(&[4; 32]), Effect::Deny);
}

#[test]
fn it_is_explained_what_became_of_every_rule() {
    let rules: Vec<_> = [
        "network 203.0.113.0/24 server deny",
        "network 203.0.113.64/26 server allow",
        "network 203.0.0.0/16 server log_only",
        "user @alice:here server rate_limit",
        "everyone - server require_2fa",
    ]
    .iter()
    .zip(0..)
    .map(|(text, number)| rule(text, number))
    .collect();
    let facts = Facts {
        user: Some("@alice:here"),
        address: Some("203.0.113.65".parse().expect("an address")),
        ..Facts::default()
    };

    let matches = set(&rules).explain(Place::Server, &facts, NOW);

    let outcome = |number: usize| {
        matches.iter().find(|found| Arc::ptr_eq(&found.rule, &rules[number])).map(|found| found.outcome)
    };
    assert_eq!(outcome(0), Some(Outcome::LessSpecific));
    assert_eq!(outcome(1), Some(Outcome::LessStrict));
    assert_eq!(outcome(2), Some(Outcome::Noted));
    assert_eq!(outcome(3), Some(Outcome::Decides));
    assert_eq!(outcome(4), Some(Outcome::Default));
    assert!(Arc::ptr_eq(&matches[0].rule, &rules[3]), "what decides comes first");
}
