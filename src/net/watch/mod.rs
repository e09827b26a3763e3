//! What a connection is doing and since when, and when that has lasted too long.
//!
//! hyper's own timer is set anew for every request and knows only one of the four waits. Here the
//! connection's parts write down what happens (a few plain stores a request), and one sleeping
//! watchdog per connection (`connection`) looks at it now and then. It sleeps at most as long as
//! the shortest limit: whatever begins while it sleeps cannot be overdue before it wakes, so the
//! limits are kept to the moment, and a request registers no timer.

mod deliveries;
mod in_flight;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Limits;
use super::places::Seat;
use deliveries::Deliveries;
pub(super) use in_flight::InFlight;

/// Microseconds in a millisecond.
const MS: u64 = 1000;

/// "Not now", for a [`Moment`].
const NEVER: u64 = 0;

/// Frames of HTTP/2 that a peer may send without taking anything from us (RFC 9113 10.5). A hundred requests
/// at once are about a hundred, a client that gives them all up twice that, one that pings every second ten.
const MOST_FRAMES: u32 = 1000;

/// In so much time, in microseconds: whoever takes nothing for long may ping and widen windows all the same.
const FRAMES_WITHIN: u64 = 10_000 * MS;

/// A point in time as microseconds since the connection began, plus one; or [`NEVER`].
type Moment = AtomicU64;

/// What one connection is doing. Shared by its socket, its requests and its watchdog.
#[derive(Debug)]
pub(super) struct Watch {
    began: Instant,
    /// Whether bytes that arrive between requests begin a head. So in HTTP/1; in HTTP/2 they may
    /// as well be a ping or a window, and a head that drips counts as a connection without request.
    heads_begin_with_bytes: bool,
    /// A head is being read, or the first one is awaited, since.
    head: Moment,
    /// Bytes of that head have arrived.
    head_has_bytes: AtomicBool,
    /// No request has been in flight since.
    idle: Moment,
    /// The peer has not read what we wrote since.
    blocked: Moment,
    /// Answers that wait for the peer to make room for them (HTTP/2 flow control), and since when.
    deliveries: Deliveries,
    /// Our direction is closed and the peer's is being read to its end since.
    lingering: Moment,
    /// Frames of HTTP/2 since the peer last took something, or since `frames_since`.
    frames: AtomicU32,
    /// They are counted anew since.
    frames_since: Moment,
    flooded: AtomicBool,
    requests_in_flight: AtomicU32,
    /// Something was asked.
    was_asked: AtomicBool,
    /// The listener ends: each answer of HTTP/1 says that it is its connection's last one.
    answers_are_the_last: AtomicBool,
    peer_left: AtomicBool,
    turned_away: AtomicBool,
    linger_no_more: AtomicBool,
    /// Where those look who look for room for another connection.
    seat: Arc<Seat>,
}

/// What the watchdog finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Finding {
    /// Look again then.
    Fine(Instant),
    /// A head was not complete in time.
    Head,
    /// Nothing was asked for too long.
    Idle,
    /// The peer did not read for too long.
    Write,
    /// The peer did not end its direction for too long after we ended ours.
    Lingered,
}

impl Watch {
    /// A connection that begins `now`, its first head being awaited.
    pub(super) fn new(now: Instant, heads_begin_with_bytes: bool, seat: Arc<Seat>) -> Self {
        Self {
            began: now,
            heads_begin_with_bytes,
            head: Moment::new(1),
            head_has_bytes: AtomicBool::new(false),
            idle: Moment::new(1),
            blocked: Moment::new(NEVER),
            deliveries: Deliveries::default(),
            lingering: Moment::new(NEVER),
            frames: AtomicU32::new(0),
            frames_since: Moment::new(1),
            flooded: AtomicBool::new(false),
            requests_in_flight: AtomicU32::new(0),
            was_asked: AtomicBool::new(false),
            answers_are_the_last: AtomicBool::new(false),
            peer_left: AtomicBool::new(false),
            turned_away: AtomicBool::new(false),
            linger_no_more: AtomicBool::new(false),
            seat,
        }
    }

    /// Bytes arrived.
    pub(super) fn arrived(&self) {
        if !self.heads_begin_with_bytes
            || self.requests_in_flight.load(Ordering::Relaxed) > 0
            || self.head_has_bytes.swap(true, Ordering::Relaxed)
        {
            return;
        }
        if self.head.load(Ordering::Relaxed) == NEVER {
            self.note(&self.head);
        }
    }

    /// The peer hung up, in order or not.
    pub(super) fn peer_left(&self) {
        self.peer_left.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_peer_left(&self) -> bool {
        self.peer_left.load(Ordering::Relaxed)
    }

    /// So many frames of HTTP/2 more. Whether the peer may go on: every frame is work for us, and whoever
    /// sends many and takes nothing wants just that.
    pub(super) fn may_go_on_after(&self, begun: u32) -> bool {
        let frames = self.frames.fetch_add(begun, Ordering::Relaxed).saturating_add(begun);
        if frames <= MOST_FRAMES {
            return true;
        }
        let now = self.now();
        if now - self.frames_since.swap(now, Ordering::Relaxed).min(now) >= FRAMES_WITHIN {
            self.frames.store(begun, Ordering::Relaxed);
            return begun <= MOST_FRAMES;
        }
        self.flooded.store(true, Ordering::Relaxed);
        false
    }

    /// The peer sent more frames than it may.
    pub(super) fn has_flooded(&self) -> bool {
        self.flooded.load(Ordering::Relaxed)
    }

    /// The socket takes no more for now.
    pub(super) fn write_blocked(&self) {
        if self.blocked.load(Ordering::Relaxed) == NEVER {
            self.note(&self.blocked);
        }
    }

    /// Everything written has gone to the socket. Only that ends the wait: a peer that reads a byte
    /// now and then would otherwise hold its connection for ever.
    pub(super) fn write_drained(&self) {
        self.blocked.store(NEVER, Ordering::Relaxed);
    }

    pub(super) fn was_turned_away(&self) -> bool {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// Our direction is closed. Whether to read on: the peer may be in the middle of sending what
    /// nobody wants any more, because it was turned away or because its head was refused.
    pub(super) fn lingers(&self) -> bool {
        if self.has_peer_left() || self.linger_no_more.load(Ordering::Relaxed) {
            return false;
        }
        let begins = self.was_turned_away() || self.head_has_bytes.load(Ordering::Relaxed);
        if begins && self.lingering.load(Ordering::Relaxed) == NEVER {
            self.note(&self.lingering);
        }
        begins
    }

    /// The peer has had its time.
    pub(super) fn linger_no_more(&self) {
        self.linger_no_more.store(true, Ordering::Relaxed);
    }

    /// A request's head is complete; the request is in flight until the guard is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InFlight {
        self.head.store(NEVER, Ordering::Relaxed);
        self.head_has_bytes.store(false, Ordering::Relaxed);
        self.was_asked.store(true, Ordering::Relaxed);
        if self.requests_in_flight.fetch_add(1, Ordering::AcqRel) == 0 {
            self.seat.is_busy();
        }
        InFlight::of(Arc::clone(self))
    }

    /// A request is in flight.
    pub(super) fn has_request(&self) -> bool {
        self.requests_in_flight.load(Ordering::Acquire) > 0
    }

    /// From now on the client is told to go elsewhere.
    pub(super) fn answers_are_the_last(&self) {
        self.answers_are_the_last.store(true, Ordering::Relaxed);
    }

    /// HTTP/2, and something was asked: the client can be told to go elsewhere and loses nothing.
    pub(super) fn goes_away(&self) -> bool {
        !self.heads_begin_with_bytes && self.was_asked.load(Ordering::Relaxed)
    }

    /// Since when nothing has come; `None` while a request is in flight or its head is being read.
    pub(super) fn quiet_since(&self) -> Option<Instant> {
        let is_quiet = !self.has_request() && !self.head_has_bytes.load(Ordering::Relaxed);
        is_quiet.then(|| self.since(&self.idle)).flatten()
    }

    /// What is overdue at `now`, or when to look again.
    pub(super) fn look(&self, now: Instant, limits: &Limits) -> Finding {
        if let Some(since) = self.since(&self.lingering) {
            let due = since + limits.write_timeout;
            return if due <= now { Finding::Lingered } else { Finding::Fine(due) };
        }
        // With `Acquire` what was noted before the last request ended is seen, too: a stream of HTTP/2
        // is a task and ends on another core.
        let between_requests = !self.has_request();
        let head = self.since(&self.head).filter(|_| between_requests);
        let idle = self.since(&self.idle).filter(|_| between_requests && head.is_none());
        let waits = [
            (self.since(&self.blocked), limits.write_timeout, Finding::Write),
            (self.at_ms(self.deliveries.wait_since()), limits.write_timeout, Finding::Write),
            (head, limits.head_timeout, Finding::Head),
            (idle, limits.idle_timeout, Finding::Idle),
        ];
        let mut next = now + shortest(limits);
        for (since, limit, finding) in waits {
            let Some(since) = since else { continue };
            let due = since + limit;
            if due <= now {
                return finding;
            }
            next = next.min(due);
        }
        Finding::Fine(next)
    }

    fn note(&self, moment: &Moment) {
        moment.store(self.now(), Ordering::Release);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX - 1) + 1
    }

    /// Milliseconds since the connection began, plus one.
    fn now_ms(&self) -> u64 {
        self.now() / MS + 1
    }

    fn at_ms(&self, moment: u64) -> Option<Instant> {
        Some(self.began + Duration::from_millis(moment.checked_sub(1)?))
    }

    fn since(&self, moment: &Moment) -> Option<Instant> {
        self.at(moment.load(Ordering::Acquire))
    }

    fn at(&self, moment: u64) -> Option<Instant> {
        Some(self.began + Duration::from_micros(moment.checked_sub(1)?))
    }
}

/// The shortest of the waits, and never so short that the watchdog spins.
fn shortest(limits: &Limits) -> Duration {
    limits
        .head_timeout
        .min(limits.idle_timeout)
        .min(limits.write_timeout)
        .max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests;
