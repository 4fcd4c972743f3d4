//! The configuration, validated once into typed values. A service receives only its section.

use ruma::{OwnedServerName, RoomVersionId};

/// Everything an operator can choose.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of this server: the part after the colon in its user IDs.
    pub server_name: OwnedServerName,
    /// `mysql://…`
    pub database_url: String,
    /// Connections to the database, at most.
    pub database_connections: u32,
    /// The version of rooms whose creator chooses none.
    pub default_room_version: RoomVersionId,
    /// The key from which all other keys for stored secrets are derived.
    pub master_key: [u8; 32],
}
