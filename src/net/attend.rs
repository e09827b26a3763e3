//! Drives a connection to its end, which it may bring itself, or the watch on its time, the drain, or
//! another connection that needs its place.

use std::error::Error as _;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use hyper_util::server::graceful::GracefulConnection;
use tokio::time::{Instant, sleep_until};

use super::Peer;
use super::connection::Common;
use super::ending::Ending;
use super::incident::What;
use super::metrics::Unreadable;
use super::places::Seat;
use super::watch::{Finding, Watch};

/// The longest that a connection without a request takes to make room.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);

/// How soon it is looked again, at the end, whether what was in flight is over.
const SOON: Duration = Duration::from_millis(100);

/// How far the end of the listener is.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Stage {
    Open,
    /// Clients are told to go elsewhere.
    Announced,
    /// Nobody is accepted any more.
    Started,
}

/// What comes of a look at a connection.
enum Look {
    /// Nothing; look again then.
    Again(Instant),
    /// It is told that it ends, and why; look again then.
    Tell(Ending, Instant),
    /// It ends.
    End(Ending),
}

impl<H> Common<H> {
    /// Drives `connection` to its end.
    pub(super) async fn attend<C>(
        &self,
        connection: C,
        watch: &Watch,
        seat: &Seat,
        peer: &Peer,
    ) -> Ending
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        let mut connection = pin!(connection);
        let mut alarm = pin!(sleep_until(Instant::now()));
        let mut stop = pin!(self.drain.wait_announced());
        let mut leave = pin!(seat.shall_leave());
        let mut stage = Stage::Open;
        let mut told_to_end = None;
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => {
                    let by_drain = (stage != Stage::Open).then_some(Ending::Drain);
                    let ending = Ending::of(&result, told_to_end.or(by_drain), watch);
                    if let Err(error) = &result {
                        self.tell(error, ending, peer);
                    }
                    return ending;
                }
                () = stop.as_mut() => match stage {
                    Stage::Open => {
                        stage = Stage::Announced;
                        watch.answers_are_the_last();
                        stop.set(self.drain.wait_started());
                    }
                    Stage::Announced => {
                        stage = Stage::Started;
                        alarm.as_mut().reset(Instant::now());
                        stop.set(self.cut.cancelled());
                    }
                    Stage::Started => return Ending::Drain,
                },
                // GOAWAY: whoever has not asked anything yet may do so once, as on a connection of HTTP/1.
                () = asked(watch), if stage != Stage::Open && told_to_end.is_none() => {
                    told_to_end = Some(Ending::Drain);
                    connection.as_mut().graceful_shutdown();
                }
                // Told in the protocol's own words; a request that has just begun is answered.
                () = leave.as_mut(), if told_to_end.is_none() => {
                    told_to_end = Some(Ending::Evicted);
                    connection.as_mut().graceful_shutdown();
                    alarm.as_mut().reset(Instant::now() + LEAVES_WITHIN);
                }
                () = alarm.as_mut() => match self.look(watch, told_to_end, peer) {
                    Look::Again(at) => alarm.as_mut().reset(at),
                    Look::Tell(ending, again) => {
                        told_to_end = Some(ending);
                        connection.as_mut().graceful_shutdown();
                        alarm.as_mut().reset(again);
                    }
                    Look::End(ending) => return ending,
                },
            }
        }
    }

    /// What is to be done with a connection that was told to end, or not yet.
    fn look(&self, watch: &Watch, told_to_end: Option<Ending>, peer: &Peer) -> Look {
        let now = Instant::now();
        let next = match watch.look(now, &self.limits) {
            Finding::Fine(_) if told_to_end == Some(Ending::Evicted) && !watch.has_request() => {
                return Look::End(Ending::Evicted);
            }
            Finding::Fine(next) => next,
            Finding::Head => {
                let reason = format!("not whole within {:?}", self.limits.head_timeout);
                self.incident(peer, What::HeadTimeout, reason);
                return Look::End(Ending::HeadTimeout);
            }
            Finding::Write => return Look::End(Ending::WriteTimeout),
            // The connection's future ends by itself now and says what was wrong.
            Finding::Lingered => {
                watch.linger_no_more();
                now
            }
            // Told first in the protocol's own words, so that a request just under way is not lost; a
            // peer that does not react is cut off at the second look.
            Finding::Idle => {
                let within = now + self.limits.write_timeout;
                return told_to_end.map_or(Look::Tell(Ending::IdleTimeout, within), Look::End);
            }
        };
        let Some(again) = self.drain.closes_at(now).filter(|_| told_to_end.is_none()) else {
            return Look::Again(next);
        };
        match watch.quiet_since().and_then(|since| self.drain.closes_at(since)) {
            Some(at) if at <= now => Look::Tell(Ending::Drain, next),
            Some(at) => Look::Again(next.min(at)),
            None => Look::Again(next.min(again.max(now + SOON))),
        }
    }

    /// Counts and tells what hyper refused: nobody else gets to see it.
    fn tell(&self, error: &hyper::Error, ending: Ending, peer: &Peer) {
        let what = match () {
            () if error.is_parse_too_large() => {
                self.metrics.unreadable(Unreadable::HeadTooLarge);
                What::HeadTooLarge
            }
            () if error.is_parse() => {
                self.metrics.unreadable(Unreadable::NotHttp);
                What::NotHttp
            }
            () if ending == Ending::ProtocolError => What::ProtocolError,
            () if ending == Ending::Flood => What::Flood,
            () => return,
        };
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        self.incident(peer, what, format!("{error}{cause}"));
    }

    fn incident(&self, peer: &Peer, what: What, reason: String) {
        self.incidents.tell(peer.address, what, reason, None, peer.tls.clone());
    }
}

/// Waits until something was asked on a connection of HTTP/2. Only the connection itself can change that,
/// and whoever drives it looks here after each of its steps.
async fn asked(watch: &Watch) {
    poll_fn(|_| if watch.goes_away() { Poll::Ready(()) } else { Poll::Pending }).await;
}
