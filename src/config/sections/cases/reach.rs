//! How far the tests of a configuration reach: which rules decide one of them, and which service
//! numbers are shown.

use std::collections::{BTreeSet, HashSet};

use crate::{
    config::Config,
    domain::{Decision, Rule, deciders},
};

/// What the tests of a configuration reach, and what they do not. Hints, no findings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reach {
    /// How many tests there are, and passed.
    pub tests: usize,
    /// How many rules can decide a call.
    pub rules: usize,
    /// Those of them that decide no test, in the order in which they are asked.
    pub missed_rules: Vec<Rule>,
    /// How many contract numbers have a service number.
    pub service_numbers: usize,
    /// Those contract numbers whose service number no test shows, in the order of the alphabet.
    pub missed_contract_numbers: Vec<String>,
}

impl Reach {
    /// Of the tests of a configuration.
    pub fn of(config: &Config) -> Self {
        let rules = &config.rules;
        let (mut decided, mut shown) = (HashSet::new(), HashSet::new());
        for case in &config.tests {
            let outcome = case.outcome(rules);
            decided.extend(outcome.rule);
            if let Decision::Dial(dial) = outcome.decision
                && dial.service_number.is_some()
            {
                shown.insert(dial.contract_number.as_str());
            }
        }
        let all = deciders(rules, config.listen.drop_in);
        let contract_numbers: BTreeSet<&str> =
            rules.service_numbers.iter().map(|(contract, _)| contract.as_str()).collect();
        Self {
            tests: config.tests.len(),
            rules: all.len(),
            missed_rules: all.into_iter().filter(|rule| !decided.contains(rule)).collect(),
            service_numbers: contract_numbers.len(),
            missed_contract_numbers: contract_numbers
                .into_iter()
                .filter(|contract| !shown.contains(contract))
                .map(str::to_owned)
                .collect(),
        }
    }
}
