//! Keyed hashes of addresses, by which they are found where they stand encrypted.

use std::net::IpAddr;

use super::{HASH_LENGTH, Secrets};

/// Bits of a network that an IPv4 address belongs to; of IPv6, what a customer gets.
const NETWORK_BITS: (u32, u32) = (24, 64);

impl Secrets {
    /// The hash of an IP address.
    pub fn hash_address(&self, address: IpAddr) -> [u8; HASH_LENGTH] {
        self.hash("IP address", &address.to_canonical().to_string())
    }

    /// The hash of the network that an IP address belongs to: a /24, or a /64 of IPv6.
    pub fn hash_network(&self, address: IpAddr) -> [u8; HASH_LENGTH] {
        let network = match address.to_canonical() {
            IpAddr::V4(address) => {
                IpAddr::V4((address.to_bits() >> (32 - NETWORK_BITS.0) << (32 - NETWORK_BITS.0)).into())
            }
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> NETWORK_BITS.1 << NETWORK_BITS.1).into()),
        };
        self.hash("network", &network.to_string())
    }

    /// The hash of an e-mail address in its canonical form.
    pub fn hash_email(&self, address: &str) -> [u8; HASH_LENGTH] {
        self.hash("e-mail address", address)
    }
}
