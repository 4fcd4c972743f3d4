//! Reads registration files, as all bridges write them.

use std::path::Path;

use anyhow::{Context, anyhow};
use ruma::{OwnedUserId, ServerName, UserId};
use serde::Deserialize;
use url::Url;

use super::namespaces::{Namespace, Namespaces};
use crate::config::Hidden;

/// An application service.
#[derive(Clone, Debug)]
pub struct AppService {
    /// What it is called; never changes.
    pub id: String,
    /// Where it is told what happens; nowhere, if none.
    pub url: Option<Url>,
    /// What it authenticates itself by.
    pub(super) as_token: Hidden,
    /// What this server authenticates itself by.
    pub hs_token: Hidden,
    /// The user as whom it acts where it names no other.
    pub sender: OwnedUserId,
    /// The names it is interested in.
    pub namespaces: Namespaces,
    /// Whether its users, but for the sender, are slowed down as others are.
    pub is_rate_limited: bool,
    /// The networks it speaks for.
    pub protocols: Vec<String>,
    /// What it is told besides events.
    pub wants: Wants,
}

/// What an application service is told besides events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Receipts, typing and presence, and messages to the devices of its users.
    pub ephemeral: bool,
    /// Whether it knows these under the names of MSC2409.
    pub unstable_names: bool,
    /// Changes of devices, and how many one-time keys its users' devices have left (MSC3202).
    pub encryption: bool,
}

/// The file. Members of other servers' making are passed over.
#[derive(Deserialize)]
struct File {
    id: String,
    // It has to be there, be it null.
    #[serde(deserialize_with = "Option::deserialize")]
    url: Option<String>,
    as_token: String,
    hs_token: String,
    sender_localpart: String,
    namespaces: Lists,
    rate_limited: Option<bool>,
    protocols: Option<Vec<String>>,
    #[serde(default)]
    receive_ephemeral: bool,
    #[serde(default, rename = "de.sorunome.msc2409.push_ephemeral")]
    push_ephemeral: bool,
    #[serde(default, rename = "org.matrix.msc3202")]
    msc3202: bool,
}

#[derive(Deserialize)]
struct Lists {
    users: Option<Vec<Item>>,
    aliases: Option<Vec<Item>>,
    rooms: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    exclusive: bool,
    regex: String,
}

impl AppService {
    /// Reads a registration file.
    pub(super) fn read(file: &Path, server_name: &ServerName) -> anyhow::Result<Self> {
        let name = || format!("application service registration {}", file.display());
        let text = std::fs::read_to_string(file).with_context(name)?;
        Self::parse(&text, server_name).map_err(|fault| anyhow!("{}: {fault}", name()))
    }

    /// Reads the text of a registration file. Errors name the member, and never quote the text.
    pub(super) fn parse(text: &str, server_name: &ServerName) -> Result<Self, String> {
        let mut path = String::new();
        let file: Result<File, _> = serde_saphyr::with_deserializer_from_str(text, |yaml| {
            serde_path_to_error::deserialize(yaml).map_err(|fault| {
                path = fault.path().to_string();
                fault.into_inner()
            })
        });
        let file = file.map_err(|fault| {
            let cause = fault.without_snippet().to_string();
            if matches!(path.as_str(), "" | ".") { cause } else { format!("{path}: {cause}") }
        })?;
        file.check(server_name)
    }

    /// Whether it is told of what concerns `user`: a local user in its namespace, or its sender.
    pub fn is_interested_in_user(&self, user: &UserId) -> bool {
        user.server_name() == self.sender.server_name()
            && (*user == self.sender || self.namespaces.users.contains(user.as_str()))
    }

    /// Whether `user` is its own alone.
    pub fn owns_user(&self, user: &UserId) -> bool {
        user.server_name() == self.sender.server_name()
            && (*user == self.sender || self.namespaces.users.owns(user.as_str()))
    }
}

impl File {
    fn check(self, server_name: &ServerName) -> Result<AppService, String> {
        for (member, text) in [("id", &self.id), ("as_token", &self.as_token), ("hs_token", &self.hs_token)] {
            if text.is_empty() {
                return Err(format!("{member}: must not be empty"));
            }
        }
        if self.id.len() > LONGEST_ID {
            return Err(format!("id: has at most {LONGEST_ID} bytes"));
        }
        let sender = UserId::parse_with_server_name(&*self.sender_localpart, server_name)
            .map_err(|fault| format!("sender_localpart: {fault}"))?;
        Ok(AppService {
            id: self.id,
            url: self.url.filter(|url| !url.is_empty()).map(|url| parse_url(&url)).transpose()?,
            as_token: self.as_token.into(),
            hs_token: self.hs_token.into(),
            sender,
            namespaces: Namespaces {
                users: namespace("users", self.namespaces.users)?,
                aliases: namespace("aliases", self.namespaces.aliases)?,
                rooms: namespace("rooms", self.namespaces.rooms)?,
            },
            is_rate_limited: self.rate_limited.unwrap_or(true),
            protocols: self.protocols.unwrap_or_default(),
            wants: Wants {
                ephemeral: self.receive_ephemeral || self.push_ephemeral,
                unstable_names: self.push_ephemeral,
                encryption: self.msc3202,
            },
        })
    }
}

/// Most bytes of an ID.
const LONGEST_ID: usize = 200;

fn parse_url(url: &str) -> Result<Url, String> {
    let parsed = Url::parse(url).map_err(|fault| format!("url: {fault}"))?;
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
        return Err("url: must begin with http:// or https://".to_owned());
    }
    Ok(parsed)
}

fn namespace(kind: &str, items: Option<Vec<Item>>) -> Result<Namespace, String> {
    let mut namespace = Namespace::default();
    for (index, item) in items.into_iter().flatten().enumerate() {
        namespace.add(&item.regex, item.exclusive).map_err(|fault| {
            // Its last line is what is wrong; those above draw an arrow.
            let fault = fault.to_string();
            let cause = fault.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("namespaces.{kind}[{index}].regex: {cause}")
        })?;
    }
    Ok(namespace)
}
