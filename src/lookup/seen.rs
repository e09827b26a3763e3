//! The contract numbers that SAP's answers have led to since the start, for `dialgate coverage`.
//!
//! Noted on answers from SAP only, never on the way of a call that memory answers. Contract numbers
//! are channel texts and country codes: no personal data.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::domain::{ContractNumber, Lookup, ServiceNumbers};

/// The most contract numbers kept: a company has a handful of channels in some dozen countries.
const MAX_KEPT: usize = 1000;

/// What SAP has not said for so long it most likely does not say any more: it was put right there.
const RECENT: Duration = Duration::from_hours(24);

/// The contract numbers seen so far, and how often. Bounded.
#[derive(Debug, Default)]
pub struct Contracts(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    seen: BTreeMap<String, Sight>,
    without: u64,
    overflowed: bool,
}

#[derive(Debug)]
struct Sight {
    answers: u64,
    last: Instant,
}

impl Sight {
    fn is_recent(&self) -> bool {
        self.last.elapsed() < RECENT
    }
}

/// One of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contract {
    /// Channel text and country code.
    pub contract_number: String,
    /// In how many answers of SAP it was.
    pub answers: u64,
    /// The last of them was within a day.
    pub is_recent: bool,
}

impl Contracts {
    /// Notes what an answer of SAP leads to.
    pub fn note(&self, lookup: &Lookup) {
        let Lookup::Found(partner) = lookup else { return };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(number) = partner.contract_number().map(ContractNumber::as_str) else {
            kept.without += 1;
            return;
        };
        let last = Instant::now();
        if let Some(sight) = kept.seen.get_mut(number) {
            *sight = Sight { answers: sight.answers + 1, last };
        } else if kept.seen.len() < MAX_KEPT {
            kept.seen.insert(number.to_owned(), Sight { answers: 1, last });
        } else {
            kept.overflowed = true;
        }
    }

    /// How many there are, and how many of those of the last day have no service number.
    pub fn count(&self, numbers: &ServiceNumbers) -> (usize, usize) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = kept.seen.iter().filter(|(_, sight)| sight.is_recent());
        let missing = recent.filter(|(number, _)| numbers.of_text(number).is_none());
        (kept.seen.len(), missing.count())
    }

    /// All of them in order of the alphabet; how many answers had no contract number; whether there
    /// were more contract numbers than are kept.
    pub fn all(&self) -> (Vec<Contract>, u64, bool) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = kept.seen.iter().map(|(number, sight)| Contract {
            contract_number: number.clone(),
            answers: sight.answers,
            is_recent: sight.is_recent(),
        });
        (all.collect(), kept.without, kept.overflowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BusinessPartner, CountryCode, DistributionChannel};

    fn found(channel: &str, country: Option<&str>) -> Lookup {
        Lookup::Found(BusinessPartner::new(
            DistributionChannel::parse(channel).ok(),
            country.and_then(|country| CountryCode::parse(country).ok()),
            false,
            false,
        ))
    }

    #[test]
    fn contract_numbers_are_counted_and_others_are_not_kept() {
        let contracts = Contracts::default();

        for lookup in [
            found("Direct sales", Some("DE")),
            found("Direct sales", Some("DE")),
            found("Direct sales", None),
            Lookup::Unknown,
        ] {
            contracts.note(&lookup);
        }

        let contract_number = "Direct salesDE".to_owned();
        let only = Contract { contract_number, answers: 2, is_recent: true };
        assert_eq!(contracts.all(), (vec![only], 1, false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_sap_has_not_said_for_a_day_is_missing_no_more_and_stays_listed() {
        let contracts = Contracts::default();
        let none = ServiceNumbers::default();
        let hours = |hours| tokio::time::advance(Duration::from_hours(hours));
        contracts.note(&found("Direct slaes", Some("DE")));
        contracts.note(&found("Partner", Some("DE")));
        assert_eq!(contracts.count(&none), (2, 2));

        // A partner was put right in SAP; the other channel has no row to this day.
        hours(23).await;
        contracts.note(&found("Direct sales", Some("DE")));
        contracts.note(&found("Partner", Some("DE")));
        hours(2).await;

        assert_eq!(contracts.count(&none), (3, 2));
        let (all, ..) = contracts.all();
        let recent: Vec<_> =
            all.iter().filter(|seen| seen.is_recent).map(|seen| &*seen.contract_number).collect();
        assert_eq!((all.len(), recent), (3, vec!["Direct salesDE", "PartnerDE"]));
        hours(24).await;
        assert_eq!(contracts.count(&none), (3, 0));
        contracts.note(&found("Direct slaes", Some("DE")));
        assert_eq!(contracts.count(&none), (3, 1));
    }

    #[test]
    fn a_sap_with_endless_channels_cannot_fill_the_memory() {
        let contracts = Contracts::default();

        for number in 0..=MAX_KEPT {
            contracts.note(&found(&format!("channel {number}"), Some("DE")));
        }

        let (all, _, overflowed) = contracts.all();
        assert_eq!((all.len(), overflowed), (MAX_KEPT, true));
    }
}
