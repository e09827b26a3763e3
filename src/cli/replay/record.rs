//! One line: what was decided, and what would be.

use std::borrow::Cow;

use serde::Deserialize;

use super::tally::{Answer, Tally};
use crate::{
    domain::{Decided, Decision, Reason, Rule},
    gateway::{Ground, Recorded, Untold},
};

/// No text of a record that is looked at here is longer; what is has not been written by us.
const LONGEST_TEXT: usize = 256;

/// What an access record has that matters here.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    call: Cow<'a, str>,
    #[serde(borrow, default)]
    decision: Cow<'a, str>,
    #[serde(default)]
    reason: Option<Cow<'a, str>>,
    #[serde(default)]
    rule: Option<Cow<'a, str>>,
    #[serde(default)]
    contract_number: Option<Cow<'a, str>>,
    #[serde(default)]
    service_number: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    facts: Option<Recorded<'a>>,
}

/// Decides what a line has again and counts it. Whatever is no decision of rules is counted as such:
/// connections that came to none, questions that could not be read, lines of the log.
///
/// # Errors
///
/// Why the line cannot be read.
pub(super) fn read(text: &[u8], ground: &Ground, tally: &mut Tally) -> Result<(), String> {
    // Where in the line is of no use to anybody, and the message must not repeat what is there.
    let line: Line<'_> = serde_json::from_slice(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "is no access record".to_owned(),
        _ => "is not JSON, or only a part of it".to_owned(),
    })?;
    let (Some(rule), Some(before)) = (&line.rule, line.before()) else {
        tally.not_decided();
        return Ok(());
    };
    if line.texts().any(|text| text.len() > LONGEST_TEXT) {
        return Err("has a text that is too long for an access record".to_owned());
    }
    let Some(facts) = &line.facts else {
        tally.untold(Untold::NoFacts, &line.call);
        return Ok(());
    };
    let lookup = facts.lookup().map_err(|fault| fault.to_string())?;
    match facts.decide(lookup.as_ref(), ground).map_err(|fault| fault.to_string())? {
        Ok(decided) => tally.decided((before, rule), after(&decided), &line.call),
        Err(untold) => tally.untold(untold, &line.call),
    }
    Ok(())
}

impl Line<'_> {
    /// What jtel was told; `None`: nothing.
    fn before(&self) -> Option<Answer<'_>> {
        let text =
            |text: &'_ Option<Cow<'_, str>>| text.clone().map(Cow::into_owned).map(Cow::Owned);
        match &*self.decision {
            "dial" => Some(Answer::Dial {
                contract_number: text(&self.contract_number)?,
                service_number: text(&self.service_number),
            }),
            "refuse" => {
                // No place in our own queue counts to the rules as a silent SAP.
                let reason = self.reason.as_deref().filter(|reason| {
                    *reason != Reason::Overloaded.label()
                        || self.rule.as_deref() != Some(&*Rule::SapUnavailable.name())
                });
                let reason = reason.unwrap_or(Reason::SapUnavailable.label());
                Some(Answer::Refuse(reason.to_owned().into()))
            }
            _ => None,
        }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let more = [&self.reason, &self.rule, &self.contract_number, &self.service_number];
        [&*self.call].into_iter().chain(more.into_iter().filter_map(|text| text.as_deref()))
    }
}

fn after<'d>(decided: &Decided<'d>) -> (Answer<'d>, Rule) {
    let answer = match decided.decision {
        Decision::Dial(dial) => Answer::Dial {
            contract_number: dial.contract_number.as_str().into(),
            service_number: dial.service_number.map(|number| number.to_string().into()),
        },
        Decision::Refuse(reason) => Answer::Refuse(reason.label().into()),
    };
    (answer, decided.rule)
}
