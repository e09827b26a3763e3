//! What goes on, as server-sent events: for the page, for `dialgate top` and for `dialgate tail`.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{decisions::Wanted, view::View};
use crate::{
    domain::words,
    gateway::{Cursor, News},
};

/// How often something is sent.
const EVERY: Duration = Duration::from_secs(1);

/// So many may listen at once; each costs a rendering a second.
const MOST: usize = 32;

/// Whoever has listened for so long makes room where all places are taken: he comes back by himself, and
/// whoever does not read would hold his place as long as his buffers last.
const HIS_TURN: Duration = Duration::from_mins(1);

/// So many decisions are told a second; of more the number is told.
const MOST_DECISIONS: usize = 200;

words! {
    /// What somebody wants to hear of.
    pub(super) enum Topic {
        /// The parts of the page that have changed, as HTML.
        Page = "page",
        /// The state, as JSON.
        Status = "status",
        /// Each decision, as JSON.
        Decisions = "decisions",
    }
}

/// A stream of events. Ends when the process does, or when others want its place.
pub struct Events {
    view: Arc<View>,
    topic: Topic,
    /// Decisions of this kind.
    wanted: Wanted,
    every: Interval,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// What the page shows already, by part.
    shown: HashMap<&'static str, String>,
    /// The decisions that were told.
    told: Cursor,
    _listener: Listener,
}

/// Those who listen, the oldest first.
#[derive(Default)]
pub(super) struct Listeners(Arc<Mutex<Vec<Place>>>);

/// A place among those who listen.
struct Place {
    since: Instant,
    end: CancellationToken,
}

/// Somebody who listens; dropping it makes room.
struct Listener {
    places: Arc<Mutex<Vec<Place>>>,
    end: CancellationToken,
}

/// A part of the page that has changed.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PagePart")]
pub(super) struct Part<'p> {
    id: &'p str,
    html: &'p str,
}

impl Listeners {
    /// `end`: of them all. `None`: all places are taken by those who have only come.
    fn join(&self, end: &CancellationToken) -> Option<Listener> {
        let (since, end) = (Instant::now(), end.child_token());
        let mut places = lock(&self.0);
        if places.len() >= MOST {
            let oldest = places.first().filter(|oldest| since - oldest.since >= HIS_TURN)?;
            oldest.end.cancel();
            places.remove(0);
        }
        places.push(Place { since, end: end.clone() });
        Some(Listener { places: Arc::clone(&self.0), end })
    }
}

fn lock(places: &Mutex<Vec<Place>>) -> MutexGuard<'_, Vec<Place>> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Also of one who had to make room: his is not there any more.
        self.end.cancel();
        lock(&self.places).retain(|place| !place.end.is_cancelled());
    }
}

impl Events {
    /// `None`: too many listen already.
    pub(super) fn new(
        view: Arc<View>,
        topic: Topic,
        wanted: Wanted,
        listeners: &Listeners,
        end: &CancellationToken,
    ) -> Option<Self> {
        let listener = listeners.join(end)?;
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let told = view.gateway.recent().from_now_on();
        let ended = Box::pin(listener.end.clone().cancelled_owned());
        let shown = HashMap::new();
        Some(Self { view, topic, wanted, every, ended, shown, told, _listener: listener })
    }

    /// What is to be sent next; `None`: nothing any more.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        if self.every.poll_tick(context).is_pending() {
            return Poll::Pending;
        }
        let mut text = String::new();
        match self.topic {
            Topic::Page => {
                for (id, html) in self.view.parts(self.wanted.only) {
                    if self.shown.get(id) != Some(&html) {
                        event(&mut text, "part", &Part { id, html: &html });
                        self.shown.insert(id, html);
                    }
                }
            }
            Topic::Status => event(&mut text, "status", &self.view.status()),
            Topic::Decisions => self.decisions(&mut text),
        }
        if text.is_empty() {
            // A comment: whoever is gone is noticed, and proxies in between do not close.
            text.push_str(": nothing new\n\n");
        }
        Poll::Ready(Some(text.into()))
    }

    fn decisions(&mut self, text: &mut String) {
        let (recent, wanted) = (self.view.gateway.recent(), &self.wanted);
        let News { calls, has_missed } =
            recent.news(&mut self.told, MOST_DECISIONS, |facts| wanted.has(facts));
        if has_missed {
            event(
                text,
                "missed",
                &format!("more than {MOST_DECISIONS} in a second; not all are shown"),
            );
        }
        for facts in &calls {
            event(text, "decision", &self.view.line(facts));
        }
    }
}

/// One event; JSON has no line breaks of its own.
fn event(text: &mut String, name: &str, data: &impl Serialize) {
    let data = serde_json::to_string(data).unwrap_or_default();
    for part in ["event: ", name, "\ndata: ", &data, "\n\n"] {
        text.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_has_listened_for_a_while_makes_room_for_others_and_nobody_sooner() {
        let (listeners, end) = (Listeners::default(), CancellationToken::new());
        let mut all: Vec<_> = (0..MOST).map(|_| listeners.join(&end).unwrap()).collect();
        tokio::time::advance(HIS_TURN / 2).await;
        assert!(listeners.join(&end).is_none());
        drop(all.pop());
        all.push(listeners.join(&end).unwrap());
        tokio::time::advance(HIS_TURN / 2).await;

        // None of them reads, so that none of them notices.
        let late: Vec<_> = (1..MOST).map(|_| listeners.join(&end).unwrap()).collect();

        assert!(listeners.join(&end).is_none(), "the last of them has only half of its turn");
        let ended = all.iter().filter(|one| one.end.is_cancelled()).count();
        assert_eq!(ended, MOST - 1);
        all.clear();
        assert!(late.iter().all(|one| !one.end.is_cancelled()));
        assert_eq!(lock(&listeners.0).len(), MOST - 1);
        end.cancel();
        assert!(late.iter().all(|one| one.end.is_cancelled()));
    }
}
