//! Rules that refuse a partner by what SAP's records say.

use std::sync::Arc;

use super::{partner::BusinessPartner, reason::Reason};

/// A rule that refuses partners by what a record of SAP has under a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Path in a record, as the configuration has it.
    pub path: Arc<str>,
    /// What its value must be.
    pub test: ValueTest,
    /// Why the partner is refused then.
    pub reason: Reason,
}

/// What a value must be. A value that is not there equals nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ValueTest {
    /// One of these texts.
    OneOf(Vec<String>),
    /// None of these texts; also where there is no value.
    NoneOf(Vec<String>),
    /// There is one.
    Exists,
}

impl Refusal {
    /// Whether one of the partner's records meets the test.
    pub fn meets(&self, partner: &BusinessPartner) -> bool {
        partner.facts.iter().any(|record| self.test.is_met(record.of(&self.path)))
    }
}

impl ValueTest {
    fn is_met(&self, values: &[String]) -> bool {
        match self {
            Self::Exists => !values.is_empty(),
            Self::OneOf(wanted) => values.iter().any(|value| wanted.contains(value)),
            Self::NoneOf(wanted) => !values.iter().any(|value| wanted.contains(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Facts;

    #[test]
    fn each_test_is_met_where_the_values_say_so() {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (values, one_of, none_of, exists) in [
            (vec![], false, true, false),
            (vec!["8"], true, true, true),
            (vec!["2"], false, false, true),
            (vec!["2", "9"], true, false, true),
        ] {
            let values = texts(&values);
            assert_eq!(ValueTest::OneOf(texts(&["8", "9"])).is_met(&values), one_of, "{values:?}");
            assert_eq!(ValueTest::NoneOf(texts(&["2"])).is_met(&values), none_of, "{values:?}");
            assert_eq!(ValueTest::Exists.is_met(&values), exists, "{values:?}");
        }
    }

    #[test]
    fn one_record_that_meets_the_test_is_enough_and_no_record_meets_none() {
        let path: Arc<str> = "Status".into();
        let refusal = Refusal {
            path: Arc::clone(&path),
            test: ValueTest::NoneOf(vec!["2".to_owned()]),
            reason: Reason::PartnerBlocked,
        };
        let record = |value: &str| {
            let mut facts = Facts::default();
            facts.note(&path, vec![value.to_owned()]);
            facts
        };
        let partner = |records| BusinessPartner::new(None, None, false, false).with_facts(records);

        assert!(!refusal.meets(&partner(vec![])));
        assert!(!refusal.meets(&partner(vec![record("2")])));
        assert!(refusal.meets(&partner(vec![record("2"), Facts::default()])));
    }
}
