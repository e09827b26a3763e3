//! Lists of addresses and ranges of them, as several sections have them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{findings::shown, resolve::Reading};

/// Reads a list under `key`.
pub(in crate::config) fn resolve(
    key: &str,
    texts: &[Option<String>],
    reading: &mut Reading<'_>,
) -> Vec<IpNet> {
    let mut ranges: Vec<IpNet> = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        let Some(text) = text else { continue };
        let key = format!("{key}[{place}]");
        match range(text) {
            None => reading.at(
                &key,
                format!(
                    "`{}` is no address and no range, such as 192.0.2.7 or 192.0.2.0/24",
                    shown(text)
                ),
            ),
            Some(range) if range != range.trunc() => reading.at(
                &key,
                format!("`{text}` begins in the middle of its range; write {}", range.trunc()),
            ),
            Some(range) if range.prefix_len() == 0 => reading
                .at(&key, format!("`{text}` is everybody; name the addresses that are meant")),
            Some(range) if ranges.contains(&range) => reading.at(&key, "is here twice"),
            Some(range) => ranges.push(range),
        }
    }
    ranges
}

/// One address is a range of one.
fn range(text: &str) -> Option<IpNet> {
    let range = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse().ok()?,
    };
    // Addresses are compared as IPv4 where they are: such a range would never fit.
    let is_mapped = matches!(range, IpNet::V6(range) if range.addr().to_ipv4_mapped().is_some());
    (!is_mapped).then_some(range)
}
