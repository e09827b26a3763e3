//! A text becomes digits: what people write between them, and what comes along when they paste.

use super::{DialledNumberError, Digits};

/// The longest text looked at, in bytes; a formatted number of 15 digits, pasted with a mark of three
/// bytes behind each, stays below.
pub(super) const MAX_TEXT: usize = 64;

/// What [`is_decoration`] says yes to, as a class of a regular expression; twice, because a regular
/// expression cannot refer to its parts.
macro_rules! decoration {
    () => {
        "[\\u0009\\u0020\\u0028-\\u0029\\u002b\\u002d-\\u002f\\u00a0\\u00ad\\u2000-\\u2015\\u202a-\\u202f\\u205f-\\u2064\
         \\u2066-\\u2069\\u2212\\u3000\\ufe63\\ufeff\\uff0b\\uff0d]*"
    };
}

/// See [`DialledNumber::PATTERN`](super::DialledNumber::PATTERN).
pub(super) const PATTERN: &str = concat!(decoration!(), "([0-9]", decoration!(), "){2,17}");

/// A number as far as it was read.
#[derive(Clone, Copy)]
pub(super) struct Read {
    pub(super) plus: bool,
    /// Before the first other digit.
    pub(super) leading_zeros: u8,
    pub(super) digits: Digits,
    /// Digits and punctuation in ASCII, for the library.
    written: [u8; MAX_TEXT],
    length: usize,
}

impl Default for Read {
    fn default() -> Self {
        Self {
            plus: false,
            leading_zeros: 0,
            digits: Digits::default(),
            written: [b' '; MAX_TEXT],
            length: 0,
        }
    }
}

impl Read {
    pub(super) fn of(text: &str) -> Result<Self, DialledNumberError> {
        if text.len() > MAX_TEXT {
            return Err(DialledNumberError::Length);
        }
        let mut read = Self::default();
        for (position, character) in text.chars().enumerate() {
            read.take(position, character)?;
        }
        Ok(read)
    }

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

    /// Digits and punctuation in ASCII, as the library reads them.
    pub(super) fn written(&self) -> &str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_has_every_character_that_may_stand_between_digits_and_no_other() {
        let mut ranges: Vec<(char, char)> = Vec::new();
        for character in ('\0'..=char::MAX).filter(|character| is_decoration(*character)) {
            let follows = |last: char| u32::from(last) + 1 == u32::from(character);
            match ranges.last_mut() {
                Some(range) if follows(range.1) => range.1 = character,
                _ => ranges.push((character, character)),
            }
        }
        let written = ranges.into_iter().map(|(first, last)| {
            let (first, last) = (u32::from(first), u32::from(last));
            if first == last {
                format!("\\u{first:04x}")
            } else {
                format!("\\u{first:04x}-\\u{last:04x}")
            }
        });
        let class = format!("[{}]*", written.collect::<String>());

        assert_eq!(PATTERN, format!("{class}([0-9]{class}){{2,17}}"));
    }
}
