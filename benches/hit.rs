//! What a call costs whose partner is in memory: each step by itself, and all of them.
//!
//! `cargo bench --bench hit`. In one process and without sockets; for the whole program see the
//! README. The machine is noisy: compare ratios of one run.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot be set up has to end, and documents nobody calls"
)]

use std::{hint::black_box, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dialgate::{
    app::AllMetrics,
    config::{self, Config, Environment, SecretHash},
    domain::{PartnerId, decide},
    gateway::{Clients, Gateway, Query, Terms, start_access_log},
    lookup::{Inquiry, Partners},
    net::{Peer, TlsFacts, wire},
    sap::{Requests, SapClient},
    simulator::{Simulator, SimulatorOptions},
    telemetry::{
        clock::{CallId, Moment},
        trace::Trace,
    },
};
use http::{HeaderMap, Request, header::AUTHORIZATION};
use http_body_util::Empty;
use tokio::{runtime::Runtime, time::Instant};

const QUERY: &str = "SAPBusinessPartnerID=1001910&SAPPhoneNumber=%2B4989461495000";
const PASSWORD: &str = "Q0hFKJ-MlUMOk0BGLlId3YduDUFuZ4tSBk2Jj1B3Ty7";

fn config(sap: &str) -> Config {
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

fn request() -> Request<Empty<Bytes>> {
    let token = BASE64_STANDARD.encode(format!("jtel:{PASSWORD}"));
    Request::builder()
        .uri(format!("/onClickToDial?{QUERY}"))
        .header("host", "gateway.example:8443")
        .header("user-agent", "Java-http-client/17.0.15")
        .header(AUTHORIZATION, format!("Basic {token}"))
        .body(Empty::new())
        .expect("the request is sound")
}

/// jtel's side of a connection.
fn jtel() -> Peer {
    let tls = TlsFacts {
        version: "TLSv1.3",
        cipher: "TLS13_AES_128_GCM_SHA256",
        resumed: false,
        alpn: "http/1.1",
        client_certificate: false,
    };
    Peer { address: ([127, 0, 0, 1], 50_000).into(), tls: Some(tls) }
}

async fn simulator() -> Simulator {
    Simulator::start(SimulatorOptions {
        address: ([127, 0, 0, 1], 0).into(),
        user: String::new(),
        password: None,
        delay: Duration::ZERO,
    })
    .await
    .expect("the simulator starts")
}

fn inquiry<'i>(config: &'i Config, sap: &'i Arc<SapClient>, partner: PartnerId) -> Inquiry<'i> {
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

fn trace(_requests: &Arc<Requests>) -> Trace {
    Trace::of(CallId::new(Moment::now()), &HeaderMap::new())
}

fn hit(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let simulator = runtime.block_on(simulator());
    let config = Arc::new(config(&format!("http://{}", simulator.local_address())));
    let metrics = AllMetrics::new().expect("the metrics are sound");
    let sap = Arc::new(
        SapClient::new(&config.sap, metrics.sap).unwrap_or_else(|problems| panic!("{problems:?}")),
    );
    let partners = Arc::new(Partners::new(1, metrics.memory));
    let access = start_access_log(metrics.process.registry(), std::io::sink()).expect("a writer");
    let clients = Clients::new(&config, &metrics.calls.clients);
    let query = Query::read(QUERY, &config.query).expect("the question is sound");
    let gateway = Gateway::new(
        Terms::new(Arc::clone(&config), Arc::clone(&sap), &metrics.calls.clients),
        Arc::clone(&partners),
        metrics.calls,
        metrics.net,
        Some(access),
    );
    let peer = jtel();
    let request = request();
    let warm = runtime.block_on(gateway.handle(request.clone(), &peer));
    assert_eq!(warm.status(), 200);

    let mut group = c.benchmark_group("hit");
    group.bench_function("check", |b| {
        b.iter(|| wire::check(black_box(&request), &config.listen.limits));
    });
    group.bench_function("authenticate", |b| {
        b.iter(|| clients.who_asks(black_box(request.headers())));
    });
    group.bench_function("parse", |b| {
        b.iter(|| Query::read(black_box(QUERY), &config.query));
    });
    let remembered = &partners;
    let inquiry = || inquiry(&config, &sap, query.partner);
    group.bench_function("look up", |b| {
        b.to_async(&runtime).iter_batched(
            inquiry,
            |inquiry| async move { remembered.find(black_box(&inquiry), trace).await.source },
            BatchSize::SmallInput,
        );
    });
    let found = runtime.block_on(partners.find(&inquiry(), trace));
    let Some(known) = found.known else {
        panic!("the partner was asked for before");
    };
    let lookup = &known.lookup;
    group.bench_function("decide", |b| {
        b.iter(|| {
            decide(black_box(lookup), Some(black_box(&query.dialled)), &config.rules).eq(&decide(
                lookup,
                Some(&query.dialled),
                &config.rules,
            ))
        });
    });
    group.bench_function("whole call", |b| {
        b.to_async(&runtime).iter(|| gateway.handle(black_box(request.clone()), &peer));
    });
    group.finish();
}

criterion_group!(benches, hit);
criterion_main!(benches);
