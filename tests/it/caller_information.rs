//! jtel's question about somebody who calls: who it is, from the same door, and nobody is picked or kept.

use http::Method;
use serde_json::{Value, json};

use crate::support::{
    Client, Gateway,
    client::Answer,
    program::{dialgate, run, stdout},
    value_of,
};

const ON: (&str, &str) = ("listen.caller_information", "{}");

/// A customer in Germany, by the number that SAP has of him.
const NUMBER: &str = "498946149500";

async fn ask(jtel: &Client, query: &str) -> Answer {
    let url = jtel.url.replace("/onClickToDial", "/getCallerInformation");
    jtel.send(Method::GET, &format!("{url}?{query}")).await
}

#[tokio::test]
async fn who_calls_is_told_by_number_and_by_id_and_nobody_where_sap_knows_none() {
    let gateway = Gateway::start_with(&[ON]).await;
    let jtel = gateway.jtel();
    let known = json!({
        "distributionChannelCodeText": "Direct sales", "countryCode": "DE",
        "contractNumber": "Direct salesDE", "serviceNumber": "4922147100000", "blocked": false,
    });

    let by_number = ask(&jtel, &format!("CallerNumber={NUMBER}&CustomerID=")).await;
    let by_id = ask(&jtel, "CustomerID=1001910").await;
    let again = ask(&jtel, "CustomerID=1001910").await;
    let nobody = ask(&jtel, "CallerNumber=4930999999999").await;

    assert_eq!((by_number.status.as_u16(), by_number.json()), (200, known.clone()));
    let mut with_id = known;
    with_id["customerID"] = "1001910".into();
    assert_eq!((by_id.status.as_u16(), by_id.json()), (200, with_id.clone()));
    assert_eq!(again.json(), with_id);
    assert_eq!((nobody.status.as_u16(), nobody.json()), (200, json!({})));

    let records = gateway.until_records(4).await;
    let told: Vec<_> = records
        .iter()
        .map(|record| {
            ["route", "decision", "reason", "source"]
                .map(|field| record[field].as_str().unwrap_or_default())
                .join(" ")
        })
        .collect();
    assert_eq!(
        told,
        [
            "caller_information none none sap",
            "caller_information none none sap",
            "caller_information none none memory",
            "caller_information none partner_unknown sap",
        ]
    );
    let metrics = gateway.metrics().await;
    for (word, count) in [("found", 3), ("nobody", 1), ("several", 0), ("refused", 0)] {
        let series = format!("dialgate_caller_information_total{{told=\"{word}\"}}");
        assert_eq!(value_of(&metrics, &series), count, "{word}");
    }
    assert!(
        !metrics
            .contains("dialgate_calls_total{decision=\"dial\",reason=\"none\",source=\"sap\"} 1")
    );
    // It is no decision, so that the page of decisions does not have it.
    let decisions: Value = serde_json::from_str(&gateway.admin("/decisions.json").await.1).unwrap();
    assert_eq!(decisions, json!([]));
    let all = std::fs::read_to_string(gateway.folder.path().join("access.log")).unwrap() + &metrics;
    for personal in [NUMBER, "1001910", "30999999999"] {
        assert!(!all.contains(personal), "{personal}");
    }
}

#[tokio::test]
async fn what_a_number_led_to_is_not_remembered() {
    let gateway = Gateway::start_with(&[ON]).await;
    let jtel = gateway.jtel();

    for _ in 0..2 {
        ask(&jtel, &format!("CallerNumber={NUMBER}")).await;
    }

    let records = gateway.until_records(2).await;
    assert_eq!((&records[0]["source"], &records[1]["source"]), (&"sap".into(), &"sap".into()));
}

#[tokio::test]
async fn who_may_not_ask_what_cannot_be_read_and_a_silent_sap_are_no_records_either() {
    let gateway = Gateway::start_with(&[ON]).await;
    let jtel = gateway.jtel();

    let stranger = ask(&jtel.clone().without_credentials(), "CustomerID=1001910").await;
    let both = ask(&jtel, &format!("CustomerID=1&CallerNumber={NUMBER}")).await;
    let withheld = ask(&jtel, "CallerNumber=anonymous").await;
    gateway.sap.set_fault(Some("not_json".parse().unwrap()), None);
    let silent = ask(&jtel, &format!("CallerNumber={NUMBER}")).await;

    let told = [stranger, both, withheld, silent].map(|answer| {
        (answer.status.as_u16(), answer.json()["reason"].as_str().unwrap_or_default().to_owned())
    });
    let told: Vec<_> = told.iter().map(|(status, reason)| (*status, reason.as_str())).collect();
    assert_eq!(
        told,
        [(403, "unauthorized"), (400, "bad_query"), (400, "bad_query"), (403, "sap_unavailable")]
    );
}

#[tokio::test]
async fn without_the_section_there_is_no_such_path_and_with_it_it_is_described() {
    let off = Gateway::start().await;
    assert_eq!(ask(&off.jtel(), "CustomerID=1001910").await.status, 404);
    let names = "{ path: /who, caller_number: tel, customer_id: kunde }";
    let gateway = Gateway::start_with(&[("listen.caller_information", names)]).await;
    let jtel = gateway.jtel();

    let url = jtel.url.replace("/onClickToDial", "/who?kunde=1001910");
    let answer = jtel.send(Method::GET, &url).await;

    assert_eq!(answer.json()["countryCode"], "DE");
    let described: Value = serde_json::from_str(&gateway.admin("/openapi.json").await.1).unwrap();
    let asked = &described["paths"]["/who"]["get"];
    assert_eq!(
        (&asked["parameters"][0]["name"], &asked["parameters"][1]["name"]),
        (&"tel".into(), &"kunde".into())
    );
    let config = gateway.folder.path().join("config.yaml");
    let output =
        run(dialgate().args(["jtel", "--host", "gate.example", "--config"]).arg(config)).await;
    assert!(stdout(&output).contains("https://gate.example/who"), "{}", stdout(&output));
}
