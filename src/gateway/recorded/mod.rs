//! What a call was decided on, written so that it can be decided again under other rules.
//!
//! Access records have it where `log.facts` says so. It is about a person whom it does not name: what
//! SAP's record says of the partner, and of the number what rules ask of one, never a digit.

mod again;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::{
    config::Config,
    domain::{BusinessPartner, CountryCode, DialledNumber, Lookup, NumberFacts, NumberRanges},
    sap::{READS_BLOCKED, READS_CONTACT_REFUSED},
};

pub use again::{RecordedFault, Untold};

/// Of the hash of the ranges so many bytes: enough to tell lists apart that somebody wrote.
const RANGES_BYTES: usize = 6;

/// The configuration that calls are decided by, as far as records have to say which it was.
pub struct Ground {
    config: Arc<Config>,
    /// How numbers are read.
    home: String,
    /// Which beginnings of numbers are never dialled.
    ranges: String,
}

impl Ground {
    /// Of a configuration.
    pub fn of(config: &Arc<Config>) -> Self {
        Self {
            home: config.query.home.label(),
            ranges: name_of(&config.rules.never_dialled.ranges),
            config: Arc::clone(config),
        }
    }

    /// What records call the beginnings of numbers that are never dialled.
    pub fn ranges(&self) -> &str {
        &self.ranges
    }
}

/// Two lists of one name have the same numbers.
fn name_of(ranges: &NumberRanges) -> String {
    let mut lines = Context::new(&SHA256);
    for (from, to) in ranges.iter() {
        lines.update(format!("{from}-{to}\n").as_bytes());
    }
    let hash = lines.finish();
    let beginning = hash.as_ref().iter().take(RANGES_BYTES);
    beginning.fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
}

/// What a call leaves for its record besides its facts. Has the number; only the thread that writes
/// records looks at it, and writes none of its digits.
pub struct Deciding {
    dialled: Option<DialledNumber>,
    ground: Arc<Ground>,
}

impl Deciding {
    pub(super) fn of(dialled: Option<&DialledNumber>, ground: &Arc<Ground>) -> Self {
        Self { dialled: dialled.copied(), ground: Arc::clone(ground) }
    }

    /// What the record has; `said` is what SAP had said of the partner, and what was read for it.
    pub(super) fn recorded<'a>(
        &'a self,
        said: Option<(&'a Lookup, &'a [Arc<str>])>,
    ) -> Recorded<'a> {
        let number = self.dialled.as_ref().map(|dialled| {
            let ranges = &self.ground.config.rules.never_dialled.ranges;
            RecordedNumber::of(NumberFacts::of(dialled, ranges), &self.ground)
        });
        let nothing = |partner| Recorded { partner, number: None, ..Recorded::default() };
        let of_partner = match said {
            Some((Lookup::Found(partner), reads)) => Recorded::of_partner(partner, reads),
            Some((Lookup::Unknown, _)) => nothing(PartnerWord::Unknown),
            Some((Lookup::Ambiguous(_), _)) => nothing(PartnerWord::Ambiguous),
            None => nothing(PartnerWord::Silent),
        };
        Recorded { number, ..of_partner }
    }
}

/// `facts` of an access record. The words are those of `tests:` in the configuration.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Recorded<'a> {
    partner: PartnerWord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distribution_channel: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    country: Option<Cow<'a, str>>,
    /// Not there: it is not set, and nobody had to be able to read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blocked: Option<bool>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact_not_allowed: Option<bool>,
    /// The paths of `rules.refuse_when` that were looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paths: Vec<Cow<'a, str>>,
    /// What each record has there; a path without a value is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<BTreeMap<Cow<'a, str>, Vec<Cow<'a, str>>>>,
    /// `null`: the question had none.
    number: Option<RecordedNumber<'a>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum PartnerWord {
    Found,
    Unknown,
    Ambiguous,
    /// SAP gave no answer, and none was remembered.
    #[default]
    Silent,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is the answer to a question of its own")]
struct RecordedNumber<'a> {
    /// `null`: the numbering plan does not tell.
    country: Option<Cow<'a, str>>,
    emergency: bool,
    short_code: bool,
    premium: bool,
    in_ranges: bool,
    ranges: Cow<'a, str>,
    home: Cow<'a, str>,
}

impl<'a> Recorded<'a> {
    fn of_partner(partner: &'a BusinessPartner, reads: &'a [Arc<str>]) -> Self {
        let is_read = |name: &str| reads.iter().any(|read| **read == *name);
        let mark = |is_set: bool, name| (is_set || is_read(name)).then_some(is_set);
        let is_path = |name: &&str| ![READS_BLOCKED, READS_CONTACT_REFUSED].contains(name);
        let texts = |values: &'a [String]| {
            values.iter().map(|value| Cow::Borrowed(value.as_str())).collect()
        };
        Self {
            partner: PartnerWord::Found,
            distribution_channel: partner.channel().map(|channel| channel.as_str().into()),
            country: partner.country().map(|country| country.as_str().to_owned().into()),
            blocked: mark(partner.blocked, READS_BLOCKED),
            contact_not_allowed: mark(partner.contact_refused, READS_CONTACT_REFUSED),
            paths: reads.iter().map(|read| &**read).filter(is_path).map(Cow::Borrowed).collect(),
            values: (partner.facts.iter())
                .map(|record| {
                    let noted = record.noted();
                    noted.map(|(path, values)| (Cow::Borrowed(&**path), texts(values))).collect()
                })
                .collect(),
            number: None,
        }
    }
}

impl<'a> RecordedNumber<'a> {
    fn of(facts: NumberFacts, ground: &'a Ground) -> Self {
        Self {
            country: facts
                .country
                .as_ref()
                .map(CountryCode::as_str)
                .map(str::to_owned)
                .map(Cow::Owned),
            emergency: facts.emergency,
            short_code: facts.short_code,
            premium: facts.premium,
            in_ranges: facts.in_ranges,
            ranges: Cow::Borrowed(&ground.ranges),
            home: Cow::Borrowed(&ground.home),
        }
    }
}

#[cfg(test)]
mod tests;
