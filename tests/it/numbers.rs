//! The rules about numbers and marks, and the commands for the jtel admin.

use std::fs;

use crate::support::{
    Client, Gateway,
    gateway::write_config,
    program::{dialgate, run, stderr, stdout},
    value_of,
};

/// A German partner, clicked with this number.
async fn call(jtel: &Client, number: &str) -> crate::support::client::Answer {
    jtel.query(&format!("SAPBusinessPartnerID=1001910&SAPPhoneNumber={number}")).await
}

#[tokio::test]
async fn by_default_a_foreign_number_is_shown_counted_and_recorded() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();

    let at_home = call(&jtel, "%2B498955555").await;
    let abroad = call(&jtel, "%2B43155555").await;

    assert_eq!(at_home.json()["serviceNumber"], abroad.json()["serviceNumber"]);
    let records = gateway.until_records(2).await;
    assert_eq!(
        (&records[0]["caller_id"], &records[1]["caller_id"]),
        (&"fits".into(), &"misfit".into())
    );
    let series = r#"dialgate_caller_id_misfits_total{outcome="warned"}"#;
    assert_eq!(value_of(&gateway.metrics().await, series), 1);
}

#[tokio::test]
async fn a_fallback_is_shown_where_it_fits_and_the_partners_own_number_everywhere_else() {
    let gateway = Gateway::start_with(&[
        ("rules.caller_id_fit", "fallback"),
        ("rules.fallback_service_numbers", "{ AT: \"43100000003\" }"),
    ])
    .await;
    let jtel = gateway.jtel();

    // Twice each, in turn: what was rendered for one number must not leak into another's answer.
    for _ in 0..2 {
        let at_home = call(&jtel, "498955555").await.json();
        assert_eq!(
            (&at_home["contractNumber"], &at_home["serviceNumber"]),
            (&"Direct salesDE".into(), &"4922147100000".into())
        );
        let abroad = call(&jtel, "43155555").await.json();
        assert_eq!(
            (&abroad["contractNumber"], &abroad["serviceNumber"]),
            (&"PartnerAT".into(), &"43100000003".into())
        );
        assert_eq!(
            (&abroad["distributionChannelCodeText"], &abroad["countryCode"]),
            (&"Partner".into(), &"AT".into())
        );
        assert_eq!(call(&jtel, "41440000009").await.outcome(), "403 caller_id_not_allowed");
    }
    let metrics = gateway.metrics().await;
    for outcome in ["fallback", "refused"] {
        let series = format!("dialgate_caller_id_misfits_total{{outcome=\"{outcome}\"}}");
        assert_eq!(value_of(&metrics, &series), 2, "{outcome}");
    }
}

#[tokio::test]
async fn what_the_rules_forbid_is_refused_for_its_reason() {
    let gateway = Gateway::start_with(&[
        ("rules.never_dialled", "{ emergency: true, premium: true, prefixes: [\"881\"] }"),
        ("rules.destination_countries", "[DE, AT]"),
        (
            "rules.refuse_when",
            "[{ path: ContactPermissionCode, operator: equals, value: \"2\", reason: contact_not_allowed }]",
        ),
    ])
    .await;
    let jtel = gateway.jtel();

    for number in ["110", "4919222", "499001123456", "88161234567", "41440000009"] {
        assert_eq!(call(&jtel, number).await.outcome(), "403 number_not_allowed", "{number}");
    }
    assert_eq!(call(&jtel, "498955555").await.outcome(), "200");
    assert_eq!(jtel.ask("1001911").await.outcome(), "403 contact_not_allowed");
}

#[tokio::test]
async fn a_service_number_that_may_not_be_shown_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), "http://127.0.0.1:9", &[]);
    fs::write(folder.path().join("ranges.csv"), "from;to\n4915700;4915799\n50;49\n").unwrap();
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("\"43100000002\"", "\"499001123456\"")
        .replace("\"41440000002\"", "\"414400000020000\"")
        .replace("    # ranges_file: never-dialled.csv", "    ranges_file: ranges.csv")
        .replace(
            "  fallback_service_numbers: {}",
            "  fallback_service_numbers: { DE: \"43100000001\" }",
        )
        .replace("caller_id_fit: warn", "caller_id_fit: fallback");
    fs::write(&file, text).unwrap();

    let output = run(dialgate().args(["check", "--config"]).arg(&file)).await;

    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    for finding in ["premium-rate", "has a length", "is no number of DE", "ends before it begins"] {
        assert!(told.contains(finding), "no {finding} in {told}");
    }
    assert!(told.contains("4 findings"), "{told}");
}

#[tokio::test]
async fn jtel_prints_the_lines_for_both_modes() {
    let gateway = Gateway::start_with(&[("listen.drop_in", "true")]).await;
    let file = gateway.folder.path().join("config.yaml");

    let named =
        run(dialgate().args(["jtel", "--host", "gate.example", "--config"]).arg(&file)).await;
    let unnamed = run(dialgate().args(["jtel", "--config"]).arg(&file)).await;

    let told = stdout(&named);
    for line in [
        "  https://gate.example/onClickToDial",
        "  SAPBusinessPartnerID=$SAPBusinessPartnerID",
        "  distributionChannelCodeText=distributionChannelCodeText",
        "  https://gate.example/sap/c4c/odata/v1/c4codataapi/IndividualCustomerCollection",
        "  $filter=CustomerID eq '$SAPBusinessPartnerID'",
        "  countryCode=d.results[0].CountryCode",
    ] {
        assert!(told.lines().any(|of| of == line), "no {line} in {told}");
    }
    assert!(stdout(&unnamed).contains("  https://localhost"), "{}", stdout(&unnamed));
    let off = Gateway::start().await;
    let file = off.folder.path().join("config.yaml");
    let told = stdout(&run(dialgate().args(["jtel", "--config"]).arg(&file)).await);
    assert!(told.contains("$filter=CustomerID eq '$SAPBusinessPartnerID'"), "{told}");
    assert!(told.contains("set listen.drop_in: true"), "{told}");
}

#[tokio::test]
async fn coverage_names_what_sap_could_answer_by_its_value_help() {
    let numbers = "[{ contract_number: Direct salesDE, service_number: \"4922147100000\" }, \
                   { contract_number: Retired channelDE, service_number: \"498999998000\" }]";
    let english = Gateway::start_with(&[("rules.service_numbers", numbers)]).await;
    let silent = Gateway::start_with(&[("rules.service_numbers", numbers)]).await;
    silent.sap.set_fault(Some("html".parse().unwrap()), None);
    let coverage = |gateway: &Gateway, more: &'static [&'static str]| {
        let mut command = dialgate();
        command.args(["coverage", "--admin", &gateway.admin.to_string()]).args(more);
        command.arg("--config").arg(gateway.folder.path().join("config.yaml"));
        command
    };

    let told = stdout(&run(&mut coverage(&english, &[])).await);
    let json = run(&mut coverage(&english, &["--json"])).await;
    let unread = run(&mut coverage(&silent, &["--json"])).await;

    let could = "SAP could answer, no service number here: Indirect salesDE, PartnerDE\n";
    assert!(told.contains(could), "{told}");
    let unreachable = "service number here, no channel of SAP leads to it: Retired channelDE\n";
    assert!(told.contains(unreachable), "{told}");
    let json: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(json["couldProduce"]["known"], true, "{json}");
    let unread: serde_json::Value = serde_json::from_str(&stdout(&unread)).unwrap();
    assert_eq!(unread["couldProduce"]["known"], false, "{unread}");
}

#[tokio::test]
async fn coverage_names_what_is_missing_on_either_side() {
    let change = [("rules.without_service_number", "dial_without_number")];
    let gateway = Gateway::start_with(&change).await;
    let file = gateway.folder.path().join("config.yaml");
    let list = gateway.folder.path().join("jtel.csv");
    let all = "Contract Number;Service Number\nDirect salesDE;4922147100000\n";
    fs::write(&list, all).unwrap();
    gateway.jtel().ask("1001910").await;
    gateway.jtel().ask("1001913").await;

    let admin = gateway.admin.to_string();
    let coverage = |more: &[&str]| {
        let mut command = dialgate();
        command.args(["coverage", "--json", "--admin", &admin]).args(more);
        command.arg("--config").arg(&file);
        command
    };
    let covered = run(&mut coverage(&[])).await;
    let compared = run(&mut coverage(&["--jtel", list.to_str().unwrap()])).await;

    let told: serde_json::Value = serde_json::from_str(&stdout(&covered)).unwrap();
    assert_eq!(covered.status.code(), Some(0), "{told}");
    assert_eq!(told["gatewayAnswered"], true, "{told}");
    assert_eq!(told["withoutContractNumber"], 1, "{told}");
    let row = |told: &serde_json::Value, number: &str| {
        let rows = told["rows"].as_array().unwrap().iter();
        rows.clone().find(|row| row["contractNumber"] == number).unwrap().clone()
    };
    assert_eq!(row(&told, "Direct salesDE")["answers"], 1, "{told}");
    let told: serde_json::Value = serde_json::from_str(&stdout(&compared)).unwrap();
    assert_eq!(compared.status.code(), Some(1), "{told}");
    assert_eq!(row(&told, "Direct salesDE")["missing"], serde_json::json!([]));
    assert_eq!(row(&told, "PartnerAT")["missing"], serde_json::json!(["jtel"]));
}

#[tokio::test]
async fn check_connect_says_where_the_way_to_sap_ends_and_what_to_do() {
    let gateway = Gateway::start().await;
    let config = |url: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = write_config(folder.path(), url, &[]);
        (folder, file)
    };
    let not_tls = format!("https://localhost:{}", gateway.sap_url.rsplit(':').next().unwrap());
    let stranger = format!("https://localhost:{}", gateway.address.port());

    for (url, code, told) in [
        (
            gateway.sap_url.as_str(),
            0,
            vec!["OK    DNS", "OK    TCP", "OK    login", "OK    lookup"],
        ),
        ("https://no-such-host.invalid", 1, vec!["FAIL  DNS", "spelling of sap.url"]),
        ("http://127.0.0.1:9", 1, vec!["OK    DNS", "FAIL  TCP", "check the port"]),
        (&not_tls, 1, vec!["OK    TCP", "FAIL  TLS", "not TLS"]),
        (&stranger, 1, vec!["FAIL  TLS", "sap.ca_file"]),
    ] {
        let (_folder, file) = config(url);
        let output = run(dialgate().args(["check", "--connect", "--config"]).arg(&file)).await;
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(code), "{url}: {text}{}", stderr(&output));
        for told in told {
            assert!(text.contains(told), "{url}: no {told} in {text}");
        }
    }
}

#[tokio::test]
async fn check_connect_tells_who_signed_saps_certificate_and_how_long_it_lasts() {
    // Another dialgate stands in for a SAP behind TLS: it has a certificate and knows no partner.
    let gateway = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("https://localhost:{}", gateway.address.port());
    let file = write_config(folder.path(), &url, &[]);
    let ca = format!("  ca_file: {}\n", gateway.ca().display());
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("  # ca_file: certs/sap-ca.pem\n"));
    fs::write(&file, text.replace("  # ca_file: certs/sap-ca.pem\n", &ca)).unwrap();

    let output = run(dialgate().args(["check", "--connect", "--config"]).arg(&file)).await;

    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for told in ["OK    TLS", "TLSv1_3", "dialgate test CA", "days left", "FAIL  lookup"] {
        assert!(text.contains(told), "no {told} in {text}{}", stderr(&output));
    }
}
