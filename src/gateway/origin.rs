//! Where a call comes from, as trusted proxies tell it: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Each proxy adds whom it was asked by behind what was there already, so that both are read from
//! their ends, and only as far as whoever has written it is trusted. What a caller puts before it is
//! never reached. Where the two say something else, or one cannot be read, the last address that
//! somebody trusted has shown by himself counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};

use crate::config::TrustedProxies;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// More proxies than these stand in no row.
const MOST_HOPS: usize = 16;

/// The address that a request comes from, if `from`, which has sent it, is trusted to name it.
pub fn origin(headers: &HeaderMap, from: IpAddr, trusted: &TrustedProxies) -> IpAddr {
    if !trusted.forwarded || !trusted.have(from) {
        return from;
    }
    let has = |name: &HeaderName| headers.contains_key(name);
    let walk = |name: &HeaderName, read: fn(&[u8]) -> Option<IpAddr>| {
        walked(from, trusted, from_the_end(headers, name).map(read))
    };
    let standard = || walk(&FORWARDED, for_of_element);
    let usual = || walk(&X_FORWARDED_FOR, address_of);
    match (has(&FORWARDED), has(&X_FORWARDED_FOR)) {
        (false, false) => from,
        (true, false) => standard(),
        (false, true) => usual(),
        (true, true) => {
            let (standard, usual) = (standard(), usual());
            if standard == usual { standard } else { from }
        }
    }
}

/// From one to the next, as long as whoever names him is trusted.
fn walked(
    from: IpAddr,
    trusted: &TrustedProxies,
    hops: impl Iterator<Item = Option<IpAddr>>,
) -> IpAddr {
    let mut at = from;
    for hop in hops.take(MOST_HOPS) {
        let Some(hop) = hop else { break };
        at = hop;
        if !trusted.have(at) {
            break;
        }
    }
    at
}

/// The elements of all fields of this name, the last one first.
fn from_the_end<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    // `HeaderMap` iterates from both ends.
    headers.get_all(name).into_iter().rev().map(HeaderValue::as_bytes).flat_map(elements)
}

/// The elements of a list, the last one first; a comma in quotes ends none.
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut is_quoted = false;
        let comma = text.iter().rposition(|byte| {
            is_quoted ^= *byte == b'"';
            *byte == b',' && !is_quoted
        });
        let (before, element) = match comma {
            Some(at) => (text.get(..at), text.get(at + 1..)?),
            None => (None, text),
        };
        rest = before;
        Some(element.trim_ascii())
    })
}

/// `for=192.0.2.7;proto=https`: the address, where there is exactly one.
fn for_of_element(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    for pair in element.split(|byte| *byte == b';') {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) =
            (pair.get(..equals)?.trim_ascii(), pair.get(equals + 1..)?.trim_ascii());
        if name.eq_ignore_ascii_case(b"for") {
            let value = match value {
                [b'"', quoted @ .., b'"'] => quoted,
                plain => plain,
            };
            if found.replace(node(value, false)?).is_some() {
                return None;
            }
        }
    }
    found
}

/// As `X-Forwarded-For` has it, where IPv6 stands with and without brackets.
fn address_of(element: &[u8]) -> Option<IpAddr> {
    node(element, true)
}

/// An address, perhaps with a port; `unknown` and names made up for the purpose are none.
fn node(text: &[u8], may_be_bare: bool) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if may_be_bare && let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some(IpAddr::V6(address).to_canonical());
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_sound = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let address = address.parse::<Ipv6Addr>().ok().filter(|_| is_sound)?;
        return Some(IpAddr::V6(address).to_canonical());
    }
    let (address, port) = text.split_once(':').map_or((text, None), |(a, port)| (a, Some(port)));
    let address = address.parse::<Ipv4Addr>().ok()?;
    port.is_none_or(is_port).then_some(IpAddr::V4(address))
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORWARDED_FOR: &str = "forwarded";
    const X: &str = "x-forwarded-for";
    const LB: &str = "10.0.0.1";

    fn trusted() -> TrustedProxies {
        let addresses = vec!["10.0.0.0/24".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()];
        TrustedProxies { addresses, proxy_protocol: false, forwarded: true }
    }

    fn origin_of(from: &str, fields: &[(&str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        origin(&headers, from.parse().unwrap(), &trusted()).to_string()
    }

    #[test]
    fn the_last_address_that_no_proxy_of_ours_has_counts() {
        for (fields, expected) in [
            (&[][..], LB),
            (&[(X, "192.0.2.7")][..], "192.0.2.7"),
            (&[(X, "192.0.2.7:4711")][..], "192.0.2.7"),
            (&[(X, "203.0.113.9, 192.0.2.7, 10.0.0.2")][..], "192.0.2.7"),
            (&[(X, "203.0.113.9"), (X, "192.0.2.7")][..], "192.0.2.7"),
            (&[(X, "2001:db8::7")][..], "2001:db8::7"),
            (&[(X, "[2001:db8::7]:1")][..], "2001:db8::7"),
            (&[(X, "::ffff:192.0.2.7")][..], "192.0.2.7"),
            (&[(X, "10.0.0.9")][..], "10.0.0.9"),
            (&[(FORWARDED_FOR, "for=192.0.2.7")][..], "192.0.2.7"),
            (
                &[(FORWARDED_FOR, "For=\"[2001:db8::7]:47\";proto=https;by=10.0.0.1")][..],
                "2001:db8::7",
            ),
            (&[(FORWARDED_FOR, "for=203.0.113.9, for=192.0.2.7, for=10.0.0.2")][..], "192.0.2.7"),
            (&[(FORWARDED_FOR, "for=192.0.2.7"), (X, "192.0.2.7")][..], "192.0.2.7"),
        ] {
            assert_eq!(origin_of(LB, fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn what_a_caller_has_written_himself_is_never_reached() {
        for before in
            ["garbage", "\"", "for=\"", "for=\"\\", "10.0.0.2", "for=10.0.0.2", ",,", "a=\"b"]
        {
            let standard = format!("{before}, for=192.0.2.7");
            assert_eq!(origin_of(LB, &[(FORWARDED_FOR, &standard)]), "192.0.2.7", "{before}");
            let usual = format!("{before}, 192.0.2.7");
            assert_eq!(origin_of(LB, &[(X, &usual)]), "192.0.2.7", "{before}");
        }
    }

    #[test]
    fn nobody_else_is_believed() {
        for fields in [[(X, "192.0.2.7")], [(FORWARDED_FOR, "for=192.0.2.7")]] {
            assert_eq!(origin_of("203.0.113.1", &fields), "203.0.113.1");
        }
    }

    #[test]
    fn what_contradicts_or_cannot_be_read_names_nobody() {
        for (fields, expected) in [
            (&[(FORWARDED_FOR, "for=192.0.2.7"), (X, "192.0.2.8")][..], LB),
            (&[(X, "unknown")][..], LB),
            (&[(X, "192.0.2.7,")][..], LB),
            (&[(X, "192.0.2.07")][..], LB),
            (&[(X, "192.0.2.7:port")][..], LB),
            (&[(FORWARDED_FOR, "for=_hidden")][..], LB),
            (&[(FORWARDED_FOR, "proto=https")][..], LB),
            (&[(FORWARDED_FOR, "for=192.0.2.7;for=192.0.2.8")][..], LB),
            (&[(FORWARDED_FOR, "for=2001:db8::7")][..], LB),
            (&[(X, "unknown, 10.0.0.2")][..], "10.0.0.2"),
        ] {
            assert_eq!(origin_of(LB, fields), expected, "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_before_it_the_address_that_our_proxy_adds_counts(
            before in proptest::collection::vec("[ -~]{0,40}", 0..4),
            address in any::<[u8; 4]>(),
            is_a_field_of_its_own in any::<bool>(),
        ) {
            let address = Ipv4Addr::from(address);
            prop_assume!(!trusted().have(address.into()));
            for (name, last) in [(X, address.to_string()), (FORWARDED_FOR, format!("for={address}"))] {
                let mut fields = before.clone();
                match fields.last_mut().filter(|_| !is_a_field_of_its_own) {
                    Some(field) => *field = format!("{field}, {last}"),
                    None => fields.push(last),
                }
                let fields: Vec<_> = fields.iter().map(|field| (name, field.as_str())).collect();
                prop_assert_eq!(origin_of(LB, &fields), address.to_string());
            }
        }

        #[test]
        fn any_field_names_somebody(field in proptest::collection::vec(32_u8..=255, 0..200)) {
            prop_assume!(!field.contains(&127));
            for name in [X, FORWARDED_FOR] {
                let mut headers = HeaderMap::new();
                headers.append(name, HeaderValue::from_bytes(&field).unwrap());
                origin(&headers, LB.parse().unwrap(), &trusted());
            }
        }
    }
}
