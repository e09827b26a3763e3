//! Telephone numbers: the one jtel is about to dial and the one the customer gets to see.

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

use super::{
    partner::CountryCode,
    plan::{PlanFault, Planned},
};

/// The most digits an international number has (ITU-T E.164, 6.2.1).
const MAX_DIGITS: usize = 15;

/// The fewest digits accepted: `110` and `112` are the shortest numbers anybody dials on purpose.
const MIN_DIALLED_DIGITS: usize = 3;

/// The fewest digits of a service number. Shorter ones are short codes, which may never be shown as
/// a caller's number in Germany (TKG s.120).
const MIN_SERVICE_DIGITS: usize = 7;

/// The longest text looked at, in bytes; a formatted number of 15 digits, pasted with a mark of three
/// bytes behind each, stays below.
const MAX_TEXT: usize = 64;

/// Up to 15 ASCII digits, kept in place so that a call allocates nothing for its number.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct Digits {
    bytes: [u8; MAX_DIGITS],
    length: u8,
}

impl Digits {
    /// `None` for anything but 1 to 15 digits.
    fn of(text: &str) -> Option<Self> {
        let mut digits = Self { bytes: [b'0'; MAX_DIGITS], length: 0 };
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

/// The country whose national numbers are understood, e.g. `089 1234567` in Germany.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Home(Region);

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
        text.parse::<Region>()
            .ok()
            .filter(|region| PHONE_NUMBER_UTIL.get_country_code_for_region(*region).is_some())
            .map(Self)
            .ok_or_else(|| HomeError(text.chars().take(8).collect()))
    }
}

/// The number jtel is about to dial, as the digits of E.164 without plus where the text said so.
///
/// Personal data: its text form shows the last two digits only.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct DialledNumber(Digits);

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
}

impl DialledNumber {
    /// Reads `+49 89 …`, `0049 89 …`, `4989…` and, for a country with the trunk prefix `0`, the
    /// national `089 …`.
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
        if text.len() > MAX_TEXT {
            return Err(DialledNumberError::Length);
        }
        let mut read = Read::default();
        for (position, character) in text.chars().enumerate() {
            read.take(position, character)?;
        }
        let Read { plus, leading_zeros, digits, .. } = read;
        let number = match (plus, leading_zeros) {
            (true, 0) | (false, 2) if read.written().contains("(0)") => {
                Self::by_plan(&read.written().replacen("(0)", "", 1), home)?
            }
            (_, 0 | 2) => Self(digits),
            (false, 1) => Self::by_plan(read.written(), home)?,
            _ => return Err(DialledNumberError::Plan),
        };
        let length = usize::from(number.0.length);
        // E.164 country codes do not begin with 0 (E.164 annex D keeps it spare).
        if length < MIN_DIALLED_DIGITS || number.digits().starts_with('0') {
            return Err(DialledNumberError::Length);
        }
        Ok(number)
    }

    /// Asks the numbering plan, which knows trunk prefixes and the countries that keep them (Italy).
    fn by_plan(text: &str, home: Home) -> Result<Self, DialledNumberError> {
        let number = PHONE_NUMBER_UTIL
            .parse(text.trim(), Some(home.0))
            .ok()
            .ok_or(DialledNumberError::Plan)?;
        let e164 = number.format_as(PhoneNumberFormat::E164);
        Digits::of(e164.trim_start_matches('+')).map(Self).ok_or(DialledNumberError::Plan)
    }

    /// All digits. Personal data: never for a log, a label or an answer.
    pub fn digits(&self) -> &str {
        self.0.as_str()
    }

    /// The country that would ring; `None` where the numbering plan does not tell.
    pub fn country(&self) -> Option<CountryCode> {
        self.plan().country()
    }

    /// The number as the numbering plan sees it.
    pub(super) fn plan(&self) -> Planned<'_> {
        Planned::of(self.digits())
    }
}

/// A number as far as it was read.
#[derive(Clone, Copy)]
struct Read {
    plus: bool,
    /// Before the first other digit.
    leading_zeros: u8,
    digits: Digits,
    /// Digits and punctuation in ASCII, for the library.
    written: [u8; MAX_TEXT],
    length: usize,
}

impl Default for Read {
    fn default() -> Self {
        Self {
            plus: false,
            leading_zeros: 0,
            digits: Digits { bytes: [b'0'; MAX_DIGITS], length: 0 },
            written: [b' '; MAX_TEXT],
            length: 0,
        }
    }
}

impl Read {
    fn take(&mut self, position: usize, character: char) -> Result<(), DialledNumberError> {
        let is_before_digits = self.digits.length == 0;
        match character {
            '+' | '\u{ff0b}' if is_before_digits && self.leading_zeros != 1 => self.plus = true,
            ' ' if position == 0 => self.plus = true,
            // The international prefix of every country that dials `0` for the trunk.
            '0' if is_before_digits && !self.plus => self.leading_zeros += 1,
            '0'..='9' => {
                let digit = u8::try_from(character).unwrap_or(b'0');
                self.digits.push(digit).ok_or(DialledNumberError::Length)?;
            }
            character if !is_decoration(character) => {
                return Err(DialledNumberError::Character(position));
            }
            _ => {}
        }
        let kept = match character {
            '0'..='9' | '(' | ')' => u8::try_from(character).unwrap_or(b' '),
            '+' | '\u{ff0b}' if is_before_digits && self.plus => b'+',
            _ => b' ',
        };
        if let Some(place) = self.written.get_mut(self.length) {
            *place = kept;
            self.length += 1;
        }
        Ok(())
    }

    fn written(&self) -> &str {
        self.written
            .get(..self.length)
            .and_then(|text| str::from_utf8(text).ok())
            .unwrap_or_default()
    }
}

/// What people write between digits, and what comes along when they paste: blanks of every width,
/// dashes, soft hyphens, and marks of writing direction. Line ends are none of it.
fn is_decoration(character: char) -> bool {
    matches!(character,
        ' ' | '\t' | '-' | '(' | ')' | '/' | '.' | '+'
        // No-break space and soft hyphen.
        | '\u{a0}' | '\u{ad}'
        // Blanks, joiners, marks of direction, dashes.
        | '\u{2000}'..='\u{2015}' | '\u{202a}'..='\u{202f}' | '\u{205f}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}'
        // Minus, ideographic space, byte order mark, small and full-width hyphen and plus.
        | '\u{2212}' | '\u{3000}' | '\u{feff}' | '\u{fe63}' | '\u{ff0d}' | '\u{ff0b}')
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
    #[error("`{0}` starts with `+`; jtel writes numbers without it: {rest}", rest = .0.trim_start_matches('+'))]
    Plus(String),
    /// National or international prefix instead of the country code.
    #[error(
        "`{0}` starts with `0`; write country code and number without prefix, for example 498912345678"
    )]
    Prefix(String),
    /// Something else than a digit.
    #[error(
        "`{0}` has something else than digits; write country code and number without blanks, for example 498912345678"
    )]
    Character(String),
    /// Too short or too long for E.164.
    #[error("`{0}` has {1} digits; a service number has 7 to 15")]
    Length(String, usize),
}

impl ServiceNumber {
    /// Reads 7 to 15 digits that begin with a country code.
    ///
    /// # Errors
    ///
    /// See [`ServiceNumberError`]; its texts say what to write instead.
    pub fn parse(text: &str) -> Result<Self, ServiceNumberError> {
        let shown = || text.chars().take(MAX_TEXT).collect::<String>();
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
