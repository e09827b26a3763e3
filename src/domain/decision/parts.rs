//! What each rule had to say in one decision.

use crate::domain::{
    rule::{Part, Rule},
    rules::{CallerIdFit, Rules, Unavailable, Unmatched},
};

/// All rules in the order in which they are asked, each with its part in a decision that `decider`
/// made. The order alone tells it: a rule that comes before the one that decided let the call pass, and
/// whether a number may be shown where it rings is asked last.
pub fn rule_by_rule(rules: &Rules, decider: Rule) -> Vec<(Rule, Part)> {
    let never = &rules.never_dialled;
    let fits = !matches!(rules.caller_id_fit, CallerIdFit::Off);
    let mut all = vec![
        (Rule::Emergency, never.emergency),
        (Rule::Ranges, !never.ranges.is_empty()),
        (Rule::ShortCodes, never.short_codes),
        (Rule::Premium, never.premium),
        (Rule::Destinations, rules.destinations.is_some()),
    ];
    if decider == Rule::NoNumber {
        all.insert(0, (Rule::NoNumber, true));
    }
    if decider == Rule::SapUnavailable {
        all.push((Rule::SapUnavailable, true));
    } else {
        all.extend([
            (Rule::Known, true),
            (Rule::Blocked, rules.refuse_blocked),
            (Rule::ContactRefused, rules.refuse_contact_refused),
        ]);
        let entries = (0..).take(rules.refuse_when.len());
        all.extend(entries.map(|entry| (Rule::RefuseWhen(entry), true)));
        all.extend([(Rule::ServiceNumbers, true), (Rule::WithoutServiceNumber, true)]);
    }
    all.push((Rule::CallerIdFit, fits));
    let mut before = true;
    all.into_iter()
        .map(|(rule, is_set)| {
            let part = match (rule == decider, is_set, before) {
                (true, _, _) => Part::Decided,
                (false, true, false)
                    if rule == Rule::CallerIdFit && puts_through(rules, decider) =>
                {
                    Part::Passed
                }
                (false, false, _) => Part::Off,
                (false, true, true) => Part::Passed,
                (false, true, false) => Part::NotAsked,
            };
            before &= rule != decider;
            (rule, part)
        })
        .collect()
}

/// The rules that can have the last word, in the order in which they are asked: those that are set and
/// do more than to warn. `without_number`: there are questions that have no number.
pub fn deciders(rules: &Rules, without_number: bool) -> Vec<Rule> {
    let needs_number = rules.never_dialled.is_set() || rules.destinations.is_some();
    let can = |rule: Rule| match rule {
        Rule::ServiceNumbers => !rules.service_numbers.is_empty(),
        Rule::CallerIdFit => {
            matches!(rules.caller_id_fit, CallerIdFit::Refuse | CallerIdFit::Fallback)
        }
        _ => true,
    };
    let mut all = Vec::new();
    if without_number && needs_number {
        all.push(Rule::NoNumber);
    }
    for (rule, part) in rule_by_rule(rules, Rule::Known) {
        if rule == Rule::Known {
            all.push(Rule::SapUnavailable);
        }
        if part != Part::Off && can(rule) {
            all.push(rule);
        }
    }
    all
}

/// What is put through has to fit where it rings: then that rule was asked behind the one that decided.
fn puts_through(rules: &Rules, decider: Rule) -> bool {
    match decider {
        Rule::ServiceNumbers => true,
        Rule::WithoutServiceNumber => rules.unmatched == Unmatched::DialDefault,
        Rule::SapUnavailable => rules.unavailable == Unavailable::DialDefault,
        _ => false,
    }
}
