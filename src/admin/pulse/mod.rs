//! How much is going on: the metrics once a second, five minutes of them, so that whoever looks has
//! rates at once and nobody needs a Prometheus to see what is the case.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::calls::{Calls, Lately};
use crate::telemetry::metrics::{Buckets, Metrics, Reading};

/// How often the metrics are read.
const BEAT: Duration = Duration::from_secs(1);

/// So many readings are kept: five minutes and the one before them.
const KEPT: usize = 301;

/// Rates and quantiles are those of this time.
const WINDOW: Duration = Duration::from_mins(1);

/// The longer time of [`Pulse::lately`].
const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// What has not happened for so long, while other calls came, is over.
const QUIET: Duration = Duration::from_secs(10);

/// Points of the curve of calls, of [`POINT`] each.
const POINT: usize = 5;

/// Answers that came out of memory, whatever their age.
const FROM_MEMORY: &[&str] = &["memory", "refreshing", "shared", "stale", "last_good"];

/// Endings of a request that are answers.
const ANSWERS: &[&str] = &["found", "unknown", "ambiguous"];

/// Reads the metrics as long as it beats.
pub(super) struct Pulse {
    metrics: Arc<Metrics>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    samples: VecDeque<Sample>,
    /// The last one before SAP fell silent.
    before_silence: Option<Sample>,
}

#[derive(Clone)]
struct Sample {
    at: Instant,
    calls: Calls,
    from_memory: f64,
    dialled_by_default: f64,
    lookups: f64,
    misses: f64,
    requests: f64,
    failed_requests: f64,
    call_seconds: Buckets,
    memory_seconds: Buckets,
    sap_seconds: Buckets,
}

/// What went from one place to the next in the last minute.
#[derive(Clone, Copy, Debug, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Arrow {
    /// How many a second.
    pub(super) per_second: f64,
    /// How many of a hundred failed; `None`: there was none.
    pub(super) failed_percent: Option<f64>,
    /// Milliseconds that 95 of a hundred did not exceed.
    pub(super) p95_ms: Option<f64>,
}

/// jtel → dialgate → memory → SAP.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Flow {
    /// Calls from jtel. Failed: no answer in time, sent away, also for a wrong password, or refused because
    /// of SAP.
    pub(super) calls: Arrow,
    /// Partners looked for in memory. Failed: not found in time.
    pub(super) memory: Arrow,
    /// Requests to SAP. Failed: no usable answer.
    pub(super) sap: Arrow,
    /// Calls a second in the last five minutes, five seconds a point.
    pub(super) calls_per_second: Vec<f64>,
}

/// What callers got for some time: those who may ask, to questions that can be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share {
    pub(super) calls: f64,
    pub(super) from_memory_percent: f64,
    pub(super) by_default: f64,
    pub(super) refused: f64,
}

impl Pulse {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, state: Mutex::default() }
    }

    /// Beats as long as it is awaited. `is_silent`: SAP is, just now.
    pub(super) async fn beat(&self, is_silent: impl Fn() -> bool) {
        let mut every = interval(BEAT);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.take(is_silent());
        }
    }

    fn take(&self, is_silent: bool) {
        let sample = Sample::of(&self.metrics.read());
        let mut state = self.state();
        if is_silent {
            let before = state.samples.back().unwrap_or(&sample).clone();
            state.before_silence.get_or_insert(before);
        } else {
            state.before_silence = None;
        }
        if state.samples.len() == KEPT {
            state.samples.pop_front();
        }
        state.samples.push_back(sample);
    }

    /// The last minute; nothing before the second beat.
    pub(super) fn flow(&self) -> Flow {
        let state = self.state();
        let Some(now) = state.samples.back() else { return Flow::default() };
        let before = state.samples.iter().find(|sample| now.at - sample.at <= WINDOW);
        let Some(before) = before.filter(|before| before.at < now.at) else {
            return Flow::default();
        };
        let seconds = (now.at - before.at).as_secs_f64();
        let arrow =
            |all: fn(&Sample) -> f64, failed: fn(&Sample) -> f64, took: fn(&Sample) -> &Buckets| {
                let (all, failed) = (all(now) - all(before), failed(now) - failed(before));
                Arrow {
                    per_second: all / seconds,
                    failed_percent: (all > 0.0).then(|| 100.0 * failed / all),
                    p95_ms: took(now).quantile_since(took(before), 0.95).map(|p95| p95 * 1000.0),
                }
            };
        Flow {
            calls: arrow(|s| s.calls.all, |s| s.calls.failed(), |s| &s.call_seconds),
            memory: arrow(|s| s.lookups, |s| s.misses, |s| &s.memory_seconds),
            sap: arrow(|s| s.requests, |s| s.failed_requests, |s| &s.sap_seconds),
            calls_per_second: curve(&state.samples),
        }
    }

    /// Since SAP fell silent; without that, the last five minutes.
    pub(super) fn share(&self) -> Option<Share> {
        let state = self.state();
        let now = state.samples.back()?;
        let before = state.before_silence.as_ref().or(state.samples.front())?;
        let since = |of: fn(&Sample) -> f64| of(now) - of(before);
        let calls = since(|s| s.calls.proper());
        (calls > 0.0).then(|| Share {
            calls,
            from_memory_percent: 100.0 * since(|s| s.from_memory) / calls,
            by_default: since(|s| s.dialled_by_default),
            refused: since(|s| s.calls.without_sap),
        })
    }

    /// What became of the calls of the last minute, and of the last five.
    pub(super) fn lately(&self) -> Option<Lately> {
        let state = self.state();
        let now = state.samples.back()?;
        let is_young = state.samples.len() < KEPT;
        let in_the_last = |time| {
            let mut samples = state.samples.iter().enumerate();
            match samples.find(|(_, sample)| now.at - sample.at <= time) {
                // Everything began with the process.
                Some((0, _)) if is_young => now.calls.clone(),
                Some((_, before)) => now.calls.since(&before.calls),
                None => Calls::default(),
            }
        };
        let is_over = |of: fn(&Calls) -> f64| is_over(&state.samples, of);
        Some(Lately {
            minute: in_the_last(WINDOW),
            minutes: in_the_last(FIVE_MINUTES),
            late_are_over: is_over(Calls::late),
            without_sap_are_over: is_over(|calls| calls.without_sap),
            unauthorized_are_over: is_over(|calls| calls.unauthorized),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sample {
    fn of(reading: &Reading) -> Self {
        const CALLS: &str = "dialgate_calls_total";
        const REQUESTS: &str = "dialgate_sap_requests_total";
        let calls = |label, values| reading.sum(CALLS, &[(label, values)]);
        let requests = reading.sum(REQUESTS, &[]);
        Self {
            at: Instant::now(),
            calls: Calls::of(reading),
            from_memory: calls("source", FROM_MEMORY),
            dialled_by_default: calls("source", &["default"]),
            lookups: reading.sum("dialgate_memory_lookups_total", &[("result", &["hit", "miss"])]),
            misses: reading.sum("dialgate_memory_lookups_total", &[("result", &["miss"])]),
            requests,
            failed_requests: requests - reading.sum(REQUESTS, &[("outcome", ANSWERS)]),
            call_seconds: reading.buckets("dialgate_call_duration_seconds", &[]),
            memory_seconds: reading.buckets(
                "dialgate_call_duration_seconds",
                &[("source", &["memory", "refreshing"])],
            ),
            sap_seconds: reading.buckets("dialgate_sap_request_duration_seconds", &[]),
        }
    }
}

/// None of these calls has come for a while, and others have.
fn is_over(samples: &VecDeque<Sample>, of: fn(&Calls) -> f64) -> bool {
    let Some(now) = samples.back() else { return false };
    let since = samples.iter().find(|sample| of(&sample.calls) >= of(&now.calls));
    since.is_some_and(|since| now.at - since.at >= QUIET && now.calls.all > since.calls.all)
}

fn curve(samples: &VecDeque<Sample>) -> Vec<f64> {
    let every: Vec<_> = samples.iter().rev().step_by(POINT).collect();
    let pairs = every.windows(2).filter_map(|pair| match pair {
        [later, earlier] => {
            let seconds = (later.at - earlier.at).as_secs_f64();
            Some(if seconds > 0.0 { (later.calls.all - earlier.calls.all) / seconds } else { 0.0 })
        }
        _ => None,
    });
    let mut curve: Vec<_> = pairs.collect();
    curve.reverse();
    curve
}

#[cfg(test)]
mod tests;
