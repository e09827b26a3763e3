//! The country where numbers are dialled: what a number means that is written without a country code.

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, Region, get_national_significant_number_owned,
};

use super::{DialledNumberError, Digits, digits_of};
use crate::domain::partner::CountryCode;

/// A number abroad that every plan knows: a subscriber in London, in Ofcom's range for drama.
const ABROAD: &str = "442079460000";

/// How digits are read that have neither a plus nor a prefix, in a country that writes its own numbers
/// like that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BareNumbers {
    /// As a number at home or abroad, whichever the numbering plan knows; at home if it knows both.
    Home,
    /// The same, but refused if it knows both.
    Unambiguous,
    /// With country code, as jtel's documentation has them.
    International,
}

/// The country whose national numbers are understood, e.g. `089 1234567` in Germany.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Home {
    region: Region,
    code: i32,
    leaves_by_00: bool,
    bare: BareNumbers,
}

/// Why a text is not a country with a numbering plan.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a country with a numbering plan; write its ISO 3166 code, for example DE")]
pub struct HomeError(String);

impl Home {
    /// Reads an ISO 3166 alpha-2 code, in either letter case.
    ///
    /// # Errors
    ///
    /// The text is not such a code, or the country has no numbering plan of its own.
    pub fn parse(text: &str) -> Result<Self, HomeError> {
        let code = |region| PHONE_NUMBER_UTIL.get_country_code_for_region(region);
        let (region, code) = text
            .parse::<Region>()
            .ok()
            .and_then(|region| Some((region, code(region)?)))
            .ok_or_else(|| HomeError(text.chars().take(8).collect()))?;
        let abroad = PHONE_NUMBER_UTIL.parse(format!("00{ABROAD}"), Some(region)).ok();
        Ok(Self {
            region,
            code,
            leaves_by_00: abroad.and_then(|number| digits_of(&number)) == Digits::of(ABROAD),
            bare: if may_be_bare(region) { BareNumbers::Home } else { BareNumbers::International },
        })
    }

    /// The same country, where bare digits are read in this way. Where a zero belongs before each number
    /// at home there is no choice: they have their country code.
    #[must_use]
    pub fn reading(self, bare: BareNumbers) -> Self {
        if self.writes_without_prefix() { Self { bare, ..self } } else { self }
    }

    /// The country itself.
    pub fn country(self) -> Option<CountryCode> {
        CountryCode::parse(&self.region.to_string()).ok()
    }

    /// The country and how bare digits are read there, for records: `DE/international`. Two texts that
    /// differ may make another number of one and the same text.
    pub fn label(self) -> String {
        let bare = match self.bare {
            BareNumbers::Home => "home",
            BareNumbers::Unambiguous => "unambiguous",
            BareNumbers::International => "international",
        };
        format!("{}/{bare}", self.region)
    }

    /// Bare digits that are read as a number at home and would be one abroad, too, with the country of
    /// the latter; `None` where there seem to be none. Looks at one number of each country, so it is no
    /// proof.
    pub fn clash(self) -> Option<(CountryCode, String)> {
        if self.bare != BareNumbers::Home {
            return None;
        }
        let told_apart = self.reading(BareNumbers::Unambiguous);
        let regions = PHONE_NUMBER_UTIL.get_supported_regions();
        let mut found: Vec<_> = regions
            .filter_map(|region| {
                let number = PHONE_NUMBER_UTIL.get_example_number(region).ok()?;
                let digits = digits_of(&number)?;
                let is_ambiguous = told_apart.bare(digits) == Err(DialledNumberError::Ambiguous);
                let country = CountryCode::parse(&region.to_string()).ok()?;
                is_ambiguous.then(|| (country, digits.as_str().to_owned()))
            })
            .collect();
        // The library has them in no order.
        found.sort_by_key(|(country, _)| country.as_str().to_owned());
        found.into_iter().next()
    }

    pub(in crate::domain) fn calling_code(self) -> i32 {
        self.code
    }

    /// Bare digits may be a number at home.
    pub(in crate::domain) fn writes_without_prefix(self) -> bool {
        self.bare != BareNumbers::International
    }

    pub(super) fn leaves_by_00(self) -> bool {
        self.leaves_by_00
    }

    pub(super) fn national(self, text: &str) -> Option<PhoneNumber> {
        PHONE_NUMBER_UTIL.parse(text.trim(), Some(self.region)).ok()
    }

    /// Digits without plus or prefix: with a country code, or a number at home. The plan decides by what
    /// it knows, and else by the length.
    pub(super) fn bare(self, digits: Digits) -> Result<Digits, DialledNumberError> {
        if !self.writes_without_prefix() {
            return Ok(digits);
        }
        let at_home = self.national(digits.as_str());
        let abroad = PHONE_NUMBER_UTIL.parse(format!("+{}", digits.as_str()), None).ok();
        let Some(national) = at_home.as_ref().and_then(digits_of) else { return Ok(digits) };
        let decide = |holds: fn(&PhoneNumber) -> bool| match (
            at_home.as_ref().is_some_and(holds),
            abroad.as_ref().is_some_and(holds),
        ) {
            (true, true) if self.bare == BareNumbers::Unambiguous && national != digits => {
                Some(Err(DialledNumberError::Ambiguous))
            }
            (true, _) => Some(Ok(national)),
            (false, true) => Some(Ok(digits)),
            (false, false) => None,
        };
        decide(PhoneNumber::is_valid).or_else(|| decide(is_possible)).unwrap_or(Ok(digits))
    }
}

/// Whether a number at home may begin with another digit than 0. Where a zero belongs before each
/// number (also as `06`, in Hungary), one without it has its country code.
fn may_be_bare(region: Region) -> bool {
    let Ok(number) = PHONE_NUMBER_UTIL.get_example_number(region) else { return false };
    let national = get_national_significant_number_owned(&number);
    let is_trunk_prefix = |prefix: &str| {
        PHONE_NUMBER_UTIL.parse(format!("{prefix}{national}"), Some(region)).ok().as_ref()
            == Some(&number)
    };
    let zero = ["0", "06"].into_iter().any(is_trunk_prefix);
    let another = ["1", "2", "3", "4", "5", "6", "7", "8", "9"].into_iter().any(is_trunk_prefix);
    !zero || another
}

fn is_possible(number: &PhoneNumber) -> bool {
    matches!(number.is_possible_with_reason(), Ok(NumberLengthType::IsPossible))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_each_number_begins_with_a_zero_bare_digits_have_their_country_code() {
        let writes_bare = |country| Home::parse(country).unwrap().writes_without_prefix();
        for country in
            ["DE", "AT", "CH", "FR", "GB", "NL", "BE", "SE", "FI", "HU", "RO", "TR", "AU"]
        {
            assert!(!writes_bare(country), "{country}");
        }
        for country in
            ["DK", "NO", "ES", "PT", "IT", "PL", "CZ", "GR", "LU", "EE", "LV", "US", "SG"]
        {
            assert!(writes_bare(country), "{country}");
        }
    }

    #[test]
    fn digits_that_nobody_can_tell_apart_are_found_until_somebody_decides() {
        let us = Home::parse("US").unwrap();

        assert!(us.clash().is_some());
        assert_eq!(us.reading(BareNumbers::Unambiguous).clash(), None);
        assert_eq!(us.reading(BareNumbers::International).clash(), None);
        assert_eq!(Home::parse("DE").unwrap().reading(BareNumbers::Home).clash(), None);
    }
}
