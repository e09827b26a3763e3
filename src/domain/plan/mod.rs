//! The world's numbering plan: which country a number belongs to, and what kind of number it is.
//!
//! A call asks it while a person waits, so the country comes from a table of calling codes that is
//! built once. Only where countries share a code (+1, +7, +44, …) or a rule asks for the kind of a
//! number is the library of patterns asked.

mod barred;
mod emergency;

use std::sync::LazyLock;

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberType, ValidationError,
};

use super::partner::CountryCode;

/// A calling code has at most three digits (ITU-T E.164, 6.2.1).
const MAX_CALLING_CODE: u32 = 3;

/// The most digits of a national short code: `118000`, `116117`.
pub(super) const MAX_SHORT_CODE: usize = 6;

/// Who has a calling code.
#[derive(Clone, Copy)]
enum Holder {
    Nobody,
    Country(CountryCode),
    /// Several countries, or none: satellites and international freephone have codes, too.
    Shared,
}

static HOLDERS: LazyLock<Vec<Holder>> = LazyLock::new(|| {
    let mut holders = vec![Holder::Nobody; 1000];
    for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
        let regions = PHONE_NUMBER_UTIL.get_regions_for_country_calling_code(code);
        let mut regions = regions.into_iter().flatten();
        let holder = match (regions.next(), regions.next()) {
            (Some(only), None) => {
                CountryCode::parse(&only.to_string()).map_or(Holder::Shared, Holder::Country)
            }
            _ => Holder::Shared,
        };
        if let Some(place) = usize::try_from(code).ok().and_then(|code| holders.get_mut(code)) {
            *place = holder;
        }
    }
    holders
});

/// Digits of E.164, cut into calling code and national part.
#[derive(Clone, Copy)]
pub(super) struct Planned<'a> {
    digits: &'a str,
    code: &'a str,
    national: &'a str,
    holder: Holder,
}

/// Why a number can be nobody's caller ID.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanFault {
    /// No country has this calling code.
    #[error("begins with a country code that nobody has")]
    NoCountry,
    /// Too short or too long for its country.
    #[error("has a length that no number of its country has")]
    Impossible,
    /// Premium rate.
    #[error("is a premium-rate number, which must never be shown to a called person (TKG s.120)")]
    Premium,
    /// Televoting: 0137 and 0138.
    #[error("is a mass-traffic number, which must never be shown to a called person (TKG s.120)")]
    MassTraffic,
    /// Directory enquiries: 118.
    #[error("is a directory number, which must never be shown to a called person (TKG s.120)")]
    Directory,
    /// Short codes and emergency numbers.
    #[error("is a short code, which must never be shown to a called person (TKG s.120)")]
    ShortCode,
}

impl<'a> Planned<'a> {
    /// Calling codes are free of prefixes, so the first that has a holder is the one.
    pub(super) fn of(digits: &'a str) -> Self {
        for length in 1..=MAX_CALLING_CODE as usize {
            let Some((code, national)) = digits.split_at_checked(length) else { break };
            let place = code.parse().ok().and_then(|code: usize| HOLDERS.get(code));
            if let Some(holder @ (Holder::Country(_) | Holder::Shared)) = place {
                return Self { digits, code, national, holder: *holder };
            }
        }
        Self { digits, code: "", national: digits, holder: Holder::Nobody }
    }

    /// The country the number belongs to; `None` where the plan does not tell.
    pub(super) fn country(&self) -> Option<CountryCode> {
        match self.holder {
            Holder::Nobody => None,
            Holder::Country(country) => Some(country),
            Holder::Shared => {
                let region = PHONE_NUMBER_UTIL.get_region_for_number(&self.parsed()?)?;
                CountryCode::parse(&region.to_string()).ok()
            }
        }
    }

    /// Whether both are numbers of one country. Where the plan does not tell, they are not.
    pub(super) fn shares_country(&self, other: &Planned<'_>) -> bool {
        match (self.holder, other.holder) {
            (Holder::Country(one), Holder::Country(other)) => one == other,
            (Holder::Shared, Holder::Shared) if self.code == other.code => {
                self.country().is_some_and(|country| other.country() == Some(country))
            }
            _ => false,
        }
    }

    /// An emergency number, written as such or behind a country code.
    pub(super) fn is_emergency(&self) -> bool {
        emergency::is_one(self.digits)
            || emergency::is_one(self.national)
            || emergency::of(self.calling_code()).contains(&self.national)
    }

    /// 0 where nobody has it.
    fn calling_code(&self) -> i32 {
        self.code.parse().unwrap_or_default()
    }

    /// A number whose caller pays more than for a call, mass traffic included.
    fn is_premium(&self) -> bool {
        self.is_mass_traffic()
            || self.parsed().is_some_and(|number| {
                PHONE_NUMBER_UTIL.get_number_type(&number) == PhoneNumberType::PremiumRate
            })
    }

    /// A number that works inside its country only: directory enquiries, 115, 116117.
    pub(super) fn is_short_code(&self) -> bool {
        if self.national.len() > MAX_SHORT_CODE {
            return false;
        }
        self.is_directory()
            || self.national.starts_with("11")
            || self.parsed().is_none_or(|number| !number.is_valid())
    }

    /// Why nobody may show this number; `None`: the plan has nothing against it.
    pub(super) fn fault_as_caller_id(&self) -> Option<PlanFault> {
        if matches!(self.holder, Holder::Nobody) {
            return Some(PlanFault::NoCountry);
        }
        if self.is_directory() {
            return Some(PlanFault::Directory);
        }
        if self.national.len() <= MAX_SHORT_CODE && self.national.starts_with("11")
            || self.is_emergency()
        {
            return Some(PlanFault::ShortCode);
        }
        if self.is_mass_traffic() {
            return Some(PlanFault::MassTraffic);
        }
        let Some(number) = self.parsed() else { return Some(PlanFault::Impossible) };
        if !is_possible(number.is_possible_with_reason()) {
            return Some(PlanFault::Impossible);
        }
        self.is_premium().then_some(PlanFault::Premium)
    }

    /// Directory enquiries begin with 118 in Germany, Austria and most of Europe.
    fn is_directory(&self) -> bool {
        self.code.starts_with(['3', '4'])
            && self.national.starts_with("118")
            && self.national.len() <= MAX_SHORT_CODE
    }

    /// 0137 and 0138 in Germany; the library calls most of them shared cost.
    fn is_mass_traffic(&self) -> bool {
        self.code == "49" && (self.national.starts_with("137") || self.national.starts_with("138"))
    }

    fn parsed(&self) -> Option<PhoneNumber> {
        PHONE_NUMBER_UTIL.parse(format!("+{}", self.digits), None).ok()
    }
}

fn is_possible(length: Result<NumberLengthType, ValidationError>) -> bool {
    matches!(length, Ok(NumberLengthType::IsPossible))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(digits: &str) -> Option<String> {
        Planned::of(digits).country().map(|country| country.as_str().to_owned())
    }

    #[test]
    fn a_number_belongs_to_the_country_of_its_calling_code_also_where_several_share_it() {
        for (digits, expected) in [
            ("4989461495000", Some("DE")),
            ("43100000001", Some("AT")),
            ("41440000001", Some("CH")),
            ("12125550123", Some("US")),
            ("14165550123", Some("CA")),
            ("74951234567", Some("RU")),
            ("77172123456", Some("KZ")),
            ("442079460000", Some("GB")),
            ("441534123456", Some("JE")),
            ("390669812345", Some("VA")),
            ("390212345678", Some("IT")),
            ("3545551234", Some("IS")),
            ("80012345678", None),
            ("2100000000", None),
            ("110", None),
        ] {
            assert_eq!(country(digits).as_deref(), expected, "{digits}");
        }
    }

    #[test]
    fn two_numbers_share_a_country_only_where_the_plan_says_so() {
        for (one, other, expected) in [
            ("4989461495000", "4930111111", true),
            ("4989461495000", "43100000001", false),
            ("12125550123", "14165550123", false),
            ("12125550123", "13105550123", true),
            ("12125550123", "4989461495000", false),
            ("2100000000", "2100000000", false),
        ] {
            let [one, other] = [one, other].map(Planned::of);
            assert_eq!(one.shares_country(&other), expected, "{} {}", one.digits, other.digits);
        }
    }

    #[test]
    fn emergency_premium_and_short_numbers_are_known_behind_a_country_code_too() {
        // digits, emergency, premium, short code
        for (digits, expected) in [
            ("110", [true, false, true]),
            ("49112", [true, false, true]),
            ("43133", [true, false, true]),
            ("41144", [true, false, true]),
            ("49116117", [false, false, true]),
            ("4911833", [false, false, true]),
            ("499001123456", [false, true, false]),
            ("491371234567", [false, true, false]),
            ("4989461495000", [false, false, false]),
            ("498002345678", [false, false, false]),
        ] {
            let number = Planned::of(digits);
            let is = [number.is_emergency(), number.is_premium(), number.is_short_code()];
            assert_eq!(is, expected, "{digits}");
        }
    }

    #[test]
    fn what_may_never_be_shown_is_told_by_kind() {
        for (digits, fault) in [
            ("4922147100000", None),
            ("43100000001", None),
            ("41440000001", None),
            ("442079460000", None),
            ("499001123456", Some(PlanFault::Premium)),
            ("491371234567", Some(PlanFault::MassTraffic)),
            ("4911833", Some(PlanFault::Directory)),
            ("49116117", Some(PlanFault::ShortCode)),
            ("1234567", Some(PlanFault::Impossible)),
            ("414400000011111", Some(PlanFault::Impossible)),
            ("2100000000", Some(PlanFault::NoCountry)),
        ] {
            assert_eq!(Planned::of(digits).fault_as_caller_id(), fault, "{digits}");
        }
    }
}
