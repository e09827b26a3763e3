//! The contract numbers that SAP's answers have led to since the start, for `dialgate coverage`.
//!
//! Noted on answers from SAP only, never on the way of a call that memory answers. Contract numbers
//! are channel texts and country codes: no personal data.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::domain::{ContractNumber, Lookup, ServiceNumbers};

/// The most contract numbers kept: a company has a handful of channels in some dozen countries.
const MAX_KEPT: usize = 1000;

/// The contract numbers seen so far, and how often. Bounded.
#[derive(Debug, Default)]
pub struct Contracts(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    seen: BTreeMap<String, u64>,
    without: u64,
    overflowed: bool,
}

/// One of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contract {
    /// Channel text and country code.
    pub contract_number: String,
    /// In how many answers of SAP it was.
    pub answers: u64,
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
        if let Some(answers) = kept.seen.get_mut(number) {
            *answers += 1;
        } else if kept.seen.len() < MAX_KEPT {
            kept.seen.insert(number.to_owned(), 1);
        } else {
            kept.overflowed = true;
        }
    }

    /// How many there are, and how many of them have no service number.
    pub fn count(&self, numbers: &ServiceNumbers) -> (usize, usize) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = kept.seen.keys().filter(|number| numbers.of_text(number).is_none());
        (kept.seen.len(), missing.count())
    }

    /// All of them in order of the alphabet; how many answers had no contract number; whether there
    /// were more contract numbers than are kept.
    pub fn all(&self) -> (Vec<Contract>, u64, bool) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = kept.seen.iter().map(|(number, answers)| Contract {
            contract_number: number.clone(),
            answers: *answers,
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

        let only = Contract { contract_number: "Direct salesDE".to_owned(), answers: 2 };
        assert_eq!(contracts.all(), (vec![only], 1, false));
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
