//! Names for networks, by which people can keep one out without ever seeing an address. Those that
//! moderators of rooms are told mean something in one room only: they cannot be compared with others.

use std::{fmt, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use quick_cache::sync::Cache;
use ruma::RoomId;

use super::networks;
use crate::secrets::Secrets;

/// What networks are hashed for.
const PURPOSE: &str = "access: network in a room";
/// The letters of tokens: no two look alike.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of a token: 80 bits.
const LENGTH: usize = 16;
/// What tokens begin with.
const PREFIX: &str = "net-";

/// So many names are remembered: while there are rules about some, each request asks for one.
const REMEMBERED: usize = 20_000;

/// Makes the tokens; clones make the same.
#[derive(Clone)]
pub struct RoomNetworks {
    secrets: Secrets,
    names: Arc<Cache<IpNet, Arc<str>>>,
}

impl fmt::Debug for RoomNetworks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomNetworks(…)")
    }
}

impl RoomNetworks {
    /// Tokens that nobody can make without `secrets`.
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, names: Arc::new(Cache::new(REMEMBERED)) }
    }

    /// A name for the network that `address` belongs to, which is the same everywhere. It is what
    /// administrators see instead of an address, and can write rules about.
    pub fn name(&self, address: IpAddr) -> Arc<str> {
        let network = networks::customer(address);
        if let Some(name) = self.names.get(&network) {
            return name;
        }
        let name: Arc<str> = self.write(&network.to_string()).into();
        self.names.insert(network, name.clone());
        name
    }

    /// The token of the network that `address` belongs to, in `room`.
    pub fn token(&self, room: &RoomId, address: IpAddr) -> String {
        self.write(&format!("{room} {}", networks::customer(address)))
    }

    fn write(&self, network: &str) -> String {
        let hash = self.secrets.hash(PURPOSE, network);
        let letters = hash.iter().take(LENGTH).map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        PREFIX.chars().chain(letters).collect()
    }
}

/// Whether `text` has the form of a token.
pub fn is_token(text: &str) -> bool {
    let letters = text.strip_prefix(PREFIX).unwrap_or_default();
    letters.len() == LENGTH && letters.bytes().all(|letter| LETTERS.contains(&letter))
}

#[cfg(test)]
mod tests {
    use ruma::room_id;

    use super::*;

    #[test]
    fn a_token_stands_for_one_network_in_one_room() {
        let networks = RoomNetworks::new(Secrets::for_tests());
        let token = |room, address: &str| networks.token(room, address.parse().expect("an address"));
        let [here, there] = [room_id!("!here:test.local"), room_id!("!there:test.local")];

        assert!(is_token(&token(here, "203.0.113.7")));
        assert_eq!(token(here, "2001:db8:1:2::3"), token(here, "2001:db8:1:2:ffff::4"));
        assert_ne!(token(here, "203.0.113.7"), token(here, "203.0.113.8"));
        assert_ne!(token(here, "203.0.113.7"), token(there, "203.0.113.7"));
        assert_ne!(token(here, "203.0.113.7"), *networks.name("203.0.113.7".parse().expect("an address")));
    }
}
