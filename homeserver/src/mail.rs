//! Sends messages to people's e-mail addresses. They wait in the database, encrypted, until an SMTP
//! server has taken them.

mod smtp;
mod templates;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;

use ruma::OwnedServerName;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

pub use self::templates::{Language, Text};
use crate::{
    Error, Result,
    clock::Clock,
    config,
    secrets::{self, Secrets, columns},
    storage::{Conn, Storage, mail as rows},
    tasks::Tasks,
};

/// Characters of a message's ID.
const ID: usize = 20;
/// Most bytes of an e-mail address. RFC 5321, section 4.5.3.1.3, without the angle brackets.
const LONGEST_ADDRESS: usize = 254;

/// What mail is built from.
#[derive(Debug)]
#[expect(missing_docs, reason = "each part is described where it is defined")]
pub struct Parts<'a> {
    pub storage: Storage,
    pub secrets: Secrets,
    pub clock: Clock,
    pub tasks: &'a Tasks,
    pub server_name: OwnedServerName,
    pub rules: &'a config::Mail,
}

/// The way to people's mailboxes; clones share it.
#[derive(Clone, Debug)]
pub struct Mail {
    secrets: Secrets,
    clock: Clock,
    server_name: OwnedServerName,
    is_configured: bool,
    /// Rung when there is something to send.
    due: Arc<Notify>,
}

/// A message as it waits.
#[derive(Serialize, Deserialize)]
struct Message {
    /// None for one that is not sent: it waits so that nobody can tell from the time it took whether
    /// there was one.
    to: Option<String>,
    subject: String,
    text: String,
}

/// The canonical form of an e-mail address, if it is one: all in small letters, without anything that
/// could end a line.
pub fn canonical_address(address: &str) -> Option<String> {
    let is_plain = address.len() <= LONGEST_ADDRESS && !address.chars().any(|c| c.is_control() || c.is_whitespace());
    let parsed: lettre::Address = is_plain.then(|| address.parse().ok())??;
    Some(parsed.to_string().to_lowercase())
}

impl Mail {
    /// Starts the task that sends, if it is configured how.
    pub fn start(parts: Parts<'_>) -> Result<Self> {
        let Parts { storage, secrets, clock, tasks, server_name, rules } = parts;
        let due = Arc::new(Notify::new());
        let smtp = smtp::Smtp::new(rules, &server_name)?;
        let is_configured = smtp.is_some();
        if let Some(smtp) = smtp {
            worker::start(
                worker::Worker { storage, secrets: secrets.clone(), clock: clock.clone(), smtp },
                &due,
                tasks,
            );
        }
        Ok(Self { secrets, clock, server_name, is_configured, due })
    }

    /// Whether anything can be sent.
    pub fn is_configured(&self) -> bool {
        self.is_configured
    }

    /// Lets a text wait until it is sent to `to`, a canonical address; without one it takes as long and
    /// is not sent. Call [`Self::wake`] after the commit.
    pub async fn queue(&self, conn: &mut Conn, to: Option<&str>, language: Language, text: &Text<'_>) -> Result<()> {
        let (subject, text) = text.write(language, self.server_name.as_str());
        let message = Message { to: to.map(ToOwned::to_owned), subject, text };
        let plain = serde_json::to_string(&message).map_err(|fault| Error::internal(fault.to_string()))?;
        let id = secrets::identifier(ID);
        let sealed = self.secrets.seal(&columns::OUTGOING_MAIL, &[&id], plain.as_bytes());
        rows::insert(conn, &id, &sealed, self.clock.now_ms()).await
    }

    /// Makes this process look for messages that wait.
    pub fn wake(&self) {
        self.due.notify_one();
    }
}
