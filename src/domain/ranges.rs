//! Ranges of telephone numbers: "everything that begins with 4915700 to 4915799".

use std::array;

/// A beginning of a number has at most as many digits as a number (E.164).
const MAX_DIGITS: usize = 15;

/// Beginnings of numbers, from and to, of any length. A look-up allocates nothing and takes at most
/// 15 binary searches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NumberRanges {
    /// By how many digits a range is written with, less one; sorted by their first, none overlap.
    by_length: [Vec<(u64, u64)>; MAX_DIGITS],
}

/// Why two texts are no range.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NumberRangeError {
    /// Not 1 to 15 digits, or beginning with 0.
    #[error("is not 1 to 15 digits that begin with a country code, for example 49157")]
    Digits,
    /// From and to are of different length.
    #[error("has a beginning and an end of different length; write both with as many digits")]
    Lengths,
    /// From is behind to.
    #[error("ends before it begins")]
    Order,
}

impl Default for NumberRanges {
    fn default() -> Self {
        Self { by_length: array::from_fn(|_| Vec::new()) }
    }
}

impl NumberRanges {
    /// Adds every number that begins with `from` to `to`, both included.
    ///
    /// # Errors
    ///
    /// See [`NumberRangeError`]; the ranges are unchanged.
    pub fn add(&mut self, from: &str, to: &str) -> Result<(), NumberRangeError> {
        let number = |text: &str| {
            let is_beginning = text.bytes().all(|byte| byte.is_ascii_digit())
                && !text.starts_with('0')
                && text.len() <= MAX_DIGITS;
            text.parse::<u64>().ok().filter(|_| is_beginning).ok_or(NumberRangeError::Digits)
        };
        let (first, last) = (number(from)?, number(to)?);
        if from.len() != to.len() {
            return Err(NumberRangeError::Lengths);
        }
        if first > last {
            return Err(NumberRangeError::Order);
        }
        let ranges = self.by_length.get_mut(from.len() - 1).ok_or(NumberRangeError::Digits)?;
        // What touches the new range becomes one with it.
        let start = ranges.partition_point(|(_, end)| *end < first);
        let end = ranges.partition_point(|(begin, _)| *begin <= last);
        let touched = ranges.drain(start..end.max(start));
        let whole = touched
            .fold((first, last), |whole, range| (whole.0.min(range.0), whole.1.max(range.1)));
        ranges.insert(start, whole);
        Ok(())
    }

    /// Whether a number begins with one of them.
    pub fn contain(&self, digits: &str) -> bool {
        self.by_length.iter().enumerate().filter(|(_, ranges)| !ranges.is_empty()).any(
            |(place, ranges)| {
                let beginning = digits.get(..=place).and_then(|text| text.parse::<u64>().ok());
                beginning.is_some_and(|number| {
                    let next = ranges.partition_point(|(_, end)| *end < number);
                    ranges.get(next).is_some_and(|(begin, _)| *begin <= number)
                })
            },
        )
    }

    /// All of them, as from and to, in an order that does not depend on how they were added.
    pub fn iter(&self) -> impl Iterator<Item = (String, String)> {
        self.by_length.iter().enumerate().flat_map(|(place, ranges)| {
            ranges.iter().map(move |(from, to)| {
                let width = place + 1;
                (format!("{from:0width$}"), format!("{to:0width$}"))
            })
        })
    }

    /// No range at all.
    pub fn is_empty(&self) -> bool {
        self.by_length.iter().all(Vec::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_in_a_range_by_its_beginning() {
        let mut ranges = NumberRanges::default();
        ranges.add("4915700", "4915710").unwrap();
        ranges.add("88", "88").unwrap();

        for (digits, expected) in [
            ("491570012345", true),
            ("491571099999", true),
            ("491571112345", false),
            ("4915700", true),
            ("491570", false),
            ("8816312345", true),
            ("8916312345", false),
        ] {
            assert_eq!(ranges.contain(digits), expected, "{digits}");
        }
    }

    #[test]
    fn what_is_no_range_is_told_why() {
        for (from, to, error) in [
            ("", "1", NumberRangeError::Digits),
            ("049", "050", NumberRangeError::Digits),
            ("+49", "+50", NumberRangeError::Digits),
            ("1234567890123456", "1234567890123457", NumberRangeError::Digits),
            ("49", "500", NumberRangeError::Lengths),
            ("50", "49", NumberRangeError::Order),
        ] {
            assert_eq!(NumberRanges::default().add(from, to), Err(error), "{from} {to}");
        }
    }

    proptest! {
        #[test]
        fn ranges_contain_what_a_look_at_each_of_them_finds(
            list in prop::collection::vec((100_u64..999, 100_u64..999), 0..20),
            number in "[1-9][0-9]{2,8}",
        ) {
            let mut ranges = NumberRanges::default();
            for (one, other) in &list {
                ranges.add(&one.min(other).to_string(), &one.max(other).to_string()).unwrap();
            }
            let beginning: u64 = number[..3].parse().unwrap();
            let expected = list
                .iter()
                .any(|(one, other)| (one.min(other)..=one.max(other)).contains(&&beginning));

            prop_assert_eq!(ranges.contain(&number), expected);
        }
    }
}
