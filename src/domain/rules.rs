//! The rules of the house: which service number belongs to which contract number, and what
//! happens where there is none.

use std::collections::HashMap;

use super::{
    numbers::ServiceNumber,
    partner::{ContractNumber, CountryCode, DistributionChannel},
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

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// No row at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
