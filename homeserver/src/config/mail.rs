//! `[mail]`: how messages are sent to people's e-mail addresses.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Hidden, Problem, values};

/// E-mail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The SMTP server that takes messages; without one, none are sent.
    pub smtp_host: Option<String>,
    /// Its port, if not the usual one.
    pub smtp_port: Option<u16>,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// As whom to log in.
    pub username: Option<String>,
    /// The password for that.
    pub password: Option<Hidden>,
    /// The sender.
    pub from: Option<String>,
    /// Certificate authorities as PEM, trusted besides the well-known ones.
    pub ca_file: Option<PathBuf>,
    /// Hosts that clients may send people to after they have confirmed an address.
    #[serde(deserialize_with = "values::one_or_many")]
    pub next_link_hosts: Vec<String>,
    /// Whether people are told when somebody signs in to their account on a new device.
    pub tell_of_sign_ins: bool,
}

/// How a connection to an SMTP server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// It begins in the clear and must be encrypted then.
    #[default]
    Starttls,
    /// From the beginning.
    Tls,
    /// Not at all.
    None,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            smtp_host: None,
            smtp_port: None,
            encryption: Encryption::default(),
            username: None,
            password: None,
            from: None,
            ca_file: None,
            next_link_hosts: Vec::new(),
            tell_of_sign_ins: true,
        }
    }
}

impl Mail {
    pub(super) fn check(&self) -> Result<(), Problem> {
        match (&self.smtp_host, &self.from) {
            (Some(_), None) => return Err(Problem::new("mail.from", "is needed because mail.smtp_host is set")),
            (_, Some(from)) if from.parse::<lettre::message::Mailbox>().is_err() => {
                return Err(Problem::new("mail.from", "must look like \"Salon <noreply@example.org>\""));
            }
            _ => {}
        }
        if self.username.is_some() != self.password.is_some() {
            return Err(Problem::new("mail.password", "is needed together with mail.username"));
        }
        Ok(())
    }
}
