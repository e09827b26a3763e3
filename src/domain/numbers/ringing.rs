//! What rules ask of a number that is to be dialled.

use super::{DialledNumber, ServiceNumber};
use crate::domain::{partner::CountryCode, ranges::NumberRanges};

/// A number as far as rules look at it.
pub trait Ringing {
    /// The country that would ring; `None` where the numbering plan does not tell.
    fn country(&self) -> Option<CountryCode>;

    /// Whether a service number belongs to the country where it rings.
    fn rings_in_the_country_of(&self, shown: &ServiceNumber) -> bool;

    /// Dialling it may connect to an emergency service.
    fn may_reach_emergency(&self) -> bool;

    /// Dialling it may reach a number that works inside a country only.
    fn may_reach_short_code(&self) -> bool;

    /// Dialling it may cost more than a call, mass traffic included.
    fn may_cost_extra(&self) -> bool;

    /// Whether it begins with one of the ranges.
    fn is_in(&self, ranges: &NumberRanges) -> bool;
}

impl Ringing for DialledNumber {
    fn country(&self) -> Option<CountryCode> {
        Self::country(self)
    }

    fn rings_in_the_country_of(&self, shown: &ServiceNumber) -> bool {
        Self::rings_in_the_country_of(self, shown)
    }

    fn may_reach_emergency(&self) -> bool {
        Self::may_reach_emergency(self)
    }

    fn may_reach_short_code(&self) -> bool {
        Self::may_reach_short_code(self)
    }

    fn may_cost_extra(&self) -> bool {
        Self::may_cost_extra(self)
    }

    fn is_in(&self, ranges: &NumberRanges) -> bool {
        ranges.contain(self.digits())
    }
}

/// What is left of a dialled number for a record: what rules ask of it, and none of its digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is the answer to a question of its own")]
pub struct NumberFacts {
    /// The country that would ring; `None` where the numbering plan does not tell.
    pub country: Option<CountryCode>,
    /// Dialling it may connect to an emergency service.
    pub emergency: bool,
    /// Dialling it may reach a number that works inside a country only.
    pub short_code: bool,
    /// Dialling it may cost more than a call.
    pub premium: bool,
    /// It begins with one of the ranges that were in force; says nothing of others.
    pub in_ranges: bool,
}

impl NumberFacts {
    /// Of a number, under the ranges in force.
    pub fn of(dialled: &DialledNumber, ranges: &NumberRanges) -> Self {
        Self {
            country: dialled.country(),
            emergency: dialled.may_reach_emergency(),
            short_code: dialled.may_reach_short_code(),
            premium: dialled.may_cost_extra(),
            in_ranges: dialled.is_in(ranges),
        }
    }
}

impl Ringing for NumberFacts {
    fn country(&self) -> Option<CountryCode> {
        self.country
    }

    fn rings_in_the_country_of(&self, shown: &ServiceNumber) -> bool {
        self.country.is_some() && self.country == shown.country()
    }

    fn may_reach_emergency(&self) -> bool {
        self.emergency
    }

    fn may_reach_short_code(&self) -> bool {
        self.short_code
    }

    fn may_cost_extra(&self) -> bool {
        self.premium
    }

    /// Whether these are the ranges that were in force is for whoever asks to find out.
    fn is_in(&self, ranges: &NumberRanges) -> bool {
        self.in_ranges && !ranges.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Home;

    fn asked(number: &impl Ringing, shown: &ServiceNumber, ranges: &NumberRanges) -> [bool; 5] {
        [
            number.rings_in_the_country_of(shown),
            number.may_reach_emergency(),
            number.may_reach_short_code(),
            number.may_cost_extra(),
            number.is_in(ranges),
        ]
    }

    proptest! {
        #[test]
        fn the_facts_of_a_number_answer_as_the_number_itself(
            text in prop_oneof![
                "(\\+|00|0|)[1-9][0-9]{2,13}",
                // Countries that share a calling code, and what is short.
                "\\+(1|7|44|39|47|61)[0-9]{6,10}",
                "1[0-9]{2,5}",
            ],
            shown in prop_oneof!["[1-9][0-9]{6,14}", "(1|7|44|39|47|61|49)[0-9]{7,10}"],
            home in prop::sample::select(vec!["DE", "AT", "US", "DK", "IT", "GB", "RU"]),
            beginning in "[1-9][0-9]{0,3}",
        ) {
            let number = DialledNumber::parse(&text, Home::parse(home).unwrap());
            let (Ok(number), Ok(shown)) = (number, ServiceNumber::parse(&shown)) else { return Ok(()) };
            let mut ranges = NumberRanges::default();
            ranges.add(&beginning, &beginning).unwrap();

            let facts = NumberFacts::of(&number, &ranges);
            prop_assert_eq!(asked(&number, &shown, &ranges), asked(&facts, &shown, &ranges));
            prop_assert_eq!(Ringing::country(&number), facts.country);
        }
    }
}
