//! Drop-in mode: a jtel that is configured for SAP Cloud for Customer asks dialgate as if it were
//! that SAP, and only the host name changes in jtel.
//!
//! One question is understood, in the forms that jtel's wiki documents and as sloppily as jtel may
//! write it: blanks as `%20` or `+`, quotes raw, encoded or left out. Whatever else is in a filter
//! is refused; nothing of it ever reaches SAP but a partner ID that was read as one. The answer has
//! exactly the fields that jtel's documented `JSON Result` lines read.

use std::borrow::Cow;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::{
    config::{self, UnknownParameters},
    domain::{Dial, DialledNumber, DialledNumberError, PartnerId, PartnerIdError},
};

/// The one collection that is answered for.
pub(super) const PATH: &str = "/sap/c4c/odata/v1/c4codataapi/IndividualCustomerCollection";

pub(super) const FILTER: &str = "$filter";
pub(super) const EXPAND: &str = "$expand";
pub(super) const FORMAT: &str = "$format";
pub(super) const SALES_DATA: &str = "IndividualCustomerSalesData";
pub(super) const CUSTOMER: &str = "CustomerID";
pub(super) const PHONE: &str = "NormalisedPhone";

/// Parameters of Cloud for Customer that make no difference to a single customer with one field.
pub(super) const WITHOUT_EFFECT: [&str; 3] = ["$top", "$select", "sap-language"];

/// Whom a filter asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// `CustomerID eq '1001910'`
    Customer(PartnerId),
    /// `NormalisedPhone eq '+498912345678'`
    Phone(DialledNumber),
}

/// Why a question cannot be answered. Told to the caller, so without the values.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DropInError {
    /// Nobody is asked for.
    #[error("{FILTER} is missing")]
    NoFilter,
    /// A parameter is there more than once, so that two readers could read two questions.
    #[error("{0} is there more than once")]
    Twice(&'static str),
    /// An escape that is none, or bytes that are no text.
    #[error("the query is not percent-encoded UTF-8")]
    Encoding,
    /// A parameter that nobody knows, where the configuration refuses those.
    #[error("there is a parameter that this question does not have")]
    Unknown,
    /// Something else is to come along.
    #[error("only {SALES_DATA} can be expanded here")]
    Expand,
    /// The answer is to be something other than JSON.
    #[error("only {FORMAT}=json is answered here")]
    Format,
    /// Anything but one comparison of one of the two properties.
    #[error("{FILTER} is not `{CUSTOMER} eq '…'`, the one comparison that is answered here")]
    Filter,
    /// What is no partner ID.
    #[error("{CUSTOMER} in {FILTER} {0}")]
    Partner(#[from] PartnerIdError),
    /// What is no telephone number.
    #[error("{PHONE} in {FILTER} {0}")]
    Number(#[from] DialledNumberError),
    /// The dialect of SAP does not find partners by their number.
    #[error(
        "{PHONE} is not answered: sap.preset finds partners by their ID; ask by {CUSTOMER}, or take c4c-phone"
    )]
    ByPhone,
    /// The dialect of SAP finds partners by their number only.
    #[error("{CUSTOMER} is not answered: sap.preset finds partners by telephone; ask by {PHONE}")]
    ById,
}

impl Wanted {
    /// Reads the part of the request target behind the `?`.
    ///
    /// # Errors
    ///
    /// See [`DropInError`].
    pub fn read(query: &str, rules: &config::Query) -> Result<Self, DropInError> {
        wanted(&filter_of(query, rules)?, rules)
    }
}

/// The filter, decoded; what stands beside it fits it.
fn filter_of(query: &str, rules: &config::Query) -> Result<String, DropInError> {
    let (mut filter, mut expand, mut format) = (None, None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, place) = match decode(name)?.trim() {
            FILTER => (FILTER, &mut filter),
            EXPAND => (EXPAND, &mut expand),
            FORMAT => (FORMAT, &mut format),
            other if WITHOUT_EFFECT.contains(&other) => continue,
            _ if rules.unknown_parameters == UnknownParameters::Refuse => {
                return Err(DropInError::Unknown);
            }
            _ => continue,
        };
        if place.replace(decode(value)?).is_some() {
            return Err(DropInError::Twice(name));
        }
    }
    if expand.is_some_and(|expand| expand.trim() != SALES_DATA) {
        return Err(DropInError::Expand);
    }
    if format.is_some_and(|format| format.trim() != "json") {
        return Err(DropInError::Format);
    }
    filter.ok_or(DropInError::NoFilter)
}

/// Reads a filter: one property, `eq`, one value in quotes or without.
fn wanted(filter: &str, rules: &config::Query) -> Result<Wanted, DropInError> {
    let (property, rest) = filter.trim().split_once(' ').ok_or(DropInError::Filter)?;
    let value = rest.trim_start().strip_prefix("eq").ok_or(DropInError::Filter)?;
    let unspaced = value.trim_start();
    // `eq'1001910'` is readable, `eq1001910` would be a name.
    if unspaced.len() == value.len() && !unspaced.starts_with('\'') {
        return Err(DropInError::Filter);
    }
    let value = match unspaced.strip_prefix('\'') {
        Some(quoted) => quoted.strip_suffix('\'').ok_or(DropInError::Filter)?,
        // The blank in front may have been the plus of a number.
        None if property == PHONE => value,
        None => unspaced,
    };
    // A quote in the value ends it, whatever comes then; a doubled one is a quote, which no
    // partner ID has.
    if value.contains('\'') {
        return Err(DropInError::Filter);
    }
    match property {
        CUSTOMER => Ok(Wanted::Customer(PartnerId::parse(value)?)),
        PHONE => {
            // Of the blanks in front one may have been the plus; SAP's numbers here all have one.
            let number = value.trim_start();
            let text = if number.len() < value.len() && !number.starts_with('+') {
                format!("+{number}")
            } else {
                number.to_owned()
            };
            Ok(Wanted::Phone(DialledNumber::parse(&text, rules.home)?))
        }
        _ => Err(DropInError::Filter),
    }
}

/// As forms do it, and SAP: a raw `+` is a blank.
fn decode(text: &str) -> Result<String, DropInError> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_not_utf8| DropInError::Encoding)
}

/// What Cloud for Customer would have answered, reduced to the fields that jtel reads.
pub(super) fn body(dial: &Dial<'_>) -> Bytes {
    // Written in SAP's order; serde_json would sort the members.
    let text = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        r#"{{"d":{{"results":[{{"CountryCode":{},"{SALES_DATA}":[{{"DistributionChannelCodeText":{}}}]}}]}}}}"#,
        text(dial.country.as_str()),
        text(dial.channel.as_str()),
    )
    .into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Home;

    fn rules(unknown_parameters: UnknownParameters) -> config::Query {
        config::Query { home: Home::parse("DE").unwrap(), unknown_parameters }
    }

    fn read_one(query: &str) -> Result<String, DropInError> {
        Wanted::read(query, &rules(UnknownParameters::Ignore)).map(|wanted| match wanted {
            Wanted::Customer(partner) => partner.as_str().to_owned(),
            Wanted::Phone(number) => format!("+{}", number.digits()),
        })
    }

    #[test]
    fn jtels_question_is_read_in_every_spelling() {
        for query in [
            "$filter=CustomerID%20eq%20'1001910'&$expand=IndividualCustomerSalesData",
            "$filter=CustomerID+eq+'1001910'&$expand=IndividualCustomerSalesData",
            "%24filter=CustomerID%20eq%20%271001910%27&%24expand=IndividualCustomerSalesData",
            "$expand=IndividualCustomerSalesData&$filter=CustomerID%20eq%201001910",
            "$filter=%20CustomerID%20%20eq%20%20'1001910'%20",
            "$filter=CustomerID%20eq'1001910'",
            "$filter=CustomerID%20eq%20'1001910'&$format=json&$top=2&sap-language=EN&x=y",
        ] {
            assert_eq!(read_one(query), Ok("1001910".to_owned()), "{query}");
        }
        for query in [
            "$filter=NormalisedPhone%20eq%20'+498912345678'&$expand=IndividualCustomerSalesData",
            "$filter=NormalisedPhone%20eq%20'%2B498912345678'",
            "$filter=NormalisedPhone+eq+%27%2B498912345678%27",
            "$filter=NormalisedPhone%20eq%20+498912345678",
            "$filter=NormalisedPhone%20eq%20%2B498912345678",
            "$filter=NormalisedPhone%20eq%20'498912345678'",
        ] {
            assert_eq!(read_one(query), Ok("+498912345678".to_owned()), "{query}");
        }
    }

    #[test]
    fn whatever_else_a_filter_says_is_refused() {
        for (query, error) in [
            ("", DropInError::NoFilter),
            ("$expand=IndividualCustomerSalesData", DropInError::NoFilter),
            ("$filter=", DropInError::Filter),
            ("$filter=CustomerID", DropInError::Filter),
            ("$filter=CustomerID%20eq", DropInError::Filter),
            ("$filter=CustomerID%20ne%20'1'", DropInError::Filter),
            ("$filter=customerid%20eq%20'1'", DropInError::Filter),
            ("$filter=UserID%20eq%20'1'", DropInError::Filter),
            ("$filter=CustomerID%20eq%20'1001910", DropInError::Filter),
            ("$filter=CustomerID%20eq%201001910'", DropInError::Filter),
            ("$filter=CustomerID%20eq%20'1'%20or%20CustomerID%20ne%20''", DropInError::Filter),
            ("$filter=CustomerID%20eq%20'O''Brien'", DropInError::Filter),
            (
                "$filter=CustomerID%20eq%20'1'&$filter=CustomerID%20eq%20'2'",
                DropInError::Twice(FILTER),
            ),
            ("$filter=CustomerID%20eq%20'1'&%24filter=x", DropInError::Twice(FILTER)),
            (
                "$filter=CustomerID%20eq%20'1'&$expand=IndividualCustomerAddress",
                DropInError::Expand,
            ),
            ("$filter=CustomerID%20eq%20'1'&$format=atom", DropInError::Format),
            ("$filter=CustomerID%20eq%20'%FF'", DropInError::Encoding),
            ("$filter=CustomerID%20eq%20'*'", DropInError::Partner(PartnerIdError::Character('*'))),
            (
                "$filter=CustomerID%20eq%20'1001910+'",
                DropInError::Partner(PartnerIdError::Character(' ')),
            ),
            ("$filter=CustomerID%20eq%20''", DropInError::Partner(PartnerIdError::Length(0))),
            (
                "$filter=NormalisedPhone%20eq%20'anonymous'",
                DropInError::Number(DialledNumberError::Character(0)),
            ),
        ] {
            assert_eq!(read_one(query), Err(error), "{query}");
        }
        let stranger = "$filter=CustomerID%20eq%20'1'&x=y";
        let refused = Wanted::read(stranger, &rules(UnknownParameters::Refuse));
        assert_eq!(refused, Err(DropInError::Unknown));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_never_repeats_a_value(text in "[ -~]{0,120}") {
            if let Err(error) = read_one(&text) {
                prop_assert!(error.to_string().len() < 160);
            }
        }

        #[test]
        fn what_is_read_from_a_filter_is_all_that_it_compares_with(
            value in "[A-Za-z0-9_'*() =+-]{0,24}", quoted in any::<bool>(),
        ) {
            let quote = if quoted { "'" } else { "" };
            let filter = format!("CustomerID eq {quote}{value}{quote}");
            if let Ok(Wanted::Customer(id)) = wanted(&filter, &rules(UnknownParameters::Ignore)) {
                let bare = filter["CustomerID eq ".len()..].trim().trim_matches('\'');
                prop_assert_eq!(id.as_str(), bare);
                prop_assert!(!id.as_str().contains(['\'', '*', ' ']));
            }
        }

        #[test]
        fn every_spelling_of_one_question_is_the_same_question(
            id in "[A-Za-z0-9_-]{1,20}", blank in "(%20|\\+){1,3}", quote in "('|%27)?",
            filter in "(\\$|%24)filter",
        ) {
            let query = format!("{filter}=CustomerID{blank}eq{blank}{quote}{id}{quote}");
            prop_assert_eq!(read_one(&query), Ok(id));
        }
    }
}
