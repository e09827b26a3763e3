//! Numbers that must not be dialled, by what a network does with their digits.
//!
//! A network connects an emergency or premium number as soon as it knows it, and ignores what follows:
//! surplus digits make such a number no other one. It also strips what leads out of a house, into the
//! trunk network or into the country that the call is already in: zeros and its own country code in
//! front make none either. So digits count as barred where they begin, behind any of that, with a barred
//! number and are not, as a whole, an ordinary number of the plan: `9111…` is Delhi with its eight digits
//! behind, and the police with any other number of them.
//!
//! What cannot be known: which digits other than zeros a telephone system adds or takes away on its own
//! way out, and numbers that a plan has given out since the tables were made.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

use super::{Planned, emergency};
use crate::domain::DialledNumber;

/// The fewest digits of a premium number without its country code: Germany's `137…` ranges are told by
/// their first digits elsewhere, no other plan has shorter ones.
const LEAST_PREMIUM: usize = 5;

impl DialledNumber {
    /// Dialling it may connect to an emergency service.
    pub(in crate::domain) fn may_reach_emergency(&self) -> bool {
        let plan = self.plan();
        if plan.is_emergency() {
            return true;
        }
        let home = self.home().calling_code();
        let begins = |mut tails: Tails<'_>, code| {
            tails.any(|tail| {
                let mut known = emergency::ANYWHERE.iter().chain(emergency::of(code));
                known.any(|number| tail.starts_with(number)) || emergency::is_one(tail)
            })
        };
        let code = plan.calling_code();
        (begins(Tails::of(plan.digits, home), home)
            || begins(Tails::of(plan.national, code), code)
            || self.begins_with_zeros_of(emergency::of(home)))
            && !plan.is_ordinary()
    }

    /// Read as a prefix, the zeros of such a number (002 in Uzbekistan) are no longer among the digits.
    fn begins_with_zeros_of(&self, numbers: &[&str]) -> bool {
        let plan = self.plan();
        let ends = [plan.digits, plan.national].map(|digits| digits.trim_start_matches('0'));
        numbers.iter().any(|number| {
            let behind = number.trim_start_matches('0');
            let zeros = number.len() - behind.len();
            (1..=self.zeros()).contains(&zeros) && ends.iter().any(|end| end.starts_with(behind))
        })
    }

    /// Dialling it may reach a number that works inside a country only.
    pub(in crate::domain) fn may_reach_short_code(&self) -> bool {
        let plan = self.plan();
        if plan.is_short_code() {
            return true;
        }
        let home = self.home().calling_code();
        let begins = |mut tails: Tails<'_>, code: i32| tails.any(|tail| begins_service(code, tail));
        let code = plan.calling_code();
        (begins(Tails::of(plan.digits, home), home) || begins(Tails::of(plan.national, code), code))
            && !plan.is_ordinary()
    }

    /// Dialling it may cost more than a call, mass traffic included.
    pub(in crate::domain) fn may_cost_extra(&self) -> bool {
        let plan = self.plan();
        if plan.is_premium() {
            return true;
        }
        if plan.is_ordinary() {
            return false;
        }
        let (home, code) = (self.home().calling_code(), plan.calling_code());
        Tails::of(plan.national, code).any(|tail| begins_premium(code, tail))
            || Tails::of(plan.digits, home).any(|tail| begins_premium(home, tail))
    }
}

/// Digits, and what is left of them without zeros and without a country code before them.
struct Tails<'a> {
    next: Option<&'a str>,
    code: i32,
}

impl<'a> Tails<'a> {
    fn of(digits: &'a str, code: i32) -> Self {
        Self { next: Some(digits), code }
    }
}

impl<'a> Iterator for Tails<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let tail = self.next?;
        // One by one: some emergency numbers begin with zeros themselves.
        self.next = tail.strip_prefix('0').or_else(|| behind(tail, self.code));
        Some(tail)
    }
}

/// What is behind a country code.
fn behind(digits: &str, code: i32) -> Option<&str> {
    let length = code.checked_ilog10()? as usize + 1;
    let (beginning, rest) = digits.split_at_checked(length)?;
    (beginning.parse() == Ok(code)).then_some(rest)
}

/// Digits that begin with a service of Germany (115, the authorities), or of Europe: 116 for what is the
/// same everywhere (Decision 2007/116/EC), 118 for directory enquiries.
fn begins_service(code: i32, national: &str) -> bool {
    let is_european = matches!(code, 30..=49 | 350..=389 | 420..=423);
    is_european && (national.starts_with("116") || national.starts_with("118"))
        || code == 49 && national.starts_with("115")
}

/// Digits that are a premium number of a country, or begin with one.
fn begins_premium(code: i32, national: &str) -> bool {
    if code == 49 && (national.starts_with("137") || national.starts_with("138")) {
        return true;
    }
    let shortest = LEAST_PREMIUM.min(national.len());
    (shortest..=national.len()).any(|length| {
        let beginning = national.get(..length).unwrap_or_default();
        let number = PHONE_NUMBER_UTIL.parse(format!("+{code}{beginning}"), None).ok();
        number.is_some_and(|number| {
            PHONE_NUMBER_UTIL.get_number_type(&number) == PhoneNumberType::PremiumRate
        })
    })
}

impl Planned<'_> {
    /// The plan knows it as a number, of its whole length and as it stands: the library drops a trunk
    /// prefix behind the country code (`+1 1 201 …`), networks may not.
    fn is_ordinary(&self) -> bool {
        self.parsed().is_some_and(|number| {
            let written = number.format_as(PhoneNumberFormat::E164);
            number.is_valid() && written.strip_prefix('+') == Some(self.digits)
        })
    }
}

#[cfg(test)]
mod tests;
