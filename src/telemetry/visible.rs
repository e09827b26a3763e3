//! What others have written, for people: without characters that nobody sees, or that turn around what
//! stands behind them.

use std::{borrow::Cow, fmt::Write};

/// The text with such characters as `\u202e`, which JSON and YAML read as well.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::new(), |mut text, character| {
        if is_unseen(character) {
            // Writing to a text cannot fail.
            write!(text, "\\u{:04x}", u32::from(character)).unwrap_or_default();
        } else {
            text.push(character);
        }
        text
    }))
}

fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_hides_or_turns_around() {
        for (text, shown) in [
            ("Direktvertrieb ÄÖÜ 📞", "Direktvertrieb ÄÖÜ 📞"),
            ("gpj\u{202e}exe", "gpj\\u202eexe"),
            ("\u{2066}a\u{2069}\u{200b}", "\\u2066a\\u2069\\u200b"),
            ("\u{feff}", "\\ufeff"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
