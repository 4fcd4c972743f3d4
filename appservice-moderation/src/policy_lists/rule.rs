//! A rule of a policy list, as its event says it (client-server API, "Moderation policy lists"), with the types
//! that came before the specification, and hashed entities (MSC4205).

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::general_purpose::GeneralPurposeConfig,
    engine::{DecodePaddingMode, GeneralPurpose},
};
use ruma::OwnedEventId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wildmatch::WildMatch;

use crate::{Error, Result, event::Event};

/// Base64 as lists write it: with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Longest entity that is read, in bytes: none is longer than an identifier.
const LONGEST: usize = 512;
/// Longest reason that is kept, in letters.
const LONGEST_REASON: usize = 500;
/// Patterns with fewer fixed letters would hit anybody.
const FEWEST_LETTERS: usize = 3;

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Users.
    User,
    /// Servers.
    Server,
    /// Rooms.
    Room,
}

/// What a list recommends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recommendation {
    /// To ban.
    Ban,
    /// To take down (MSC4204): as a ban, and what was said goes, too.
    Takedown,
}

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Entity {
    /// One of this name, in small letters.
    Exact(String),
    /// All that match.
    Pattern(WildMatch),
    /// The one whose name has this SHA-256.
    Hash([u8; 32]),
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it is about.
    pub kind: Kind,
    /// Whom it is about.
    pub entity: Entity,
    /// What it recommends.
    pub recommendation: Recommendation,
    /// Why.
    pub reason: Option<String>,
    /// The event that says it.
    pub event: OwnedEventId,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::User, Self::Server, Self::Room];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Server => "server",
            Self::Room => "room",
        }
    }

    /// The kind of which events of the type `event_type` are.
    pub fn of_type(event_type: &str) -> Option<Self> {
        let prefixes = ["m.policy.rule.", "m.room.rule.", "org.matrix.mjolnir.rule."];
        let name = prefixes.iter().find_map(|prefix| event_type.strip_prefix(prefix))?;
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind that can be published as `name`.
    pub fn published_as(name: &str) -> Result<Self> {
        match name {
            "user" => Ok(Self::User),
            "server" => Ok(Self::Server),
            "ip" | "network" | "room_network" | "net" => Err(Error::forbidden(
                "Rules about networks are never published: an address is somebody's, and a list is for everybody.",
            )),
            "email" | "email_domain" | "mail" => Err(Error::forbidden(
                "Rules about e-mail addresses are never published: an address is somebody's, and a list is for \
                 everybody.",
            )),
            _ => Err(Error::invalid("Only bans of users and servers can be published.")),
        }
    }
}

impl Recommendation {
    fn read(text: &str) -> Option<Self> {
        match text {
            "m.ban" | "org.matrix.mjolnir.ban" => Some(Self::Ban),
            "m.takedown" | "org.matrix.msc4204.takedown" => Some(Self::Takedown),
            _ => None,
        }
    }
}

impl Entity {
    /// Reads the name of an entity or a pattern; capitals make no difference.
    pub fn read(text: &str) -> Option<Self> {
        let is_pattern = text.contains(['*', '?']);
        match text.trim() {
            text if text.is_empty() || text.len() > LONGEST => None,
            text if is_pattern => Some(Self::Pattern(WildMatch::new_case_insensitive(text))),
            text => Some(Self::Exact(text.to_lowercase())),
        }
    }

    /// Whether it is the one called `name`, or one of them.
    pub fn is(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => *exact == name.to_lowercase(),
            Self::Pattern(pattern) => pattern.matches(name),
            Self::Hash(hash) => *hash == sha256(name),
        }
    }

    /// Whether it is a pattern that could be anybody.
    pub fn is_too_wide(&self) -> bool {
        match self {
            Self::Pattern(pattern) => {
                let fixed = pattern.pattern_chars().iter().filter(|letter| !matches!(letter, '*' | '?' | '@' | ':'));
                fixed.count() < FEWEST_LETTERS
            }
            _ => false,
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Pattern(pattern) => write!(f, "{pattern}"),
            Self::Hash(hash) => write!(f, "sha256:{}", BASE64.encode(hash)),
        }
    }
}

impl Rule {
    /// The rule that an event says, if it says one that is understood. A rule is lifted by an event without
    /// content in its place.
    pub fn read(event: &Event) -> Option<Self> {
        let kind = Kind::of_type(&event.kind)?;
        event.state_key.as_ref()?;
        let hash = || {
            let hashes =
                ["org.matrix.msc4205.hashes", "hashes"].into_iter().find_map(|name| event.content.get(name))?;
            let hash = BASE64.decode(hashes.get("sha256")?.as_str()?).ok()?;
            Some(Entity::Hash(hash.try_into().ok()?))
        };
        let reason =
            event.text("reason").map(str::trim).filter(|reason| !reason.is_empty() && *reason != "<no reason>");
        Some(Self {
            kind,
            entity: event.text("entity").and_then(Entity::read).or_else(hash)?,
            recommendation: Recommendation::read(event.text("recommendation")?)?,
            reason: reason.map(|reason| reason.chars().take(LONGEST_REASON).collect()),
            event: event.event_id.clone(),
        })
    }
}

/// What is published: the type of the event, its state key, which is the same for the same entity, and its
/// content.
pub fn publication(kind: Kind, entity: &str, reason: &str) -> (String, String, Value) {
    let state_key = BASE64.encode(sha256(&format!("m.ban|{entity}")));
    let content = json!({ "entity": entity, "recommendation": "m.ban", "reason": reason });
    (format!("m.policy.rule.{}", kind.name()), state_key, content)
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(kind: &str, content: Value) -> Option<Rule> {
        let event = json!({
            "event_id": "$rule", "room_id": "!list:there.test", "sender": "@writer:there.test",
            "type": kind, "state_key": "k", "content": content,
        });
        Rule::read(&serde_json::from_value(event).expect("an event"))
    }

    #[test]
    fn all_types_that_are_in_use_are_read() {
        for kind in ["m.policy.rule.user", "m.room.rule.user", "org.matrix.mjolnir.rule.user"] {
            for recommendation in ["m.ban", "org.matrix.mjolnir.ban", "org.matrix.msc4204.takedown"] {
                let content = json!({ "entity": "@Spam*:Evil.test", "recommendation": recommendation, "reason": "r" });
                let rule = rule(kind, content).expect("it is understood");
                assert_eq!(rule.kind, Kind::User);
                assert!(rule.entity.is("@spam1:evil.test") && !rule.entity.is("@ham:evil.test"));
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_no_rule() {
        for (kind, content) in [
            ("m.policy.rule.user", json!({})),
            ("m.policy.rule.user", json!({ "entity": "@a:b", "recommendation": "m.hug" })),
            ("m.policy.rule.user", json!({ "entity": 3, "recommendation": "m.ban" })),
            ("m.policy.rule.user", json!({ "entity": "", "recommendation": "m.ban" })),
            ("m.policy.rule.word", json!({ "entity": "@a:b", "recommendation": "m.ban" })),
            ("m.room.member", json!({ "entity": "@a:b", "recommendation": "m.ban" })),
        ] {
            assert_eq!(rule(kind, content.clone()), None, "{content}");
        }
    }

    #[test]
    fn hashed_names_are_found() {
        for padding in ["", "="] {
            let hash = BASE64.encode(sha256("@spam:evil.test")) + padding;
            let content = json!({ "recommendation": "m.ban", "org.matrix.msc4205.hashes": { "sha256": hash } });
            let rule = rule("m.policy.rule.user", content).expect("it is understood");
            assert!(rule.entity.is("@spam:evil.test") && !rule.entity.is("@ham:evil.test"));
        }
    }

    #[test]
    fn patterns_know_nothing_but_stars_and_question_marks() {
        let is = |pattern: &str, name: &str| Entity::read(pattern).expect("an entity").is(name);

        assert!(is("*.evil.test", "a.evil.test") && !is("*.evil.test", "evil.test"));
        assert!(is("evil?.test", "evil1.test") && !is("evil?.test", "evil.test"));
        assert!(!is("[ae]vil.test", "evil.test") && !is("{a,evil}.test*", "evil.test"));
    }

    #[test]
    fn patterns_that_are_everybody_are_known() {
        for (pattern, expected) in
            [("*", true), ("@*:*", true), ("*:a?", true), ("*.org", false), ("@spam*", false), ("a", false)]
        {
            assert_eq!(Entity::read(pattern).expect("an entity").is_too_wide(), expected, "{pattern}");
        }
    }

    #[test]
    fn the_same_entity_is_published_in_the_same_place() {
        let (kind, state_key, content) = publication(Kind::User, "@spam:evil.test", "spam");

        assert_eq!(kind, "m.policy.rule.user");
        assert_eq!(state_key, publication(Kind::User, "@spam:evil.test", "more spam").1);
        assert!(rule(&kind, content).is_some());
    }

    #[test]
    fn addresses_are_never_published() {
        for kind in ["network", "ip", "email", "email_domain"] {
            let refusal = Kind::published_as(kind).expect_err("it is refused").to_string();
            assert!(refusal.contains("never published"), "{refusal}");
        }
    }
}
