//! Statuses, headers and bodies.

use http_body_util::BodyExt;

use super::*;
use crate::{
    domain::{ContractNumber, CountryCode, DistributionChannel, ServiceNumber},
    telemetry::clock::{CallId, Moment},
};

fn get() -> Request<()> {
    Request::new(())
}

fn call() -> CallIdText {
    CallId::new(Moment::now()).text()
}

async fn json(response: Response<Full<Bytes>>) -> serde_json::Value {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

fn direct_sales(number: Option<&str>) -> Bytes {
    let channel = DistributionChannel::parse("Direct \"sales\"").unwrap();
    let country = CountryCode::parse("DE").unwrap();
    dial_head(&Dial {
        channel: &channel,
        country,
        contract_number: &ContractNumber::of(&channel, country),
        service_number: number.map(|number| ServiceNumber::parse(number).unwrap()),
        by_default: false,
        caller_id: CallerId::Fits,
    })
}

fn dialled(head: Bytes, source: Source) -> Answer {
    Answer::Dial(Text::Head(head), source, CallerId::Fits)
}

#[test]
fn every_reason_has_its_status_in_the_jtel_and_in_the_http_column() {
    let table = [
        (Reason::BadQuery, 400, 400),
        (Reason::Unauthorized, 403, 401),
        (Reason::Overloaded, 403, 503),
        (Reason::AuditUnwritable, 403, 503),
        (Reason::NotRouted, 403, 403),
        (Reason::PartnerUnknown, 404, 404),
        (Reason::PartnerAmbiguous, 403, 409),
        (Reason::PartnerBlocked, 403, 403),
        (Reason::ContactNotAllowed, 403, 403),
        (Reason::NoChannel, 403, 403),
        (Reason::NoCountry, 403, 403),
        (Reason::NoServiceNumber, 403, 403),
        (Reason::SapUnavailable, 403, 503),
        (Reason::NumberNotAllowed, 403, 403),
        (Reason::CallerIdNotAllowed, 403, 403),
    ];
    assert_eq!(table.len(), Reason::ALL.len());

    for (reason, jtel, http) in table {
        let answer = Answer::Refuse(reason, Source::None);
        assert_eq!(answer.status(Answers::Jtel), jtel, "{reason:?}");
        assert_eq!(answer.status(Answers::Http), http, "{reason:?}");
        assert!(!answer.detail().is_empty(), "{reason:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_put_through_names_pair_number_source_and_call() {
    let call = call();
    let answer = dialled(direct_sales(Some("498912345678")), Source::Memory);

    let response = answer.response(Answers::Jtel, &call, &get());

    assert_eq!(response.headers()["cache-status"], "dialgate; hit");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-request-id"], call.as_str());
    assert_eq!(
        json(response).await,
        serde_json::json!({
            "decision": "dial",
            "distributionChannelCodeText": "Direct \"sales\"",
            "countryCode": "DE",
            "contractNumber": "Direct \"sales\"DE",
            "serviceNumber": "498912345678",
            "source": "memory",
            "callId": call.as_str(),
        })
    );
}

#[tokio::test]
async fn a_call_without_a_number_by_rule_has_no_such_member() {
    let answer = dialled(direct_sales(None), Source::Sap);

    let body = json(answer.response(Answers::Jtel, &call(), &get())).await;

    assert_eq!(body.get("serviceNumber"), None);
    assert_eq!(body["source"], "sap");
}

#[tokio::test]
async fn a_refusal_is_a_problem_with_a_reason() {
    let answer = Answer::Refuse(Reason::PartnerUnknown, Source::Sap);

    let response = answer.response(Answers::Jtel, &call(), &get());

    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body = json(response).await;
    assert_eq!(body["decision"], "refuse");
    assert_eq!(body["reason"], "partner_unknown");
    assert_eq!(body["status"], 404);
    assert_eq!(body["type"], "urn:dialgate:partner_unknown");
}

#[test]
fn the_http_column_says_how_to_log_in_and_when_to_come_back() {
    let unauthorized = Answer::UNAUTHORIZED.response(Answers::Http, &call(), &get());
    let answer =
        |timed_out| Answer::SapUnavailable { timed_out }.response(Answers::Http, &call(), &get());
    let (silent, slow) = (answer(false), answer(true));

    assert!(unauthorized.headers().contains_key("www-authenticate"));
    assert_eq!((silent.status().as_u16(), slow.status().as_u16()), (503, 504));
    assert_eq!(silent.headers()["retry-after"], "10");
    assert_eq!(slow.headers()["retry-after"], "10");
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let head = Request::builder().method("HEAD").body(()).unwrap();
    let answer = dialled(direct_sales(None), Source::Sap);
    let call = call();

    let to_get = answer.response(Answers::Jtel, &call, &get());
    let to_head = answer.response(Answers::Jtel, &call, &head);

    assert_eq!(to_get.headers(), to_head.headers());
    assert_eq!(to_head.into_body().collect().await.unwrap().to_bytes().len(), 0);
}
