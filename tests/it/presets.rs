//! The presets against SAP CAP: the same partners as Cloud for Customer, as S/4HANA in OData v2 and as
//! S/4HANA in OData v4.

use std::{fs, path::Path};

use dialgate::{
    app::{self, App},
    config::Environment,
};
use tempfile::TempDir;

use crate::support::{
    Client, PATIENCE,
    cap::{Cap, PASSWORD},
    gateway::{CLIENT_PASSWORD, write_config},
    program::{dialgate, run, stderr, stdout},
};

/// What the codes of CAP's S/4HANA mean.
const TEXTS: (&str, &str) =
    ("sap.channel_texts", r#"{ "10": Direct sales, "20": Indirect sales, "30": Partner }"#);

/// A gateway before SAP at `url`, whose configuration is changed by keys and then as a text.
pub(crate) fn gateway(
    url: &str,
    password: &str,
    changes: &[(&str, &str)],
    edit: impl FnOnce(String) -> String,
) -> (Client, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), url, changes);
    fs::write(folder.path().join("sap-password"), password).unwrap();
    fs::write(&file, edit(fs::read_to_string(&file).unwrap())).unwrap();
    let config = app::load(&file, &Environment::process()).unwrap_or_else(|e| panic!("{e}"));
    let app = App::new(config).unwrap();
    let jtel = Client::new(app.address(), "/onClickToDial", &folder.path().join("ca.pem"), false)
        .with_password("jtel", CLIENT_PASSWORD);
    tokio::spawn(app.serve());
    (jtel, folder)
}

/// A configuration with a shown preset pasted into it and one thing changed, as an operator does it.
pub(crate) async fn with_pasted(
    preset: &str,
    from: &str,
    to: &str,
) -> impl FnOnce(String) -> String {
    let shown = stdout(&run(dialgate().args(["presets", "show", preset])).await);
    assert!(shown.contains(from), "{shown}");
    let section = shown.strip_prefix("sap:\n").unwrap().replace(from, to);
    move |text| text.replace("  preset: c4c\n", &section)
}

const V4_ROOT: &str =
    "/sap/opu/odata4/sap/api_business_partner/srvd_a2x/sap/api_business_partner/0001";

async fn check(jtel: &Client, name: &str, table: &[(&str, &str, &str)]) {
    for (partner, outcome, contract) in table {
        let answer = jtel.ask(partner).await;
        assert_eq!(answer.outcome(), *outcome, "{name} {partner}: {answer:?}");
        let told = answer.json()["contractNumber"].as_str().unwrap_or_default().to_owned();
        assert_eq!(told, *contract, "{name} {partner}");
    }
}

#[tokio::test]
async fn the_same_partners_get_the_same_answers_from_every_sap() {
    let cap = Cap::start().await;
    let as_is = |text: String| text;
    let (c4c, _c4c) = gateway(&cap.url, PASSWORD, &[], as_is);
    let v2 = [("sap.preset", "s4-bupa-v2"), TEXTS];
    let (v2, _v2) = gateway(&cap.url, PASSWORD, &v2, as_is);
    let pasted = with_pasted("s4-bupa-v4", V4_ROOT, "/odata/v4/api_business_partner").await;
    let (v4, _v4) = gateway(&cap.url, PASSWORD, &[TEXTS], pasted);

    for (name, jtel) in [("c4c", &c4c), ("s4 v2", &v2), ("s4 v4", &v4)] {
        let rows = [
            ("1001910", "200", "Direct salesDE"),
            ("1001911", "200", "Indirect salesAT"),
            ("1001912", "403 partner_blocked", ""),
            ("1001913", "403 no_channel", ""),
            ("1001914", "403 no_country", ""),
            ("1001915", "403 partner_ambiguous", ""),
            ("2000001", "200", "PartnerDE"),
            ("4040404", "404 partner_unknown", ""),
        ];
        check(jtel, name, &rows).await;
    }
    // Business partners without the role of a customer are there in S/4HANA only.
    for (name, jtel) in [("s4 v2", &v2), ("s4 v4", &v4)] {
        check(jtel, name, &[("1001916", "403 no_channel", "")]).await;
    }
}

#[tokio::test]
async fn a_contact_leads_on_to_its_account_or_to_nothing() {
    let cap = Cap::start().await;
    let (jtel, _folder) = gateway(&cap.url, PASSWORD, &[], |text| text);

    let rows = [
        ("3000001", "200", "PartnerDE"),
        ("3000002", "403 no_channel", ""),
        ("3000003", "403 no_channel", ""),
    ];
    check(&jtel, "c4c", &rows).await;
}

#[tokio::test]
async fn by_code_the_language_of_the_texts_does_not_matter() {
    let cap = Cap::start().await;
    let codes = ("sap.channel_texts", r#"{ "01": Direct sales }"#);
    let german = ("sap.language", "DE");
    let (by_text, _one) = gateway(&cap.url, PASSWORD, &[german], |text| text);
    let (by_code, _two) = gateway(&cap.url, PASSWORD, &[german, codes], |text| text);

    check(&by_text, "text", &[("1001910", "403 no_service_number", "")]).await;
    let rows = [
        ("1001910", "200", "Direct salesDE"),
        // Code 02 is not in the table: no channel, and surely not another one's.
        ("1001911", "403 no_channel", ""),
        ("1001915", "403 partner_ambiguous", ""),
    ];
    check(&by_code, "code", &rows).await;
}

#[tokio::test]
async fn a_sales_area_is_picked_by_organisation_division_or_place() {
    let cap = Cap::start().await;
    for (key, value, expected) in [
        ("organisation: \"1000\"", "1000", "Direct salesDE"),
        ("organisation: \"2000\"", "2000", "Indirect salesDE"),
        ("position: 1", "1", "Direct salesDE"),
        ("position: 2", "2", "Indirect salesDE"),
    ] {
        let set = |text: String| {
            text.replace(
                "    deleted_too: false\n",
                &format!("    deleted_too: false\n    {key}\n"),
            )
        };
        let changes = [("sap.preset", "s4-bupa-v2"), TEXTS];
        let (jtel, _folder) = gateway(&cap.url, PASSWORD, &changes, set);
        check(&jtel, value, &[("1001915", "200", expected)]).await;
    }
}

#[tokio::test]
async fn an_address_is_picked_by_its_usage_and_explain_shows_what_there_is() {
    let cap = Cap::start().await;
    let v4 = with_pasted("s4-bupa-v4", V4_ROOT, "/odata/v4/api_business_partner").await;
    let v4_by_usage = with_pasted("s4-bupa-v4", V4_ROOT, "/odata/v4/api_business_partner").await;
    let v2 = [("sap.preset", "s4-bupa-v2"), TEXTS];
    let usage = |text: String| {
        text.replace("    invalid_too: false\n", "    invalid_too: false\n    usage: XXDEFAULT\n")
    };
    let (all_v2, folder) = gateway(&cap.url, PASSWORD, &v2, |text| text);
    let (by_usage_v2, _v2) = gateway(&cap.url, PASSWORD, &v2, usage);
    let (all_v4, _v4) = gateway(&cap.url, PASSWORD, &[TEXTS], v4);
    let (by_usage_v4, _v4_by_usage) =
        gateway(&cap.url, PASSWORD, &[TEXTS], |text| usage(v4_by_usage(text)));

    for (name, all, by_usage) in [("v2", &all_v2, &by_usage_v2), ("v4", &all_v4, &by_usage_v4)] {
        check(all, name, &[("1001917", "403 partner_ambiguous", "")]).await;
        check(by_usage, name, &[("1001917", "200", "Direct salesAT")]).await;
        // Archived; its customer marked for deletion.
        let rows = [("1001918", "403 partner_blocked", ""), ("1001919", "403 partner_blocked", "")];
        check(all, name, &rows).await;
    }
    let file = folder.path().join("config.yaml");
    let told = stdout(&run(dialgate().args(["explain", "1001917", "--config"]).arg(&file)).await);
    for line in [
        "sales area        organisation 1000, division 00, channel Direct sales",
        "address           country DE",
        "address           country CH; does not count: not valid today (sap.address.invalid_too)",
        "in different countries (AT, DE); sap.address says which of them counts",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
}

#[tokio::test]
async fn leading_zeros_are_sent_as_configured_and_never_read_loosely() {
    let cap = Cap::start().await;
    let s4 = [("sap.preset", "s4-bupa-v2"), TEXTS];
    // partner, then the answer with each form, and with the second try
    for (changes, short, long) in [
        (&[][..], "404 partner_unknown", "200"),
        (&[("sap.id_form", "pad_10")][..], "200", "200"),
        (&[("sap.id_form", "strip_zeros")][..], "404 partner_unknown", "404 partner_unknown"),
        (&[("sap.try_other_id_form", "true")][..], "200", "200"),
        (&[("sap.id_form", "strip_zeros"), ("sap.try_other_id_form", "true")][..], "200", "200"),
    ] {
        let changes = [&s4[..], changes].concat();
        let (jtel, _folder) = gateway(&cap.url, PASSWORD, &changes, |text| text);
        assert_eq!(jtel.ask("1002000").await.outcome(), short, "{changes:?}");
        assert_eq!(jtel.ask("0001002000").await.outcome(), long, "{changes:?}");
    }
}

#[tokio::test]
async fn what_is_found_by_phone_is_about_the_number_and_never_remembered() {
    let cap = Cap::start().await;
    let changes = [("sap.preset", "c4c-phone")];
    let (jtel, _folder) = gateway(&cap.url, PASSWORD, &changes, |text| text);
    for (phone, outcome, source) in [
        ("498946149500", "200", "sap"),
        ("%2B498946149500", "200", "sap"),
        ("498946149501", "404 partner_unknown", "sap"),
        ("4312345678", "200", "sap"),
        ("498946149500", "200", "sap"),
    ] {
        let query = format!("SAPBusinessPartnerID=7&SAPPhoneNumber={phone}");
        let answer = tokio::time::timeout(PATIENCE, jtel.query(&query)).await.unwrap();
        assert_eq!(answer.outcome(), outcome, "{phone}: {answer:?}");
        if outcome == "200" {
            assert_eq!(answer.source(), source, "{phone}");
        }
    }
    assert_eq!(
        jtel.query("SAPBusinessPartnerID=7&SAPPhoneNumber=4312345678").await.json()["contractNumber"],
        "Indirect salesAT"
    );
}

#[tokio::test]
async fn every_preset_is_listed_and_shown() {
    let list = run(dialgate().args(["presets", "list"])).await;
    let list = stdout(&list);
    let names: Vec<_> = list.lines().map(|line| line.split(' ').next().unwrap()).collect();
    for name in [
        "native",
        "c4c",
        "c4c-individual",
        "c4c-account",
        "c4c-phone",
        "sales-cloud-v2",
        "s4-bupa-v2",
        "s4-bupa-v4",
        "s4-sandbox",
        "custom",
    ] {
        assert!(names.contains(&name), "{name} is not in {list}");
        let shown = run(dialgate().args(["presets", "show", name])).await;
        assert!(stdout(&shown).starts_with("sap:\n  preset: custom\n  custom:\n"), "{name}");
    }
    let unknown = run(dialgate().args(["presets", "show", "r3"])).await;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("s4-bupa-v2"));
}

#[tokio::test]
async fn an_s4_without_a_table_of_channels_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), "http://127.0.0.1:9", &[("sap.preset", "s4-bupa-v2")]);

    let output = run(dialgate().args(["check", "--config"]).arg::<&Path>(&file)).await;

    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(told.contains("sap.channel_texts") && told.contains("Direct sales"), "{told}");
}
