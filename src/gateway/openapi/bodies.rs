//! The bodies of a 200.

use serde_json::{Map, Value, json};

use crate::{
    domain::Source,
    gateway::{drop_in::SALES_DATA, schema::words},
};

/// The bodies of a 200. They are written by hand, member by member, so that their schemas are,
/// too; they are closed, so that tests notice what is missing here.
pub(super) fn bodies() -> Map<String, Value> {
    let sources = Source::ALL.into_iter().filter(|source| *source != Source::None);
    let channel = json!({
        "description": "The text of the partner's sales channel.",
        "type": "string", "minLength": 1, "maxLength": 60,
    });
    let country = json!({
        "description": "ISO 3166: the partner's country.", "type": "string", "pattern": "^[A-Z]{2}$",
    });
    let closed = |required: &[&str], properties: Value| {
        json!({
            "type": "object", "additionalProperties": false,
            "required": required, "properties": properties,
        })
    };
    let mut source = words(sources.map(Source::label));
    source.insert("description".to_owned(), "Where the facts are from.".into());
    let dial = closed(
        &[
            "decision",
            "distributionChannelCodeText",
            "countryCode",
            "contractNumber",
            "source",
            "callId",
        ],
        json!({
            "decision": { "const": "dial" },
            "distributionChannelCodeText": channel,
            "countryCode": country,
            "contractNumber": {
                "description": "Both in one: by it jtel finds the service number.", "type": "string",
            },
            "serviceNumber": {
                "description": "What the customer sees. Absent by the rule `dial_without_number` only.",
                "type": "string", "pattern": "^[1-9][0-9]{6,14}$",
            },
            "source": source,
            "callId": {
                "description": "The call's name, also in X-Request-Id.",
                "type": "string", "format": "uuid",
            },
        }),
    );
    let one = |item: Value| json!({ "type": "array", "minItems": 1, "maxItems": 1, "items": item });
    let sales =
        closed(&["DistributionChannelCodeText"], json!({ "DistributionChannelCodeText": channel }));
    let record = closed(
        &["CountryCode", SALES_DATA],
        json!({ "CountryCode": country, SALES_DATA: one(sales) }),
    );
    let results = closed(&["results"], json!({ "results": one(record) }));
    let as_sap = closed(&["d"], json!({ "d": results }));
    let caller = closed(
        &[],
        json!({
            "customerID": { "description": "As it was asked for.", "type": "string" },
            "distributionChannelCodeText": channel,
            "countryCode": country,
            "contractNumber": { "type": "string" },
            "serviceNumber": { "type": "string", "pattern": "^[1-9][0-9]{6,14}$" },
            "blocked": { "description": "SAP calls the partner blocked.", "type": "boolean" },
        }),
    );
    [
        ("Dial".to_owned(), dial),
        ("DialAsCloudForCustomer".to_owned(), as_sap),
        ("CallerInformation".to_owned(), caller),
    ]
    .into_iter()
    .collect()
}
