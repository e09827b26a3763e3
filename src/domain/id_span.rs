//! Which partner IDs a route is for: a range of numbers, or IDs of one form.

use std::{cmp::Ordering, fmt};

use super::PartnerId;

/// IDs as `routes` of the configuration names them.
///
/// `1000000-1999999`: numbers from one to the other, however many zeros stand in front of them.
/// Everything else is a form, compared character by character: `#` stands for one digit, `*` at its end
/// for whatever follows, and every other character for itself: `C######`, `8*`, `4711`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IdSpan {
    /// Numbers from the first to the last, both among them; without leading zeros.
    Numbers(Box<str>, Box<str>),
    /// IDs of one form.
    Form(Box<str>),
}

/// Why a text names no IDs. Does not repeat the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdSpanError {
    /// Empty, or longer than an ID.
    #[error("has {0} characters; 1 to 20 are allowed, and twice as many in a range")]
    Length(usize),
    /// The range ends before it begins.
    #[error("ends before it begins")]
    Backwards,
    /// A character that no ID has.
    #[error(
        "has the character {0:?}; write a range such as `1000000-1999999`, or a form of letters, digits, \
         `-`, `_`, `#` for one digit, and `*` at the end for whatever follows"
    )]
    Character(char),
}

impl IdSpan {
    /// Reads what the configuration names.
    ///
    /// # Errors
    ///
    /// See [`IdSpanError`].
    pub fn parse(text: &str) -> Result<Self, IdSpanError> {
        if let Some((first, last)) = text.split_once('-')
            && [first, last].into_iter().all(is_number)
        {
            let longest = first.len().max(last.len());
            if longest > PartnerId::MAX {
                return Err(IdSpanError::Length(text.len()));
            }
            let [first, last] = [first, last].map(without_zeros);
            return match by_value(first, last) {
                Ordering::Greater => Err(IdSpanError::Backwards),
                Ordering::Less | Ordering::Equal => Ok(Self::Numbers(first.into(), last.into())),
            };
        }
        let fixed = text.strip_suffix('*').unwrap_or(text);
        let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '#');
        if let Some(stranger) = fixed.chars().find(|c| !is_known(*c)) {
            return Err(IdSpanError::Character(stranger));
        }
        if text.is_empty() || fixed.len() > PartnerId::MAX {
            return Err(IdSpanError::Length(text.len()));
        }
        Ok(Self::Form(text.into()))
    }

    /// Whether the ID is one of these. Allocates nothing.
    pub fn has(&self, id: &PartnerId) -> bool {
        let id = id.as_str();
        match self {
            Self::Numbers(first, last) => {
                let number = without_zeros(id);
                is_number(id) && by_value(first, number).is_le() && by_value(number, last).is_le()
            }
            Self::Form(form) => {
                let (fixed, goes_on) = parts(form);
                let is_long_enough =
                    if goes_on { id.len() >= fixed.len() } else { id.len() == fixed.len() };
                is_long_enough && fixed.bytes().zip(id.bytes()).all(|(form, c)| stands_for(form, c))
            }
        }
    }

    /// Every ID of the other one is one of these.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Numbers(first, last), Self::Numbers(from, to)) => {
                by_value(first, from).is_le() && by_value(to, last).is_le()
            }
            (Self::Form(form), Self::Form(other)) => {
                let ((fixed, goes_on), (narrow, narrow_goes_on)) = (parts(form), parts(other));
                let lengths_fit = if goes_on {
                    narrow.len() >= fixed.len()
                } else {
                    narrow.len() == fixed.len() && !narrow_goes_on
                };
                lengths_fit
                    && fixed.bytes().zip(narrow.bytes()).all(|(form, c)| stands_for(form, c))
            }
            (Self::Form(form), Self::Numbers(..)) => &**form == "*",
            // One ID is a range as well.
            (Self::Numbers(..), Self::Form(form)) => {
                PartnerId::parse(form).is_ok_and(|only| self.has(&only))
            }
        }
    }

    /// The numbers that are in both ranges, where neither is a part of the other.
    pub fn overlap(&self, other: &Self) -> Option<Self> {
        let (Self::Numbers(first, last), Self::Numbers(from, to)) = (self, other) else {
            return None;
        };
        if self.covers(other) || other.covers(self) {
            return None;
        }
        let from = if by_value(first, from).is_ge() { first } else { from };
        let to = if by_value(last, to).is_le() { last } else { to };
        by_value(from, to).is_le().then(|| Self::Numbers(from.clone(), to.clone()))
    }
}

impl fmt::Display for IdSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers(first, last) => write!(f, "{first}-{last}"),
            Self::Form(form) => f.write_str(form),
        }
    }
}

/// What a form begins with, and whether anything may follow.
fn parts(form: &str) -> (&str, bool) {
    form.strip_suffix('*').map_or((form, false), |fixed| (fixed, true))
}

/// `#` is in no ID, so that it is one of a narrower form where it stands on the right.
fn stands_for(form: u8, c: u8) -> bool {
    form == c || (form == b'#' && c.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit())
}

/// The last zero stays: it is a number.
fn without_zeros(text: &str) -> &str {
    let short = text.trim_start_matches('0');
    if short.is_empty() { text.get(text.len().saturating_sub(1)..).unwrap_or(text) } else { short }
}

/// Of numbers without leading zeros: twenty digits are more than an integer holds.
fn by_value(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(text: &str) -> IdSpan {
        IdSpan::parse(text).unwrap()
    }

    fn id(text: &str) -> PartnerId {
        PartnerId::parse(text).unwrap()
    }

    #[test]
    fn each_form_has_its_ids_and_no_others() {
        for (text, ids, others) in [
            ("100-199", &["100", "199", "0000000150"][..], &["99", "200", "C150", "1500"][..]),
            ("0-9", &["0", "000", "9"], &["10"]),
            ("99999999999999999998-99999999999999999999", &["99999999999999999999"], &["1"]),
            ("C######", &["C123456"], &["C12345", "C1234567", "c123456", "CABCDEF"]),
            ("8*", &["8", "80", "8-x"], &["08", "9"]),
            ("4711", &["4711"], &["04711", "47110"]),
            ("A-1", &["A-1"], &["A1"]),
            ("*", &["1", "x_y"], &[]),
        ] {
            for one in ids {
                assert!(span(text).has(&id(one)), "{text} {one}");
            }
            for other in others {
                assert!(!span(text).has(&id(other)), "{text} {other}");
            }
        }
    }

    #[test]
    fn what_names_no_ids_says_why() {
        for (text, error) in [
            ("", IdSpanError::Length(0)),
            ("200-100", IdSpanError::Backwards),
            ("1*2", IdSpanError::Character('*')),
            ("1,2", IdSpanError::Character(',')),
            ("123456789012345678901", IdSpanError::Length(21)),
            ("1-123456789012345678901", IdSpanError::Length(23)),
        ] {
            assert_eq!(IdSpan::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn ranges_that_share_numbers_overlap_unless_one_is_part_of_the_other() {
        let overlap = |one: &str, other: &str| span(one).overlap(&span(other));

        assert_eq!(overlap("100-200", "150-250"), Some(span("150-200")));
        assert_eq!(overlap("150-250", "0100-0200"), Some(span("150-200")));
        for (one, other) in [("100-200", "150-160"), ("100-200", "201-300"), ("1*", "100-200")] {
            assert_eq!(overlap(one, other), None, "{one} {other}");
        }
    }

    fn any_span() -> impl Strategy<Value = String> {
        prop_oneof!["[0-9]{1,3}-[0-9]{1,3}", "[0-9A#]{1,3}[*]?", "[*]", ".{0,24}"]
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_shown_as_it_is_read(text in any_span()) {
            if let Ok(span) = IdSpan::parse(&text) {
                prop_assert_eq!(IdSpan::parse(&span.to_string()), Ok(span));
            }
        }

        #[test]
        fn what_covers_another_has_all_of_its_ids(
            one in any_span(), other in any_span(), id in "[0-9A]{1,4}"
        ) {
            if let (Ok(one), Ok(other)) = (IdSpan::parse(&one), IdSpan::parse(&other)) {
                let id = PartnerId::parse(&id).unwrap();
                if one.covers(&other) && other.has(&id) {
                    prop_assert!(one.has(&id), "{} {} {}", one, other, id.as_str());
                }
                if let Some(both) = one.overlap(&other) {
                    prop_assert!(!both.has(&id) || (one.has(&id) && other.has(&id)));
                }
            }
        }
    }
}
