//! The rules of the house: which service number belongs to which contract number, and what
//! happens where there is none.

use std::collections::HashMap;

use super::{
    numbers::{DialledNumber, Ringing, ServiceNumber},
    partner::{ContractNumber, CountryCode, DistributionChannel},
    ranges::NumberRanges,
    refusal::Refusal,
    rule::Rule,
};

/// What happens when a partner's contract number has no service number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unmatched {
    /// The call is refused.
    Refuse,
    /// jtel dials; which number it then shows is up to jtel's own settings.
    DialWithoutNumber,
    /// jtel dials with [`Rules::default_pair`].
    DialDefault,
}

/// What happens when SAP gave no answer and none is remembered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unavailable {
    /// The call is refused.
    Refuse,
    /// jtel dials with [`Rules::default_pair`].
    DialDefault,
}

/// What happens when the number shown and the number dialled belong to different countries. A
/// foreign number may be shown only on calls into its own country (TKG s.120, Vfg 44/2022 of the
/// German regulator).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallerIdFit {
    /// Nobody looks.
    Off,
    /// The answer is as ever; metric and record say so.
    Warn,
    /// The call is refused.
    Refuse,
    /// [`Rules::fallbacks`] has the number for the destination; without one the call is refused.
    Fallback,
}

/// Numbers that are never dialled. The default is: none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NeverDialled {
    /// Emergency numbers.
    pub emergency: bool,
    /// Premium-rate and mass-traffic numbers.
    pub premium: bool,
    /// Numbers that work inside a country only: `118…`, `116117`.
    pub short_codes: bool,
    /// By their beginning.
    pub ranges: NumberRanges,
}

impl NeverDialled {
    /// There is a rule at all.
    pub fn is_set(&self) -> bool {
        self.emergency || self.premium || self.short_codes || !self.ranges.is_empty()
    }

    /// Whether a number is one of them.
    pub fn contain(&self, dialled: &DialledNumber) -> bool {
        self.rule_for(dialled).is_some()
    }

    /// The rule that forbids a number.
    pub fn rule_for(&self, dialled: &impl Ringing) -> Option<Rule> {
        if self.emergency && dialled.may_reach_emergency() {
            Some(Rule::Emergency)
        } else if dialled.is_in(&self.ranges) {
            Some(Rule::Ranges)
        } else if self.short_codes && dialled.may_reach_short_code() {
            Some(Rule::ShortCodes)
        } else if self.premium && dialled.may_cost_extra() {
            Some(Rule::Premium)
        } else {
            None
        }
    }
}

/// The channel, country and service number of calls that are put through by a rule only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DefaultPair {
    /// What jtel reads as `distributionChannelCodeText`.
    pub channel: DistributionChannel,
    /// What jtel reads as `countryCode`.
    pub country: CountryCode,
    /// The contract number of the two.
    pub contract_number: ContractNumber,
    /// The service number of that contract number.
    pub service_number: ServiceNumber,
}

/// Everything a decision depends on besides SAP and the question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules {
    /// Which service number belongs to which contract number.
    pub service_numbers: ServiceNumbers,
    /// For a partner whose contract number has no service number.
    pub unmatched: Unmatched,
    /// For a SAP that gives no answer.
    pub unavailable: Unavailable,
    /// Present where one of the rules above is `DialDefault`.
    pub default_pair: Option<DefaultPair>,
    /// A partner that SAP calls blocked is refused.
    pub refuse_blocked: bool,
    /// A partner that does not want to be contacted is refused.
    pub refuse_contact_refused: bool,
    /// Partners that are refused by what their records in SAP say; the first that is met counts.
    pub refuse_when: Vec<Refusal>,
    /// Numbers that are never dialled.
    pub never_dialled: NeverDialled,
    /// The countries that may be called; `None`: all of them.
    pub destinations: Option<Vec<CountryCode>>,
    /// For a number shown that is foreign where it rings.
    pub caller_id_fit: CallerIdFit,
    /// By destination, what is shown there instead of a foreign number. A whole pair, because jtel
    /// finds the number by its contract number.
    pub fallbacks: HashMap<CountryCode, DefaultPair>,
}

impl Rules {
    /// The names of the rules that need to know the dialled number, as in `config.yaml`. Where a
    /// question has none, each of them refuses.
    pub fn that_need_the_number(&self) -> impl Iterator<Item = &'static str> {
        let fit = matches!(self.caller_id_fit, CallerIdFit::Refuse | CallerIdFit::Fallback);
        [
            ("rules.never_dialled", self.never_dialled.is_set()),
            ("rules.destination_countries", self.destinations.is_some()),
            ("rules.caller_id_fit", fit),
        ]
        .into_iter()
        .filter_map(|(name, is_set)| is_set.then_some(name))
    }
}

/// The service numbers by contract number, as in jtel's own list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServiceNumbers(HashMap<ContractNumber, ServiceNumber>);

/// A contract number is in the list already.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("has a service number already ({0}); jtel would find only one of the two")]
pub struct DuplicateContract(pub ServiceNumber);

impl ServiceNumbers {
    /// Adds a row.
    ///
    /// # Errors
    ///
    /// The contract number has a service number already; the list is unchanged.
    pub fn add(
        &mut self,
        contract_number: ContractNumber,
        service_number: ServiceNumber,
    ) -> Result<(), DuplicateContract> {
        if let Some(first) = self.0.get(contract_number.as_str()) {
            return Err(DuplicateContract(*first));
        }
        self.0.insert(contract_number, service_number);
        Ok(())
    }

    /// The service number of a contract number. Compared as it stands, letter case and blanks
    /// included: what jtel folds is not documented, and a guess could show a wrong number.
    pub fn of(&self, contract_number: &ContractNumber) -> Option<ServiceNumber> {
        self.0.get(contract_number.as_str()).copied()
    }

    /// The same for a text that may or may not be one.
    pub fn of_text(&self, contract_number: &str) -> Option<ServiceNumber> {
        self.0.get(contract_number).copied()
    }

    /// All rows, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&ContractNumber, ServiceNumber)> {
        self.0.iter().map(|(contract_number, number)| (contract_number, *number))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// No row at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
