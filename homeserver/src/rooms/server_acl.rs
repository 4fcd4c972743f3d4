//! Which servers may take part in a room. Client-server API, "Server Access Control Lists (ACLs) for
//! rooms". Pure: knows no room and no storage.

use std::collections::HashSet;

use ruma::ServerName;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// The content of an `m.room.server_acl` event, made ready for matching.
#[derive(Clone, Debug)]
pub struct ServerAcl {
    allow_ip_literals: bool,
    allow: Hosts,
    deny: Hosts,
}

/// A set of host names, some of them with wildcards.
#[derive(Clone, Debug, Default)]
struct Hosts {
    names: HashSet<Box<str>>,
    patterns: Vec<Box<str>>,
}

impl ServerAcl {
    /// Reads the content of an event. What has the wrong type counts as absent, so that a mistake in
    /// one entry does not open the room to everybody.
    pub fn parse(content: &RawValue) -> Self {
        #[derive(Default, Deserialize)]
        struct Content {
            allow_ip_literals: Option<Value>,
            allow: Option<Value>,
            deny: Option<Value>,
        }
        let content: Content = serde_json::from_str(content.get()).unwrap_or_default();
        Self {
            allow_ip_literals: content.allow_ip_literals.and_then(|value| value.as_bool()).unwrap_or(true),
            allow: Hosts::of(content.allow.as_ref()),
            deny: Hosts::of(content.deny.as_ref()),
        }
    }

    /// Whether `server` may take part. Its port does not matter.
    pub fn allows(&self, server: &ServerName) -> bool {
        if server.is_ip_literal() && !self.allow_ip_literals {
            return false;
        }
        let host = server.host().to_ascii_lowercase();
        !self.deny.contains(&host) && self.allow.contains(&host)
    }
}

impl Hosts {
    fn of(list: Option<&Value>) -> Self {
        let mut hosts = Self::default();
        let entries = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for entry in entries {
            let entry = entry.to_ascii_lowercase().into_boxed_str();
            if entry.contains(['*', '?']) {
                hosts.patterns.push(entry);
            } else {
                hosts.names.insert(entry);
            }
        }
        hosts
    }

    fn contains(&self, host: &str) -> bool {
        self.names.contains(host) || self.patterns.iter().any(|pattern| matches(pattern.as_bytes(), host.as_bytes()))
    }
}

/// Whether `pattern`, in which `*` stands for any number of characters and `?` for exactly one, is
/// all of `text`. Host names are ASCII, so that bytes are characters. Appendices, "Glob-style
/// matching".
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where to go on if what follows the last star does not fit: the star takes one more character.
    let mut retry: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                retry = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(wanted) if *wanted == b'?' || *wanted == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                at_pattern = star + 1;
                at_text = taken + 1;
            }
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests;
