//! Whose call it is by Forwarded and X-Forwarded-For: a stranger is believed nothing, and whatever a caller
//! writes before what a trusted proxy adds counts for nothing.

use std::net::IpAddr;

use dialgate::{config::TrustedProxies, gateway::origin};
use http::{HeaderMap, HeaderName, HeaderValue, header};

const USUAL: HeaderName = HeaderName::from_static("x-forwarded-for");

pub fn holds(data: &[u8]) {
    let proxy: IpAddr = [10, 0, 0, 1].into();
    let (stranger, caller): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [198, 51, 100, 7].into());
    let trusted = TrustedProxies {
        addresses: vec!["10.0.0.0/8".parse().unwrap()],
        forwarded: true,
        ..TrustedProxies::default()
    };
    let mut headers = HeaderMap::new();
    for (line, name) in
        data.split(|byte| *byte == b'\n').zip([header::FORWARDED, USUAL].iter().cycle())
    {
        if let Ok(value) = HeaderValue::from_bytes(line)
            && headers.len() < 20
        {
            headers.append(name, value);
        }
    }
    let _anybody = origin(&headers, proxy, &trusted);
    assert_eq!(origin(&headers, stranger, &trusted), stranger);
    // The proxy adds behind it by whom it was asked, in one of the two fields or in both.
    for (name, added) in [(header::FORWARDED, "for=198.51.100.7"), (USUAL, "198.51.100.7")] {
        let mut only = HeaderMap::new();
        for value in headers.get_all(&name) {
            only.append(&name, value.clone());
        }
        only.append(&name, HeaderValue::from_static(added));
        assert_eq!(origin(&only, proxy, &trusted), caller, "{only:?}");
    }
}
