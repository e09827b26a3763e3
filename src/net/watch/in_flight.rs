//! A request in flight, and what the watchdog is told of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Watch;

/// A request from its complete head to the last byte of its answer handed to hyper, or to its end
/// by other means: a panic, a caller who hung up.
pub(in crate::net) struct InFlight {
    watch: Arc<Watch>,
    answered: bool,
    taken: bool,
    /// The answer goes on, and there is nothing of it to be taken now.
    is_silent: bool,
}

impl InFlight {
    /// It is counted already.
    pub(super) fn of(watch: Arc<Watch>) -> Self {
        Self { watch, answered: false, taken: false, is_silent: false }
    }

    /// The answer is to say that the connection ends with it: HTTP/2 has a frame for that.
    pub(in crate::net) fn is_last(&self) -> bool {
        let watch = &self.watch;
        watch.heads_begin_with_bytes && watch.answers_are_the_last.load(Ordering::Relaxed)
    }

    /// The answer says that the connection ends because the request was wrong.
    pub(in crate::net) fn turned_away(&self) {
        self.watch.turned_away.store(true, Ordering::Relaxed);
    }

    /// The answer is there; from now on it is the peer who keeps it waiting. Where he gave up those
    /// before it, he has kept us waiting since then: resets must not buy time.
    pub(in crate::net) fn answered(mut self) -> Self {
        self.watch.deliveries.begins(self.watch.now_ms());
        self.answered = true;
        self
    }

    /// Whether there is something of the answer that the peer can take.
    pub(in crate::net) fn has_something(&mut self, something: bool) {
        if something == self.is_silent {
            self.is_silent = !something;
            let now = self.watch.now_ms();
            if something {
                self.watch.deliveries.begins(now);
            } else {
                self.watch.deliveries.ends(true, now);
            }
        }
    }

    /// The peer has made room for a piece of the answer.
    pub(in crate::net) fn hands_over(&self) {
        self.watch.frames.store(0, Ordering::Relaxed);
    }

    /// The peer has made room for all of the answer.
    pub(in crate::net) fn taken(&mut self) {
        self.taken = true;
        self.hands_over();
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let watch = &self.watch;
        if self.answered && !self.is_silent {
            watch.deliveries.ends(self.taken, watch.now_ms());
        }
        // Before the count, which publishes it: the watchdog never sees the rest begin before the end.
        watch.note(&watch.idle);
        if watch.requests_in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            watch.seat.is_idle();
        }
    }
}
