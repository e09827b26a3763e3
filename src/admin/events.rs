//! What goes on, as server-sent events: for the page, for `dialgate top` and for `dialgate tail`.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{decisions::Only, view::View};
use crate::{domain::words, gateway::CallFacts, telemetry::clock::CallId};

/// How often something is sent.
const EVERY: Duration = Duration::from_secs(1);

/// So many may listen at once; each costs a rendering a second.
const MOST: usize = 32;

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

/// A stream of events. Ends when the process does.
pub struct Events {
    view: Arc<View>,
    topic: Topic,
    /// Decisions of this kind.
    only: Only,
    every: Interval,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    /// What the page shows already, by part.
    shown: HashMap<&'static str, String>,
    /// The newest decision that was told.
    last: Option<CallId>,
    _listener: Listener,
}

/// Those who listen.
#[derive(Default)]
pub(super) struct Listeners(Arc<AtomicUsize>);

struct Listener(Arc<AtomicUsize>);

/// A part of the page that has changed.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "PagePart")]
pub(super) struct Part<'p> {
    id: &'p str,
    html: &'p str,
}

impl Listeners {
    fn join(&self) -> Option<Listener> {
        let joined = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |listening| {
            (listening < MOST).then_some(listening + 1)
        });
        joined.ok().map(|_before| Listener(Arc::clone(&self.0)))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Events {
    /// `None`: too many listen already.
    pub(super) fn new(
        view: Arc<View>,
        topic: Topic,
        only: Only,
        listeners: &Listeners,
        end: &CancellationToken,
    ) -> Option<Self> {
        let listener = listeners.join()?;
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let last = view.recent(Only::All, 1).first().map(|facts| facts.call);
        let ended = Box::pin(end.clone().cancelled_owned());
        let shown = HashMap::new();
        Some(Self { view, topic, only, every, ended, shown, last, _listener: listener })
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
                for (id, html) in self.view.parts(self.only) {
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
        let last = self.last;
        let is_new = |facts: &&CallFacts| last.is_none_or(|last| facts.call > last);
        // One more than is told, to know whether there are more.
        let recent = self.view.recent(self.only, MOST_DECISIONS + 1);
        let new: Vec<_> = recent.iter().take_while(is_new).collect();
        if let Some(newest) = new.first() {
            self.last = Some(newest.call);
        }
        if new.len() > MOST_DECISIONS {
            event(
                text,
                "missed",
                &format!("more than {MOST_DECISIONS} in a second; not all are shown"),
            );
        }
        for facts in new.into_iter().take(MOST_DECISIONS).rev() {
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
