//! A SAP that does what a test tells it: it has places, takes its time, and counts what it gets.
//!
//! It knows the simulator's derived partners (`5000000` to `5999999`) as Cloud for Customer would
//! word them. Unlike the simulator it goes on working on a request that nobody waits for any more,
//! as SAP does.

mod answer;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::task::AbortOnDropHandle;

/// One request, as SAP sees it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Counted from 1.
    pub(crate) nth: usize,
    /// Counted from 1 on its connection.
    pub(crate) on_connection: usize,
    /// Requests under way when it came, itself included.
    pub(crate) at_once: usize,
    /// The partner's ID.
    pub(crate) partner: String,
    /// The `Authorization` field, empty where there is none.
    pub(crate) authorization: String,
}

/// What comes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// The partner's record.
    Answer,
    /// The same, of a partner that is blocked.
    Blocked,
    /// The record of this partner, whoever is asked for.
    AnswerAbout(String),
    /// The partner's record with this text of the channel.
    AnswerWithChannel(String),
    /// No record.
    Unknown,
    /// A record without country and channel: a mistake in that partner's data.
    Unreadable,
    /// A status and a short text.
    Status(u16),
    /// 503 with `Retry-After`.
    RetryAfter(String),
    /// A status and HTML for people.
    Html(u16),
    /// Nothing, ever.
    Hang,
    /// This, but only after [`ScriptedSap::release`].
    Held(Box<Does>),
}

/// A running one; dropping it ends it.
pub(crate) struct ScriptedSap {
    pub(crate) address: SocketAddr,
    sap: Arc<Sap>,
    _server: AbortOnDropHandle<()>,
}

type Script = Arc<dyn Fn(&Asked) -> Does + Send + Sync>;

struct Sap {
    state: Mutex<State>,
    released: watch::Sender<bool>,
}

struct State {
    script: Script,
    takes: Duration,
    places: Arc<Semaphore>,
    closes: bool,
    asked: Vec<Asked>,
    working: usize,
    most_at_once: usize,
    done: usize,
    abandoned: usize,
    /// Time that places were taken for.
    busy: Duration,
}

impl ScriptedSap {
    /// Answers at once, however many ask.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Mutex::new(State {
            script: Arc::new(|_asked| Does::Answer),
            takes: Duration::ZERO,
            places: Arc::new(Semaphore::new(1000)),
            closes: false,
            asked: Vec::new(),
            working: 0,
            most_at_once: 0,
            done: 0,
            abandoned: 0,
            busy: Duration::ZERO,
        });
        let sap = Arc::new(Sap { state, released: watch::Sender::new(false) });
        let server = tokio::spawn(serve(listener, Arc::clone(&sap)));
        Self { address, sap, _server: AbortOnDropHandle::new(server) }
    }

    /// What stands in `sap.url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does this with every request from now on.
    pub(crate) fn does(&self, what: Does) {
        self.decides(move |_asked| what.clone());
    }

    /// Decides for every request from now on.
    pub(crate) fn decides(&self, script: impl Fn(&Asked) -> Does + Send + Sync + 'static) {
        self.sap.released.send_replace(false);
        self.sap.state().script = Arc::new(script);
    }

    /// Works this long on each request.
    pub(crate) fn takes(&self, takes: Duration) {
        self.sap.state().takes = takes;
    }

    /// Works on so many at once; the others queue, as in a real SAP.
    pub(crate) fn has_places(&self, places: usize) {
        self.sap.state().places = Arc::new(Semaphore::new(places));
    }

    /// Keeps no connection: each request comes on one of its own.
    pub(crate) fn closes_connections(&self) {
        self.sap.state().closes = true;
    }

    /// Lets go what is held, now and from now on.
    pub(crate) fn release(&self) {
        self.sap.released.send_replace(true);
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.sap.state().asked.clone()
    }

    /// How many requests there were so far.
    pub(crate) fn requests(&self) -> usize {
        self.sap.state().asked.len()
    }

    /// How many there were about one partner.
    pub(crate) fn requests_for(&self, partner: &str) -> usize {
        self.sap.state().asked.iter().filter(|asked| asked.partner == partner).count()
    }

    /// Requests that were worked on to their end, whether somebody still waited or not.
    pub(crate) fn done(&self) -> usize {
        self.sap.state().done
    }

    /// Requests whose connection was closed before the answer.
    pub(crate) fn abandoned(&self) -> usize {
        self.sap.state().abandoned
    }

    /// The most requests at once, those that queue and those nobody waits for included.
    pub(crate) fn most_at_once(&self) -> usize {
        self.sap.state().most_at_once
    }

    /// How long a request has really taken on average; longer than told where the machine is busy.
    pub(crate) fn mean_time(&self) -> Duration {
        let state = self.sap.state();
        state.busy / u32::try_from(state.done.max(1)).unwrap()
    }
}

impl Sap {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Notes a request and says what becomes of it.
    fn arrived(&self, request: &Request<Incoming>, on_connection: usize) -> (Asked, Does) {
        let authorization = request.headers().get(header::AUTHORIZATION);
        let authorization = authorization.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let query = percent_decode_str(request.uri().query().unwrap_or_default());
        let query = query.decode_utf8_lossy().into_owned();
        let mut state = self.state();
        let asked = Asked {
            nth: state.asked.len() + 1,
            on_connection,
            at_once: state.working + 1,
            partner: query.split('\'').nth(1).unwrap_or_default().to_owned(),
            authorization: authorization.to_owned(),
        };
        state.asked.push(asked.clone());
        state.working += 1;
        state.most_at_once = state.most_at_once.max(state.working);
        let script = Arc::clone(&state.script);
        drop(state);
        let does = script(&asked);
        (asked, does)
    }

    /// Works on a request to its end, whoever waits for it.
    async fn work(&self, asked: &Asked, does: Does, individual: bool) -> Response<Full<Bytes>> {
        let (takes, places) = {
            let state = self.state();
            (state.takes, Arc::clone(&state.places))
        };
        let place = places.acquire().await.unwrap();
        let started = Instant::now();
        if !takes.is_zero() {
            sleep(takes).await;
        }
        let does = match does {
            Does::Held(then) => {
                let mut released = self.released.subscribe();
                released.wait_for(|released| *released).await.unwrap();
                *then
            }
            does => does,
        };
        if matches!(does, Does::Hang) {
            std::future::pending::<()>().await;
        }
        drop(place);
        let mut state = self.state();
        state.busy += started.elapsed();
        state.working -= 1;
        state.done += 1;
        let mut response = answer::to(asked, &does, individual);
        if state.closes {
            let close = header::HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }
}

async fn serve(listener: TcpListener, sap: Arc<Sap>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                connections.spawn(connection(accepted.unwrap().0, Arc::clone(&sap)));
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn connection(tcp: TcpStream, sap: Arc<Sap>) {
    let _latency_only = tcp.set_nodelay(true);
    let requests = AtomicUsize::new(0);
    let service = service_fn(move |request: Request<Incoming>| {
        let sap = Arc::clone(&sap);
        let nth = requests.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            let (asked, does) = sap.arrived(&request, nth);
            let individual = request.uri().path().ends_with("/IndividualCustomerCollection");
            let waiting = Waiting { sap: Arc::clone(&sap), answered: false };
            let worked = tokio::spawn(async move { sap.work(&asked, does, individual).await });
            let response = worked.await.map_err(io::Error::other)?;
            waiting.answered();
            Ok::<_, io::Error>(response)
        }
    });
    let _ended = http1::Builder::new()
        .timer(TokioTimer::new())
        // As some do; a date in `Retry-After` is then compared with our own clock.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(tcp), service)
        .await;
}

/// Somebody waits for the answer. Dropped without it, the request was abandoned.
struct Waiting {
    sap: Arc<Sap>,
    answered: bool,
}

impl Waiting {
    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.answered {
            self.sap.state().abandoned += 1;
        }
    }
}
