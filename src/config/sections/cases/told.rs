//! What is told of a test that fails: in the form in which the file has it, so that it can be compared
//! and, where it is what was meant, copied.

use super::{Case, Expected, Outcome, Shown, What, findings::shown, show};
use crate::domain::{Decision, Reason, Rule};

/// How "without a number" is written.
pub(super) const WITHOUT_NUMBER: &str = "without_number";

/// The finding of a test that fails. Names no dialled number.
pub(super) fn failure(case: &Case, outcome: &Outcome<'_>) -> String {
    let why = match (&case.number, &outcome.decision) {
        (Some(Err(error)), _) => format!(", because its number {error}"),
        (None, Decision::Refuse(Reason::NumberNotAllowed | Reason::CallerIdNotAllowed)) => {
            ", because a rule needs a number and the test has none".to_owned()
        }
        _ => String::new(),
    };
    format!(
        "the test `{}` fails: {} is expected, and decided is {}{why}; mend the rules, or, \
         where they are right, the test",
        shown(&case.name),
        expected(&case.expected),
        decided(outcome),
    )
}

fn expected(expected: &Expected) -> String {
    let mut parts = Vec::new();
    match &expected.what {
        What::Refuse(reason) => parts.push(("refuse", reason.label().to_owned())),
        What::Dial { shown, contract_number, caller_id } => {
            parts.extend(shown.map(|shown| ("dial", dial(shown))));
            parts.extend(
                contract_number.as_deref().map(|text| ("contract_number", show::text(text))),
            );
            parts.extend(caller_id.map(|caller_id| ("caller_id", caller_id.label().to_owned())));
        }
    }
    section(parts, expected.rule)
}

fn decided(outcome: &Outcome<'_>) -> String {
    let parts = match &outcome.decision {
        Decision::Refuse(reason) => vec![("refuse", reason.label().to_owned())],
        Decision::Dial(told) => vec![
            ("dial", dial(told.service_number.map_or(Shown::Nothing, Shown::Number))),
            ("contract_number", show::text(told.contract_number.as_str())),
            ("caller_id", told.caller_id.label().to_owned()),
        ],
    };
    section(parts, outcome.rule)
}

fn dial(shown: Shown) -> String {
    shown.number().map_or(WITHOUT_NUMBER.to_owned(), |number| show::text(number.as_str()))
}

fn section(mut parts: Vec<(&str, String)>, rule: Option<Rule>) -> String {
    parts.extend(rule.map(|rule| ("rule", show::text(&rule.to_string()))));
    let parts: Vec<_> = parts.into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{{ {} }}", parts.join(", "))
}
