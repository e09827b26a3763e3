//! A TCP link between a gateway and its SAP that a test can cut, silence, slow down and mend.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

/// The link; dropping it ends it.
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    state: watch::Sender<State>,
    counts: Arc<Counts>,
    /// Bound and never listening: the port stays ours while nobody listens on it.
    _reserved: TcpSocket,
    _server: AbortOnDropHandle<()>,
}

/// What the link does with what comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Through,
    /// Connections are reset, new ones as soon as they are there.
    Cut,
    /// Connections are taken, and nothing comes out of them.
    BlackHole,
    /// Nobody listens.
    Closed,
}

#[derive(Clone, Copy, Debug)]
struct State {
    way: Way,
    /// What comes is passed on this much later.
    late: Duration,
    /// Every so many-th request is reset; 0 for none.
    reset_every: usize,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// Requests without an answer now, and the most there were at once.
    in_flight: Mutex<(usize, usize)>,
}

const MENDED: State = State { way: Way::Through, late: Duration::ZERO, reset_every: 0 };

impl Link {
    /// A link that lets everything through to `sap`.
    pub(crate) fn to(sap: SocketAddr) -> Self {
        let reserved = socket();
        reserved.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = reserved.local_addr().unwrap();
        let (state, watched) = watch::channel(MENDED);
        let counts = Arc::new(Counts::default());
        let listener = listen(address);
        let server = tokio::spawn(serve(listener, address, sap, watched, Arc::clone(&counts)));
        let server = AbortOnDropHandle::new(server);
        Self { address, state, counts, _reserved: reserved, _server: server }
    }

    /// What stands in `sap.url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Resets what is there and what comes.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| state.way = Way::Cut);
    }

    /// Takes everything and says nothing, from now on and on connections that are there already.
    pub(crate) fn black_hole(&self) {
        self.state.send_modify(|state| state.way = Way::BlackHole);
    }

    /// Resets what is there; new connections are refused by the system.
    pub(crate) fn close_port(&self) {
        self.state.send_modify(|state| state.way = Way::Closed);
    }

    /// Passes everything on this much later, in both directions.
    pub(crate) fn slow(&self, late: Duration) {
        self.state.send_modify(|state| state.late = late);
    }

    /// Resets the connection of every `n`-th request from now on.
    pub(crate) fn reset_every(&self, n: usize) {
        self.counts.requests.store(0, Ordering::SeqCst);
        self.state.send_modify(|state| state.reset_every = n);
    }

    /// As at the start.
    pub(crate) fn mend(&self) {
        self.state.send_replace(MENDED);
    }

    /// Connections so far, also those that were reset at once.
    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// Requests so far, since [`Self::reset_every`] where that was used.
    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    /// The most requests that had no answer at the same time; one that was given up counts no
    /// longer.
    pub(crate) fn most_in_flight(&self) -> usize {
        self.counts.in_flight().1
    }
}

impl Counts {
    fn in_flight(&self) -> MutexGuard<'_, (usize, usize)> {
        self.in_flight.lock().unwrap()
    }
}

/// Counts one request as in flight until it is dropped.
struct InFlight(Arc<Counts>);

impl InFlight {
    fn of(counts: &Arc<Counts>) -> Self {
        let mut in_flight = counts.in_flight();
        in_flight.0 += 1;
        in_flight.1 = in_flight.1.max(in_flight.0);
        drop(in_flight);
        Self(Arc::clone(counts))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight().0 -= 1;
    }
}

fn socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    // Two sockets may then have one port, as long as only one of them listens.
    socket.set_reuseaddr(true).unwrap();
    socket
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = socket();
    socket.bind(address).unwrap();
    socket.listen(1024).unwrap()
}

async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    sap: SocketAddr,
    mut state: watch::Receiver<State>,
    counts: Arc<Counts>,
) {
    let mut connections = JoinSet::new();
    let mut listener = Some(listener);
    loop {
        let way = state.borrow_and_update().way;
        if way == Way::Closed {
            listener = None;
        } else if listener.is_none() {
            listener = Some(listen(address));
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await.unwrap().0,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            client = accepted => {
                counts.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(connection(client, sap, state.clone(), Arc::clone(&counts)));
            }
            Some(_ended) = connections.join_next() => {}
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}

/// One connection, until one side closes it or the link is cut.
async fn connection(
    mut client: TcpStream,
    sap: SocketAddr,
    state: watch::Receiver<State>,
    counts: Arc<Counts>,
) {
    let mut cut = state.clone();
    let reset = tokio::select! {
        reset = relay(&mut client, sap, &state, &counts) => reset,
        _cut = cut.wait_for(|state| matches!(state.way, Way::Cut | Way::Closed)) => true,
    };
    if reset {
        // Closing without lingering is what sends RST instead of FIN.
        let _may_be_gone = client.set_zero_linger();
    }
}

/// Passes bytes on; `true` where the client's side is to be reset.
async fn relay(
    client: &mut TcpStream,
    sap: SocketAddr,
    state: &watch::Receiver<State>,
    counts: &Arc<Counts>,
) -> bool {
    let Ok(mut sap) = TcpStream::connect(sap).await else { return true };
    let _latency_only = (client.set_nodelay(true), sap.set_nodelay(true));
    let (mut asked, mut answered) = (vec![0; 16 * 1024], vec![0; 64 * 1024]);
    // Held, not read: it counts while it is there.
    let mut _in_flight = None;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return false };
                let bytes = &asked[..length];
                // A request of dialgate comes in one piece.
                if bytes.starts_with(b"GET ") || bytes.starts_with(b"POST ") {
                    let nth = counts.requests.fetch_add(1, Ordering::SeqCst) + 1;
                    _in_flight = Some(InFlight::of(counts));
                    let every = state.borrow().reset_every;
                    if every > 0 && nth.is_multiple_of(every) {
                        return true;
                    }
                }
                if !pass_on(bytes, &mut sap, state).await { return true }
            }
            read = sap.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return read.is_err() };
                if !pass_on(&answered[..length], client, state).await { return false }
                _in_flight = None;
            }
        }
    }
}

/// `false` where the other side is gone.
async fn pass_on(bytes: &[u8], to: &mut TcpStream, state: &watch::Receiver<State>) -> bool {
    let State { way, late, .. } = *state.borrow();
    if way == Way::BlackHole {
        return true;
    }
    if !late.is_zero() {
        sleep(late).await;
    }
    to.write_all(bytes).await.is_ok()
}
