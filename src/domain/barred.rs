//! Numbers that must not be dialled, by what a network does with their digits.
//!
//! A network connects an emergency or premium number as soon as it knows it, and ignores what follows:
//! surplus digits make such a number no other one. It also strips what leads out of a house or into
//! the trunk network: zeros in front make none either. So digits count as barred where they begin with
//! a barred number and are not, as a whole, an ordinary number of the plan: `9111…` is Delhi with its
//! eight digits behind, and the police with any other number of them.
//!
//! What cannot be known: which digits a telephone system adds or takes away on its own way out, and
//! numbers that a plan has given out since the table of the library was made.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType};

use super::plan::{EMERGENCY, EMERGENCY_ANYWHERE, Planned};

/// The fewest digits of a premium number without its country code: Germany's `137…` ranges are told by
/// their first digits elsewhere, no other plan has shorter ones.
const LEAST_PREMIUM: usize = 5;

impl Planned<'_> {
    /// Dialling it may connect to an emergency service.
    pub(super) fn may_reach_emergency(&self) -> bool {
        if self.is_emergency() {
            return true;
        }
        let (digits, national) = (without_zeros(self.digits), without_zeros(self.national));
        let of_country = EMERGENCY.iter().filter(|(code, _)| *code == self.code);
        let of_any = || EMERGENCY.iter().flat_map(|(_, all)| all.iter());
        let is_one = |number: &str| EMERGENCY_ANYWHERE.contains(&number);
        if is_one(national)
            || of_country.flat_map(|(_, all)| all.iter()).any(|one| *one == national)
        {
            return true;
        }
        let begins = EMERGENCY_ANYWHERE.iter().any(|one| national.starts_with(one))
            || EMERGENCY_ANYWHERE.iter().chain(of_any()).any(|one| digits.starts_with(one));
        begins && !self.is_ordinary()
    }

    /// Dialling it may cost more than a call, mass traffic included.
    pub(super) fn may_cost_extra(&self) -> bool {
        if self.is_premium() {
            return true;
        }
        // Zeros between country code and number are dropped by networks (`+49 0900 …`).
        let national = without_zeros(self.national);
        let is_mass_traffic =
            self.code == "49" && (national.starts_with("137") || national.starts_with("138"));
        if is_mass_traffic {
            return true;
        }
        if national == self.national && self.is_ordinary() {
            return false;
        }
        let shortest = LEAST_PREMIUM.min(national.len());
        (shortest..=national.len()).any(|length| {
            let beginning = national.get(..length).unwrap_or_default();
            is_premium_rate(self.code, beginning)
        })
    }

    /// The plan knows it as a number, of its whole length and as it stands: the library drops a trunk
    /// prefix behind the country code (`+1 1 201 …`), networks may not.
    fn is_ordinary(&self) -> bool {
        self.parsed().is_some_and(|number| {
            let written = number.format_as(PhoneNumberFormat::E164);
            number.is_valid() && written.strip_prefix('+') == Some(self.digits)
        })
    }
}

fn is_premium_rate(code: &str, national: &str) -> bool {
    let number: Option<PhoneNumber> =
        PHONE_NUMBER_UTIL.parse(format!("+{code}{national}"), None).ok();
    number.is_some_and(|number| {
        PHONE_NUMBER_UTIL.get_number_type(&number) == PhoneNumberType::PremiumRate
    })
}

fn without_zeros(digits: &str) -> &str {
    digits.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::domain::{DialledNumber, Home, NeverDialled};

    /// Whether a text of jtel is refused by either rule; what is no number is refused as well.
    fn barred(text: &str, rule: &NeverDialled) -> bool {
        let home = Home::parse("DE").unwrap();
        DialledNumber::parse(text, home).is_ok_and(|number| rule.contain(&number))
            || DialledNumber::parse(text, home).is_err()
    }

    fn emergency() -> NeverDialled {
        NeverDialled { emergency: true, ..NeverDialled::default() }
    }

    fn premium() -> NeverDialled {
        NeverDialled { premium: true, ..NeverDialled::default() }
    }

    #[test]
    fn whatever_may_reach_an_emergency_service_is_refused() {
        for text in [
            "110",
            "112",
            "911",
            "999",
            "0110",
            "0112",
            "00110",
            "0 110",
            "0-112",
            "110 1",
            "1100",
            "11012345",
            "112 9",
            "112999999",
            "49110",
            "+49110",
            "+49 110",
            "49 112 3",
            "+49 0110",
            "+49 (0)110",
            "0049 110",
            "0049112",
            "49 19222",
            "43 144",
            "+43 144",
            "41 117",
            "+41 1414",
            "999123",
            "9991234567",
            "911",
            "911 1",
            "+1 911",
            "+1 911 5551234",
            "+44 999",
            "+44 112",
            "144",
            "147",
            "19222",
        ] {
            assert!(barred(text, &emergency()), "{text}");
        }
    }

    #[test]
    fn an_ordinary_number_with_such_digits_in_it_is_dialled() {
        for text in [
            "089 461110",
            "+49 89 461110",
            "4989461110",
            "4989110110",
            "+49 30 110110",
            "030 112112",
            "+91 11 2345 6789",
            "911123456789",
            "+1 443 555 0123",
            "14435550123",
            "+43 1 40400",
            "+43 1 1122334",
            "+41 44 1121212",
            "+44 20 7946 0999",
            "49911123456",
            "+49 911 123456",
            "0911 123456",
            "+33 1 12 34 56 78",
            "+39 06 112 345",
            "+49 999 123",
        ] {
            let home = Home::parse("DE").unwrap();
            let number = DialledNumber::parse(text, home).unwrap();
            // What the plan does not know cannot be told apart, and is none of this table's.
            if number.plan().is_ordinary() {
                assert!(!emergency().contain(&number), "{text}");
            }
        }
        for text in ["089 461110", "+91 11 2345 6789", "14435550123", "0911 123456", "+43 1 40400"]
        {
            assert!(!barred(text, &emergency()), "{text}");
        }
    }

    #[test]
    fn a_premium_number_with_surplus_digits_or_zeros_is_refused() {
        for text in [
            "0900 1 234567",
            "0900 1 2345678",
            "0900 1 234567 8 9",
            "+49 900 1 234567",
            "+49 900 1234567 1",
            "+49 0900 1 234567",
            "49900123456712",
            "0137 123456",
            "0137 1234567",
            "0138 1",
            "+49 137 7 1",
            "+49 0137 123",
            "+43 900 123456",
            "+43 900 1234567 8",
            "+43 930 123456",
            "+41 900 123456",
            "+41 901 123456 7",
            "+41 906 123 456",
            "+44 909 879 0000",
            "+44 909 879 0000 1",
            "+1 900 555 0123",
            "+33 899 12 34 56",
            "+33 899 12 34 56 7",
            "+39 899 123456 7",
        ] {
            assert!(barred(text, &premium()), "{text}");
        }
    }

    #[test]
    fn an_ordinary_number_is_no_premium_number() {
        for text in [
            "089 900 1234",
            "+49 89 9001234",
            "+49 30 137137",
            "+43 1 9001234",
            "+41 44 900 12 34",
            "+44 20 7909 8790",
            "+1 212 900 5550",
            "0911 123456",
            "+49 172 9001234",
        ] {
            assert!(!barred(text, &premium()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_emergency_number_with_digits_behind_and_zeros_before_it_never_dials(
            number in prop::sample::select(vec!["110", "112"]),
            zeros in 0_usize..3,
            behind in "[0-9]{0,9}",
            blank in prop::sample::select(vec!["", " ", "-", "/"]),
        ) {
            let text = format!("{}{blank}{number}{blank}{behind}", "0".repeat(zeros));
            // A blank at the beginning stands for a plus, as an unescaped one arrives.
            let text = text.trim_start();
            let home = Home::parse("DE").unwrap();
            if let Ok(read) = DialledNumber::parse(text, home) {
                prop_assert!(emergency().contain(&read), "{text}");
            }
        }

        #[test]
        fn a_premium_number_with_digits_behind_it_never_dials(
            behind in "[0-9]{6,8}",
            code in prop::sample::select(vec!["+49", "0049", "49", "+49 0", "0"]),
        ) {
            let text = format!("{code}900 1{behind}");
            prop_assert!(barred(&text, &premium()), "{text}");
        }
    }
}
