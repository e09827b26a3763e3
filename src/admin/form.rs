//! What a question to the admin listener has besides its path: parameters of the query, and the
//! fields of a form.

use percent_encoding::percent_decode_str;

/// The fields of one `application/x-www-form-urlencoded` text, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a query or a body; what is no UTF-8 is replaced.
    pub(super) fn read(text: &str) -> Self {
        let decoded = |text: &str| {
            let blanks = text.replace('+', " ");
            percent_decode_str(&blanks).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        )
    }

    /// The fields of another one behind these.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The value of a field that is there once.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(field, _)| field == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// The field is there, once or more often.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_browsers_write_them() {
        let form = Form::read("token=ab&partner=10%2001&level=&verbose&twice=1&twice=2&a+b=c+d");

        assert_eq!(form.get("token"), Some("ab"));
        assert_eq!(form.get("partner"), Some("10 01"));
        assert_eq!(form.get("level"), Some(""));
        assert!(form.has("verbose") && !form.has("none"));
        assert_eq!(form.get("twice"), None);
        assert_eq!(form.get("a b"), Some("c d"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in ".{0,200}") {
            let form = Form::read(&text);
            proptest::prop_assert!(form.0.len() <= text.matches('&').count() + 1);
        }
    }
}
