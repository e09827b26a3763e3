//! What is asked: the two parameters of a call.
//!
//! Decoded once and never again; a `+` stays a `+`, because jtel may send the one of a telephone
//! number unescaped and nothing in this query has blanks.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::{
    config::{self, UnknownParameters},
    domain::{DialledNumber, DialledNumberError, PartnerId, PartnerIdError},
};

pub(super) const PARTNER: &str = "SAPBusinessPartnerID";
pub(super) const NUMBER: &str = "SAPPhoneNumber";

/// A readable question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Query {
    /// Whom the agent clicked.
    pub partner: PartnerId,
    /// The number to be dialled.
    pub dialled: DialledNumber,
}

/// Why a question is not readable. Told to the caller, so without the values.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// A parameter is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A parameter is there more than once, so that two readers could read two questions.
    #[error("{0} is there more than once")]
    Twice(&'static str),
    /// An escape that is none, or bytes that are no text.
    #[error("the query is not percent-encoded UTF-8")]
    Encoding,
    /// A parameter that nobody knows, where the configuration refuses those.
    #[error("there is a parameter other than {PARTNER} and {NUMBER}")]
    Unknown,
    /// What is no partner ID.
    #[error("{PARTNER} {0}")]
    Partner(#[from] PartnerIdError),
    /// What is no telephone number.
    #[error("{NUMBER} {0}")]
    Number(#[from] DialledNumberError),
}

impl Query {
    /// Reads the part of the request target behind the `?`.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn read(query: &str, rules: &config::Query) -> Result<Self, QueryError> {
        let (mut partner, mut number) = (None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, place) = match decode(name)?.as_ref() {
                PARTNER => (PARTNER, &mut partner),
                NUMBER => (NUMBER, &mut number),
                _ if rules.unknown_parameters == UnknownParameters::Refuse => {
                    return Err(QueryError::Unknown);
                }
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(QueryError::Twice(name));
            }
        }
        let partner = partner.ok_or(QueryError::Missing(PARTNER))?;
        let number = number.ok_or(QueryError::Missing(NUMBER))?;
        Ok(Self {
            partner: PartnerId::parse(&decode(partner)?)?,
            dialled: DialledNumber::parse(&decode(number)?, rules.home)?,
        })
    }
}

fn decode(text: &str) -> Result<Cow<'_, str>, QueryError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    percent_decode_str(text).decode_utf8().map_err(|_not_utf8| QueryError::Encoding)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Home;

    fn rules(unknown_parameters: UnknownParameters) -> config::Query {
        config::Query { home: Home::parse("DE").unwrap(), unknown_parameters }
    }

    fn read(query: &str) -> Result<(String, String), QueryError> {
        Query::read(query, &rules(UnknownParameters::Ignore))
            .map(|query| (query.partner.as_str().to_owned(), query.dialled.digits().to_owned()))
    }

    #[test]
    fn both_parameters_are_read_in_any_order_and_form() {
        for query in [
            "SAPBusinessPartnerID=1001910&SAPPhoneNumber=498912345678",
            "SAPPhoneNumber=%2B498912345678&SAPBusinessPartnerID=1001910",
            "SAPBusinessPartnerID=1001910&SAPPhoneNumber=+498912345678",
            "SAPBusinessPartnerID=1001910&SAPPhoneNumber=00498912345678",
            "SAPBusinessPartnerID=1001910&SAPPhoneNumber=08912345678",
            "SAPBusinessPartnerID=%31001910&SAPPhoneNumber=+49%2089%2F12345678",
            "SAP%42usinessPartnerID=1001910&SAPPhoneNumber=498912345678",
            "&a=b&SAPBusinessPartnerID=1001910&&SAPPhoneNumber=498912345678&c",
        ] {
            assert_eq!(read(query), Ok(("1001910".into(), "498912345678".into())), "{query}");
        }
    }

    #[test]
    fn a_question_that_is_not_plain_is_refused() {
        for (query, error) in [
            ("", QueryError::Missing(PARTNER)),
            ("SAPBusinessPartnerID=1001910", QueryError::Missing(NUMBER)),
            ("SAPPhoneNumber=4989123456", QueryError::Missing(PARTNER)),
            ("sapbusinesspartnerid=1&SAPPhoneNumber=4989123456", QueryError::Missing(PARTNER)),
            (
                "SAPBusinessPartnerID=1&SAPBusinessPartnerID=1&SAPPhoneNumber=4989123456",
                QueryError::Twice(PARTNER),
            ),
            (
                "SAPBusinessPartnerID=1&SAPPhoneNumber=4989123456&SAPPhone%4eumber=4989123457",
                QueryError::Twice(NUMBER),
            ),
            ("SAPBusinessPartnerID=%FF&SAPPhoneNumber=4989123456", QueryError::Encoding),
            (
                "SAPBusinessPartnerID=&SAPPhoneNumber=4989123456",
                QueryError::Partner(PartnerIdError::Length(0)),
            ),
            (
                "SAPBusinessPartnerID=%2531&SAPPhoneNumber=4989123456",
                QueryError::Partner(PartnerIdError::Character('%')),
            ),
            (
                "SAPBusinessPartnerID=x%27%20or%20CustomerID%20ne%20%27&SAPPhoneNumber=4989123456",
                QueryError::Partner(PartnerIdError::Character('\'')),
            ),
            (
                "SAPBusinessPartnerID=1001910%00&SAPPhoneNumber=4989123456",
                QueryError::Partner(PartnerIdError::Character('\0')),
            ),
            (
                "SAPBusinessPartnerID=1001910&SAPPhoneNumber=anonymous",
                QueryError::Number(DialledNumberError::Character(0)),
            ),
        ] {
            assert_eq!(read(query), Err(error), "{query}");
        }
    }

    #[test]
    fn an_unknown_parameter_is_refused_where_the_configuration_says_so() {
        let query = "SAPBusinessPartnerID=1001910&SAPPhoneNumber=4989123456&x=1";

        assert!(Query::read(query, &rules(UnknownParameters::Ignore)).is_ok());
        assert_eq!(Query::read(query, &rules(UnknownParameters::Refuse)), Err(QueryError::Unknown));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_never_repeats_a_value(text in "[ -~]{0,120}") {
            if let Err(error) = read(&text) {
                prop_assert!(error.to_string().len() < 120);
            }
        }

        #[test]
        fn an_escaped_question_is_read_as_it_was_meant(
            id in "[A-Za-z0-9_-]{1,20}", number in "[1-9][0-9]{6,14}",
        ) {
            let escaped = id.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            let query = format!("SAPPhoneNumber=%2B{number}&SAPBusinessPartnerID={escaped}");
            prop_assert_eq!(read(&query), Ok((id, number)));
        }
    }
}
