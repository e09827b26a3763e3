//! jtel's question about somebody who calls, `getCallerInformation`: the caller's number or a customer's
//! ID, answered with what SAP knows, in one flat record.
//!
//! It goes the way of a call (who asks, how many at once, the trail, the door) and ends without a decision:
//! nothing is dialled. Nobody is picked out of several, and what was asked by a number is not remembered, so
//! that no number is kept.

use std::borrow::Cow;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{Answer, Call, Gateway, NO_ID, Question, Terms, facts::Told, without_sap};
use crate::{
    config::{self, CallerInformation, UnknownParameters},
    domain::{
        BusinessPartner, ContractNumber, CountryCode, DialledNumber, DialledNumberError,
        DistributionChannel, Lookup, PartnerId, PartnerIdError, Rules, ServiceNumber,
    },
};

/// What jtel gets where nobody is found: documented is "no records", in JSON.
const NOBODY: &[u8] = b"{}";

/// About whom somebody asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallerWanted {
    /// Whoever has this number.
    Number(DialledNumber),
    /// The customer with this ID.
    Customer(PartnerId),
}

/// Why a question is not readable. Told to the caller, so without the values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallerError {
    /// Nobody is asked for.
    #[error("{0} and {1} are missing; one of them is needed")]
    Missing(String, String),
    /// Two are asked for.
    #[error("{0} and {1} are both there; only one of them can be answered")]
    Both(String, String),
    /// A parameter is there more than once, so that two readers could read two questions.
    #[error("{0} is there more than once")]
    Twice(String),
    /// An escape that is none, or bytes that are no text.
    #[error("the query is not percent-encoded UTF-8")]
    Encoding,
    /// A parameter that nobody knows, where the configuration refuses those.
    #[error("there is a parameter that this question does not have")]
    Unknown,
    /// What is no telephone number.
    #[error("{0} {1}")]
    Number(String, DialledNumberError),
    /// What is no partner ID.
    #[error("{0} {1}")]
    Customer(String, PartnerIdError),
    /// The dialect of SAP finds partners by their number only.
    #[error("{0} is not answered: sap.preset finds partners by telephone")]
    ById(String),
}

impl CallerWanted {
    /// Reads the part of the request target behind the `?`. A parameter without a value is none: jtel
    /// fills in its lines whichever of the two it has.
    ///
    /// # Errors
    ///
    /// See [`CallerError`].
    pub fn read(
        query: &str,
        names: &CallerInformation,
        rules: &config::Query,
    ) -> Result<Self, CallerError> {
        let (mut number, mut customer) = (None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, place) = match decode(name)? {
                name if *name == *names.caller_number => (name, &mut number),
                name if *name == *names.customer_id => (name, &mut customer),
                _ if rules.unknown_parameters == UnknownParameters::Refuse => {
                    return Err(CallerError::Unknown);
                }
                _ => continue,
            };
            if place.replace(decode(value)?).is_some() {
                return Err(CallerError::Twice(name.into_owned()));
            }
        }
        let is_given = |value: &Cow<'_, str>| !value.trim().is_empty();
        let (number_name, customer_name) = (&names.caller_number, &names.customer_id);
        match (number.filter(is_given), customer.filter(is_given)) {
            (Some(number), None) => DialledNumber::parse(&number, rules.home)
                .map(Self::Number)
                .map_err(|error| CallerError::Number(number_name.clone(), error)),
            (None, Some(customer)) => PartnerId::parse(&customer)
                .map(Self::Customer)
                .map_err(|error| CallerError::Customer(customer_name.clone(), error)),
            (None, None) => Err(CallerError::Missing(number_name.clone(), customer_name.clone())),
            (Some(_), Some(_)) => {
                Err(CallerError::Both(number_name.clone(), customer_name.clone()))
            }
        }
    }
}

/// A `+` stays a `+`: it is the one of a number, and nothing in this query has blanks.
fn decode(text: &str) -> Result<Cow<'_, str>, CallerError> {
    percent_decode_str(text).decode_utf8().map_err(|_not_utf8| CallerError::Encoding)
}

/// The question, in the words that all calls have.
pub(super) fn question(query: &str, terms: &Terms) -> Result<Question, Answer> {
    let bad = |fault: CallerError| Answer::BadQuery(fault.to_string());
    let Some(names) = &terms.config.listen.caller_information else { return Err(Answer::NotFound) };
    match CallerWanted::read(query, names, &terms.config.query).map_err(bad)? {
        CallerWanted::Customer(_) if terms.systems.iter().any(|sap| sap.asks_by_phone()) => {
            Err(bad(CallerError::ById(names.customer_id.clone())))
        }
        CallerWanted::Customer(partner) => Ok(Question { partner, dialled: None }),
        CallerWanted::Number(number) => {
            let nobody = PartnerId::parse(NO_ID);
            let nobody =
                nobody.map_err(|error| bad(CallerError::Customer(String::new(), error)))?;
            Ok(Question { partner: nobody, dialled: Some(number) })
        }
    }
}

impl Gateway {
    /// Tells what SAP knows of whom is asked for.
    pub(super) async fn tell_caller(
        &self,
        question: &Question,
        (terms, route): (&Terms, &config::Route),
        call: &mut Call<'_>,
    ) -> Result<Answer, Answer> {
        let by_number = question.dialled.is_some();
        let systems = if by_number { &terms.by_number } else { &terms.systems };
        let found = self.look_up_in(systems, question, (terms, route), call).await;
        let (_, found) = found.ok_or(Answer::NOT_ROUTED)?;
        let source = found.source;
        let Some(known) = &found.known else {
            return Err(without_sap(found.silence.as_ref()));
        };
        let (told, body) = match &known.lookup {
            Lookup::Found(partner) => {
                let id = (!by_number).then_some(&question.partner);
                (Told::Found, body(partner, id, &terms.config.rules))
            }
            Lookup::Unknown => (Told::Nobody, NOBODY.into()),
            Lookup::Ambiguous(_) => (Told::Several, NOBODY.into()),
        };
        Ok(Answer::Caller(body, told, source))
    }
}

/// One flat record; what SAP does not have of the partner is not in it.
pub(super) fn body(partner: &BusinessPartner, id: Option<&PartnerId>, rules: &Rules) -> Bytes {
    let contract_number = partner.contract_number();
    let service_number = contract_number.and_then(|contract| rules.service_numbers.of(contract));
    let country = partner.country();
    let texts = [
        ("customerID", id.map(PartnerId::as_str)),
        ("distributionChannelCodeText", partner.channel().map(DistributionChannel::as_str)),
        ("countryCode", country.as_ref().map(CountryCode::as_str)),
        ("contractNumber", contract_number.map(ContractNumber::as_str)),
        ("serviceNumber", service_number.as_ref().map(ServiceNumber::as_str)),
    ];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
    let mut record: Map<String, Value> = texts.collect();
    record.insert("blocked".to_owned(), partner.blocked.into());
    Value::from(record).to_string().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{CallerIdFit, Home, NeverDialled, ServiceNumbers, Unavailable, Unmatched};

    fn names() -> CallerInformation {
        CallerInformation {
            path: "/getCallerInformation".to_owned(),
            caller_number: "CallerNumber".to_owned(),
            customer_id: "CustomerID".to_owned(),
            number_preset: "c4c-phone".to_owned(),
        }
    }

    fn read(query: &str) -> Result<String, String> {
        let rules = config::Query {
            home: Home::parse("DE").unwrap(),
            unknown_parameters: UnknownParameters::Ignore,
        };
        match CallerWanted::read(query, &names(), &rules) {
            Ok(CallerWanted::Number(number)) => Ok(number.digits().to_owned()),
            Ok(CallerWanted::Customer(partner)) => Ok(partner.as_str().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_number_or_an_id_is_read_and_anything_else_is_told() {
        for (query, expected) in [
            ("CallerNumber=498946149500", Ok("498946149500")),
            ("CallerNumber=%2B498946149500&CustomerID=", Ok("498946149500")),
            ("CallerNumber=+498946149500", Ok("498946149500")),
            ("CustomerID=1001910&CallerNumber=&more=1", Ok("1001910")),
            ("", Err("CallerNumber and CustomerID are missing")),
            ("CallerNumber=1234&CustomerID=1", Err("CallerNumber and CustomerID are both there")),
            ("CustomerID=1&CustomerID=2", Err("CustomerID is there more than once")),
            ("CustomerID=1'%20or", Err("CustomerID has the character '\\''")),
            ("CallerNumber=anonymous", Err("CallerNumber has a character")),
            ("CallerNumber=%ff", Err("the query is not")),
        ] {
            match (read(query), expected) {
                (Ok(read), Ok(expected)) => assert_eq!(read, expected, "{query}"),
                (Err(told), Err(start)) => assert!(told.starts_with(start), "{query}: {told}"),
                (read, _) => panic!("{query}: {read:?}"),
            }
        }
    }

    #[test]
    fn what_sap_does_not_have_is_not_in_the_record() {
        let partner = BusinessPartner::new(None, CountryCode::parse("AT").ok(), true, false);
        let rules = Rules {
            service_numbers: ServiceNumbers::default(),
            unmatched: Unmatched::Refuse,
            unavailable: Unavailable::Refuse,
            default_pair: None,
            refuse_blocked: true,
            refuse_contact_refused: false,
            refuse_when: vec![],
            never_dialled: NeverDialled::default(),
            destinations: None,
            caller_id_fit: CallerIdFit::Off,
            fallbacks: std::collections::HashMap::new(),
        };

        assert_eq!(body(&partner, None, &rules), r#"{"blocked":true,"countryCode":"AT"}"#);
    }

    proptest! {
        #[test]
        fn any_query_is_read_or_refused_without_its_values(query in "\\PC{0,60}") {
            if let Err(told) = read(&format!("CallerNumber=x7391{query}")) {
                prop_assert!(!told.contains("7391"), "{told}");
            }
        }
    }
}
