//! `tests:` calls, and the decisions that the rules have to lead to.
//!
//! They are decided by the functions that decide calls, on every check, start and reload. One that
//! comes out otherwise is a finding like any other, so that the rules that break it are not in force.

mod file;
mod reach;
mod read;
mod told;

use crate::domain::{
    CallerId, Decision, DialledNumber, DialledNumberError, Lookup, Reason, Rule, Rules,
    ServiceNumber, decide, decide_without_sap,
};

pub use self::reach::Reach;

pub(in crate::config) use self::{
    file::CaseFile,
    read::{Ground, resolve},
};

use super::{findings, resolve as reading, show, suggest};

/// A test of the rules: one call, and what has to be decided. It was passed when it is part of a
/// configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Case {
    name: String,
    /// What SAP says; `None`: nothing.
    said: Option<Lookup>,
    /// The number, or why it is none; `None`: the question has no number.
    number: Option<Result<DialledNumber, DialledNumberError>>,
    expected: Expected,
}

/// What was decided.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outcome<'a> {
    /// What jtel is told.
    pub decision: Decision<'a>,
    /// The rule that had the last word; `None` where the number cannot be read: no rule is asked then.
    pub rule: Option<Rule>,
}

/// What has to be decided.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Expected {
    what: What,
    /// `None`: whichever.
    rule: Option<Rule>,
}

/// What jtel has to be told; what is `None` may be anything.
#[derive(Clone, Debug, Eq, PartialEq)]
enum What {
    Dial { shown: Option<Shown>, contract_number: Option<String>, caller_id: Option<CallerId> },
    Refuse(Reason),
}

/// What has to be shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    Number(ServiceNumber),
    Nothing,
}

impl Case {
    /// What it is about.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Decides the call as the gateway does.
    pub fn outcome<'a>(&'a self, rules: &'a Rules) -> Outcome<'a> {
        let dialled = match &self.number {
            Some(Ok(number)) => Some(number),
            Some(Err(_)) => {
                return Outcome { decision: Decision::Refuse(Reason::BadQuery), rule: None };
            }
            None => None,
        };
        let decided = match &self.said {
            Some(lookup) => decide(lookup, dialled, rules),
            None => decide_without_sap(dialled, rules),
        };
        Outcome { decision: decided.decision, rule: Some(decided.rule) }
    }
}

impl Expected {
    fn is_met_by(&self, outcome: &Outcome<'_>) -> bool {
        let is_what = match (&self.what, &outcome.decision) {
            (What::Refuse(expected), Decision::Refuse(reason)) => expected == reason,
            (What::Dial { shown, contract_number, caller_id }, Decision::Dial(dial)) => {
                shown.is_none_or(|shown| shown.number() == dial.service_number)
                    && contract_number
                        .as_deref()
                        .is_none_or(|text| text == dial.contract_number.as_str())
                    && caller_id.is_none_or(|caller_id| caller_id == dial.caller_id)
            }
            _ => false,
        };
        is_what && self.rule.is_none_or(|rule| Some(rule) == outcome.rule)
    }
}

impl Shown {
    fn number(self) -> Option<ServiceNumber> {
        match self {
            Self::Number(number) => Some(number),
            Self::Nothing => None,
        }
    }
}
