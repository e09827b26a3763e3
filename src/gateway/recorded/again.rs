//! Deciding again, under other rules, what a record has the facts of.
//!
//! Nothing is guessed. Where a rule looks at something that the record does not have, what it would have
//! said is not known, unless it makes no difference to the answer.

use std::{fmt, sync::Arc};

use super::{Ground, PartnerWord, Recorded, RecordedNumber};
use crate::domain::{
    Ambiguity, BusinessPartner, CallerIdFit, CountryCode, CountryCodeError, Decided, Decision,
    DistributionChannel, DistributionChannelError, Facts, Lookup, NumberFacts, Part, Reason, Rule,
    Rules, decide_again, rule_by_rule,
};

/// Why what a record has are no facts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecordedFault {
    /// `facts.distribution_channel`
    #[error("facts.distribution_channel {0}")]
    Channel(#[from] DistributionChannelError),
    /// `facts.country`, or that of the number.
    #[error("a country of facts {0}")]
    Country(#[from] CountryCodeError),
}

/// Why it cannot be told how a call would be decided.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Untold {
    /// The record has no facts: it was written without `log.facts`.
    NoFacts,
    /// The number was read in another way than it would be now.
    Home(Rule),
    /// The beginnings of numbers that are never dialled were others.
    Ranges,
    /// No rule needed the mark, so that one which could not be read may have been passed over.
    Mark(Rule),
    /// A rule looks at a path that was not read.
    Path(Rule, Arc<str>),
}

impl fmt::Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFacts => f.write_str("the record has no facts: log.facts was false"),
            Self::Home(rule) => {
                write!(
                    f,
                    "{rule}: query.default_country or query.bare_numbers read the number in another way"
                )
            }
            Self::Ranges => write!(
                f,
                "{}: prefixes or ranges_file were others, and the record has no number",
                Rule::Ranges
            ),
            Self::Mark(rule) => write!(f, "{rule}: no rule needed SAP's mark then"),
            Self::Path(rule, path) => write!(f, "{rule}: `{path}` was not read then"),
        }
    }
}

impl Recorded<'_> {
    /// What SAP had said; `None`: nothing, and nothing was remembered.
    ///
    /// # Errors
    ///
    /// See [`RecordedFault`].
    pub fn lookup(&self) -> Result<Option<Lookup>, RecordedFault> {
        Ok(match self.partner {
            PartnerWord::Found => Some(Lookup::Found(self.found()?)),
            PartnerWord::Unknown => Some(Lookup::Unknown),
            PartnerWord::Ambiguous => Some(Lookup::Ambiguous(Ambiguity::Records)),
            PartnerWord::Silent => None,
        })
    }

    fn found(&self) -> Result<BusinessPartner, RecordedFault> {
        let channel = self.distribution_channel.as_deref().map(DistributionChannel::parse);
        let country = self.country.as_deref().map(CountryCode::parse);
        let marks = [self.blocked, self.contact_not_allowed].map(|mark| mark == Some(true));
        let [blocked, contact_refused] = marks;
        let facts = self.values.iter().map(|record| {
            let mut facts = Facts::default();
            for (path, values) in record {
                let path = Arc::from(&**path);
                facts.note(&path, values.iter().map(ToString::to_string).collect());
            }
            facts
        });
        let (channel, country) = (channel.transpose()?, country.transpose()?);
        let partner = BusinessPartner::new(channel, country, blocked, contact_refused);
        Ok(partner.with_facts(facts.collect()))
    }

    /// Decides again; `lookup` is what [`Self::lookup`] has.
    ///
    /// # Errors
    ///
    /// The record is at fault, or does not have what a rule looks at.
    pub fn decide<'d>(
        &self,
        lookup: Option<&'d Lookup>,
        ground: &'d Ground,
    ) -> Result<Result<Decided<'d>, Untold>, RecordedFault> {
        let rules = &ground.config.rules;
        let number = self.number.as_ref().map(RecordedNumber::facts).transpose()?;
        let decided = decide_again(lookup, number.as_ref(), rules);
        // Whoever decided was asked, and so was whoever came before.
        for (rule, part) in rule_by_rule(rules, decided.rule) {
            let was_asked = match part {
                Part::Decided => true,
                Part::Passed => !refuses_alike(rule, &decided, rules),
                Part::Off | Part::NotAsked => false,
            };
            if was_asked && let Some(untold) = self.cannot_tell(rule, ground) {
                return Ok(Err(untold));
            }
        }
        Ok(Ok(decided))
    }

    /// Why nobody can say what a rule would have said.
    fn cannot_tell(&self, rule: Rule, ground: &Ground) -> Option<Untold> {
        let rules = &ground.config.rules;
        let number = self.number.as_ref();
        // Nobody asks these of a partner that is not there.
        let is_of_partner =
            matches!(rule, Rule::Blocked | Rule::ContactRefused | Rule::RefuseWhen(_));
        if is_of_partner && self.partner != PartnerWord::Found {
            return None;
        }
        let is_home = number.is_none_or(|number| number.home == ground.home);
        match rule {
            Rule::Emergency | Rule::ShortCodes | Rule::Premium | Rule::Destinations => {
                (!is_home).then_some(Untold::Home(rule))
            }
            Rule::Ranges if !is_home => Some(Untold::Home(rule)),
            Rule::Ranges => number
                .is_some_and(|number| number.ranges != ground.ranges)
                .then_some(Untold::Ranges),
            // A warning changes no answer.
            Rule::CallerIdFit => {
                let changes =
                    matches!(rules.caller_id_fit, CallerIdFit::Refuse | CallerIdFit::Fallback);
                (changes && !is_home).then_some(Untold::Home(rule))
            }
            Rule::Blocked => self.blocked.is_none().then_some(Untold::Mark(rule)),
            Rule::ContactRefused => {
                self.contact_not_allowed.is_none().then_some(Untold::Mark(rule))
            }
            Rule::RefuseWhen(entry) => {
                let path = &rules.refuse_when.get(usize::from(entry))?.path;
                let is_read = self.paths.iter().any(|read| **read == **path);
                (!is_read).then(|| Untold::Path(rule, Arc::clone(path)))
            }
            Rule::NoNumber
            | Rule::SapUnavailable
            | Rule::Known
            | Rule::ServiceNumbers
            | Rule::WithoutServiceNumber => None,
        }
    }
}

/// Whether a rule, had it had the last word, would have led to the very same answer.
fn refuses_alike(rule: Rule, decided: &Decided<'_>, rules: &Rules) -> bool {
    let Decision::Refuse(reason) = decided.decision else { return false };
    let own = match rule {
        Rule::Emergency | Rule::Ranges | Rule::ShortCodes | Rule::Premium | Rule::Destinations => {
            Some(Reason::NumberNotAllowed)
        }
        Rule::Blocked => Some(Reason::PartnerBlocked),
        Rule::ContactRefused => Some(Reason::ContactNotAllowed),
        Rule::RefuseWhen(entry) => {
            rules.refuse_when.get(usize::from(entry)).map(|refusal| refusal.reason)
        }
        Rule::NoNumber
        | Rule::SapUnavailable
        | Rule::Known
        | Rule::ServiceNumbers
        | Rule::WithoutServiceNumber
        | Rule::CallerIdFit => None,
    };
    own == Some(reason)
}

impl RecordedNumber<'_> {
    fn facts(&self) -> Result<NumberFacts, RecordedFault> {
        let country = self.country.as_deref().map(CountryCode::parse).transpose()?;
        let Self { emergency, short_code, premium, in_ranges, .. } = *self;
        Ok(NumberFacts { country, emergency, short_code, premium, in_ranges })
    }
}
