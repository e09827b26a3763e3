//! Who is let in by what, and who is not.

use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::{
    config::Environment,
    net::{ClientCertificate, Negotiated, TlsFacts, tls::SubjectName},
};

const HOME: &str = "192.0.2.7";

/// The shipped configuration with these clients.
fn with(clients: &str) -> Clients {
    let edits = [
        ("listen.tls", "~".to_owned()),
        ("listen.plaintext_behind_a_tls_load_balancer", "true".to_owned()),
        ("clients", "[]".to_owned()),
        ("anybody_may_ask", "true".to_owned()),
        ("sap.login", "none".to_owned()),
    ];
    let text = config::edit(config::EXAMPLE, &edits).unwrap();
    let mut config =
        config::parse(&text, "test", "".as_ref(), &Environment::of([]), |_, _| ()).unwrap();
    config.anybody_may_ask = false;
    config.clients = clients.split('\n').filter_map(client).collect();
    Clients::new(&config, &ClientMetrics::new(&prometheus::Registry::new()).unwrap())
}

/// `jtel: password=old key=k dns=jtel.example address=192.0.2.0/24 any_of=… all_of=…`
fn client(line: &str) -> Option<config::Client> {
    let (name, rest) = line.trim().split_once(':')?;
    let mut client = config::Client {
        name: ClientName::parse(name).unwrap(),
        secrets: Vec::new(),
        keys: Vec::new(),
        certificates: Vec::new(),
        addresses: Vec::new(),
        any_of: Proofs::NONE,
        all_of: Proofs::NONE,
    };
    let proofs = |list: &str| -> Proofs {
        let is = |word: &&str| !word.is_empty();
        let named = |word| Proof::ALL.into_iter().find(|proof| proof.label() == word).unwrap();
        list.split(',').filter(is).map(named).collect()
    };
    for pair in rest.split_whitespace() {
        let (key, value) = pair.split_once('=').unwrap();
        match key {
            "password" => client.secrets.push(SecretHash::of(value.as_bytes())),
            "key" => client.keys.push(SecretHash::of(value.as_bytes())),
            "dns" => client.certificates.push(config::CertificateMatch::Dns(value.to_owned())),
            "subject" => {
                client.certificates.push(config::CertificateMatch::Subject(value.to_owned()));
            }
            "address" => client.addresses.push(value.parse().unwrap()),
            "any_of" => client.any_of = proofs(value),
            "all_of" => client.all_of = proofs(value),
            _ => panic!("{key}"),
        }
    }
    Some(client)
}

fn peer(certificate: &[&str]) -> Peer {
    let client = (!certificate.is_empty()).then(|| ClientCertificate {
        subject: "CN=somebody".to_owned(),
        issuer: "CN=ca".to_owned(),
        names: certificate.iter().map(|name| SubjectName::Dns((*name).to_owned())).collect(),
        sha256: [7; 32],
        not_after: 0,
    });
    let negotiated = Negotiated {
        version: "1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        group: "X25519",
        resumed: false,
    };
    let tls = TlsFacts::new(negotiated, "", None, client, std::time::Duration::ZERO);
    Peer::direct(([127, 0, 0, 1], 1).into(), Some(Arc::new(tls)))
}

fn headers(fields: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append(AUTHORIZATION, HeaderValue::from_str(field).unwrap());
    }
    headers
}

/// Name and proof of whoever is let in.
fn admitted(
    clients: &Clients,
    fields: &[&str],
    from: &str,
    certificate: &[&str],
) -> Option<(String, Option<&'static str>)> {
    let from = from.parse().unwrap();
    let admitted = clients.who_asks(&headers(fields), from, &peer(certificate)).ok()?;
    Some((admitted.client.name.as_str().to_owned(), admitted.by.map(Proof::label)))
}

fn two() -> Clients {
    with(
        "jtel: password=old:secret password=new any_of=password\ntest: password=test any_of=password",
    )
}

fn asked_with(fields: &[&str]) -> Option<String> {
    admitted(&two(), fields, HOME, &[]).map(|(name, _)| name)
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(credentials))
}

#[test]
fn a_client_is_known_by_either_of_its_two_passwords() {
    for credentials in ["jtel:old:secret", "jtel:new"] {
        assert_eq!(asked_with(&[&basic(credentials)]).as_deref(), Some("jtel"));
    }
    assert_eq!(asked_with(&[&basic("test:test")]).as_deref(), Some("test"));
}

#[test]
fn a_token_is_read_with_any_letter_case_of_the_scheme_and_without_its_padding() {
    let token = BASE64_STANDARD.encode("jtel:new");
    for field in [format!("BASIC {token}"), format!("basic  {}", token.trim_end_matches('='))] {
        assert_eq!(asked_with(&[&field]).as_deref(), Some("jtel"), "{field}");
    }
}

#[test]
fn anything_else_is_nobody() {
    for fields in [
        vec![],
        vec![basic("jtel:wrong")],
        vec![basic("jtel:")],
        vec![basic("jtel")],
        vec![basic("JTEL:new")],
        vec![basic("test:new")],
        vec![basic("nobody:nobody")],
        vec![basic(":new")],
        vec![basic("jtel:new"), basic("jtel:new")],
        vec!["Bearer jtel:new".to_owned()],
        vec!["Bearer new".to_owned()],
        vec!["Basic".to_owned()],
        vec!["Basic ".to_owned()],
        vec!["Basic §§§".to_owned()],
        vec![basic(&"x".repeat(300))],
    ] {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        assert_eq!(asked_with(&fields), None, "{fields:?}");
    }
}

const ALL_KINDS: &str = "
    jtel: password=p key=k dns=jtel.example any_of=password,key,certificate
    crm: key=other dns=crm.example any_of=key,certificate
    strict: password=s dns=strict.example address=192.0.2.0/24 all_of=password,certificate,address
    inside: password=i address=192.0.2.0/24 any_of=password all_of=address
    office: address=198.51.100.0/24 all_of=address
    desk: address=198.51.100.7/32 all_of=address";

#[test]
fn each_client_is_let_in_by_what_it_has_to_show() {
    let clients = with(ALL_KINDS);
    let (right, strict, inside) = (basic("jtel:p"), basic("strict:s"), basic("inside:i"));
    let far = "203.0.113.1";
    for (fields, from, certificate, expected) in [
        (&[&*right][..], far, &[][..], Some(("jtel", "password"))),
        (&["Bearer k"][..], far, &[][..], Some(("jtel", "key"))),
        (&["bearer  k "][..], far, &[][..], Some(("jtel", "key"))),
        (&[][..], far, &["JTEL.example"][..], Some(("jtel", "certificate"))),
        (&["Bearer other"][..], far, &["crm.example"][..], Some(("crm", "key"))),
        // A certificate of nobody's does no harm.
        (&["Bearer k"][..], far, &["stranger.example"][..], Some(("jtel", "key"))),
        (&[&*strict][..], HOME, &["strict.example"][..], Some(("strict", "password"))),
        (&[&*inside][..], HOME, &[][..], Some(("inside", "password"))),
        (&[][..], "198.51.100.9", &[][..], Some(("office", "address"))),
        // The smallest range counts.
        (&[][..], "198.51.100.7", &[][..], Some(("desk", "address"))),
        (&["Bearer k"][..], "198.51.100.7", &[][..], Some(("jtel", "key"))),
        // Something is missing.
        (&[][..], far, &[][..], None),
        (&[][..], HOME, &[][..], None),
        (&[&*strict][..], HOME, &[][..], None),
        (&[&*strict][..], far, &["strict.example"][..], None),
        (&[][..], HOME, &["strict.example"][..], None),
        (&[&*inside][..], far, &[][..], None),
        // Something is wrong, or of two clients.
        (&["Bearer p"][..], far, &[][..], None),
        (&["Bearer "][..], far, &[][..], None),
        (&["Bearer wrong"][..], "198.51.100.7", &[][..], None),
        (&["Bearer wrong"][..], far, &["jtel.example"][..], None),
        (&["Bearer k", "Bearer k"][..], far, &[][..], None),
        (&[&*right, "Bearer k"][..], far, &[][..], None),
        (&[&*right][..], far, &["crm.example"][..], None),
        (&["Bearer other"][..], far, &["jtel.example"][..], None),
        (&[][..], far, &["jtel.example", "crm.example"][..], None),
        (&[][..], far, &["sub.jtel.example"][..], None),
        (&[][..], "198.51.100.7", &["crm.example", "jtel.example"][..], None),
    ] {
        let expected = expected.map(|(name, by)| (name.to_owned(), Some(by)));
        let seen = admitted(&clients, fields, from, certificate);
        assert_eq!(seen, expected, "{fields:?} from {from} with {certificate:?}");
    }
}

#[test]
fn a_connection_remembers_whose_certificate_it_was_until_the_clients_change() {
    let peer = peer(&["jtel.example"]);
    let (first, second) = (with(ALL_KINDS), with("other: dns=jtel.example any_of=certificate"));
    let name = |clients: &Clients| {
        let admitted = clients.who_asks(&HeaderMap::new(), [192, 0, 2, 7].into(), &peer);
        admitted.ok().map(|admitted| admitted.client.name.as_str().to_owned())
    };

    assert_eq!(name(&first).as_deref(), Some("jtel"));
    let remembered = peer.remark.read();
    assert!(remembered.is_some());
    assert_eq!(name(&first).as_deref(), Some("jtel"));
    assert_eq!(peer.remark.read(), remembered);
    assert_eq!(name(&second).as_deref(), Some("other"));
    assert_ne!(peer.remark.read(), remembered);
}

#[test]
fn only_whoever_shows_something_wrong_is_guessing() {
    let clients = with(ALL_KINDS);
    let turned = |fields: &[&str], certificate: &[&str]| {
        let turned =
            clients.who_asks(&headers(fields), [203, 0, 113, 1].into(), &peer(certificate)).err();
        turned.map(|turned| {
            (turned.named.map(|client| client.name.as_str().to_owned()), turned.has_tried)
        })
    };

    assert_eq!(turned(&[], &[]), Some((None, false)));
    assert_eq!(turned(&["Bearer x"], &[]), Some((None, true)));
    assert_eq!(turned(&[&basic("crm:x")], &[]), Some((Some("crm".to_owned()), true)));
    assert_eq!(turned(&[], &["strict.example"]), Some((Some("strict".to_owned()), false)));
}

proptest! {
    #[test]
    fn no_field_makes_a_client_without_its_password(field in "[ -~]{0,80}") {
        prop_assert_eq!(asked_with(&[&field]), None);
    }

    #[test]
    fn no_key_that_is_none_makes_a_client(key in "[ -~]{0,200}") {
        prop_assume!(!["k", "other"].contains(&key.trim()));
        let clients = with(ALL_KINDS);
        prop_assert_eq!(admitted(&clients, &[&format!("Bearer {key}")], HOME, &[]), None);
    }
}
