//! Moving house: what calls would be told if another SAP system were the one that is asked.
//!
//! For a share of the lookups that calls had SAP asked for, the other system is asked as well, besides the
//! call and within a budget of its own. What the rules make of both answers is compared and counted; nobody
//! is answered with it, and no partner is remembered by it.

mod budget;
mod tally;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Question, terms::Terms};
use crate::{
    config::{Comparison, Config, SystemName},
    domain::{Difference, decide},
    lookup::Found,
    sap::{Compared, SapClient, SystemId},
    telemetry::clock::CallId,
};

use budget::Budget;
use tally::Tally;

pub use tally::{ParityKind, ParityReport, ParityTold};

/// The comparisons that are under way. One for the process.
#[derive(Default)]
pub struct Parity {
    pairs: ArcSwap<Vec<Arc<Pair>>>,
    tasks: TaskTracker,
    end: CancellationToken,
}

/// A system, and the one whose answers are compared with its own.
struct Pair {
    of: SystemName,
    /// What both are.
    asked: [Asked; 2],
    with: Arc<SapClient>,
    comparison: Comparison,
    config: Arc<Config>,
    budget: Arc<Budget>,
    tally: Arc<Tally>,
}

/// Which system it is, and what is read there.
type Asked = (SystemId, Arc<[Arc<str>]>);

fn asked_of(sap: &SapClient) -> Asked {
    (sap.system(), Arc::clone(sap.reads()))
}

impl Parity {
    /// From now on what these terms say is compared. What was counted goes on where it means the same: of the
    /// same systems, asked in the same way, under the same rules, and with nothing else ignored.
    pub(super) fn follow(&self, terms: &Terms) {
        let (config, systems) = (&terms.config, &terms.systems);
        let pairs = self.pairs.load();
        let after = config.systems.comparisons.iter().filter_map(|comparison| {
            let (of, with) = (systems.get(comparison.of)?.name(), systems.get(comparison.with)?);
            let is_it = |pair: &&Arc<Pair>| pair.of == *of && pair.with.name() == with.name();
            let before = pairs.iter().find(is_it);
            let asked = [asked_of(systems.get(comparison.of)?), asked_of(with)];
            let goes_on = before.filter(|pair| {
                pair.asked == asked
                    && pair.config.rules == config.rules
                    && pair.comparison.ignore == comparison.ignore
            });
            Some(Arc::new(Pair {
                of: of.clone(),
                asked,
                with: Arc::clone(with),
                comparison: comparison.clone(),
                config: Arc::clone(config),
                budget: before.map_or_else(Arc::default, |pair| Arc::clone(&pair.budget)),
                tally: goes_on.map_or_else(Arc::default, |pair| Arc::clone(&pair.tally)),
            }))
        });
        self.pairs.store(Arc::new(after.collect()));
    }

    /// This system has said something for a call just now. Returns at once.
    pub(super) fn compare(
        &self,
        sap: &SapClient,
        question: &Question,
        found: &Found,
        call: CallId,
    ) {
        let pairs = self.pairs.load();
        let Some(pair) = pairs.iter().find(|pair| pair.of == *sap.name()) else { return };
        if fastrand::u8(..100) >= pair.comparison.share_percent {
            return;
        }
        let Some(known) = found.known.clone() else { return };
        let Some(room) = pair.budget.take(pair.comparison.per_minute) else {
            pair.with.compared(Compared::Skipped, &[]);
            return pair.tally.skipped();
        };
        let (pair, partner, dialled) = (Arc::clone(pair), question.partner, question.dialled);
        self.tasks.spawn(self.end.clone().run_until_cancelled_owned(async move {
            let _room = room;
            let Ok(other) = pair.with.look_up_aside(partner, dialled.as_ref()).await else {
                // Why is counted with the requests to that system.
                pair.with.compared(Compared::Unanswered, &[]);
                return pair.tally.unanswered();
            };
            let rules = &pair.config.rules;
            let now = decide(&known.lookup, dialled.as_ref(), rules).decision;
            let then = decide(&other, dialled.as_ref(), rules).decision;
            let mut differences = Difference::between(&now, &then);
            differences.retain(|what| !pair.comparison.ignore.contains(what));
            let result = if differences.is_empty() { Compared::Same } else { Compared::Differs };
            pair.with.compared(result, &differences);
            pair.tally.compared(call, (&now, &then), &differences);
        }));
    }

    /// Gives up what is under way, and waits for that: nobody misses a comparison.
    pub async fn finish(&self) {
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// What was found so far; empty: nothing is compared.
    pub fn reports(&self) -> Vec<ParityReport> {
        let pairs = self.pairs.load();
        pairs.iter().map(|pair| pair.tally.report(&pair.of, pair.with.name())).collect()
    }
}
