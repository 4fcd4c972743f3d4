//! On whom or what a command is: how that is written, and what it means.

use std::net::IpAddr;

use ipnet::IpNet;
use ruma::{
    MatrixToUri, MatrixUri, OwnedEventId, OwnedRoomId, OwnedRoomOrAliasId, OwnedUserId, UserId, matrix_uri::MatrixId,
};

use crate::{Error, Result};

/// On whom or what a command is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A user.
    User(OwnedUserId),
    /// All users whose ID fits a pattern.
    Users(String),
    /// An address or a network.
    Network(IpNet),
    /// An e-mail address.
    Email(String),
    /// A domain of e-mail addresses.
    EmailDomain(String),
    /// A server, or all servers whose name fits a pattern.
    Server(String),
    /// A registration token.
    RegistrationToken(String),
    /// All people.
    Everyone,
    /// A room.
    Room(OwnedRoomOrAliasId),
    /// An event of a room.
    Event(OwnedRoomId, OwnedEventId),
}

impl Target {
    /// Understands what somebody wrote: `None` if it is just a word.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        if let Some((prefix, rest)) = text.split_once(':')
            && let Some(target) = Self::prefixed(&prefix.to_lowercase(), rest)?
        {
            return Ok(Some(target));
        }
        let wrong = |what: &str| Error::invalid(format!("\"{text}\" is not {what}."));
        match text.chars().next() {
            Some('@') if text.contains(['*', '?']) => Ok(Some(Self::Users(text.to_owned()))),
            Some('@') => {
                let user = UserId::parse(text).map_err(|_| wrong("a user ID like @alice:example.org"))?;
                Ok(Some(Self::User(user)))
            }
            Some('!' | '#') => {
                let room = OwnedRoomOrAliasId::try_from(text);
                Ok(Some(Self::Room(room.map_err(|_| wrong("a room like #room:example.org"))?)))
            }
            _ if text.starts_with("https://matrix.to/") => {
                let link = MatrixToUri::parse(text).map_err(|_| wrong("a link to something in Matrix"))?;
                Self::linked(link.id()).map(Some)
            }
            _ if text.starts_with("matrix:") => {
                let link = MatrixUri::parse(text).map_err(|_| wrong("a link to something in Matrix"))?;
                Self::linked(link.id()).map(Some)
            }
            _ if text == "everyone" => Ok(Some(Self::Everyone)),
            // An address says itself what it is.
            _ => Ok(network(text).map(Self::Network)),
        }
    }

    fn prefixed(prefix: &str, rest: &str) -> Result<Option<Self>> {
        let rest = rest.trim();
        let wrong = |what: &str| Error::invalid(format!("\"{rest}\" is not {what}."));
        Ok(Some(match prefix {
            "ip" | "network" => {
                Self::Network(network(rest).ok_or_else(|| wrong("an address or a network like 203.0.113.0/24"))?)
            }
            "email" => match rest.split_once('@') {
                Some((name, domain)) if !name.is_empty() && is_domain(domain) => Self::Email(rest.to_owned()),
                _ => return Err(wrong("an e-mail address")),
            },
            "domain" | "email_domain" => {
                let domain = rest.trim_start_matches('@');
                if !is_domain(domain) {
                    return Err(wrong("a domain like example.org"));
                }
                Self::EmailDomain(domain.to_lowercase())
            }
            "server" if !rest.is_empty() => Self::Server(rest.to_lowercase()),
            "token" if !rest.is_empty() => Self::RegistrationToken(rest.to_owned()),
            "user" if rest.starts_with('@') => return Self::parse(rest),
            _ => return Ok(None),
        }))
    }

    fn linked(id: &MatrixId) -> Result<Self> {
        match id {
            MatrixId::User(user) => Ok(Self::User(user.clone())),
            MatrixId::Room(room) => Ok(Self::Room(room.clone().into())),
            MatrixId::RoomAlias(alias) => Ok(Self::Room((**alias).to_owned().into())),
            MatrixId::Event(room, event) => match OwnedRoomId::try_from(room.clone()) {
                Ok(room) => Ok(Self::Event(room, event.clone())),
                Err(_) => Err(Error::invalid("Links to events name the room by its ID here.")),
            },
            _ => Err(Error::invalid("This link leads to nothing that is known here.")),
        }
    }

    /// What it is called in an access rule, with its value.
    pub fn criterion(&self) -> Option<(&'static str, String)> {
        Some(match self {
            Self::User(user) => ("user", user.to_string()),
            Self::Users(pattern) => ("user", pattern.clone()),
            Self::Network(network) => ("network", network.to_string()),
            Self::Email(email) => ("email", email.clone()),
            Self::EmailDomain(domain) => ("email_domain", domain.clone()),
            Self::Server(server) => ("server", server.clone()),
            Self::RegistrationToken(token) => ("registration_token", token.clone()),
            Self::Everyone => ("everyone", String::new()),
            Self::Room(_) | Self::Event(..) => return None,
        })
    }

    /// The same, of what rules can be about.
    pub(super) fn in_rules(&self) -> Result<(&'static str, String)> {
        self.criterion().ok_or_else(|| Error::invalid(format!("There are no rules about {}.", self.shown())))
    }

    /// How it is shown: of an e-mail address not more than whoever wrote it knows it by.
    pub fn shown(&self) -> String {
        match self {
            Self::User(user) => user.to_string(),
            Self::Users(pattern) => pattern.clone(),
            Self::Network(network) => match network.prefix_len() == network.max_prefix_len() {
                true => format!("ip:{}", network.addr()),
                false => format!("ip:{network}"),
            },
            Self::Email(email) => {
                let (name, domain) = email.split_once('@').unwrap_or((email, ""));
                format!("email:{}…@{domain}", name.chars().take(1).collect::<String>())
            }
            Self::EmailDomain(domain) => format!("domain:{domain}"),
            Self::Server(server) => format!("server:{server}"),
            Self::RegistrationToken(_) => "a registration token".to_owned(),
            Self::Everyone => "everyone".to_owned(),
            Self::Room(room) => room.to_string(),
            Self::Event(room, event) => format!("{event} in {room}"),
        }
    }
}

/// An address or a network; of IPv6 without a prefix, that of one customer.
fn network(text: &str) -> Option<IpNet> {
    if let Ok(network) = text.parse::<IpNet>() {
        return Some(network.trunc());
    }
    let address: IpAddr = text.parse().ok()?;
    let prefix = if address.is_ipv4() { 32 } else { 64 };
    IpNet::new(address, prefix).ok().map(|network| network.trunc())
}

fn is_domain(text: &str) -> bool {
    text.contains('.') && text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-'))
}

#[cfg(test)]
mod tests;
