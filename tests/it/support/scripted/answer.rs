//! What a scripted SAP sends, worded as Cloud for Customer does it.

use bytes::Bytes;
use dialgate::simulator::derived;
use http::{Response, header};
use http_body_util::Full;
use serde_json::json;

use super::{Asked, Does};

/// The answer to a request; `individual`: it asks for individual customers, where the partners are.
pub(super) fn to(asked: &Asked, does: &Does, individual: bool) -> Response<Full<Bytes>> {
    const JSON: &str = "application/json";
    let whole = |status: u16, content_type: &str, body: String| {
        let response = Response::builder().status(status).header("content-type", content_type);
        response.body(Full::new(Bytes::from(body))).unwrap()
    };
    let partner = match does {
        Does::AnswerAbout(partner) => partner,
        _ => &asked.partner,
    };
    let known = individual.then(|| partner.parse().ok().and_then(derived)).flatten();
    let records = |life_cycle: &str, complete: bool| {
        let record = known.map(|(channel, country)| {
            let channel = match does {
                Does::AnswerWithChannel(channel) => channel,
                _ => channel,
            };
            let mut record = json!({
                "CustomerID": partner,
                "LifeCycleStatusCode": life_cycle,
                "ContactPermissionCode": "1",
                "CountryCode": country,
                "IndividualCustomerSalesData": [{
                    "SalesOrganisationID": "1000",
                    "DivisionCode": "00",
                    "DistributionChannelCode": "01",
                    "DistributionChannelCodeText": channel,
                }],
            });
            if let (false, Some(members)) = (complete, record.as_object_mut()) {
                members.retain(|name, _| !name.contains("SalesData") && name != "CountryCode");
            }
            record
        });
        let records: Vec<_> = record.into_iter().collect();
        whole(200, JSON, json!({ "d": { "results": records } }).to_string())
    };
    match does {
        Does::Answer | Does::AnswerAbout(_) | Does::AnswerWithChannel(_) => records("2", true),
        Does::Blocked => records("3", true),
        Does::Unreadable => records("2", false),
        Does::Unknown => whole(200, JSON, json!({ "d": { "results": [] } }).to_string()),
        Does::Status(status) => whole(*status, "text/plain", "as told".to_owned()),
        Does::RetryAfter(when) => {
            let mut response = whole(503, "text/plain", "as told".to_owned());
            response.headers_mut().insert(header::RETRY_AFTER, when.parse().unwrap());
            response
        }
        Does::Html(status) => whole(*status, "text/html", "<h1>as told</h1>".to_owned()),
        Does::Hang | Does::Held(_) => whole(500, "text/plain", "never sent".to_owned()),
    }
}
