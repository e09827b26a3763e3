//! Counts, and a few calls as examples of each kind of change.

use std::{borrow::Cow, collections::HashMap};

use crate::{domain::Rule, gateway::Untold};

/// So many examples are kept of each kind.
const EXAMPLES: usize = 3;

/// So many kinds of changes are told apart. A configuration in which every contract number of a large
/// house changes has as many as it has numbers; the rest is counted.
const MOST_KINDS: usize = 10_000;

/// So many lines that cannot be read are named.
const MOST_NAMED: usize = 20;

/// What jtel is told.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Answer<'a> {
    Dial { contract_number: Cow<'a, str>, service_number: Option<Cow<'a, str>> },
    Refuse(Cow<'a, str>),
}

/// An answer, and the rule that had the last word.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Told {
    pub(super) answer: Answer<'static>,
    pub(super) rule: String,
}

/// Calls of one kind.
#[derive(Debug, Default)]
pub(super) struct Kind {
    pub(super) count: u64,
    pub(super) examples: Vec<String>,
}

/// A line that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) why: String,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answers that stay as they are.
    pub(super) same: u64,
    /// Answers that would be others.
    pub(super) changed: u64,
    /// Of these: a number was shown, and none would be.
    pub(super) lost: u64,
    /// Of these: none was shown, and one would be.
    pub(super) gained: u64,
    /// Lines that are no decision of rules.
    pub(super) not_decided: u64,
    /// Lines that cannot be read.
    pub(super) unreadable: u64,
    /// The first of them.
    pub(super) named: Vec<Unreadable>,
    /// Changes of kinds for which there was no place.
    pub(super) of_other_kinds: u64,
    changes: HashMap<(Told, Told), Kind>,
    untold: HashMap<Untold, Kind>,
}

impl Answer<'_> {
    fn shows_a_number(&self) -> bool {
        matches!(self, Self::Dial { service_number: Some(_), .. })
    }

    fn into_owned(self) -> Answer<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Dial { contract_number, service_number } => Answer::Dial {
                contract_number: owned(contract_number),
                service_number: service_number.map(owned),
            },
            Self::Refuse(reason) => Answer::Refuse(owned(reason)),
        }
    }
}

impl Kind {
    fn add(&mut self, call: &str) {
        self.count += 1;
        if self.examples.len() < EXAMPLES && !call.is_empty() {
            self.examples.push(call.to_owned());
        }
    }
}

impl Tally {
    /// A call was decided again.
    pub(super) fn decided(
        &mut self,
        (before, rule_before): (Answer<'_>, &str),
        (after, rule): (Answer<'_>, Rule),
        call: &str,
    ) {
        if before == after {
            self.same += 1;
            return;
        }
        self.changed += 1;
        self.lost += u64::from(before.shows_a_number() && !after.shows_a_number());
        self.gained += u64::from(!before.shows_a_number() && after.shows_a_number());
        let before = Told { answer: before.into_owned(), rule: rule_before.to_owned() };
        let after = Told { answer: after.into_owned(), rule: rule.to_string() };
        let kind = (before, after);
        if self.changes.len() >= MOST_KINDS && !self.changes.contains_key(&kind) {
            self.of_other_kinds += 1;
            return;
        }
        self.changes.entry(kind).or_default().add(call);
    }

    /// Nobody can say how a call would be decided.
    pub(super) fn untold(&mut self, why: Untold, call: &str) {
        self.untold.entry(why).or_default().add(call);
    }

    /// A line is no decision of rules.
    pub(super) fn not_decided(&mut self) {
        self.not_decided += 1;
    }

    /// A line cannot be read.
    pub(super) fn unreadable(&mut self, file: &str, line: u64, why: String) {
        self.unreadable += 1;
        if self.named.len() < MOST_NAMED {
            self.named.push(Unreadable { file: file.to_owned(), line, why });
        }
    }

    /// Decisions of which it is known whether they would change.
    pub(super) fn told(&self) -> u64 {
        self.same + self.changed
    }

    /// Decisions of which it is not.
    pub(super) fn cannot_be_told(&self) -> u64 {
        self.untold.values().map(|kind| kind.count).sum()
    }

    /// All decisions.
    pub(super) fn decisions(&self) -> u64 {
        self.told() + self.cannot_be_told()
    }

    /// The kinds of changes, those with most calls first.
    pub(super) fn changes(&self) -> Vec<(&(Told, Told), &Kind)> {
        let mut all: Vec<_> = self.changes.iter().collect();
        // The order of what is equal must not change from run to run.
        all.sort_by_cached_key(|(change, kind)| (u64::MAX - kind.count, format!("{change:?}")));
        all
    }

    /// Why what cannot be told, those with most calls first.
    pub(super) fn untold_kinds(&self) -> Vec<(String, &Kind)> {
        let mut all: Vec<_> =
            self.untold.iter().map(|(why, kind)| (why.to_string(), kind)).collect();
        all.sort_by(|(one, of), (other, others)| others.count.cmp(&of.count).then(one.cmp(other)));
        all
    }
}
