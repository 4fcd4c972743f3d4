//! Reads who a client is from what a load balancer says before the client does: the PROXY protocol,
//! versions 1 and 2. <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How version 1 begins, and what its longest line is.
const TEXT: &[u8] = b"PROXY ";
const LONGEST_LINE: usize = 107;
/// How version 2 begins, and how long its fixed part is.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED: usize = 16;
/// The most bytes of a preamble that are taken, additions included.
pub const LONGEST: usize = FIXED + 2048;

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preamble {
    /// A preamble of so many bytes; without a client where the balancer speaks for itself.
    Complete(usize, Option<SocketAddr>),
    /// The beginning of one.
    Incomplete,
    /// None.
    Malformed,
}

/// Reads a preamble from the first bytes of a connection.
pub fn parse(bytes: &[u8]) -> Preamble {
    if is_beginning(bytes, SIGNATURE) {
        parse_binary(bytes)
    } else if is_beginning(bytes, TEXT) {
        parse_text(bytes)
    } else {
        Preamble::Malformed
    }
}

fn is_beginning(bytes: &[u8], of: &[u8]) -> bool {
    let length = bytes.len().min(of.len());
    bytes[..length] == of[..length]
}

fn parse_text(bytes: &[u8]) -> Preamble {
    let Some(end) = bytes.windows(2).take(LONGEST_LINE).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < LONGEST_LINE { Preamble::Incomplete } else { Preamble::Malformed };
    };
    let Ok(line) = std::str::from_utf8(&bytes[..end]) else { return Preamble::Malformed };
    let length = end + 2;
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["PROXY", "UNKNOWN", ..] => Preamble::Complete(length, None),
        ["PROXY", family, source, destination, port, destination_port] => {
            let parsed = || {
                let (source, destination): (IpAddr, IpAddr) = (source.parse().ok()?, destination.parse().ok()?);
                destination_port.parse::<u16>().ok()?;
                let is_v4 = family == "TCP4";
                let fits = (is_v4 || family == "TCP6") && source.is_ipv4() == is_v4 && destination.is_ipv4() == is_v4;
                fits.then_some(SocketAddr::new(source, port.parse().ok()?))
            };
            parsed().map_or(Preamble::Malformed, |source| Preamble::Complete(length, Some(source)))
        }
        _ => Preamble::Malformed,
    }
}

fn parse_binary(bytes: &[u8]) -> Preamble {
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED) else { return Preamble::Incomplete };
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if FIXED + length > LONGEST {
        return Preamble::Malformed;
    }
    let Some(addresses) = rest.get(..length) else { return Preamble::Incomplete };
    let client = match (fixed[12], fixed[13]) {
        // The balancer itself looks whether we are there.
        (0x20, _) => Some(None),
        (0x21, 0x11) => addresses.first_chunk().map(|address: &[u8; 4]| Some(Ipv4Addr::from(*address).into())),
        (0x21, 0x21) => addresses.first_chunk().map(|address: &[u8; 16]| Some(Ipv6Addr::from(*address).into())),
        (0x21, _) => Some(None),
        _ => None,
    };
    let needed = if fixed[13] == 0x11 { 12 } else { 36 };
    match client {
        None => Preamble::Malformed,
        Some(None) => Preamble::Complete(FIXED + length, None),
        Some(Some(_)) if length < needed => Preamble::Malformed,
        Some(Some(address)) => {
            let at = if fixed[13] == 0x11 { 8 } else { 32 };
            let port = u16::from_be_bytes([addresses[at], addresses[at + 1]]);
            Preamble::Complete(FIXED + length, Some(SocketAddr::new(address, port)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Option<SocketAddr> {
        Some(address.parse().expect("an address"))
    }

    fn binary(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).expect("it is short").to_be_bytes();
        [SIGNATURE.as_slice(), &[command, family], &length, addresses].concat()
    }

    #[test]
    fn lines_are_read() {
        let v4 = b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\n";
        let v6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n";

        assert_eq!(parse(v4), Preamble::Complete(43, client("203.0.113.7:4711")));
        assert_eq!(parse(v6), Preamble::Complete(v6.len(), client("[2001:db8::7]:4711")));
        assert_eq!(parse(b"PROXY UNKNOWN\r\n"), Preamble::Complete(15, None));
    }

    #[test]
    fn bytes_are_read() {
        let v4 = binary(0x21, 0x11, &[203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 1, 187, 3, 0, 0]);
        let mut addresses = [0; 36];
        addresses[..2].copy_from_slice(&[0x20, 1]);
        addresses[15] = 7;
        addresses[32..34].copy_from_slice(&[0x12, 0x67]);
        let v6 = binary(0x21, 0x21, &addresses);

        assert_eq!(parse(&v4), Preamble::Complete(31, client("203.0.113.7:4711")));
        assert_eq!(parse(&v6), Preamble::Complete(52, client("[2001::7]:4711")));
        assert_eq!(parse(&binary(0x20, 0, &[])), Preamble::Complete(16, None));
    }

    #[test]
    fn a_part_is_waited_for() {
        let whole = binary(0x21, 0x11, &[203, 0, 113, 7, 192, 0, 2, 1, 0x12, 0x67, 1, 187]);

        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), Preamble::Incomplete, "{length}");
        }
        assert_eq!(parse(b"PROXY TCP4 203.0.113.7"), Preamble::Incomplete);
    }

    #[test]
    fn anything_else_is_none() {
        for bytes in [
            b"GET / HTTP/1.1\r\n".as_slice(),
            b"PROXY TCP4 2001:db8::7 192.0.2.1 1 2\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 99999 2\r\n",
            b"PROXY TCP5 203.0.113.7 192.0.2.1 1 2\r\n",
            &[b'P'; 200],
            &binary(0x21, 0x11, &[203, 0, 113, 7]),
            &binary(0x31, 0x11, &[0; 12]),
            &[SIGNATURE.as_slice(), &[0x21, 0x11, 0xff, 0xff]].concat(),
        ] {
            assert_eq!(parse(bytes), Preamble::Malformed, "{bytes:?}");
        }
    }
}
