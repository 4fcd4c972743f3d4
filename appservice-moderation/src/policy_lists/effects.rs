//! What comes of the rules of a list.

use std::fmt;

use crate::{Error, Result};

/// What comes of the rules of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effects {
    /// Users are banned from the rooms that are looked after.
    pub bans: bool,
    /// Servers are shut out of the rooms that are looked after.
    pub acl: bool,
    /// Users and servers are kept from this server by access rules.
    pub access: bool,
}

/// What comes of a list if nobody says anything else.
impl Default for Effects {
    fn default() -> Self {
        Self { bans: true, acl: true, access: false }
    }
}

impl Effects {
    /// Reads words that are separated by commas.
    pub fn parse(text: &str) -> Result<Self> {
        let mut effects = Self { bans: false, acl: false, access: false };
        for word in text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "bans" => effects.bans = true,
                "acl" => effects.acl = true,
                "access" => effects.access = true,
                "none" => {}
                _ => {
                    let message = format!("\"{word}\" does not come of lists. There are bans, acl, access and none.");
                    return Err(Error::invalid(message));
                }
            }
        }
        Ok(effects)
    }
}

impl fmt::Display for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.bans, "bans"), (self.acl, "acl"), (self.access, "access")];
        let words: Vec<&str> = words.into_iter().filter(|(is_on, _)| *is_on).map(|(_, word)| word).collect();
        f.write_str(if words.is_empty() { "none".to_owned() } else { words.join(",") }.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_they_are_written() {
        for text in ["bans,acl", "bans,acl,access", "access", "none"] {
            assert_eq!(Effects::parse(text).expect("effects").to_string(), text);
        }
        assert_eq!(Effects::default().to_string(), "bans,acl");
        assert!(Effects::parse("everything").is_err());
    }
}
