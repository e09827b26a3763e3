//! Who may ask, from where, and what does not fit together.

use super::*;
use crate::config::{Proof, Proofs, WrongCredentials};

fn found(edits: &[(&str, &str)]) -> Vec<String> {
    told(&with(edits))
}

fn jtel() -> String {
    format!("{{ name: jtel, secrets: [\"{}\"] }}", hash())
}

/// The second client of two.
fn second(client: &str) -> Vec<String> {
    found(&[("clients", &format!("[{}, {{ name: b, {client} }}]", jtel()))])
}

fn read(client: &str) -> Client {
    let text = with(&[("clients", &format!("[{{ name: b, {client} }}]"))]);
    parsed(&text).unwrap_or_else(|e| panic!("{e}")).clients.remove(0)
}

#[test]
fn without_a_word_one_proof_is_enough_and_the_address_has_to_fit() {
    let (a, b) = (SecretHash::of(b"a"), SecretHash::of(b"b"));
    let both = Proofs::NONE.with(Proof::Password).with(Proof::Key);
    let address = Proofs::NONE.with(Proof::Address);

    let client = read(&format!("secrets: [\"{a}\"], keys: [\"{b}\"], addresses: [192.0.2.0/24]"));
    assert_eq!((client.any_of, client.all_of), (both, address));
    assert!(client.is_shown_by(both.and(address)));
    assert!(client.is_shown_by(address.with(Proof::Key)));
    assert!(!client.is_shown_by(both) && !client.is_shown_by(address));

    let client = read(&format!(
        "secrets: [\"{a}\"], keys: [\"{b}\"], addresses: [\"2001:db8::1\"], any_of: [password, address], \
         all_of: [key]"
    ));
    assert!(client.is_shown_by(both));
    assert!(!client.is_shown_by(Proofs::NONE.with(Proof::Password)));
    let client = read("addresses: [192.0.2.7], any_of: [], all_of: [address]");
    assert!(client.is_shown_by(address) && !client.is_shown_by(both));
}

#[test]
fn what_a_client_cannot_show_or_shows_in_vain_is_a_finding() {
    let hash = SecretHash::of(b"k");
    let key = format!("keys: [\"{hash}\"]");
    for (client, expected) in [
        ("secrets: []".to_owned(), "run `dialgate secret new b`"),
        ("keys: [\"sha256:1\"]".to_owned(), "is not `sha256:` and 64 hexadecimal digits"),
        (format!("keys: [\"{hash}\", \"{hash}\"]"), "is here twice"),
        (
            format!("{key}, all_of: [password]"),
            "`password` is asked for, yet the client has no secrets",
        ),
        (
            format!("{key}, any_of: [address, key]"),
            "`address` is asked for, yet the client has no addresses",
        ),
        (format!("{key}, any_of: []"), "any_of and all_of are both empty"),
        (
            format!("{key}, addresses: [192.0.2.7], all_of: []"),
            "neither any_of nor all_of has `address`",
        ),
        ("addresses: [192.0.2.7]".to_owned(), "whoever comes from there may ask"),
        ("addresses: [192.0.2.7], any_of: []".to_owned(), "whoever comes from there may ask"),
        (format!("{key}, addresses: [192.0.2.7/24]"), "write 192.0.2.0/24"),
        (format!("{key}, addresses: [192.0.2]"), "is no address and no range"),
        (format!("{key}, addresses: [0.0.0.0/0]"), "is everybody"),
        (format!("{key}, addresses: [\"::ffff:0:0/96\"]"), "is no address and no range"),
        (format!("{key}, addresses: [192.0.2.7, 192.0.2.7/32]"), "is here twice"),
    ] {
        let told = second(&client);
        assert_eq!(told.len(), 1, "{client}: {told:#?}");
        assert!(told[0].contains(expected), "{client}: {told:#?}");
    }
    let two = format!("[{{ name: a, {key} }}, {{ name: b, {key} }}]");
    let told = found(&[("clients", &two)]);
    assert!(told.len() == 1 && told[0].contains("is a key of `a` as well"), "{told:#?}");
}

#[test]
fn certificates_are_read_and_need_a_listener_that_asks_for_them() {
    let sha = "ab".repeat(32);
    for (certificate, expected) in [
        (
            "{ dns: a.example, uri: \"urn:a\" }".to_owned(),
            "has one of dns, uri, sha256 and subject",
        ),
        ("{}".to_owned(), "has one of dns, uri, sha256 and subject"),
        ("{ dns: \"\" }".to_owned(), "is empty"),
        ("{ sha256: abc }".to_owned(), "is not the SHA-256 of a certificate"),
        (
            format!("{{ sha256: \"{sha}\" }}, {{ sha256: \"{}\" }}", sha.to_uppercase()),
            "is here twice",
        ),
    ] {
        let told = second(&format!("certificates: [{certificate}]"));
        assert!(told.iter().any(|finding| finding.contains(expected)), "{certificate}: {told:#?}");
    }
    let told = second("certificates: [{ uri: \"spiffe://example/b\" }]");
    assert!(told.len() == 1 && told[0].contains("listen.tls asks nobody for one"), "{told:#?}");
    let one = "certificates: [{ dns: A.example }]";
    let told = found(&[(
        "clients",
        &format!("[{{ name: a, {one} }}, {{ name: b, {} }}]", one.to_lowercase()),
    )]);
    assert!(told.iter().any(|finding| finding.contains("is of `a` as well")), "{told:#?}");
}

#[test]
fn load_balancers_are_named_together_with_how_they_name_their_clients() {
    let trusted = |value: &str| found(&[("listen.trusted_proxies", value)]);
    assert_eq!(trusted("{ addresses: [192.0.2.7, \"2001:db8::/48\"], forwarded: true }"), [""; 0]);
    for (value, expected) in [
        ("{ proxy_protocol: true }", "nobody is believed"),
        ("{ addresses: [192.0.2.7] }", "has no effect"),
        ("{ addresses: [\"::/0\"], forwarded: true }", "is everybody"),
    ] {
        let told = trusted(value);
        assert!(told.len() == 1 && told[0].contains(expected), "{value}: {told:#?}");
    }
}

#[test]
fn wrong_credentials_can_be_switched_off_and_have_to_make_sense() {
    let told = found(&[("wrong_credentials.free", "50"), ("wrong_credentials.bar_for", "2d")]);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told.iter().any(|finding| finding.contains("is not more than wrong_credentials.free")));
    let rules = |edits: &[(&str, &str)]| -> Option<WrongCredentials> {
        parsed(&with(edits)).unwrap_or_else(|e| panic!("{e}")).wrong_credentials
    };
    assert_eq!(rules(&[]).unwrap().bar.unwrap().after, 50);
    assert_eq!(rules(&[("wrong_credentials.barred", "false")]).unwrap().bar, None);
    assert_eq!(rules(&[("wrong_credentials.slowed", "false")]), None);
}
