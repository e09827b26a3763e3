//! What a person or a test changes and reads while the simulator runs: faults, delay, counters.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::{
    answer,
    body::Answer,
    fault::Fault,
    partners::{self, DERIVED},
    question::Parameters,
};

/// Where it is spoken to.
pub(super) const PATH: &str = "/_sim";

/// Partners whose requests are counted one by one. A load test asks about a million.
const MAX_COUNTED: usize = 100_000;

/// Partners shown with their counts.
const MAX_SHOWN: usize = 100;

/// The state behind a running simulator.
pub(super) struct Control(Mutex<State>);

struct State {
    fault: Option<Fault>,
    /// How many more requests get the fault; `None`: all.
    times: Option<u32>,
    delay: Duration,
    requests: u64,
    by_id: HashMap<String, u64>,
}

impl Control {
    pub(super) fn new(delay: Duration) -> Self {
        let by_id = HashMap::new();
        Self(Mutex::new(State { fault: None, times: None, delay, requests: 0, by_id }))
    }

    pub(super) fn set_fault(&self, fault: Option<Fault>, times: Option<u32>) {
        let mut state = self.state();
        state.fault = fault;
        state.times = times;
    }

    pub(super) fn set_delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    pub(super) fn requests(&self) -> u64 {
        self.state().requests
    }

    pub(super) fn requests_for(&self, id: &str) -> u64 {
        self.state().by_id.get(id).copied().unwrap_or_default()
    }

    /// As if just started; the delay stays.
    pub(super) fn reset(&self) {
        let mut state = self.state();
        let delay = state.delay;
        *state = State { fault: None, times: None, delay, requests: 0, by_id: HashMap::new() };
    }

    /// Counts a request and says what becomes of it.
    pub(super) fn arrived(&self, id: Option<&str>) -> (Option<Fault>, Duration) {
        let mut state = self.state();
        state.requests += 1;
        if let Some(id) = id {
            if let Some(count) = state.by_id.get_mut(id) {
                *count += 1;
            } else if state.by_id.len() < MAX_COUNTED {
                state.by_id.insert(id.to_owned(), 1);
            }
        }
        let fault = match state.times {
            Some(0) => {
                state.fault = None;
                None
            }
            _ => state.fault,
        };
        if let (Some(_), Some(times)) = (fault, &mut state.times) {
            *times -= 1;
        }
        (fault, state.delay)
    }

    /// `GET /_sim`, `PUT /_sim/fault?kind=hang&times=3`, `DELETE /_sim/fault`, `POST /_sim/reset`.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Response<Answer> {
        let path = request.uri().path().strip_prefix(PATH).unwrap_or_default();
        let parameters = Parameters::read(request.uri().query().unwrap_or_default());
        match (request.method(), path) {
            (&Method::GET, "") => {}
            (&Method::PUT, "/fault") => {
                let fault = parameters.first("kind").unwrap_or_default().parse::<Fault>();
                let times = parameters.first("times").map(str::parse::<u32>).transpose();
                match (fault, times) {
                    (Ok(fault), Ok(times)) => self.set_fault(Some(fault), times),
                    (Err(unknown), _) => {
                        return answer::error(StatusCode::BAD_REQUEST, &format!("kind {unknown}"));
                    }
                    (_, Err(_)) => {
                        return answer::error(StatusCode::BAD_REQUEST, "times is no number");
                    }
                }
            }
            (&Method::DELETE, "/fault") => self.set_fault(None, None),
            (&Method::POST, "/reset") => self.reset(),
            _ => {
                return answer::error(
                    StatusCode::NOT_FOUND,
                    "GET /_sim, PUT or DELETE /_sim/fault, POST /_sim/reset",
                );
            }
        }
        answer::json(StatusCode::OK, &self.shown())
    }

    fn shown(&self) -> Value {
        let state = self.state();
        let mut by_id: Vec<_> = state.by_id.iter().collect();
        by_id.sort_by(|(a, most), (b, more)| more.cmp(most).then(a.cmp(b)));
        let by_id: serde_json::Map<_, _> = by_id
            .into_iter()
            .take(MAX_SHOWN)
            .map(|(id, count)| (id.clone(), Value::from(*count)))
            .collect();
        let mut known: serde_json::Map<_, _> = partners::listed()
            .into_iter()
            .map(|partner| (partner.id, Value::from(partner.about)))
            .collect();
        known.insert(
            format!("{}-{}", DERIVED.start(), DERIVED.end()),
            Value::from("channel and country follow from the number"),
        );
        json!({
            "fault": state.fault.filter(|_| state.times != Some(0)).map(Fault::label),
            "times": state.times,
            "delay_ms": u64::try_from(state.delay.as_millis()).unwrap_or(u64::MAX),
            "requests": state.requests,
            "requests_by_id": by_id,
            "partners": known,
            "faults": Fault::ALL.map(Fault::label),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
