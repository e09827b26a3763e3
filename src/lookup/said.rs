//! What SAP says of partners, once for all of whom it says the same.
//!
//! A company has a handful of channels in some dozen countries, and what a million partners are
//! remembered with is one of so many things: a pointer to it is enough, and the beginning of the answer
//! to jtel is rendered once for all of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;

use crate::{
    domain::{Lookup, ServiceNumber},
    sap::{Looked, Told},
};

/// Things said, and the beginning of the answer to jtel where it was rendered.
#[derive(Debug)]
pub struct Said {
    /// What SAP said.
    pub lookup: Lookup,
    /// The paths whose values were noted, in order.
    reads: Arc<[Arc<str>]>,
    /// What there is in the record, where that leads to a refusal.
    pub looked: Option<Box<Looked>>,
    rendered: ArcSwapOption<Rendered>,
}

/// The part of an answer that is the same for every call under one rule set.
#[derive(Debug)]
pub struct Rendered {
    /// The rule set it was rendered under.
    pub rules: u64,
    /// The number it shows.
    pub service_number: Option<ServiceNumber>,
    /// Everything before the parts that change with each call.
    pub head: Bytes,
}

/// So many of each: calls count who uses it, and two cores should seldom meet at one counter.
const COPIES: usize = 8;

/// The most things kept to be said again. Where rules look at values that differ from partner to
/// partner there may be as many as partners.
const MOST: usize = 1000;

/// What SAP has said so far.
#[derive(Default)]
pub(super) struct Sayings([Mutex<HashMap<Lookup, Arc<Said>>>; COPIES]);

impl Sayings {
    /// The one that says this, with values noted under these paths.
    pub(super) fn of(&self, told: Told, reads: &Arc<[Arc<str>]>) -> Arc<Said> {
        let copy = self.0.get(fastrand::usize(..COPIES));
        // What a record has that leads to a refusal is hardly said twice.
        let (Some(copy), None) = (copy, &told.looked) else {
            return Arc::new(Said::new(told, reads));
        };
        let lookup = told.lookup;
        let mut sayings = copy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = sayings.get(&lookup)
            && said.reads == *reads
        {
            return Arc::clone(said);
        }
        if sayings.len() >= MOST {
            // Partners hold what they need; it is said anew for the next ones.
            sayings.clear();
        }
        let said = Arc::new(Said::new(lookup.clone().into(), reads));
        sayings.insert(lookup, Arc::clone(&said));
        said
    }
}

impl Said {
    pub(super) fn new(told: Told, reads: &Arc<[Arc<str>]>) -> Self {
        let Told { lookup, looked } = told;
        Self { lookup, reads: Arc::clone(reads), looked, rendered: ArcSwapOption::empty() }
    }

    /// The paths whose values were noted, in order.
    pub fn reads(&self) -> &Arc<[Arc<str>]> {
        &self.reads
    }

    /// Whether it has the values under all of these paths. One that a new rule looks at has to be
    /// asked for.
    pub(super) fn has(&self, paths: &Arc<[Arc<str>]>) -> bool {
        Arc::ptr_eq(&self.reads, paths)
            || !matches!(self.lookup, Lookup::Found(_))
            || paths.iter().all(|path| self.reads.binary_search(path).is_ok())
    }

    /// The rendered head for this rule set and number, made by `render` if there is none yet.
    pub fn head(
        &self,
        rules: u64,
        service_number: Option<ServiceNumber>,
        render: impl FnOnce() -> Bytes,
    ) -> Bytes {
        if let Some(rendered) = &*self.rendered.load()
            && rendered.rules == rules
            && rendered.service_number == service_number
        {
            return rendered.head.clone();
        }
        let head = render();
        let rendered = Rendered { rules, service_number, head: head.clone() };
        self.rendered.store(Some(Arc::new(rendered)));
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BusinessPartner, CountryCode, DistributionChannel};

    fn found(channel: &str) -> Lookup {
        let channel = DistributionChannel::parse(channel).ok();
        Lookup::Found(BusinessPartner::new(channel, CountryCode::parse("DE").ok(), false, false))
    }

    #[test]
    fn what_is_said_of_a_thousand_partners_is_kept_a_few_times() {
        let sayings = Sayings::default();
        let reads = [].into();

        let mut said: Vec<_> = (0..1000)
            .map(|number| Arc::as_ptr(&sayings.of(found(["a", "b"][number % 2]).into(), &reads)))
            .collect();

        said.sort_unstable();
        said.dedup();
        assert!(said.len() <= 2 * COPIES, "{}", said.len());
    }

    #[test]
    fn what_was_said_under_other_paths_is_not_taken_for_the_same() {
        let sayings = Sayings::default();
        let (without, with) = ([].into(), ["A".into()].into());

        // Often enough for each of the copies to have said both before.
        for _ in 0..COPIES * 50 {
            assert!(sayings.of(found("a").into(), &with).has(&with), "it would be asked for again");
            let unread = sayings.of(found("a").into(), &without);
            assert!(!unread.has(&with), "a rule would look at a value that nobody read");
        }
    }

    #[test]
    fn a_sap_that_says_another_thing_of_each_partner_cannot_fill_the_memory() {
        let sayings = Sayings::default();

        for number in 0..=COPIES * MOST * 2 {
            sayings.of(found(&format!("channel {number}")).into(), &[].into());
        }

        for copy in &sayings.0 {
            assert!(copy.lock().unwrap().len() <= MOST);
        }
    }

    #[test]
    fn what_lacks_the_values_that_a_rule_looks_at_is_not_used() {
        let paths =
            |list: &[&str]| list.iter().map(|path| (*path).into()).collect::<Arc<[Arc<str>]>>();
        for (lookup, read, wanted, has) in [
            (found("a"), paths(&["A", "B"]), paths(&["B"]), true),
            (found("a"), paths(&["A", "B"]), paths(&[]), true),
            (found("a"), paths(&["A", "B"]), paths(&["A", "B"]), true),
            (found("a"), paths(&["A"]), paths(&["A", "B"]), false),
            (found("a"), paths(&[]), paths(&["B"]), false),
            (Lookup::Unknown, paths(&[]), paths(&["B"]), true),
        ] {
            let said = Sayings::default().of(lookup.into(), &read);
            assert_eq!(said.has(&wanted), has, "{read:?} {wanted:?}");
        }
    }
}
