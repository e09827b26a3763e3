//! The tests of the configuration: how many there are, and what they do not reach.

use super::{Line, hint, ok};
use crate::config::{Config, Reach};

/// So many names are told; of more, how many.
const MAX_TOLD: usize = 10;

/// How far they reach. They have passed, or there would be no configuration.
pub(super) fn lines(config: &Config) -> Vec<Line> {
    let reach = Reach::of(config);
    if reach.tests == 0 {
        let text = "tests: none; `tests` in `dialgate config example` shows how to say what the rules have \
                    to decide";
        return vec![ok(text.to_owned())];
    }
    let mut lines = vec![ok(format!(
        "tests: {} passed; they reach {} of {} rules and {} of {} service numbers",
        reach.tests,
        reach.rules - reach.missed_rules.len(),
        reach.rules,
        reach.service_numbers - reach.missed_contract_numbers.len(),
        reach.service_numbers,
    ))];
    let rules: Vec<_> = reach.missed_rules.iter().map(ToString::to_string).collect();
    if !rules.is_empty() {
        lines.push(hint(format!("tests: none is decided by {}", cut(&rules))));
    }
    let contract_numbers = &reach.missed_contract_numbers;
    if !contract_numbers.is_empty() {
        lines.push(hint(format!("tests: none shows the number of {}", cut(contract_numbers))));
    }
    lines
}

/// The first of them, and how many more there are.
fn cut(names: &[String]) -> String {
    let told: Vec<_> = names.iter().take(MAX_TOLD).map(String::as_str).collect();
    let more = match names.len().saturating_sub(MAX_TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    told.join(", ") + &more
}
