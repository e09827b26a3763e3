//! What a call costs whose partner has to be asked for: each step by itself, and all of them.
//!
//! `cargo bench --bench miss`. In one process, with SAP behind a socket. How much of it is the
//! reading of SAP's JSON shows in the difference between a record of 2 KB and one of 20 KB. The
//! machine is noisy: compare ratios of one run.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot be set up has to end, and documents nobody calls"
)]

mod support;

use std::{
    hint::black_box,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dialgate::{
    app::AllMetrics,
    config::Config,
    domain::PartnerId,
    gateway::{Gateway, Terms, stamp, start_access_log},
    lookup::Partners,
    sap::{Question, Requests, SapClient, Urgency},
};
use tokio::{runtime::Runtime, time::Instant};

use support::{config, inquiry, jtel, request, trace};

/// A record of Cloud for Customer with everything in it, before and behind the ID.
const BEFORE: &str = include_str!("compare/tools/src/bin/before-the-id.json");
const BEHIND: &str = include_str!("compare/tools/src/bin/behind-the-id.json");

/// A SAP that answers with a record of about `bytes` at once.
fn sap_with(bytes: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let fields = bytes.saturating_sub(BEFORE.len() + BEHIND.len()) / 24;
    let more: Vec<String> =
        (0..fields).map(|n| format!(",\"KUT_{n:04}\":\"0123456789\"")).collect();
    let more = more.concat();
    let behind = BEHIND.trim_end().strip_suffix("}]}}").expect("the record's end");
    // A channel that the shipped configuration has a service number for.
    let behind = behind.replace("Direktvertrieb", "Direct sales");
    let behind: Arc<str> = format!("{behind}{more}}}]}}}}").into();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let behind = Arc::clone(&behind);
            thread::spawn(move || answer(&stream.expect("a connection"), &behind));
        }
    });
    address
}

/// Answers until the other side hangs up.
fn answer(stream: &TcpStream, behind: &str) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        // The partners of this benchmark are numbers from 5000000 on.
        let id = &head[head.find("%275").expect("an ID in the filter") + 3..][..7];
        let body = [BEFORE.trim_end(), id, behind].concat();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        (&*stream).write_all((head + &body).as_bytes()).ok()?;
    }
}

/// A partner that nobody has asked for.
fn new_partner() -> PartnerId {
    PartnerId::parse(&new_id()).expect("a number is an ID")
}

fn new_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(5_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

fn client(config: &Config) -> Arc<SapClient> {
    let metrics = AllMetrics::new().expect("the metrics are sound");
    let of_sap = metrics.sap.of(&config.systems.first().name).expect("the metrics are sound");
    let client = SapClient::new(config.systems.first(), of_sap);
    Arc::new(client.unwrap_or_else(|problems| panic!("{problems:?}")))
}

async fn ask(sap: &SapClient, partner: PartnerId) {
    let deadline = Instant::now() + Duration::from_secs(1);
    let pass = sap.enter(Urgency::Live, deadline).await.expect("a free place");
    let requests = Arc::new(Requests::default());
    let trace = trace(&requests);
    let question = Question { partner, dialled: None, trace: Some(&trace), requests: &requests };
    sap.ask(pass, question, |found| assert!(found.is_ok(), "{found:?}")).await;
}

fn miss(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let config = Arc::new(config(&format!("http://{}", sap_with(2_000))));
    let sap = client(&config);
    let large = client(&support::config(&format!("http://{}", sap_with(20_000))));

    let mut group = c.benchmark_group("miss");
    group.bench_function("enter the door", |b| {
        b.to_async(&runtime).iter(|| async {
            let deadline = Instant::now() + Duration::from_secs(1);
            drop(sap.enter(black_box(Urgency::Live), deadline).await);
        });
    });
    for (name, sap) in [("ask SAP, a record of 2 KB", &sap), ("ask SAP, a record of 20 KB", &large)]
    {
        group.bench_function(name, |b| {
            b.to_async(&runtime).iter_batched(
                new_partner,
                |partner| async move { ask(sap, partner).await },
                BatchSize::SmallInput,
            );
        });
    }
    let metrics = AllMetrics::new().expect("the metrics are sound");
    let partners = Arc::new(Partners::new(1_000_000, metrics.memory));
    group.bench_function("look up", |b| {
        b.to_async(&runtime).iter_batched(
            || inquiry(&config, &sap, new_partner()),
            |inquiry| {
                let partners = &partners;
                async move { partners.find(black_box(&inquiry), trace).await.source }
            },
            BatchSize::SmallInput,
        );
    });
    let access = start_access_log(metrics.process.registry(), std::io::sink()).expect("a writer");
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
    let call = || {
        let id = new_id();
        request(&format!("SAPBusinessPartnerID={id}&SAPPhoneNumber=%2B4989461495000"))
    };
    assert_eq!(runtime.block_on(gateway.handle(call(), &peer)).status(), 200);
    group.bench_function("whole call", |b| {
        b.to_async(&runtime).iter_batched(
            call,
            |request| gateway.handle(black_box(request), &peer),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, miss);
criterion_main!(benches);
