//! E-mail addresses as rules know them: variants of one address are one. Pure.

use std::fmt;

use crate::{
    Error, Result,
    secrets::{HASH_LENGTH, Secrets},
};

/// What addresses are hashed for.
const PURPOSE: &str = "access: e-mail address";
/// The longest address, in bytes. RFC 5321, section 4.5.3.1.3.
const LONGEST: usize = 254;

/// An address that stands for all its variants: its domain, and the keyed hash of the whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    /// The domain in its ASCII form, in small letters.
    pub domain: String,
    /// The keyed hash of the canonical address.
    pub hash: [u8; HASH_LENGTH],
    masked: String,
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

impl Email {
    /// Reads an address. Capitals, what follows a `+`, and dots at Gmail make no difference.
    pub fn parse(address: &str, secrets: &Secrets) -> Result<Self> {
        let address = address.trim();
        let malformed = || Error::invalid_param("This is not an e-mail address.");
        let (local, domain) = address.rsplit_once('@').ok_or_else(malformed)?;
        let domain = parse_domain(domain)?;
        let domain = if domain == "googlemail.com" { "gmail.com".to_owned() } else { domain };
        let mut local = local.to_lowercase();
        if let Some(tag) = local.find('+').filter(|at| *at > 0) {
            local.truncate(tag);
        }
        if domain == "gmail.com" {
            local.retain(|letter| letter != '.');
        }
        if local.is_empty() || local.contains(char::is_whitespace) || address.len() > LONGEST {
            return Err(malformed());
        }
        let masked = format!("{}…@{domain}", local.chars().next().unwrap_or_default());
        Ok(Self { hash: secrets.hash(PURPOSE, &format!("{local}@{domain}")), domain, masked })
    }

    /// The address with only its first letter and its domain.
    pub fn masked(&self) -> &str {
        &self.masked
    }
}

/// Reads a domain, with or without a leading `@`, into its ASCII form.
pub fn parse_domain(text: &str) -> Result<String> {
    let malformed = || Error::invalid_param(format!("{text:?} is not a domain."));
    let bare = text.trim().trim_start_matches('@').trim_end_matches('.');
    match url::Host::parse(bare).map_err(|_| malformed())? {
        url::Host::Domain(domain) if domain.contains('.') || domain == "localhost" => Ok(domain.to_lowercase()),
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(address: &str) -> Email {
        Email::parse(address, &Secrets::for_tests()).expect("an address")
    }

    #[test]
    fn variants_of_an_address_are_one() {
        let one = email("alice.b@gmail.com");

        for variant in ["A.L.I.C.E.B+salon@GoogleMail.com", " aliceb@gmail.com", "aliceb+@gmail.com"] {
            assert_eq!(email(variant).hash, one.hash, "{variant}");
        }
        assert_ne!(email("alice@gmail.com").hash, one.hash);
        assert_eq!(email("Bob@Bücher.Example").hash, email("bob@xn--bcher-kva.example").hash);
        assert_ne!(email("a.b@example.org").hash, email("ab@example.org").hash, "elsewhere dots make a difference");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "alice", "@example.org", "alice@", "alice@nowhere", "al ice@example.org", "alice@192.0.2.1"] {
            assert!(Email::parse(text, &Secrets::for_tests()).is_err(), "{text}");
        }
    }

    #[test]
    fn only_its_first_letter_is_shown() {
        assert_eq!(email("alice@Example.org").masked(), "a…@example.org");
    }
}
