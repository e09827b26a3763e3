//! What leaves for a collector, when, how often, and what becomes of it when the collector is not
//! well. Time is paused: where nothing is under way it jumps to the next thing that is due.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::{
    config::TlsVersion,
    config::{self, Environment, Otlp},
    net::tests::pki::Pki,
    telemetry::{
        clock::{CallId, Moment},
        trace::{SpanId, Trace},
    },
};

/// So many spans.
struct Spans(u64);

impl Traced for Spans {
    fn count(&self) -> u64 {
        self.0
    }

    fn spans(&self) -> Vec<Span> {
        let trace = Trace::new(CallId::new(Moment::now()));
        let span = || Span {
            trace: trace.id,
            id: SpanId::new(),
            parent: None,
            is_parent_remote: false,
            name: "test".to_owned(),
            kind: Kind::Internal,
            start: 1,
            end: 2,
            attributes: Vec::new(),
            error: None,
            link: None,
        };
        (0..self.0).map(|_| span()).collect()
    }
}

/// The n-th request, from 1, is answered with this; `None`: not at all.
type Script = fn(usize) -> Option<Response<Full<Bytes>>>;

/// A collector that does as it is told.
struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<(HeaderMap, usize)>>>,
    _server: AbortOnDropHandle<()>,
}

impl Receiver {
    async fn start(script: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let noted = Arc::clone(&requests);
        let server = tokio::spawn(async move {
            let count = Arc::new(AtomicUsize::new(0));
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let (noted, count) = (Arc::clone(&noted), Arc::clone(&count));
                match tls.clone() {
                    None => drop(tokio::spawn(serve(tcp, script, noted, count))),
                    Some(tls) => drop(tokio::spawn(async move {
                        let tls = tls.accept(tcp).await.unwrap();
                        serve(tls, script, noted, count).await;
                    })),
                }
            }
        });
        Self { address, requests, _server: AbortOnDropHandle::new(server) }
    }

    /// Spans in each request so far.
    fn spans(&self) -> Vec<usize> {
        self.requests.lock().unwrap().iter().map(|(_, spans)| *spans).collect()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    script: Script,
    noted: Arc<Mutex<Vec<(HeaderMap, usize)>>>,
    count: Arc<AtomicUsize>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let (noted, count) = (Arc::clone(&noted), Arc::clone(&count));
        async move {
            assert_eq!(request.uri(), "/v1/traces");
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let read = ExportTraceServiceRequest::decode(body).unwrap();
            let scopes = read.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
            let spans = scopes.map(|scope| scope.spans.len()).sum();
            noted.lock().unwrap().push((head.headers, spans));
            match script(count.fetch_add(1, Ordering::Relaxed) + 1) {
                Some(response) => Ok::<_, hyper::Error>(response),
                None => std::future::pending().await,
            }
        }
    });
    let _whoever_ends_it =
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn status(status: u16) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn otlp(url: &str) -> Otlp {
    Otlp { url: url.parse().unwrap(), headers: Vec::new(), ca_file: None }
}

/// An exporter to this address, and what it counts.
fn exporter(address: SocketAddr) -> (Exporter<Spans>, Arc<SpanMetrics>) {
    exporter_to(&otlp(&format!("http://{address}/v1/traces")))
}

fn exporter_to(otlp: &Otlp) -> (Exporter<Spans>, Arc<SpanMetrics>) {
    let metrics = Arc::new(SpanMetrics::new(&prometheus::Registry::new()).unwrap());
    let exporter = Exporter::start(Arc::clone(&metrics), "test");
    exporter.send_to(Some(Arc::new(Collector::new(otlp).unwrap())));
    (exporter, metrics)
}

async fn until(is_true: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < Duration::from_mins(10), "it does not come true");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_recorded_goes_together_after_five_seconds_or_as_soon_as_it_is_much() {
    let receiver = Receiver::start(|_| Some(status(200)), None).await;
    let (exporter, metrics) = exporter(receiver.address);
    let began = Instant::now();

    exporter.record(Spans(1));
    exporter.record(Spans(2));
    until(|| metrics.taken() == 3).await;
    assert_eq!(began.elapsed().as_secs(), 5);

    let began = Instant::now();
    (0..520).for_each(|_| exporter.record(Spans(1)));
    until(|| metrics.taken() >= 515).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    until(|| metrics.taken() == 523).await;

    assert_eq!(receiver.spans(), [3, 512, 8]);
    assert!(Loss::ALL.iter().all(|loss| metrics.count(*loss) == 0));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_wants_to_be_left_alone_is_and_gets_the_same_spans_then() {
    let script: Script = |nth| {
        let mut response = status([429, 503, 502, 200][(nth - 1).min(3)]);
        let wish = ["20", "7"].get(nth - 1);
        if let Some(wish) = wish {
            response.headers_mut().insert(header::RETRY_AFTER, wish.parse().unwrap());
        }
        Some(response)
    };
    let receiver = Receiver::start(script, None).await;
    let (exporter, metrics) = exporter(receiver.address);
    let began = Instant::now();

    exporter.record(Spans(3));
    until(|| metrics.taken() == 3).await;

    // Five seconds to gather, and after the wishes a pause of up to four.
    let took = began.elapsed().as_secs();
    assert!((5 + 20 + 7..5 + 20 + 7 + 5).contains(&took), "{took}");
    assert_eq!(receiver.spans(), [3, 3, 3, 3]);
}

#[tokio::test(start_paused = true)]
async fn spans_that_nobody_takes_for_a_minute_are_given_up_and_the_next_ones_tried() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (exporter, metrics) = exporter(address);
    let began = Instant::now();

    exporter.record(Spans(3));
    until(|| metrics.count(Loss::Unavailable) == 3).await;
    assert!((30..66).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());

    let receiver = Receiver::start(|_| Some(status(200)), None).await;
    let another = otlp(&format!("http://{}/v1/traces", receiver.address));
    exporter.send_to(Some(Arc::new(Collector::new(&another).unwrap())));
    exporter.record(Spans(2));
    until(|| metrics.taken() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_not_sent_again() {
    let script: Script = |nth| match nth {
        1 => Some(status(400)),
        2 => {
            let error_message = "too old".to_owned();
            let partly = ExportTracePartialSuccess { rejected_spans: 2, error_message };
            let partly = ExportTraceServiceResponse { partial_success: Some(partly) };
            Some(Response::new(Full::new(partly.encode_to_vec().into())))
        }
        _ => Some(status(200)),
    };
    let receiver = Receiver::start(script, None).await;
    let (exporter, metrics) = exporter(receiver.address);

    for (spans, taken, refused) in [(3, 0, 3), (5, 3, 5), (1, 4, 5)] {
        exporter.record(Spans(spans));
        until(|| metrics.taken() == taken && metrics.count(Loss::Refused) == refused).await;
    }
    assert_eq!(receiver.spans(), [3, 5, 1]);
}

#[tokio::test(start_paused = true)]
async fn who_records_never_waits_and_what_is_too_much_or_too_late_is_counted() {
    let receiver = Receiver::start(|_| None, None).await;
    let (exporter, metrics) = exporter(receiver.address);
    (0..512).for_each(|_| exporter.record(Spans(1)));
    until(|| receiver.spans() == [512]).await;
    let began = Instant::now();

    (0..QUEUE + 100).for_each(|_| exporter.record(Spans(2)));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(metrics.count(Loss::QueueFull), 200);

    let lost = exporter.close(Duration::from_secs(1)).await;
    assert_eq!(began.elapsed().as_secs(), 1);
    assert_eq!(lost, 512 + 2 * QUEUE as u64);
    exporter.record(Spans(1));
    assert_eq!(metrics.count(Loss::Shutdown), lost + 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_at_the_end_is_sent_at_once_also_after_a_failure() {
    let receiver =
        Receiver::start(|nth| Some(status(if nth == 1 { 503 } else { 200 })), None).await;
    let (exporter, metrics) = exporter(receiver.address);
    exporter.record(Spans(3));
    until(|| receiver.spans().len() == 1).await;
    exporter.record(Spans(4));
    let began = Instant::now();

    let lost = exporter.close(Duration::from_secs(1)).await;

    assert_eq!((lost, metrics.taken()), (0, 7));
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_the_last_to_go_has_what_is_left_sent() {
    let receiver = Receiver::start(|_| Some(status(200)), None).await;
    let (exporter, metrics) = exporter(receiver.address);
    exporter.record(Spans(3));

    drop(exporter);

    until(|| metrics.taken() == 3).await;

    let receiver = Receiver::start(|_| Some(status(503)), None).await;
    let (exporter, metrics) = exporter_to(&otlp(&format!("http://{}/v1/traces", receiver.address)));
    exporter.record(Spans(3));
    drop(exporter);
    until(|| metrics.count(Loss::Shutdown) == 3).await;
    assert_eq!(receiver.spans(), [3], "once, and not as fast as it can");
}

#[tokio::test(start_paused = true)]
async fn another_collector_does_not_wait_for_what_the_one_before_wanted() {
    let script: Script = |_| {
        let mut response = status(429);
        response.headers_mut().insert(header::RETRY_AFTER, "50".parse().unwrap());
        Some(response)
    };
    let busy = Receiver::start(script, None).await;
    let well = Receiver::start(|_| Some(status(200)), None).await;
    let (exporter, metrics) = exporter(busy.address);
    exporter.record(Spans(3));
    until(|| busy.spans() == [3]).await;
    let began = Instant::now();

    let another = otlp(&format!("http://{}/v1/traces", well.address));
    exporter.send_to(Some(Arc::new(Collector::new(&another).unwrap())));

    until(|| metrics.taken() == 3).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn over_tls_the_ca_counts_and_a_secret_is_sent_as_its_file_has_it() {
    let pki = Pki::new();
    let tls = TlsAcceptor::from(pki.server(TlsVersion::V1_3).config);
    let receiver = Receiver::start(|_| Some(status(200)), Some(tls)).await;
    let key = pki.file("key");
    fs::write(&key, "first\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let url = format!("https://{}/v1/traces", receiver.address);
    let section = format!(
        "traces: {{ otlp: {{ url: '{url}', headers: {{ api-key: {{ file: key }} }}, ca_file: ca.pem }} }}\n\
         sap: {{ url: 'http://127.0.0.1:9' }}\nanybody_may_ask: true\n\
         listen: {{ plaintext_behind_a_tls_load_balancer: true }}\n\
         rules: {{ service_numbers: [{{ contract_number: xDE, service_number: \"4922147100000\" }}] }}\n"
    );
    let environment = Environment::of([]);
    let folder = pki.directory.path();
    let config = config::parse(&section, "test", folder, &environment, |_, _| ()).unwrap();
    let (exporter, metrics) = exporter_to(config.traces.otlp.as_ref().unwrap());
    fs::write(&key, "second\n").unwrap();

    exporter.record(Spans(1));
    exporter.close(Duration::from_secs(5)).await;

    assert_eq!(metrics.taken(), 1);
    let (headers, _) = receiver.requests.lock().unwrap()[0].clone();
    assert_eq!(headers["api-key"], "second");
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["host"], receiver.address.to_string());
}
