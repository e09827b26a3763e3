//! The gateway that the benchmarks ask, without sockets in front of it.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use dialgate::{
    config::{self, Config, Environment, SecretHash},
    domain::PartnerId,
    lookup::Inquiry,
    net::{Negotiated, Peer, TlsFacts},
    sap::{Requests, SapClient},
    telemetry::{
        clock::{CallId, Moment},
        trace::Trace,
    },
};
use http::{HeaderMap, Request, header::AUTHORIZATION};
use http_body_util::Empty;
use tokio::time::Instant;

const PASSWORD: &str = "Q0hFKJ-MlUMOk0BGLlId3YduDUFuZ4tSBk2Jj1B3Ty7";

/// The shipped configuration, with SAP there.
pub(crate) fn config(sap: &str) -> Config {
    let hash = SecretHash::of(PASSWORD.as_bytes());
    let text = config::edit(
        config::EXAMPLE,
        &[
            ("listen.tls", "~".to_owned()),
            ("listen.plaintext_behind_a_tls_load_balancer", "true".to_owned()),
            ("clients", format!("[{{ name: jtel, secrets: [\"{hash}\"] }}]")),
            ("sap.url", sap.to_owned()),
            ("sap.login", "none".to_owned()),
        ],
    )
    .expect("the shipped configuration can be edited");
    config::parse(&text, "bench", "".as_ref(), &Environment::process(), |_, _| ())
        .unwrap_or_else(|findings| panic!("{findings}"))
}

/// Asks with this query, and the password that is right.
pub(crate) fn request(query: &str) -> Request<Empty<Bytes>> {
    let token = BASE64_STANDARD.encode(format!("jtel:{PASSWORD}"));
    Request::builder()
        .uri(format!("/onClickToDial?{query}"))
        .header("host", "gateway.example:8443")
        .header("user-agent", "Java-http-client/17.0.15")
        .header(AUTHORIZATION, format!("Basic {token}"))
        .body(Empty::new())
        .expect("the request is sound")
}

/// jtel's side of a connection.
pub(crate) fn jtel() -> Peer {
    let negotiated = Negotiated {
        version: "1.3",
        cipher: "TLS_AES_128_GCM_SHA256",
        group: "X25519MLKEM768",
        resumed: false,
    };
    let name = Some("gateway.example".into());
    let tls = TlsFacts::new(negotiated, "http/1.1", name, None, Duration::from_millis(2));
    Peer::direct(([127, 0, 0, 1], 50_000).into(), Some(Arc::new(tls)))
}

/// What the gateway asks the memory.
pub(crate) fn inquiry<'i>(
    config: &'i Config,
    sap: &'i Arc<SapClient>,
    partner: PartnerId,
) -> Inquiry<'i> {
    let started = Instant::now();
    Inquiry {
        partner,
        dialled: None,
        sap,
        times: &config.cache,
        answer_within: config.answer_within,
        started,
        deadline: started + Duration::from_secs(1),
    }
}

/// A trace of its own, as a call has that comes without one.
pub(crate) fn trace(_requests: &Arc<Requests>) -> Trace {
    Trace::of(CallId::new(Moment::now()), &HeaderMap::new())
}
