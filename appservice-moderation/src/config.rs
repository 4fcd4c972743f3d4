//! The configuration, validated once into typed values. A service receives only its section.

mod load;
pub mod patterns;
pub mod protections;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

pub use foundation::config::{Hidden, Logging, Problem};
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::{
    load::{Beside, load},
    protections::Protections,
};

/// Everything an operator can choose: one field per table of the TOML file.
///
/// `config/moderation.toml` lists every option with its default; a test compares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "each table is described where it is defined")]
pub struct Config {
    pub homeserver: Homeserver,
    pub listener: Listener,
    pub database: Database,
    pub operators: Operators,
    pub rooms: Rooms,
    pub protections: Protections,
    pub policy_lists: PolicyLists,
    pub logging: Logging,
}

/// `[homeserver]`: the server that is moderated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Homeserver {
    /// Where it answers.
    pub url: Url,
    /// Its data directory, where its private database and the registration are.
    pub data_directory: PathBuf,
    /// The registration file that both know; without it, it is `appservices/moderation.yaml` in the data directory.
    pub registration: Option<PathBuf>,
}

/// `[listener]`: where the homeserver and programs reach this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listener {
    /// The address, without TLS.
    pub address: SocketAddr,
}

/// `[database]`: where this program keeps what it knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// A MySQL or MariaDB server with a database of its own for this program; without it, that is in the homeserver's
    /// private MariaDB.
    pub url: Option<Hidden>,
    /// Most connections.
    pub connections: u32,
}

/// `[operators]`: the room in which people command.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operators {
    /// What the room is called that is made at the first start.
    pub room_name: String,
    /// How long a proposal waits for its confirmation, in minutes.
    pub confirmation_minutes: u32,
}

/// `[rooms]`: the rooms that are looked after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    /// Whether the bot comes into every room to which somebody of this server invites it; otherwise only people with a
    /// role may invite it.
    pub accept_all_invitations: bool,
}

/// `[policy_lists]`: lists that are followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyLists {
    /// A list that would put out more people than this at once rests until operators let it go on.
    pub most_hits: u32,
}

impl Default for Homeserver {
    fn default() -> Self {
        let url = Url::parse("http://127.0.0.1:8008").expect("this is a URL");
        Self { url, data_directory: "data".into(), registration: None }
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], 29400)) }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: None, connections: 5 }
    }
}

impl Default for Operators {
    fn default() -> Self {
        Self { room_name: "Moderation".to_owned(), confirmation_minutes: 5 }
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Self { accept_all_invitations: true }
    }
}

impl Default for PolicyLists {
    fn default() -> Self {
        Self { most_hits: 20 }
    }
}

impl Config {
    /// Refuses values that are well-formed but make no sense.
    pub fn check(&self) -> Result<(), Problem> {
        if !matches!(self.homeserver.url.scheme(), "http" | "https") || !self.homeserver.url.has_host() {
            return Err(Problem::new("homeserver.url", "must begin with http:// or https://"));
        }
        if self.database.connections == 0 {
            return Err(Problem::new("database.connections", "must be at least 1"));
        }
        if self.operators.confirmation_minutes == 0 {
            return Err(Problem::new("operators.confirmation_minutes", "must be at least 1"));
        }
        self.protections.check().map_err(|(option, why)| Problem::new(format!("protections.{option}"), why))?;
        self.logging.check()
    }

    /// Where the registration is.
    pub fn registration_file(&self) -> PathBuf {
        let usual = || self.homeserver.data_directory.join("appservices/moderation.yaml");
        self.homeserver.registration.clone().unwrap_or_else(usual)
    }

    /// Where the homeserver tells this program what happens.
    pub fn own_url(&self) -> String {
        format!("http://{}", self.listener.address)
    }
}

impl Operators {
    /// How long a proposal waits.
    pub fn confirmation(&self) -> Duration {
        Duration::from_secs(u64::from(self.confirmation_minutes) * 60)
    }
}
