//! Telephone numbers: the one jtel is about to dial and the one the customer gets to see.

mod home;
mod reading;
mod ringing;

use std::fmt;

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat};

pub use home::{BareNumbers, Home, HomeError};
pub use ringing::{NumberFacts, Ringing};

use super::{
    partner::CountryCode,
    plan::{MAX_SHORT_CODE, PlanFault, Planned},
};
use reading::Read;

/// The most digits an international number has (ITU-T E.164, 6.2.1).
const MAX_DIGITS: usize = 15;

/// The fewest digits accepted: `110` and `112` are the shortest numbers anybody dials on purpose.
const MIN_DIALLED_DIGITS: usize = 3;

/// The fewest digits of a service number. Shorter ones are short codes, which may never be shown as
/// a caller's number in Germany (TKG s.120).
const MIN_SERVICE_DIGITS: usize = 7;

/// Most characters of a text that a message repeats.
const MAX_SHOWN: usize = 64;

/// Up to 15 ASCII digits, kept in place so that a call allocates nothing for its number.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct Digits {
    bytes: [u8; MAX_DIGITS],
    length: u8,
}

impl Default for Digits {
    fn default() -> Self {
        Self { bytes: [b'0'; MAX_DIGITS], length: 0 }
    }
}

impl Digits {
    /// `None` for anything but 1 to 15 digits.
    fn of(text: &str) -> Option<Self> {
        let mut digits = Self::default();
        for byte in text.bytes() {
            digits.push(byte)?;
        }
        (digits.length > 0).then_some(digits)
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        if !byte.is_ascii_digit() {
            return None;
        }
        *self.bytes.get_mut(usize::from(self.length))? = byte;
        self.length += 1;
        Some(())
    }

    fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.length))
            .and_then(|bytes| str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

/// The number jtel is about to dial, as the digits of E.164 without plus where the text said so.
///
/// Personal data: its text form shows the last two digits only.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct DialledNumber {
    digits: Digits,
    home: Home,
    /// What was before them: `None` for a plus, else so many zeros.
    zeros: Option<u8>,
}

/// Why a text is not a number to dial. Carries no digits: the number is personal data.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DialledNumberError {
    /// Neither a digit nor the punctuation people write numbers with.
    #[error("has a character that is no part of a telephone number at position {0}")]
    Character(usize),
    /// Fewer than 3 or more than 15 digits, or no text at all.
    #[error("has not between 3 and 15 digits")]
    Length,
    /// The numbering plan of the home country knows no such number.
    #[error("is not a number of the numbering plan")]
    Plan,
    /// Without a prefix it is one number at home and another one abroad.
    #[error(
        "is a number at home and another one abroad; write it with + and country code (query.bare_numbers)"
    )]
    Ambiguous,
}

impl DialledNumber {
    /// A regular expression (ECMA 262) that all texts fit which [`Self::parse`] reads, without
    /// anchors: 2 to 17 digits (a country's shortest, and 15 behind `00`) and what is written between
    /// them. Whether such a text is a number, the numbering plan of the home country decides.
    pub const PATTERN: &'static str = reading::PATTERN;

    /// The longest text that is read, in bytes.
    pub const LONGEST: usize = reading::MAX_TEXT;

    /// Reads `+49 89 …`, `0049 89 …`, `4989…` and the number as it is written at home: `089 …` in a
    /// country with the trunk prefix `0`, `33 12 34 56` in one without (Denmark).
    ///
    /// A blank at the very beginning counts as a plus: that is what an unescaped `+` in a query
    /// string turns into, and jtel's own documented example has one. For the same reason a plus behind
    /// the first digit is a blank. What people paste along with a number (blanks of any kind, dashes,
    /// marks that nobody sees) is ignored.
    ///
    /// # Errors
    ///
    /// See [`DialledNumberError`].
    pub fn parse(text: &str, home: Home) -> Result<Self, DialledNumberError> {
        let read = Read::of(text)?;
        let zeros = (!read.plus).then_some(read.leading_zeros);
        let number = |digits| Self { digits, home, zeros };
        let number = match (read.plus, read.leading_zeros) {
            (true, 0) | (false, 2) if read.written().contains("(0)") => {
                number(by_plan(&read.written().replacen("(0)", "", 1), home)?)
            }
            (true, 0) => number(read.digits),
            (false, 0) => number(home.bare(read.digits)?),
            (_, 2) if read.plus || home.leaves_by_00() => number(read.digits),
            // Where another prefix leads abroad (`0011` in Australia), `00` is still what many write.
            (false, 2) => {
                let at_home = home.national(read.written()).filter(PhoneNumber::is_valid);
                number(at_home.as_ref().and_then(digits_of).unwrap_or(read.digits))
            }
            (false, 1) => number(by_plan(read.written(), home)?),
            _ => return Err(DialledNumberError::Plan),
        };
        let length = usize::from(number.digits.length);
        // E.164 country codes do not begin with 0 (E.164 annex D keeps it spare).
        if length < MIN_DIALLED_DIGITS || number.digits().starts_with('0') {
            return Err(DialledNumberError::Length);
        }
        Ok(number)
    }

    /// All digits. Personal data: never for a log, a label or an answer.
    pub fn digits(&self) -> &str {
        self.digits.as_str()
    }

    /// The country that would ring; `None` where the numbering plan does not tell. What is too short to
    /// be a number of another country (110) rings at home.
    pub fn country(&self) -> Option<CountryCode> {
        if self.is_short() { self.home.country() } else { self.plan().country() }
    }

    /// Whether a service number belongs to the country where this one rings.
    pub(super) fn rings_in_the_country_of(&self, shown: &ServiceNumber) -> bool {
        if self.is_short() {
            let home = self.home.country();
            return home.is_some() && home == shown.country();
        }
        self.plan().shares_country(&shown.plan())
    }

    fn is_short(&self) -> bool {
        self.zeros == Some(0) && self.digits().len() <= MAX_SHORT_CODE
    }

    /// The number as the numbering plan sees it.
    pub(super) fn plan(&self) -> Planned<'_> {
        Planned::of(self.digits())
    }

    /// So many were written before the first other digit.
    pub(super) fn zeros(&self) -> usize {
        self.zeros.unwrap_or_default().into()
    }

    /// Where it is dialled from.
    pub(super) fn home(&self) -> Home {
        self.home
    }
}

/// Asks the numbering plan, which knows trunk prefixes and the countries that keep them (Italy).
fn by_plan(text: &str, home: Home) -> Result<Digits, DialledNumberError> {
    let number = home.national(text).ok_or(DialledNumberError::Plan)?;
    digits_of(&number).ok_or(DialledNumberError::Plan)
}

fn digits_of(number: &PhoneNumber) -> Option<Digits> {
    Digits::of(number.format_as(PhoneNumberFormat::E164).trim_start_matches('+'))
}

impl fmt::Debug for DialledNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits();
        write!(f, "…{}", digits.get(digits.len().saturating_sub(2)..).unwrap_or_default())
    }
}

/// The number a customer gets to see: E.164 without plus, as jtel writes it (`49891234567`).
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct ServiceNumber(Digits);

/// Why a text is not a service number.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ServiceNumberError {
    /// jtel's lists have no plus.
    #[error("`{0}` starts with `+`; jtel writes numbers without it: {rest}", rest = bare(.0))]
    Plus(String),
    /// National or international prefix instead of the country code.
    #[error(
        "`{0}` starts with `0`; write country code and number without prefix, for example 498912345678"
    )]
    Prefix(String),
    /// Something else than a digit.
    #[error(
        "`{0}` has something else than digits; write country code and number without blanks, for example {example}",
        example = example(.0)
    )]
    Character(String),
    /// Too short or too long for E.164.
    #[error("`{0}` has {1} digits; a service number has 7 to 15")]
    Length(String, usize),
}

fn bare(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// What was meant, where that can be told.
fn example(text: &str) -> String {
    let bare = bare(text);
    if ServiceNumber::parse(&bare).is_ok() { bare } else { "498912345678".to_owned() }
}

impl ServiceNumber {
    /// Reads 7 to 15 digits that begin with a country code.
    ///
    /// # Errors
    ///
    /// See [`ServiceNumberError`]; its texts say what to write instead.
    pub fn parse(text: &str) -> Result<Self, ServiceNumberError> {
        let shown = || text.chars().take(MAX_SHOWN).collect::<String>();
        if text.starts_with('+') {
            return Err(ServiceNumberError::Plus(shown()));
        }
        if text.bytes().any(|byte| !byte.is_ascii_digit()) {
            return Err(ServiceNumberError::Character(shown()));
        }
        if text.starts_with('0') {
            return Err(ServiceNumberError::Prefix(shown()));
        }
        Digits::of(text)
            .filter(|digits| usize::from(digits.length) >= MIN_SERVICE_DIGITS)
            .map(Self)
            .ok_or_else(|| ServiceNumberError::Length(shown(), text.len()))
    }

    /// The digits, as jtel expects them.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The country whose number it is; `None` where the numbering plan does not tell.
    pub fn country(&self) -> Option<CountryCode> {
        self.plan().country()
    }

    /// Why nobody may show it; `None`: the numbering plan has nothing against it.
    pub fn plan_fault(&self) -> Option<PlanFault> {
        self.plan().fault_as_caller_id()
    }

    /// The number as the numbering plan sees it.
    pub(super) fn plan(&self) -> Planned<'_> {
        Planned::of(self.as_str())
    }
}

impl fmt::Debug for ServiceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ServiceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod at_home;
#[cfg(test)]
mod pasted;
