//! A header of the PROXY protocol, versions 1 and 2, as `proxy-protocol.txt` of `HAProxy` has it.
//!
//! Strict, because an address is believed for its sake. The crates for it take ports with a sign,
//! any byte behind `PROXY`, and a checksum that does not fit.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How version 1 begins.
const TEXT: &[u8] = b"PROXY ";

/// How version 2 begins.
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest header of version 1, line end included.
const LONGEST_TEXT: usize = 107;

/// The beginning of version 2 that every header has.
const HEAD: usize = 16;

/// The longest header of version 2 that is read; the names and the certificate that load balancers
/// add are far shorter.
pub(super) const LONGEST: usize = 4096;

/// The addition (TLV) with a checksum.
const CRC32C: u8 = 3;

/// What a header says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Header {
    /// Whose connection it is.
    Of(SocketAddr),
    /// The load balancer's own, such as a health check, or of somebody without an IP address.
    Unnamed,
}

/// What has been read so far.
#[derive(Debug, Eq, PartialEq)]
pub enum Read {
    /// All of it is part of the header, and there is more to come.
    Part,
    /// The header, and how many bytes it has.
    Whole(Header, usize),
}

/// Why it is no header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HeaderFault {
    /// It begins like something else: there is none.
    Missing,
    /// It begins like one.
    Broken,
}

/// Reads the header at the beginning of `bytes`.
///
/// # Errors
///
/// It is none.
pub fn read(bytes: &[u8]) -> Result<Read, HeaderFault> {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(a, b)| a == b);
    if begins(TEXT) {
        text(bytes)
    } else if begins(BINARY) {
        binary(bytes)
    } else {
        Err(HeaderFault::Missing)
    }
}

fn text(bytes: &[u8]) -> Result<Read, HeaderFault> {
    let searched = bytes.get(..LONGEST_TEXT).unwrap_or(bytes);
    let Some(end) = searched.iter().position(|byte| *byte == b'\n') else {
        let is_full = searched.len() == LONGEST_TEXT;
        return if is_full { Err(HeaderFault::Broken) } else { Ok(Read::Part) };
    };
    let line = searched.get(TEXT.len()..end).and_then(|line| line.strip_suffix(b"\r"));
    let line = line.and_then(|line| std::str::from_utf8(line).ok()).ok_or(HeaderFault::Broken)?;
    // What stands behind UNKNOWN is to be ignored.
    let is_unknown = line == "UNKNOWN" || line.starts_with("UNKNOWN ");
    let header = if is_unknown { Some(Header::Unnamed) } else { named(line) };
    header.map(|header| Read::Whole(header, end + 1)).ok_or(HeaderFault::Broken)
}

/// `TCP4 192.0.2.7 198.51.100.1 40000 443`
fn named(line: &str) -> Option<Header> {
    let mut words = line.split(' ');
    let (family, source, target) = (words.next()?, words.next()?, words.next()?);
    let (port, _target_port) = (port(words.next()?)?, port(words.next()?)?);
    let source = match family {
        "TCP4" => {
            target.parse::<Ipv4Addr>().ok()?;
            IpAddr::V4(source.parse().ok()?)
        }
        "TCP6" => {
            target.parse::<Ipv6Addr>().ok()?;
            IpAddr::V6(source.parse().ok()?)
        }
        _ => return None,
    };
    words.next().is_none().then(|| of(source, port))
}

fn port(text: &str) -> Option<u16> {
    let is_plain =
        text.bytes().all(|c| c.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

fn of(address: IpAddr, port: u16) -> Header {
    Header::Of(SocketAddr::new(address.to_canonical(), port))
}

fn binary(bytes: &[u8]) -> Result<Read, HeaderFault> {
    let broken = HeaderFault::Broken;
    let Some((head, rest)) = bytes.split_at_checked(HEAD) else { return Ok(Read::Part) };
    let [.., command, family, high, low] = head else { return Err(broken) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if !matches!(command, 0x20 | 0x21) || HEAD + length > LONGEST {
        return Err(broken);
    }
    let Some(body) = rest.get(..length) else { return Ok(Read::Part) };
    let whole = |header| Ok(Read::Whole(header, HEAD + length));
    if *command == 0x20 {
        // LOCAL: whatever follows is to be ignored.
        return whole(Header::Unnamed);
    }
    let (addresses, header) = match (family, body) {
        (0x00, _) => (0, Header::Unnamed),
        (0x11, [a, b, c, d, _, _, _, _, high, low, ..]) if length >= 12 => {
            let address = Ipv4Addr::new(*a, *b, *c, *d);
            (12, of(address.into(), u16::from_be_bytes([*high, *low])))
        }
        (0x21, _) => {
            let (address, rest) = body.split_first_chunk::<16>().ok_or(broken)?;
            let [high, low, _, _] = rest.get(16..20).ok_or(broken)? else { return Err(broken) };
            (36, of(Ipv6Addr::from(*address).into(), u16::from_be_bytes([*high, *low])))
        }
        // A socket of the load balancer's machine: nobody with an address.
        (0x31, _) => (216, Header::Unnamed),
        _ => return Err(broken),
    };
    let additions = body.get(addresses..).ok_or(broken)?;
    if let Some((place, sum)) = checksum(additions)? {
        let place = HEAD + addresses + place;
        let all = bytes.get(..HEAD + length).ok_or(broken)?;
        let blanked = all.iter().enumerate();
        let is_blank = |at: &usize| (place..place + 4).contains(at);
        let blanked = blanked.map(|(at, byte)| if is_blank(&at) { 0 } else { *byte });
        if crc32c(blanked) != sum {
            return Err(broken);
        }
    }
    whole(header)
}

/// The checksum among the additions, and where it is.
fn checksum(additions: &[u8]) -> Result<Option<(usize, u32)>, HeaderFault> {
    let mut found = None;
    let mut rest = additions;
    while let Some((head, more)) = rest.split_first_chunk::<3>() {
        let [kind, high, low] = *head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, behind) = more.split_at_checked(length).ok_or(HeaderFault::Broken)?;
        if kind == CRC32C {
            let place = additions.len() - more.len();
            let value = value.try_into().map_err(|_wrong_length| HeaderFault::Broken)?;
            found = Some((place, u32::from_be_bytes(value)));
        }
        rest = behind;
    }
    if rest.is_empty() { Ok(found) } else { Err(HeaderFault::Broken) }
}

/// Castagnoli's, bit by bit: a header is short, and there is one for a connection.
pub(super) fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _bit| {
            if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 }
        })
    })
}
