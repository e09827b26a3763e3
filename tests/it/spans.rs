//! Spans: what a collector that is not ours gets to know of a call, and what it does not.

use std::{fs, os::unix::fs::PermissionsExt};

use dialgate::{app, config, config::Environment};
use http::Method;
use serde_json::Value;

use crate::support::{
    Client, Does, Gateway, SAP_PASSWORD, SAP_USER, ScriptedSap,
    collector::Collector,
    eventually,
    gateway::write_config,
    server::{Server, json},
};

const CALLERS: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLERS_SPAN: &str = "00f067aa0ba902b7";

/// A gateway that sends its spans there, in front of the SAP at `url`.
async fn recording(collector: &Collector, url: &str, changes: &[(&str, &str)]) -> Gateway {
    let section = collector.section();
    let all = [&[("traces.otlp", section.as_str()), ("sap.url", url)], changes].concat();
    Gateway::start_unready(&all).await
}

/// Ends the gateway: what is left is sent before.
async fn end(gateway: Gateway) {
    gateway.control.leave().await;
    gateway.serving.await.unwrap();
}

fn named<'s>(spans: &'s [Value], name: &str) -> Vec<&'s Value> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

#[tokio::test]
async fn a_call_is_a_tree_of_spans_in_the_trace_of_its_caller_down_to_each_request_to_sap() {
    let collector = Collector::start().await;
    let server = Server::start(json("200 OK", r#"{"d":{"results":[]}}"#)).await;
    let gateway = recording(&collector, &format!("http://{}", server.address), &[]).await;
    let jtel = gateway.jtel().with_trace(&format!("00-{CALLERS}-{CALLERS_SPAN}-01"));

    assert_eq!(jtel.ask("1001910").await.outcome(), "404 partner_unknown");
    end(gateway).await;

    let spans = collector.spans();
    let ([call], [lookup]) = (&*named(&spans, "call"), &*named(&spans, "lookup")) else {
        panic!("{spans:?}");
    };
    assert_eq!((&call["parent"], &call["kind"]), (&CALLERS_SPAN.into(), &"server".into()));
    assert_eq!(call["flags"], 0x301, "sampled, and the parent is somebody else's");
    let attributes = &call["attributes"];
    assert_eq!(attributes["http.response.status_code"], 404);
    assert_eq!(attributes["dialgate.client"], "jtel");
    assert_eq!(attributes["dialgate.reason"], "partner_unknown");
    assert_eq!(attributes["dialgate.rule"], "partner_known");
    assert_eq!(call["failed"], false, "a refusal by a rule is no failure");
    assert_eq!(lookup["parent"], call["id"]);
    let asked = named(&spans, "sap");
    assert!(asked.len() >= 2, "{spans:?}");
    let mut sent: Vec<String> = asked
        .iter()
        .map(|request| {
            assert_eq!((&request["parent"], &request["kind"]), (&lookup["id"], &"client".into()));
            assert_eq!(request["attributes"]["dialgate.outcome"], "unknown", "{request}");
            assert_eq!(request["attributes"]["server.port"], server.address.port());
            format!("00-{CALLERS}-{}-01", request["id"].as_str().unwrap())
        })
        .collect();
    let seen = server.seen();
    let mut told: Vec<_> = seen
        .iter()
        .filter_map(|request| request.lines().find_map(|line| line.strip_prefix("traceparent: ")))
        .collect();
    sent.sort_unstable();
    told.sort_unstable();
    assert_eq!(sent, told, "SAP is told the spans that the collector gets");
    for span in &spans {
        assert_eq!(span["trace"], CALLERS);
        assert_eq!(span["resource"]["service.name"], "dialgate");
        let inside = span["start"].as_u64() >= call["start"].as_u64()
            && span["end"].as_u64() <= call["end"].as_u64()
            && span["start"].as_u64() <= span["end"].as_u64();
        assert!(inside, "{span} in {call}");
    }
}

#[tokio::test]
async fn no_span_has_a_partner_a_number_a_name_or_a_secret() {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, "s3cret-of-the-collector").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let file = key.display();
    let section =
        format!("{{ url: '{}', headers: {{ api-key: {{ file: '{file}' }} }} }}", collector.url);
    let gateway = Gateway::start_with(&[("traces.otlp", &section)]).await;
    let jtel = gateway.jtel();
    let mut shown = String::new();
    for query in [
        "SAPBusinessPartnerID=5001234&SAPPhoneNumber=4989777666555",
        "SAPBusinessPartnerID=5001236&SAPPhoneNumber=%2B4989777666555",
        "SAPBusinessPartnerID=5001234%27&SAPPhoneNumber=4989777666555",
        "SAPBusinessPartnerID=5001234&SAPPhoneNumber=4989777666555x",
        "SAPBusinessPartnerID=4040404&SAPPhoneNumber=4989777666555",
        "SAPBusinessPartnerID=1001910&SAPPhoneNumber=4989777666555",
    ] {
        shown += &jtel.query(query).await.text;
    }
    gateway.sap.set_fault(Some("not_json".parse().unwrap()), None);
    jtel.query("SAPBusinessPartnerID=5001235&SAPPhoneNumber=4989777666555").await;
    assert!(shown.contains("4922147100000"), "a service number was shown: {shown}");
    end(gateway).await;

    let requests = collector.requests();
    assert!(named(&collector.spans(), "call").len() >= 7, "{requests:?}");
    for request in requests {
        assert_eq!(request["headers"]["api-key"], "s3cret-of-the-collector");
        let mut told = request.to_string().replace("s3cret-of-the-collector", "");
        told += request["body"].as_str().unwrap();
        for value in [
            "5001234",
            "5001235",
            "5001236",
            "4040404",
            "1001910",
            "777666555",
            "SAPPhoneNumber",
            "4922147100000",
            "Direct sales",
            "uthorization",
            SAP_PASSWORD,
            SAP_USER,
            "canary",
            "s3cret",
        ] {
            assert!(!told.contains(value), "{value} in {told}");
        }
    }
}

#[tokio::test]
async fn whoever_waits_with_another_call_is_linked_to_it_and_whoever_waits_for_a_place_has_a_span()
{
    let collector = Collector::start().await;
    let sap = ScriptedSap::start().await;
    let changes = [("sap.max_in_flight", "1"), ("deadline", "20s"), ("sap.total_timeout", "20s")];
    let gateway = recording(&collector, &sap.url(), &changes).await;
    gateway.until_ready().await;
    let jtel = gateway.jtel_h2();
    sap.does(Does::Held(Box::new(Does::Answer)));
    let before = sap.asked().len();

    let ask = |partner: &'static str| {
        let jtel = jtel.clone();
        tokio::spawn(async move { jtel.ask(partner).await })
    };
    let first = ask("5000001");
    eventually("SAP is asked", || async { sap.asked().len() > before }).await;
    let (second, third) = (ask("5000001"), ask("5000002"));
    let in_flight = || async { gateway.metrics().await.contains("dialgate_calls_in_flight 3") };
    eventually("all of them wait", in_flight).await;
    sap.release();
    for answer in [first.await.unwrap(), second.await.unwrap(), third.await.unwrap()] {
        assert_eq!(answer.outcome(), "200");
        assert!(answer.headers["server-timing"].to_str().unwrap().contains("sap;dur="));
    }
    end(gateway).await;

    let spans = collector.spans();
    let (shared, own): (Vec<_>, Vec<_>) = named(&spans, "lookup")
        .into_iter()
        .partition(|lookup| lookup["attributes"]["dialgate.shared"] == true);
    assert_eq!((shared.len(), own.len()), (1, 2), "{spans:?}");
    assert_eq!(named(&spans, "sap").len(), 2, "one for each question: {spans:?}");
    let linked = &shared[0]["links"][0];
    let of = |lookup: &Value| [lookup["trace"].clone(), lookup["parent"].clone()];
    assert!(own.iter().any(|lookup| of(lookup).as_slice() == linked.as_array().unwrap()));
    let [queue] = &*named(&spans, "queue") else { panic!("{spans:?}") };
    assert!(own.iter().any(|lookup| lookup["id"] == queue["parent"]));
    assert!(queue["end"].as_u64() > queue["start"].as_u64());
}

#[tokio::test]
async fn a_wait_for_a_token_in_vain_is_a_span_and_is_told_to_whom_we_know() {
    let collector = Collector::start().await;
    let tokens = Server::start(json("500 Internal Server Error", "{}")).await;
    let login = format!(
        "{{ oauth2: {{ token_url: 'http://{}/token', client_id: gw, \
         client_secret: {{ file: sap-password }} }} }}",
        tokens.address
    );
    let server = Server::start(json("200 OK", r#"{"d":{"results":[]}}"#)).await;
    let url = format!("http://{}", server.address);
    let gateway = recording(&collector, &url, &[("sap.login", &login)]).await;

    let answer = gateway.jtel().ask("1001910").await;
    end(gateway).await;

    assert_eq!(answer.outcome(), "403 sap_unavailable");
    let expected = r#"dialgate; error=destination_unavailable; details="token_status""#;
    assert_eq!(answer.headers["proxy-status"], expected);
    let timing = answer.headers["server-timing"].to_str().unwrap();
    assert!(timing.contains("token;dur=") && timing.contains("sap;dur="), "{timing}");
    let spans = collector.spans();
    let [call] = &*named(&spans, "call") else { panic!("{spans:?}") };
    assert_eq!(
        (&call["failed"], &call["attributes"]["error.type"]),
        (&true.into(), &"sap_unavailable".into())
    );
    let [token] = &*named(&spans, "token") else { panic!("{spans:?}") };
    assert_eq!(token["attributes"]["error.type"], "token_status");
    assert_eq!(token["attributes"]["server.port"], tokens.address.port());
    assert!(named(&spans, "sap").is_empty(), "{spans:?}");
}

#[tokio::test]
async fn a_caller_who_hangs_up_leaves_the_spans_of_what_sap_was_asked_for_him() {
    let collector = Collector::start().await;
    let sap = ScriptedSap::start().await;
    let gateway = recording(&collector, &sap.url(), &[]).await;
    gateway.until_ready().await;
    let jtel = gateway.jtel_h2();
    sap.does(Does::Held(Box::new(Does::Answer)));
    let before = sap.asked().len();

    let asking = tokio::spawn(async move { jtel.ask("5000001").await });
    eventually("SAP is asked", || async { sap.asked().len() > before }).await;
    asking.abort();
    gateway.until_records(1).await;
    sap.release();
    eventually("SAP has answered", || async { sap.done() > before }).await;
    end(gateway).await;

    let spans = collector.spans();
    let [call] = &*named(&spans, "call") else { panic!("{spans:?}") };
    assert_eq!(call["attributes"]["error.type"], "unanswered");
    assert_eq!(call["attributes"]["http.response.status_code"], 499);
    assert_eq!(named(&spans, "sap").len(), 1, "{spans:?}");
}

#[tokio::test]
async fn strangers_and_calls_that_are_not_in_the_sample_leave_no_spans() {
    let collector = Collector::start().await;
    let section = collector.section();
    let changes = [("traces.otlp", section.as_str()), ("traces.sample_percent", "0")];
    let gateway = Gateway::start_with(&changes).await;
    let jtel = gateway.jtel();
    let traced = |flags| jtel.clone().with_trace(&format!("00-{CALLERS}-{CALLERS_SPAN}-{flags}"));

    jtel.ask("1001910").await;
    traced("00").ask("1001910").await;
    traced("01").without_credentials().ask("1001910").await;
    traced("01").send(Method::GET, &format!("{}x", jtel.url)).await;
    traced("01").ask("1001910").await;
    end(gateway).await;

    let spans = collector.spans();
    let [call] = &*named(&spans, "call") else { panic!("{spans:?}") };
    assert_eq!(call["trace"], CALLERS);
    assert_eq!(call["attributes"]["dialgate.source"], "memory");
}

#[tokio::test]
async fn a_reload_names_a_collector_another_one_and_none() {
    let (first, second) = (Collector::start().await, Collector::start().await);
    let gateway = Gateway::start().await;
    let file = gateway.folder.path().join("config.yaml");
    let admin = Client::new(gateway.admin, "", &gateway.ca(), false);
    let reload = async |section: &str| {
        let text = fs::read_to_string(&file).unwrap();
        let text = text.replace("\n  # otlp:", "\n  otlp:");
        let text = config::edit(&text, &[("traces.otlp", section.to_owned())]).unwrap();
        fs::write(&file, text).unwrap();
        let url = format!("http://{}/reload", gateway.admin);
        let answer = admin.send(Method::POST, &url).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    let jtel = gateway.jtel();

    jtel.ask("1001910").await;
    reload(&first.section()).await;
    jtel.ask("1001910").await;
    first.until("call", 1).await;
    reload(&second.section()).await;
    jtel.ask("1001910").await;
    second.until("call", 1).await;
    reload("~").await;
    jtel.ask("1001910").await;
    gateway.until_records(4).await;
    end(gateway).await;

    let calls = |collector: &Collector| named(&collector.spans(), "call").len();
    assert_eq!((calls(&first), calls(&second)), (1, 1));
}

#[tokio::test]
async fn a_file_of_a_ca_that_cannot_be_used_is_found_before_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let otlp = "{ url: 'https://127.0.0.1:9/v1/traces', ca_file: nowhere.pem }";
    let file = write_config(folder.path(), "http://127.0.0.1:9", &[("traces.otlp", otlp)]);

    let findings = app::load(&file, &Environment::process()).unwrap_err().to_string();

    assert!(findings.contains("traces.otlp.ca_file: "), "{findings}");
    assert!(findings.contains("nowhere.pem"), "{findings}");
}
