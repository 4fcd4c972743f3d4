//! Where a request comes from: the other end of the socket, or what trusted proxies say.

use std::net::{IpAddr, SocketAddr};

use crate::config;

/// The client's address. `peer` is the socket's other end; `header` are the values of the configured
/// header, in the order in which they came.
///
/// Each proxy adds on the right whom it heard, so the list is walked from there for as long as the
/// one who speaks is trusted. What stands further left may be invented by the client.
pub fn client_address<'a>(
    rules: &config::Http,
    peer: IpAddr,
    header: impl DoubleEndedIterator<Item = &'a str>,
) -> IpAddr {
    let is_trusted = |address: &IpAddr| rules.trusted_proxies.iter().any(|network| network.contains(address));
    let mut speaker = peer.to_canonical();
    let mut heard = header.rev().flat_map(|value| value.rsplit(','));
    while is_trusted(&speaker) {
        let Some(address) = heard.next().and_then(parse) else { break };
        speaker = address;
    }
    speaker
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(trusted: &[&str], peer: &str, header: &[&str]) -> String {
        let trusted = trusted.iter().map(|network| network.parse().expect("a network")).collect();
        let rules = config::Http { trusted_proxies: trusted, ..config::Http::default() };
        client_address(&rules, peer.parse().expect("an address"), header.iter().copied()).to_string()
    }

    #[test]
    fn without_trusted_proxies_the_header_means_nothing() {
        assert_eq!(address(&[], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(address(&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn the_list_is_walked_from_the_right_over_trusted_proxies() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];

        assert_eq!(address(&trusted, "10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(address(&trusted, "10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.1.1.1"]), "198.51.100.7");
        assert_eq!(address(&trusted, "fd00::1", &["203.0.113.9", "198.51.100.7,fd00::2"]), "198.51.100.7");
    }

    #[test]
    fn what_cannot_be_read_leaves_the_one_who_said_it() {
        assert_eq!(address(&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(address(&["10.0.0.0/8"], "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(address(&["10.0.0.0/8"], "10.0.0.1", &[""]), "10.0.0.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        let trusted = ["10.0.0.0/8"];

        assert_eq!(address(&trusted, "::ffff:10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(address(&trusted, "10.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(address(&trusted, "10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(address(&trusted, "10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
    }
}
