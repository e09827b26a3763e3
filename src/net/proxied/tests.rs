//! Headers as they should be, as they must not be, and in pieces.

use proptest::prelude::*;

use super::header::{Header, HeaderFault, Read, crc32c, read};

/// A header of version 2.
fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[command, family], &length, body].concat()
}

const FOUR: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 1, 0xbb];

fn six() -> Vec<u8> {
    let source: std::net::Ipv6Addr = "2001:db8::7".parse().unwrap();
    [&source.octets()[..], &source.octets()[..], &[0x9c, 0x40, 1, 0xbb]].concat()
}

fn named(address: &str) -> Header {
    Header::Of(address.parse().unwrap())
}

fn whole(bytes: &[u8], header: Header) {
    // What comes behind the header is not looked at.
    for behind in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"\r\n", b"PROXY TCP4 "] {
        let all = [bytes, behind].concat();
        assert_eq!(read(&all), Ok(Read::Whole(header, bytes.len())), "{}", all.escape_ascii());
    }
}

#[test]
fn both_versions_say_whose_connection_it_is() {
    whole(b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n", named("192.0.2.7:40000"));
    whole(b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n", named("[2001:db8::7]:40000"));
    whole(b"PROXY TCP6 ::ffff:192.0.2.7 ::1 0 443\r\n", named("192.0.2.7:0"));
    whole(&binary(0x21, 0x11, &FOUR), named("192.0.2.7:40000"));
    whole(&binary(0x21, 0x21, &six()), named("[2001:db8::7]:40000"));
}

#[test]
fn who_has_no_address_is_nobody_else_than_the_load_balancer() {
    whole(b"PROXY UNKNOWN\r\n", Header::Unnamed);
    whole(b"PROXY UNKNOWN ffff:f...f ffff:f...f 65535 65535\r\n", Header::Unnamed);
    whole(&binary(0x20, 0x00, b""), Header::Unnamed);
    whole(&binary(0x20, 0xff, b"whatever"), Header::Unnamed);
    whole(&binary(0x21, 0x00, b""), Header::Unnamed);
    whole(&binary(0x21, 0x31, &[7; 216]), Header::Unnamed);
}

#[test]
fn additions_are_skipped_and_a_checksum_has_to_fit() {
    let noop = [4, 0, 2, 0, 0];
    whole(&binary(0x21, 0x11, &[&FOUR[..], &noop].concat()), named("192.0.2.7:40000"));
    let mut summed = binary(0x21, 0x11, &[&FOUR[..], &noop, &[3, 0, 4, 0, 0, 0, 0]].concat());
    let sum = crc32c(summed.iter().copied());
    assert_eq!(read(&summed), Err(HeaderFault::Broken));
    let place = summed.len() - 4;
    summed[place..].copy_from_slice(&sum.to_be_bytes());
    whole(&summed, named("192.0.2.7:40000"));
    summed[19] ^= 1;
    assert_eq!(read(&summed), Err(HeaderFault::Broken));
    // RFC 3720, B.4.
    assert_eq!(crc32c([0; 32].into_iter()), 0x8a91_36aa);
}

#[test]
fn what_is_not_written_as_it_should_be_is_not_believed() {
    for line in [
        "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\n",
        "PROXY TCP4 192.0.2.7  198.51.100.1 40000 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 40000 443 1\r\n",
        "PROXY TCP4 192.0.2.07 198.51.100.1 40000 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 +400 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 040 443\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 40000 443\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 40000 443\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 40000 443\r\n",
        "PROXY tcp4 192.0.2.7 198.51.100.1 40000 443\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
    ] {
        assert_eq!(read(line.as_bytes()), Err(HeaderFault::Broken), "{line}");
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(107));
    assert_eq!(read(long.as_bytes()), Err(HeaderFault::Broken));
    for (command, family, body) in [
        (0x21, 0x11, &FOUR[..11]),
        (0x21, 0x21, &FOUR[..]),
        (0x21, 0x31, &FOUR[..]),
        (0x21, 0x12, &FOUR[..]),
        (0x21, 0x41, &FOUR[..]),
        (0x22, 0x11, &FOUR[..]),
        (0x11, 0x11, &FOUR[..]),
        (0x21, 0x11, &[0; 5000][..]),
        (0x21, 0x11, &[&FOUR[..], &[4, 0]].concat()[..]),
        (0x21, 0x11, &[&FOUR[..], &[4, 0, 9, 1]].concat()[..]),
        (0x21, 0x11, &[&FOUR[..], &[3, 0, 1, 1]].concat()[..]),
    ] {
        let bytes = binary(command, family, body);
        assert_eq!(read(&bytes), Err(HeaderFault::Broken), "{}", bytes.escape_ascii());
    }
    for none in
        [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01", b"proxy TCP4", b"PROXYTCP4", b"\r\nGET"]
    {
        assert_eq!(read(none), Err(HeaderFault::Missing), "{}", none.escape_ascii());
    }
}

fn sound() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (any::<[u8; 4]>(), any::<u16>()).prop_map(|(address, port)| {
            let address = std::net::Ipv4Addr::from(address);
            format!("PROXY TCP4 {address} 198.51.100.1 {port} 443\r\n").into_bytes()
        }),
        (any::<u128>(), any::<u16>()).prop_map(|(address, port)| {
            let address = std::net::Ipv6Addr::from(address);
            format!("PROXY TCP6 {address} 2001:db8::1 {port} 443\r\n").into_bytes()
        }),
        any::<[u8; 12]>().prop_map(|body| binary(0x21, 0x11, &body)),
        any::<[u8; 36]>().prop_map(|body| binary(0x21, 0x21, &body)),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(|body| binary(0x20, 0, &body)),
    ]
}

proptest! {
    #[test]
    fn no_bytes_are_more_than_they_are(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
        if let Ok(Read::Whole(_, length)) = read(&bytes) {
            prop_assert!(length <= bytes.len());
        }
    }

    #[test]
    fn what_begins_like_a_header_is_read_to_an_end(
        is_text in any::<bool>(),
        rest in proptest::collection::vec(any::<u8>(), 0..5000),
    ) {
        let begin: &[u8] = if is_text { b"PROXY " } else { b"\r\n\r\n\0\r\nQUIT\n" };
        let bytes = [begin, &rest].concat();
        match read(&bytes) {
            Ok(Read::Whole(_, length)) => prop_assert!(length <= bytes.len()),
            Ok(Read::Part) => {
                let most = if is_text { 107 } else { 4096 };
                prop_assert!(bytes.len() < most);
            }
            Err(_) => {}
        }
    }

    #[test]
    fn a_header_that_comes_in_pieces_is_part_of_one_until_its_last_byte(bytes in sound()) {
        for end in 0..bytes.len() {
            prop_assert_eq!(read(&bytes[..end]), Ok(Read::Part), "{}", end);
        }
        let is_whole = matches!(read(&bytes), Ok(Read::Whole(_, length)) if length == bytes.len());
        prop_assert!(is_whole);
    }
}
