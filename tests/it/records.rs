//! Access records: exactly one per request, with what an auditor wants and without personal data.

use http::Method;

use crate::support::{Gateway, SAP_PASSWORD, SAP_USER};

#[tokio::test]
async fn every_request_leaves_one_record_with_who_how_and_what() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();

    let dialled = jtel.ask("1001910").await;
    jtel.ask("1001910").await;
    jtel.ask("4040404").await;
    jtel.clone().without_credentials().ask("1001910").await;
    jtel.query("nonsense").await;
    jtel.send(Method::POST, &jtel.url).await;
    jtel.send(Method::GET, &jtel.url.replace("onClickToDial", "other")).await;

    let records = gateway.until_records(7).await;
    let facts: Vec<String> = records
        .iter()
        .map(|record| {
            ["client", "status", "decision", "reason", "source"]
                .map(|field| record[field].to_string().replace('"', ""))
                .join(" ")
        })
        .collect();
    assert_eq!(
        facts,
        [
            "jtel 200 dial none sap",
            "jtel 200 dial none memory",
            "jtel 404 refuse partner_unknown sap",
            "null 403 refuse unauthorized none",
            "jtel 400 refuse bad_query none",
            "null 405 none method_not_allowed none",
            "null 404 none no_such_path none",
        ]
    );
    let first = &records[0];
    assert_eq!(first["call"], dialled.json()["callId"]);
    assert_eq!(first["peer"], "127.0.0.1");
    let tls = ["version", "cipher", "curve", "resumed", "next_protocol", "client.server_name"].map(
        |name| first[format!("tls.{}", name.replace("version", "protocol.version"))].to_string(),
    );
    assert_eq!(
        tls,
        [
            r#""1.3""#,
            r#""TLS_AES_128_GCM_SHA256""#,
            r#""X25519MLKEM768""#,
            "false",
            // Neither protocol nor name was asked for.
            "null",
            "null"
        ]
    );
    assert!(first["tls.handshake_ms"].as_u64().is_some(), "{first}");
    // The way to SAP, of calls that went it.
    assert_eq!(first["sap.server.address"], gateway.sap_url.replace("http://", ""));
    assert_eq!(first["sap.network.peer.address"], "127.0.0.1");
    assert!(
        first["sap.tls.protocol.version"].is_null()
            && records[1].get("sap.server.address").is_none()
    );
    // Who answered, and under which configuration.
    let one = |field: &str| records.iter().all(|record| record[field] == first[field]);
    assert!(one("instance") && one("version") && one("config"), "{records:#?}");
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    assert!(first["config"].as_str().is_some_and(|hash| hash.len() == 12), "{first}");
    assert_eq!(first["http"], "1.1");
    assert!(first["took_us"].as_u64() >= first["sap_us"].as_u64(), "{first}");
    assert!(records[1]["sap_us"].is_null());
    let shown = ["rule", "contract_number", "service_number"].map(|field| first[field].clone());
    assert_eq!(shown, ["rules.service_numbers", "Direct salesDE", "4922147100000"]);
    assert_eq!(first["age_s"], 0);
    assert_eq!(records[2]["rule"], "partner_known");
    assert!(records[2]["contract_number"].is_null() && records[3]["rule"].is_null());
}

#[tokio::test]
async fn no_record_metric_or_answer_has_a_number_a_partner_or_a_secret() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    let mut told = String::new();

    for query in [
        "SAPBusinessPartnerID=5001234&SAPPhoneNumber=4989777666555",
        "SAPBusinessPartnerID=5001234%27&SAPPhoneNumber=4989777666555",
        "SAPBusinessPartnerID=5001234&SAPPhoneNumber=4989777666555x",
        "SAPBusinessPartnerID=4040404&SAPPhoneNumber=4989777666555",
    ] {
        told += &jtel.query(query).await.text;
    }
    gateway.sap.set_fault(Some("not_json".parse().unwrap()), None);
    told += &jtel.query("SAPBusinessPartnerID=5001235&SAPPhoneNumber=4989777666555").await.text;
    gateway.until_records(5).await;
    told += &gateway.metrics().await;
    told += &std::fs::read_to_string(gateway.folder.path().join("access.log")).unwrap();

    for secret in
        ["5001234", "5001235", "777666555", "SAPPhoneNumber=", SAP_PASSWORD, SAP_USER, "canary"]
    {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[tokio::test]
async fn no_label_comes_from_the_network() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    let series = |metrics: &str| metrics.lines().filter(|line| !line.starts_with('#')).count();
    let before = series(&gateway.metrics().await);

    for number in 0..50 {
        jtel.ask(&format!("600{number}")).await;
        jtel.send(Method::GET, &format!("{}{number}", jtel.url)).await;
        jtel.clone().with_password(&format!("user{number}"), "x").ask("1001910").await;
    }

    assert_eq!(series(&gateway.metrics().await), before);
}
