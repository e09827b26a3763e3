//! Takes connections from the operating system, and gives each a place and a task.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::accept::{AcceptFault, Outage};
use super::bind::BACKLOG;
use super::connection::{AnswerBody, Common};
use super::metrics::Refusal;
use super::{Peer, places};

/// Accepts for as long as it is awaited.
pub(super) async fn accept_all<H, F, A>(socket: &TcpListener, common: &Arc<Common<H>>)
where
    H: Fn(Request<Incoming>, Arc<Peer>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<A>> + Send + 'static,
    A: AnswerBody,
{
    let mut outage = Outage::default();
    let mut crowd = Outage::default();
    loop {
        match socket.accept().await {
            Ok((stream, address)) => admit(stream, address, &mut crowd, common),
            Err(error) => {
                let fault = AcceptFault::of(&error);
                if fault == AcceptFault::Descriptors {
                    common.metrics.refused(Refusal::Descriptors);
                }
                if let Some(pause) = fault.pause() {
                    if outage.begins(Instant::now()) {
                        warn!(%error, "connections cannot be accepted; new ones wait, open ones go on");
                    }
                    sleep(pause).await;
                }
            }
        }
    }
}

/// Takes those who are waiting, and closes the socket: whoever waited then would be reset.
pub(super) fn accept_the_rest<H, F, A>(socket: TcpListener, common: &Arc<Common<H>>)
where
    H: Fn(Request<Incoming>, Arc<Peer>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<A>> + Send + 'static,
    A: AnswerBody,
{
    // The runtime may not have heard of them yet; the operating system has.
    let Ok(socket) = socket.into_std() else { return };
    let mut crowd = Outage::default();
    // Whoever is behind so many came after the end had begun.
    for _ in 0..=BACKLOG {
        match socket.accept() {
            Ok((stream, address)) => {
                let stream =
                    stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                if let Ok(stream) = stream {
                    admit(stream, address, &mut crowd, common);
                }
            }
            Err(error) if AcceptFault::of(&error) == AcceptFault::Connection => {}
            Err(_nobody_waits_or_none_can_be_taken) => return,
        }
    }
}

/// Gives the connection a place and a task, or closes it.
fn admit<H, F, A>(
    stream: TcpStream,
    address: SocketAddr,
    crowd: &mut Outage,
    common: &Arc<Common<H>>,
) where
    H: Fn(Request<Incoming>, Arc<Peer>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<A>> + Send + 'static,
    A: AnswerBody,
{
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    // Whose connection a load balancer brings is known later; its own address has no limit.
    let from = (!common.trusted.names_clients(address.ip())).then_some(address.ip());
    let place = match common.places.take(from) {
        Ok(place) => {
            if place.made_room && crowd.begins(Instant::now()) {
                warn!(
                    connections = common.limits.connections,
                    per_address = common.limits.connections_per_address,
                    "all places for connections are taken (listen.limits); the one that was idle \
                     longest makes room for each new one"
                );
            }
            place
        }
        Err(places::Full::InTotal) => return common.metrics.refused(Refusal::Total),
        Err(places::Full::PerAddress) => return common.metrics.refused(Refusal::PerAddress),
    };
    // Fails only when the peer is gone already, which the next read says better.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY was not set");
    }
    let common = Arc::clone(common);
    let tasks = common.tasks.clone();
    drop(tasks.spawn(async move {
        common.serve(stream, address, &place, from.is_none()).await;
        drop(place);
    }));
}
