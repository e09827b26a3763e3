//! What came of the comparisons: counts, and a few calls as examples of each kind of difference.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    config::SystemName,
    domain::{Decision, Difference},
    telemetry::clock::{CallId, Moment},
};

/// So many calls are kept of each kind, the last ones: those are the likeliest to be known still to
/// `dialgate explain`.
const EXAMPLES: usize = 3;

/// So many kinds are told apart; the rest is counted. A large house has about as many service numbers.
const MOST_KINDS: usize = 500;

/// What jtel is told.
#[derive(Clone, Debug, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParityTold {
    /// `dial` or `refuse`.
    pub decision: &'static str,
    /// Of a refusal.
    pub reason: Option<&'static str>,
    /// Channel text and country code, of a call that is dialled.
    pub contract_number: Option<String>,
    /// What the customer would see.
    pub service_number: Option<String>,
}

impl ParityTold {
    fn of(decision: &Decision<'_>) -> Self {
        match decision {
            Decision::Dial(dial) => Self {
                decision: "dial",
                reason: None,
                contract_number: Some(dial.contract_number.as_str().to_owned()),
                service_number: dial.service_number.map(|number| number.to_string()),
            },
            Decision::Refuse(reason) => Self {
                decision: "refuse",
                reason: Some(reason.label()),
                contract_number: None,
                service_number: None,
            },
        }
    }
}

/// Calls that differ in one way.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParityKind {
    /// How many.
    pub count: u64,
    /// What jtel was told.
    pub now: ParityTold,
    /// What it would be told by the other system's answer.
    pub then: ParityTold,
    /// The last of them, as `dialgate explain` takes them.
    pub calls: Vec<String>,
}

/// How often something was not the same.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParityDifference {
    /// `decision`, `reason`, `channel`, `country`, `service_number` or `caller_id`.
    pub what: &'static str,
    /// In how many calls.
    pub count: u64,
}

/// What was found of one pair of systems.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParityReport {
    /// The system whose answers count.
    pub system: String,
    /// The one that is asked as well.
    pub with: String,
    /// Since when: the start, or the last change of the rules or of what is ignored.
    #[schemars(extend("format" = "date-time"))]
    pub since: String,
    /// By both answers jtel would be told the same.
    pub same: u64,
    /// It would not.
    pub differing: u64,
    /// Of a hundred compared; `null`: none was.
    pub same_percent: Option<f64>,
    /// The other system gave no answer.
    pub unanswered: u64,
    /// It was not asked: nothing was left of the budget.
    pub skipped: u64,
    /// What was not the same.
    pub differences: Vec<ParityDifference>,
    /// How they differ, those with most calls first.
    pub kinds: Vec<ParityKind>,
    /// Differing calls of kinds for which there was no place.
    pub of_other_kinds: u64,
}

/// The counts of one pair.
pub(super) struct Tally {
    since: Moment,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    same: u64,
    differing: u64,
    unanswered: u64,
    skipped: u64,
    differences: [u64; Difference::ALL.len()],
    kinds: HashMap<(ParityTold, ParityTold), (u64, VecDeque<CallId>)>,
    of_other_kinds: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { since: Moment::now(), counts: Mutex::default() }
    }
}

impl Tally {
    pub(super) fn skipped(&self) {
        self.change(|counts| counts.skipped += 1);
    }

    pub(super) fn unanswered(&self) {
        self.change(|counts| counts.unanswered += 1);
    }

    pub(super) fn compared(
        &self,
        call: CallId,
        (now, then): (&Decision<'_>, &Decision<'_>),
        differences: &[Difference],
    ) {
        self.change(|counts| {
            if differences.is_empty() {
                counts.same += 1;
                return;
            }
            counts.differing += 1;
            for what in differences {
                if let Some(count) = counts.differences.get_mut(*what as usize) {
                    *count += 1;
                }
            }
            let kind = (ParityTold::of(now), ParityTold::of(then));
            if counts.kinds.len() >= MOST_KINDS && !counts.kinds.contains_key(&kind) {
                counts.of_other_kinds += 1;
                return;
            }
            let (count, calls) = counts.kinds.entry(kind).or_default();
            *count += 1;
            if calls.len() >= EXAMPLES {
                calls.pop_front();
            }
            calls.push_back(call);
        });
    }

    pub(super) fn report(&self, system: &SystemName, with: &SystemName) -> ParityReport {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = |((now, then), (count, calls)): (&(_, _), &(u64, VecDeque<CallId>))| {
            let (now, then) = (ParityTold::clone(now), ParityTold::clone(then));
            let calls = calls.iter().map(|call| call.text().to_string()).collect();
            ParityKind { count: *count, now, then, calls }
        };
        let mut kinds: Vec<_> = counts.kinds.iter().map(kind).collect();
        // The order of what is equal must not change from one look to the next.
        kinds.sort_by_cached_key(|kind| {
            (u64::MAX - kind.count, format!("{:?} {:?}", kind.now, kind.then))
        });
        let differences = Difference::ALL.into_iter().zip(counts.differences);
        let differences = differences
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| ParityDifference { what: what.label(), count });
        let compared = counts.same + counts.differing;
        #[expect(clippy::cast_precision_loss, reason = "far fewer calls than 2^52")]
        let percent = || counts.same as f64 * 100.0 / compared as f64;
        ParityReport {
            system: system.to_string(),
            with: with.to_string(),
            since: self.since.to_the_second(),
            same: counts.same,
            differing: counts.differing,
            same_percent: (compared > 0).then(percent),
            unanswered: counts.unanswered,
            skipped: counts.skipped,
            differences: differences.collect(),
            kinds,
            of_other_kinds: counts.of_other_kinds,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
