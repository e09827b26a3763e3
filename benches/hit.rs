//! What a call costs whose partner is in memory: each step by itself, and all of them.
//!
//! `cargo bench --bench hit`. In one process and without sockets; for the whole program see the
//! README. The machine is noisy: compare ratios of one run.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot be set up has to end, and documents nobody calls"
)]

mod support;

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dialgate::{
    app::AllMetrics,
    domain::decide,
    gateway::{Clients, Gateway, Query, Terms, stamp, start_access_log},
    lookup::Partners,
    net::wire,
    sap::SapClient,
    simulator::{Simulator, SimulatorOptions},
};
use tokio::runtime::Runtime;

use support::{config, inquiry, jtel, request, trace};

const QUERY: &str = "SAPBusinessPartnerID=1001910&SAPPhoneNumber=%2B4989461495000";

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

fn hit(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let simulator = runtime.block_on(simulator());
    let config = Arc::new(config(&format!("http://{}", simulator.local_address())));
    let metrics = AllMetrics::new().expect("the metrics are sound");
    let of_sap = metrics.sap.of(&config.systems.first().name).expect("the metrics are sound");
    let sap = Arc::new(
        SapClient::new(config.systems.first(), of_sap)
            .unwrap_or_else(|problems| panic!("{problems:?}")),
    );
    let partners = Arc::new(Partners::new(1, metrics.memory));
    let access = start_access_log(metrics.process.registry(), std::io::sink()).expect("a writer");
    let clients = Clients::new(&config, &metrics.calls.clients);
    let query = Query::read(QUERY, &config.query).expect("the question is sound");
    let gateway = Gateway::new(
        Terms::new(
            Arc::clone(&config),
            vec![Arc::clone(&sap)],
            &metrics.calls.clients,
            stamp("bench", ""),
        ),
        Arc::clone(&partners),
        metrics.calls,
        metrics.net,
        Some(access),
    );
    let peer = jtel();
    let request = request(QUERY);
    let warm = runtime.block_on(gateway.handle(request.clone(), &peer));
    assert_eq!(warm.status(), 200);

    let mut group = c.benchmark_group("hit");
    group.bench_function("check", |b| {
        b.iter(|| wire::check(black_box(&request), &config.listen.limits));
    });
    group.bench_function("authenticate", |b| {
        b.iter(|| clients.who_asks(black_box(request.headers()), [127, 0, 0, 1].into(), &peer));
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
