//! Access control lists of rooms (`m.room.server_acl`): what lists add is merged with what stands, and taken
//! out again without touching anything else.

use std::collections::BTreeSet;

use ruma::ServerName;
use serde_json::{Value, json};
use wildmatch::WildMatch;

use crate::Error;

/// Most bytes of the content: an event has 64 KiB, of which some is needed for the rest.
const LARGEST: usize = 60_000;

/// An access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    allow: Vec<String>,
    deny: Vec<String>,
    allows_ip_literals: bool,
}

/// Why an access control list cannot be changed as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// This server would be locked out.
    LocksOut,
    /// It is too long.
    TooLong,
}

impl From<Objection> for Error {
    fn from(objection: Objection) -> Self {
        Self::forbidden(match objection {
            Objection::LocksOut => "That would shut this server out of the room.",
            Objection::TooLong => "The access control list of the room would be too long.",
        })
    }
}

impl Acl {
    /// Reads the content of the event; without one, every server is let in.
    pub fn read(content: Option<&Value>) -> Self {
        let Some(content) = content.filter(|content| content.is_object()) else {
            return Self { allow: vec!["*".to_owned()], deny: Vec::new(), allows_ip_literals: true };
        };
        let list = |name: &str| {
            let items = content[name].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).map(ToOwned::to_owned).collect()
        };
        let allows_ip_literals = content["allow_ip_literals"].as_bool().unwrap_or(true);
        Self { allow: list("allow"), deny: list("deny"), allows_ip_literals }
    }

    /// The content of the event.
    pub fn content(&self) -> Value {
        json!({ "allow": self.allow, "deny": self.deny, "allow_ip_literals": self.allows_ip_literals })
    }

    /// Whether a pattern is denied by name.
    pub fn denies(&self, pattern: &str) -> bool {
        self.deny.iter().any(|denied| denied.eq_ignore_ascii_case(pattern))
    }

    /// The same with `added` denied and `removed` denied no longer.
    pub fn changed(&self, added: &BTreeSet<String>, removed: &BTreeSet<String>) -> Self {
        let mut acl = self.clone();
        acl.deny.retain(|denied| !removed.iter().any(|pattern| pattern.eq_ignore_ascii_case(denied)));
        for pattern in added {
            if !acl.denies(pattern) {
                acl.deny.push(pattern.clone());
            }
        }
        acl
    }

    /// Refuses what would lock out `own`, where it was let in `before`, and what is too long.
    pub fn check(&self, before: &Self, own: &ServerName) -> Result<(), Objection> {
        if before.lets_in(own) && !self.lets_in(own) {
            return Err(Objection::LocksOut);
        }
        if self.content().to_string().len() > LARGEST {
            return Err(Objection::TooLong);
        }
        Ok(())
    }

    /// Whether a server is let in, by the order that the specification gives.
    pub fn lets_in(&self, server: &ServerName) -> bool {
        if !self.allows_ip_literals && server.is_ip_literal() {
            return false;
        }
        let matches = |patterns: &[String]| {
            patterns.iter().any(|pattern| WildMatch::new_case_insensitive(pattern).matches(server.host()))
        };
        !matches(&self.deny) && matches(&self.allow)
    }
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;

    fn set<const N: usize>(patterns: [&str; N]) -> BTreeSet<String> {
        patterns.map(ToOwned::to_owned).into()
    }

    #[test]
    fn what_others_wrote_stays() {
        let standing = json!({ "allow": ["*"], "deny": ["old.test", "both.test"], "allow_ip_literals": false });
        let before = Acl::read(Some(&standing));

        let with = before.changed(&set(["evil.test", "Both.test"]), &set([]));
        let without = with.changed(&set([]), &set(["EVIL.test"]));

        assert_eq!(with.content()["deny"], json!(["old.test", "both.test", "evil.test"]));
        assert_eq!(without.content(), standing);
    }

    #[test]
    fn the_own_server_is_never_locked_out() {
        let before = Acl::read(None);
        let own = server_name!("here.test");

        for pattern in ["here.test", "*.test", "HERE.*"] {
            assert_eq!(before.changed(&set([pattern]), &set([])).check(&before, own), Err(Objection::LocksOut));
        }
        assert_eq!(before.changed(&set(["there.test"]), &set([])).check(&before, own), Ok(()));
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let before = Acl::read(None);
        let many = (0..5000).map(|number| format!("server{number}.test")).collect();

        assert_eq!(before.changed(&many, &set([])).check(&before, server_name!("here.org")), Err(Objection::TooLong));
    }

    #[test]
    fn servers_are_let_in_as_specified() {
        let content = json!({ "allow": ["*.test"], "deny": ["evil.test"], "allow_ip_literals": false });
        let acl = Acl::read(Some(&content));

        for (server, expected) in
            [("a.test", true), ("a.test:8448", true), ("evil.test", false), ("a.org", false), ("192.0.2.1", false)]
        {
            let server = <&ServerName>::try_from(server).expect("a server name");
            assert_eq!(acl.lets_in(server), expected, "{server}");
        }
    }
}
