//! What jtel asks and what it gets: the answer table over TLS.

use http::Method;

use crate::support::{Gateway, eventually, value_of};

/// Partner of the simulator, then the answer by the shipped rules in the column `jtel`.
const TABLE: [(&str, &str); 9] = [
    ("1001910", "200"),
    ("1001911", "200"),
    ("1001912", "403 partner_blocked"),
    ("1001913", "403 no_channel"),
    ("1001914", "403 no_country"),
    ("1001915", "403 partner_ambiguous"),
    ("2000001", "200"),
    ("4040404", "404 partner_unknown"),
    ("5000007", "200"),
];

#[tokio::test]
async fn every_partner_gets_the_answer_of_the_table_from_sap_and_from_memory() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();

    for (partner, outcome) in TABLE {
        let from_sap = jtel.ask(partner).await;
        let from_memory = jtel.ask(partner).await;

        assert_eq!(from_sap.outcome(), outcome, "{partner}: {from_sap:?}");
        assert_eq!(from_memory.outcome(), outcome, "{partner}: {from_memory:?}");
        assert_eq!(from_sap.headers["cache-status"], "dialgate; fwd=miss", "{partner}");
        assert_eq!(from_memory.headers["cache-status"], "dialgate; hit", "{partner}");
    }
}

#[tokio::test]
async fn a_dialled_call_has_the_two_fields_that_jtel_reads_and_the_number() {
    let gateway = Gateway::start().await;

    let answer = gateway.jtel().ask("1001910").await;

    let body = answer.json();
    assert_eq!(body["decision"], "dial");
    assert_eq!(body["distributionChannelCodeText"], "Direct sales");
    assert_eq!(body["countryCode"], "DE");
    assert_eq!(body["contractNumber"], "Direct salesDE");
    assert!(body["serviceNumber"].as_str().unwrap().starts_with("49"), "{body}");
    assert_eq!(body["source"], "sap");
    assert_eq!(answer.headers["x-request-id"], body["callId"].as_str().unwrap());
}

#[tokio::test]
async fn the_http_column_gives_each_case_its_own_status() {
    let gateway = Gateway::start_with(&[("answers", "http")]).await;
    let jtel = gateway.jtel();

    assert_eq!(jtel.ask("1001915").await.outcome(), "409 partner_ambiguous");
    assert_eq!(jtel.ask("1001912").await.outcome(), "403 partner_blocked");
    let stranger = jtel.without_credentials().ask("1001910").await;
    assert_eq!(stranger.outcome(), "401 unauthorized");
    assert!(stranger.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn a_bad_question_is_refused_before_sap_is_asked() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    let asked_before = gateway.sap.requests();

    for query in [
        "",
        "SAPBusinessPartnerID=1001910",
        "SAPPhoneNumber=4989461495000",
        "SAPBusinessPartnerID=1001910&SAPBusinessPartnerID=1001911&SAPPhoneNumber=498912345678",
        "SAPBusinessPartnerID=O%27Brien&SAPPhoneNumber=498912345678",
        "SAPBusinessPartnerID=*&SAPPhoneNumber=498912345678",
        "SAPBusinessPartnerID=x%27%20or%20CustomerID%20ne%20%27&SAPPhoneNumber=498912345678",
        "SAPBusinessPartnerID=1001910%00&SAPPhoneNumber=498912345678",
        "SAPBusinessPartnerID=1001910&SAPPhoneNumber=anonymous",
    ] {
        assert_eq!(jtel.query(query).await.outcome(), "400 bad_query", "{query}");
    }

    assert_eq!(gateway.sap.requests(), asked_before);
}

#[tokio::test]
async fn a_number_is_understood_with_plus_double_zero_and_in_national_form() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();

    for number in
        ["+498912345678", "%2B498912345678", "00498912345678", "08912345678", "498912345678"]
    {
        let query = format!("SAPBusinessPartnerID=1001910&SAPPhoneNumber={number}");
        assert_eq!(jtel.query(&query).await.outcome(), "200", "{number}");
    }
}

#[tokio::test]
async fn unknown_parameters_are_ignored_or_refused_by_configuration() {
    let query = "SAPBusinessPartnerID=1001910&SAPPhoneNumber=498912345678&AgentUID=7";
    let lenient = Gateway::start().await;
    let strict = Gateway::start_with(&[("query.unknown_parameters", "refuse")]).await;

    assert_eq!(lenient.jtel().query(query).await.outcome(), "200");
    assert_eq!(strict.jtel().query(query).await.outcome(), "400 bad_query");
}

#[tokio::test]
async fn without_the_right_password_nobody_gets_an_answer_and_sap_is_not_asked() {
    let gateway = Gateway::start().await;
    let asked_before = gateway.sap.requests();
    let jtel = gateway.jtel();

    for stranger in [
        jtel.clone().without_credentials(),
        jtel.clone().with_password("jtel", "wrong"),
        jtel.clone().with_password("JTEL", "canary-client-password"),
        jtel.clone().with_password("", ""),
    ] {
        assert_eq!(stranger.ask("1001910").await.outcome(), "403 unauthorized");
    }

    assert_eq!(gateway.sap.requests(), asked_before);
}

#[tokio::test]
async fn a_stranger_learns_nothing_from_a_bad_question() {
    let gateway = Gateway::start().await;

    let answer = gateway.jtel().without_credentials().query("nonsense").await;

    assert_eq!(answer.outcome(), "403 unauthorized");
}

#[tokio::test]
async fn anybody_may_ask_where_the_configuration_says_so() {
    let gateway = Gateway::start_with(&[("clients", "[]"), ("anybody_may_ask", "true")]).await;

    assert_eq!(gateway.jtel().without_credentials().ask("1001910").await.outcome(), "200");
}

#[tokio::test]
async fn other_paths_and_methods_are_told_so() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    let elsewhere = jtel.url.replace("onClickToDial", "metrics");

    assert_eq!(jtel.send(Method::GET, &elsewhere).await.status, 404);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE] {
        let answer = jtel.send(method.clone(), &jtel.url).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.headers["allow"], "GET, HEAD", "{method}");
    }
}

#[tokio::test]
async fn head_is_answered_like_get_over_both_versions_of_http() {
    let gateway = Gateway::start().await;

    for jtel in [gateway.jtel(), gateway.jtel_h2()] {
        let url = format!("{}?SAPBusinessPartnerID=1001910&SAPPhoneNumber=498912345678", jtel.url);
        let get = jtel.send(Method::GET, &url).await;
        let head = jtel.send(Method::HEAD, &url).await;

        assert_eq!(head.status, get.status);
        assert_eq!(head.headers["content-type"], get.headers["content-type"]);
        assert_eq!(head.text, "");
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_the_client_offers_it() {
    let gateway = Gateway::start().await;

    assert_eq!(gateway.jtel().ask("1001910").await.version, http::Version::HTTP_11);
    assert_eq!(gateway.jtel_h2().ask("1001910").await.version, http::Version::HTTP_2);
}

#[tokio::test]
async fn calls_are_counted_by_decision_and_reason() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    jtel.ask("1001910").await;
    jtel.ask("1001910").await;
    jtel.ask("4040404").await;

    let metrics = gateway.metrics().await;
    let calls = |labels: &str| value_of(&metrics, &format!("dialgate_calls_total{{{labels}}}"));

    assert_eq!(calls(r#"decision="dial",reason="none",source="sap""#), 1);
    assert_eq!(calls(r#"decision="dial",reason="none",source="memory""#), 1);
    assert_eq!(calls(r#"decision="refuse",reason="partner_unknown",source="none""#), 1);
    assert_eq!(value_of(&metrics, "dialgate_calls_in_flight"), 0);
}

#[tokio::test]
async fn more_calls_at_once_than_allowed_are_refused_as_overloaded() {
    let gateway = Gateway::start_with(&[("listen.max_calls", "1")]).await;
    gateway.sap.set_delay(std::time::Duration::from_millis(700));
    let (first, second) = (gateway.jtel(), gateway.jtel());

    let slow = tokio::spawn(async move { first.ask("1001910").await.outcome() });
    eventually("the first call is under way", || async {
        value_of(&gateway.metrics().await, "dialgate_calls_in_flight") == 1
    })
    .await;
    let refused = second.ask("1001911").await;

    assert_eq!(refused.outcome(), "403 overloaded");
    assert_eq!(slow.await.unwrap(), "200");
}

#[tokio::test]
async fn each_answer_of_a_loaded_gateway_belongs_to_its_own_partner() {
    let gateway = Gateway::start_with(&[("cache.max_entries", "50")]).await;
    let channels = ["Direct sales", "Indirect sales", "Partner"];
    let countries = ["DE", "AT", "CH"];

    let callers = (0..8_usize).map(|caller| {
        let jtel = if caller % 2 == 0 { gateway.jtel() } else { gateway.jtel_h2() };
        tokio::spawn(async move {
            for call in 0..150_usize {
                let id = 5_000_000 + (caller * 37 + call * 11) % 400;
                let body = jtel.ask(&id.to_string()).await.json();
                assert_eq!(body["distributionChannelCodeText"], channels[id % 3], "{id}: {body}");
                assert_eq!(body["countryCode"], countries[(id / 3) % 3], "{id}: {body}");
            }
        })
    });

    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}
