//! What a request asks of the simulated SAP.

use percent_encoding::percent_decode_str;

/// The parameters of a query, decoded as SAP does it: `+` is a blank.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn read(query: &str) -> Self {
        let decoded = |text: &str| {
            percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
        };
        let pairs = query
            .split('&')
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect();
        Self(pairs)
    }

    /// The first parameter with this name.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

/// The partner a filter asks for: `CustomerID eq '1001910'` and nothing else. `Err` has the
/// position of what cannot be read.
pub(super) fn filtered(filter: &str, property: &str) -> Result<String, usize> {
    let mut rest = filter.trim();
    let position = |rest: &str| filter.len() - rest.len();
    for token in [property, " eq ", "'"] {
        rest = rest.strip_prefix(token).ok_or_else(|| position(rest))?;
    }
    let mut id = String::new();
    loop {
        let (text, after) = rest.split_once('\'').ok_or_else(|| position(rest))?;
        id.push_str(text);
        match after.strip_prefix('\'') {
            Some(more) => {
                id.push('\'');
                rest = more;
            }
            None if after.is_empty() => return Ok(id),
            None => return Err(position(after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_one_comparison_or_an_error() {
        for (filter, expected) in [
            ("CustomerID eq '1001910'", Ok("1001910")),
            ("CustomerID eq 'O''Brien'", Ok("O'Brien")),
            ("CustomerID eq ''", Ok("")),
            ("CustomerID eq 'O'Brien'", Err(17)),
            ("CustomerID eq 'x' or CustomerID ne ''", Err(17)),
            ("CustomerID eq 'x", Err(15)),
            ("AccountID eq 'x'", Err(0)),
            ("", Err(0)),
        ] {
            assert_eq!(filtered(filter, "CustomerID"), expected.map(str::to_owned), "{filter}");
        }
    }

    #[test]
    fn a_plus_in_a_query_is_a_blank() {
        let parameters = Parameters::read("a=1+2&b=1%2B2&c");

        assert_eq!(parameters.first("a"), Some("1 2"));
        assert_eq!(parameters.first("b"), Some("1+2"));
        assert_eq!(parameters.first("c"), Some(""));
        assert_eq!(parameters.first("d"), None);
    }
}
