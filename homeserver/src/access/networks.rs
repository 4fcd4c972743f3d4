//! Client addresses and networks in one form each. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::{Error, Result};

/// The prefix behind which NAT64 puts IPv4 addresses. RFC 6052.
const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
/// Bits of the network that one customer gets: an IPv4 address, or an IPv6 network.
const CUSTOMER: (u8, u8) = (32, 64);
/// Bits of the network in which neighbours are looked for.
const NEIGHBOURHOOD: (u8, u8) = (24, 64);
/// The widest networks that a rule may be about.
const WIDEST: (u8, u8) = (4, 12);

/// The address as rules know it: IPv4 where an IPv6 address only wraps one.
pub fn normalised(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if address.segments()[..6] == NAT64.segments()[..6] => {
            let [.., a, b, c, d] = address.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        address => address,
    }
}

/// Reads a network: an address with or without a prefix length. Without one, it is the network that
/// one customer gets. Bits beyond the prefix are dropped.
pub fn parse(text: &str) -> Result<IpNet> {
    let malformed =
        || Error::invalid_param(format!("{text:?} is neither an address nor a network such as 192.0.2.0/24."));
    let text = text.trim();
    let Some((address, bits)) = text.split_once('/') else {
        return Ok(customer(text.parse().map_err(|_| malformed())?));
    };
    let address: IpAddr = address.parse().map_err(|_| malformed())?;
    let bits: u8 = bits.parse().map_err(|_| malformed())?;
    let network = match (address, normalised(address)) {
        // A network of wrapped addresses is one of IPv4.
        (IpAddr::V6(_), IpAddr::V4(inner)) => {
            Ipv4Net::new(inner, bits.checked_sub(96).ok_or_else(malformed)?).map(IpNet::V4)
        }
        (_, address) => IpNet::new(address, bits),
    };
    let network = network.map_err(|_| malformed())?.trunc();
    let widest = if network.addr().is_ipv4() { WIDEST.0 } else { WIDEST.1 };
    if network.prefix_len() < widest {
        return Err(Error::invalid_param("This network is a large part of the Internet: make a rule about everyone."));
    }
    Ok(network)
}

/// The network of the customer that `address` belongs to.
pub fn customer(address: IpAddr) -> IpNet {
    cut(address, CUSTOMER)
}

/// The network in which neighbours of `address` are looked for.
pub fn neighbourhood(address: IpAddr) -> IpNet {
    cut(address, NEIGHBOURHOOD)
}

/// Whether all of `network` lies in one neighbourhood.
pub fn is_narrow(network: &IpNet) -> bool {
    network.prefix_len() >= if network.addr().is_ipv4() { NEIGHBOURHOOD.0 } else { NEIGHBOURHOOD.1 }
}

fn cut(address: IpAddr, (of_v4, of_v6): (u8, u8)) -> IpNet {
    let network = match normalised(address) {
        IpAddr::V4(address) => Ipv4Net::new(address, of_v4).map(IpNet::V4),
        IpAddr::V6(address) => Ipv6Net::new(address, of_v6).map(IpNet::V6),
    };
    network.expect("the prefix is no longer than the address").trunc()
}

/// Whether an address cannot be that of somebody on the Internet.
pub fn is_private(address: IpAddr) -> bool {
    match normalised(address) {
        IpAddr::V4(address) => {
            let is_shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
            address.is_private() || address.is_loopback() || address.is_link_local() || is_shared
        }
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        parse(text).expect("a network").to_string()
    }

    #[test]
    fn networks_have_one_form() {
        assert_eq!(parsed("203.0.113.77/24"), "203.0.113.0/24");
        assert_eq!(parsed(" 203.0.113.77 "), "203.0.113.77/32");
        assert_eq!(parsed("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
        assert_eq!(parsed("2001:db8:1:2:3::4/128"), "2001:db8:1:2:3::4/128");
        assert_eq!(parsed("::ffff:203.0.113.7/120"), "203.0.113.0/24");
        assert_eq!(parsed("64:ff9b::203.0.113.7"), "203.0.113.7/32");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["", "203.0.113.0/33", "example.org", "203.0.113.0/", "0.0.0.0/0", "::/0", "10.0.0.0/3", "fe80::1%eth0"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn wrapped_addresses_are_unwrapped() {
        let address = |text: &str| normalised(text.parse().expect("an address")).to_string();

        assert_eq!(address("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(address("64:ff9b::c000:201"), "192.0.2.1");
        assert_eq!(address("2001:db8::1"), "2001:db8::1");
    }

    #[test]
    fn private_addresses_are_told_apart() {
        let private = |text: &str| is_private(text.parse().expect("an address"));

        assert!(
            ["10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "100.64.0.1", "::1", "fd00::1"].map(private)
                == [true; 7]
        );
        assert!(["203.0.113.1", "100.128.0.1", "2001:db8::1"].map(private) == [false; 3]);
    }
}
