//! Answers as Cloud for Customer words them, and those of an endpoint that speaks onClickToDial.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{
    body::Answer,
    partners::{self, Channel, Kind, Partner},
    question::{Parameters, filtered},
};

/// Where Cloud for Customer's collections are.
const C4C: &str = "/sap/c4c/odata/v1/c4codataapi/";

/// What an individual customer is found by besides its number.
const PHONE: &str = "NormalisedPhone";

/// The value help of the channels.
const CHANNELS: &str = "IndividualCustomerSalesDataDistributionChannelCodeCollection";

/// The language of the channel texts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Language {
    English,
    German,
}

/// What a request is about.
pub(super) enum Question {
    /// Records of a collection, by the partner's number.
    Records {
        kind: Kind,
        id: String,
        by_phone: bool,
        language: Language,
        expanded: bool,
        json: bool,
        top: usize,
    },
    /// The endpoint of jtel's wiki.
    Native { id: String, language: Language },
    /// The list of channels.
    Channels { language: Language },
    /// Nothing that can be answered.
    Bad(StatusCode, String),
}

impl Question {
    /// Reads path, query and the headers that matter.
    pub(super) fn read<B>(request: &http::Request<B>) -> Self {
        let parameters = Parameters::read(request.uri().query().unwrap_or_default());
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        // `sap-language` in the query wins in every SAP system.
        let language = parameters.first("sap-language").or(header(header::ACCEPT_LANGUAGE));
        let is_german = language.is_some_and(|text| text.to_ascii_lowercase().starts_with("de"));
        let language = if is_german { Language::German } else { Language::English };
        let path = request.uri().path();
        if path == "/onClickToDial" {
            return match (
                parameters.first("SAPBusinessPartnerID"),
                parameters.first("SAPPhoneNumber"),
            ) {
                (Some(id), Some(_phone)) if !id.is_empty() => {
                    Self::Native { id: id.to_owned(), language }
                }
                _ => Self::Bad(StatusCode::BAD_REQUEST, "a parameter is missing".to_owned()),
            };
        }
        if path.strip_prefix(C4C) == Some(CHANNELS) {
            return Self::Channels { language };
        }
        let (kind, property, navigation) = match path.strip_prefix(C4C) {
            Some("IndividualCustomerCollection") => {
                (Kind::Individual, "CustomerID", "IndividualCustomerSalesData")
            }
            Some("CorporateAccountCollection") => {
                (Kind::Account, "AccountID", "CorporateAccountSalesData")
            }
            Some("ContactCollection") => (Kind::Contact, "ContactID", ""),
            _ => return Self::Bad(StatusCode::NOT_FOUND, "Not Found".to_owned()),
        };
        let wants_json = parameters.first("$format").map_or_else(
            || header(header::ACCEPT).is_some_and(|accept| accept.contains("application/json")),
            |format| format == "json",
        );
        let filter = parameters.first("$filter").unwrap_or_default();
        let by_phone = kind == Kind::Individual && filter.starts_with(PHONE);
        match filtered(filter, if by_phone { PHONE } else { property }) {
            Ok(id) => Self::Records {
                kind,
                id,
                by_phone,
                language,
                expanded: parameters
                    .first("$expand")
                    .is_some_and(|expand| expand.split(',').any(|name| name == navigation)),
                json: wants_json,
                top: parameters.first("$top").and_then(|top| top.parse().ok()).unwrap_or(1000),
            },
            Err(position) => Self::Bad(
                StatusCode::BAD_REQUEST,
                format!("Parsing URL failed at position {position} of $filter"),
            ),
        }
    }

    /// The partner that is asked for.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Records { id, .. } | Self::Native { id, .. } => Some(id),
            Self::Channels { .. } | Self::Bad(..) => None,
        }
    }

    /// The proper answer.
    pub(super) fn answer(&self) -> Response<Answer> {
        match self {
            Self::Bad(status, message) => error(*status, message),
            Self::Channels { language } => channels(*language),
            Self::Records { json: false, .. } => atom(),
            Self::Records { kind, id, by_phone, language, expanded, top, .. } => {
                let found = if *by_phone { partners::find_by_phone(id) } else { found(id, *kind) };
                let records = found.into_iter().take(*top);
                let records: Vec<_> =
                    records.map(|partner| record(&partner, *language, *expanded)).collect();
                results(&records)
            }
            Self::Native { id, language } => {
                let partner =
                    partners::find(id, Kind::Individual).or(partners::find(id, Kind::Account));
                match partner {
                    None => error(StatusCode::NOT_FOUND, "Not Found"),
                    Some(partner) if partner.life_cycle == "3" => {
                        error(StatusCode::FORBIDDEN, "the partner is blocked")
                    }
                    Some(partner) => json(StatusCode::OK, &pair(&partner, *language)),
                }
            }
        }
    }

    /// An answer of the right form with `rows` records about the partner, or about `stranger`.
    pub(super) fn answer_with(
        &self,
        rows: usize,
        stranger: bool,
        complete: bool,
    ) -> Response<Answer> {
        let partner = |id: &str, kind| {
            let mut partner = found(id, kind).into_iter().next().unwrap_or_else(|| Partner {
                id: id.to_owned(),
                kind,
                ..example()
            });
            if stranger {
                partner.id.push('9');
            }
            partner
        };
        match self {
            Self::Records { kind, id, language, .. } => {
                let mut record = record(&partner(id, *kind), *language, true);
                if let (false, Some(members)) = (complete, record.as_object_mut()) {
                    members.retain(|name, _| !name.contains("SalesData") && name != "CountryCode");
                }
                results(&vec![record; rows])
            }
            Self::Native { id, language } if complete => {
                let pair = pair(&partner(id, Kind::Individual), *language);
                json(StatusCode::OK, &if rows == 1 { pair } else { vec![pair; rows].into() })
            }
            Self::Native { .. } => json(StatusCode::OK, &json!({})),
            Self::Channels { language } => channels(*language),
            Self::Bad(status, message) => error(*status, message),
        }
    }
}

/// In Cloud for Customer `*` stands for any text, also after `eq`.
fn found(id: &str, kind: Kind) -> Vec<Partner> {
    match id.split_once('*') {
        None => partners::find(id, kind).into_iter().collect(),
        Some((start, end)) => partners::listed()
            .into_iter()
            .filter(|partner| partner.kind == kind)
            .filter(|partner| partner.id.starts_with(start) && partner.id.ends_with(end))
            .collect(),
    }
}

fn example() -> Partner {
    partners::find("1001910", Kind::Individual).unwrap_or_else(|| Partner {
        id: String::new(),
        kind: Kind::Individual,
        about: "",
        channels: Vec::new(),
        country: None,
        life_cycle: "2",
        contact_permission: None,
        phone: None,
        account: None,
    })
}

fn channels(language: Language) -> Response<Answer> {
    let row = |channel: &Channel| json!({ "Code": channel.code, "Description": text_of(channel, language) });
    results(&partners::CHANNELS.iter().map(row).collect::<Vec<_>>())
}

fn text_of(channel: &Channel, language: Language) -> &'static str {
    match language {
        Language::English => channel.english,
        Language::German => channel.german,
    }
}

fn pair(partner: &Partner, language: Language) -> Value {
    json!({
        "distributionChannelCodeText": partner.channels.first().map(|channel| text_of(channel, language)),
        "countryCode": partner.country,
    })
}

fn record(partner: &Partner, language: Language, expanded: bool) -> Value {
    let (collection, id_name, navigation) = match partner.kind {
        Kind::Individual => ("IndividualCustomer", "CustomerID", "IndividualCustomerSalesData"),
        Kind::Account => ("CorporateAccount", "AccountID", "CorporateAccountSalesData"),
        Kind::Contact => return contact(partner),
    };
    let object_id = format!("00163E03A0701EE288BE{:0>12}", partner.id);
    let uri = format!("{C4C}{collection}Collection('{object_id}')");
    let sales_data: Value = if expanded {
        let area = |channel: &Channel| {
            json!({
                id_name: partner.id,
                "ParentObjectID": object_id,
                "SalesOrganisationID": "1000",
                "DistributionChannelCode": channel.code,
                "DistributionChannelCodeText": text_of(channel, language),
                "DivisionCode": "00",
            })
        };
        // Cloud for Customer sends a bare list here, without the wrapper of other SAP systems.
        partner.channels.iter().map(area).collect()
    } else {
        json!({ "__deferred": { "uri": format!("{uri}/{navigation}") } })
    };
    json!({
        "__metadata": { "uri": uri, "type": format!("c4codata.{collection}") },
        "ObjectID": object_id,
        id_name: partner.id,
        "LifeCycleStatusCode": partner.life_cycle,
        "ContactPermissionCode": partner.contact_permission,
        "CountryCode": partner.country,
        "NormalisedPhone": partner.phone,
        navigation: sales_data,
    })
}

/// Contacts have no sales data; they name their account.
fn contact(partner: &Partner) -> Value {
    json!({
        "__metadata": { "type": "c4codata.Contact" },
        "ContactID": partner.id,
        "AccountID": partner.account,
        "BusinessAddressCountryCode": partner.country,
        "ContactPermissionCode": partner.contact_permission,
    })
}

/// A list of records in OData v2's envelope.
pub(super) fn results(records: &[Value]) -> Response<Answer> {
    json(StatusCode::OK, &json!({ "d": { "results": records } }))
}

/// An error as OData v2 words it.
pub(super) fn error(status: StatusCode, message: &str) -> Response<Answer> {
    json(
        status,
        &json!({
            "error": { "code": status.as_str(), "message": { "lang": "en", "value": message } }
        }),
    )
}

/// Cloud for Customer's default form, where nobody asks for JSON.
pub(super) fn atom() -> Response<Answer> {
    typed(
        StatusCode::OK,
        "application/atom+xml;type=feed; charset=utf-8",
        r#"<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"/>"#,
    )
}

/// A JSON body with Cloud for Customer's headers.
pub(super) fn json(status: StatusCode, body: &Value) -> Response<Answer> {
    typed(status, "application/json; charset=utf-8", body.to_string())
}

/// Any body with Cloud for Customer's headers.
pub(super) fn typed(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Answer> {
    let mut response = Response::new(Answer::whole(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
    headers.insert("dataserviceversion", HeaderValue::from_static("2.0"));
    headers.insert(
        HeaderName::from_static("c4c-odata-response-time"),
        HeaderValue::from_static("1 ms"),
    );
    response
}
