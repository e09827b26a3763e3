//! What is read from header fields: who asks, which trace it is part of, how long SAP wants to be left alone.

use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use dialgate::{
    config::{Client, ClientName, Proof, Proofs, SecretHash},
    gateway::{ClientMetrics, Clients},
    net::{Peer, retry_after::retry_after},
    telemetry::{
        clock::{CallId, Moment},
        rounded,
        trace::{SpanId, Trace},
    },
};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::dialect::CONFIG;

/// What the only client shows; any spelling of it is his.
const CREDENTIALS: &[u8] = b"jtel:a password of jtel";

static CLIENTS: LazyLock<Clients> = LazyLock::new(|| {
    let secrets = vec![SecretHash::of(b"a password of jtel")];
    let jtel = Client {
        name: ClientName::parse("jtel").unwrap(),
        secrets,
        keys: Vec::new(),
        certificates: Vec::new(),
        addresses: Vec::new(),
        any_of: Proofs::default().with(Proof::Password),
        all_of: Proofs::default(),
    };
    let config = dialgate::config::Config { clients: vec![jtel], ..CONFIG.clone() };
    Clients::new(&config, &ClientMetrics::new(&prometheus::Registry::new()).unwrap())
});

/// A line for each field, by turns.
const NAMES: [HeaderName; 5] = [
    header::AUTHORIZATION,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    header::RETRY_AFTER,
    header::DATE,
];

pub fn holds(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for (line, name) in data.split(|byte| *byte == b'\n').zip(NAMES.iter().cycle()) {
        if let Ok(value) = HeaderValue::from_bytes(line)
            && !line.is_empty()
            && headers.len() < 32
        {
            headers.append(name, value);
        }
    }
    who_asks(&headers);
    trace(&headers);
    // Also "for ever" is told in a line.
    if let Some(wait) = retry_after(&headers) {
        assert!(rounded(wait).to_string().len() < 40, "{wait:?}");
    }
}

fn who_asks(headers: &HeaderMap) {
    let fields: Vec<_> = headers.get_all(header::AUTHORIZATION).iter().collect();
    let shows_it = match fields.as_slice() {
        [only] => {
            let (scheme, token) = only.as_bytes().split_at_checked(6).unwrap_or_default();
            let token = token.trim_ascii();
            let bare = token.strip_suffix(b"==").or(token.strip_suffix(b"=")).unwrap_or(token);
            let wanted = BASE64_STANDARD.encode(CREDENTIALS);
            scheme.eq_ignore_ascii_case(b"basic ")
                && bare == wanted.trim_end_matches('=').as_bytes()
        }
        _ => false,
    };
    let peer = Peer::direct(([192, 0, 2, 7], 4711).into(), None);
    let is_let_in = CLIENTS.who_asks(headers, peer.address.ip(), &peer).is_ok();
    assert!(!is_let_in || shows_it, "{headers:?} lets somebody in");
}

fn trace(headers: &HeaderMap) {
    let call = CallId::new(Moment::now());
    let trace = Trace::new(call).continued(headers);
    let mut sent = HeaderMap::new();
    trace.put_into(SpanId::new(), &mut sent);
    let parent = sent["traceparent"].to_str().unwrap();
    assert_eq!(parent.len(), 55, "{parent}");
    assert!(parent.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'), "{parent}");
    if let Some(state) = sent.get("tracestate") {
        assert!(trace.parent.is_some() && state.len() <= 512, "{state:?}");
    }
    // Whoever gets it reads it as what it is.
    let next = Trace::new(CallId::new(Moment::now())).continued(&sent);
    assert_eq!((next.id, next.sampled), (trace.id, trace.sampled));
    assert!(next.parent.is_some());
    let mut sent_on = HeaderMap::new();
    next.put_into(SpanId::new(), &mut sent_on);
    assert_eq!(sent_on.get("tracestate"), sent.get("tracestate"));
}
