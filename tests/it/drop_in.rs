//! Drop-in mode: a jtel that is configured for SAP Cloud for Customer, with only the host changed.

use http::Method;
use tokio::process::Command;

use crate::support::{
    Gateway,
    gateway::{CLIENT_PASSWORD, write_config},
    program::{dialgate, run, stderr, stdout},
};

const C4C: &str = "/sap/c4c/odata/v1/c4codataapi";

/// What jtel's REST Parameters of the documented example 1 become, before curl encodes them.
const BY_ID: [&str; 2] = ["$filter=CustomerID eq '1001910'", "$expand=IndividualCustomerSalesData"];

/// The documented example 2, with a number that the simulator knows.
const BY_PHONE: [&str; 2] =
    ["$filter=NormalisedPhone eq '+498946149500'", "$expand=IndividualCustomerSalesData"];

fn curl(gateway: &Gateway, more: &[&str]) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--cacert"])
        .arg(gateway.ca())
        .args(["-u", &format!("jtel:{CLIENT_PASSWORD}"), "-w", "\n%{http_code} %{content_type}"])
        .args(more)
        .arg(format!("https://{}{C4C}/IndividualCustomerCollection", gateway.address));
    curl
}

#[tokio::test]
async fn the_documented_questions_are_answered_byte_for_byte() {
    for (example, preset, encode) in [
        (BY_ID, "c4c", "--data-urlencode"),
        (BY_ID, "c4c", "--data-raw"),
        (BY_PHONE, "c4c-phone", "--data-urlencode"),
        (BY_PHONE, "c4c-phone", "--data-raw"),
    ] {
        let changes = [("listen.drop_in", "true"), ("sap.preset", preset)];
        let gateway = Gateway::start_with(&changes).await;
        let lines = example.map(|line| match encode {
            // What a client does that escapes nothing but the blanks HTTP cannot carry.
            "--data-raw" => line.replace(' ', "%20"),
            _ => line.to_owned(),
        });
        let answered =
            run(&mut curl(&gateway, &["-G", encode, &lines[0], encode, &lines[1]])).await;

        assert_eq!(
            stdout(&answered),
            concat!(
                r#"{"d":{"results":[{"CountryCode":"DE","#,
                r#""IndividualCustomerSalesData":[{"DistributionChannelCodeText":"Direct sales"}]}]}}"#,
                "\n200 application/json"
            ),
            "{preset} {encode}: {}",
            stderr(&answered)
        );
    }
}

#[tokio::test]
async fn what_jtel_reads_from_the_answer_is_the_contract_number() {
    let gateway = Gateway::start_with(&[("listen.drop_in", "true")]).await;
    let url = format!(
        "https://{}{C4C}/IndividualCustomerCollection?$filter=CustomerID%20eq%20'2000001'",
        gateway.address
    );

    let body = gateway.jtel().send(Method::GET, &url).await.json();

    // The documented JSON Result lines.
    let record = &body["d"]["results"][0];
    assert_eq!(record["IndividualCustomerSalesData"][0]["DistributionChannelCodeText"], "Partner");
    assert_eq!(record["CountryCode"], "DE");
}

#[tokio::test]
async fn a_question_that_the_preset_cannot_answer_is_refused_with_what_to_do() {
    let gateway = Gateway::start_with(&[("listen.drop_in", "true")]).await;

    let encode = "--data-urlencode";
    let answered =
        run(&mut curl(&gateway, &["-G", encode, BY_PHONE[0], encode, BY_PHONE[1]])).await;

    let text = stdout(&answered);
    assert!(text.ends_with("\n400 application/problem+json"), "{text}");
    assert!(text.contains("take c4c-phone"), "{text}");
    assert!(!text.contains("498946149500"), "{text}");
    let by_phone =
        Gateway::start_with(&[("listen.drop_in", "true"), ("sap.preset", "c4c-phone")]).await;
    let answered = run(&mut curl(&by_phone, &["-G", encode, BY_ID[0], encode, BY_ID[1]])).await;
    let text = stdout(&answered);
    assert!(text.ends_with("\n400 application/problem+json"), "{text}");
    assert!(text.contains("ask by NormalisedPhone"), "{text}");
}

#[tokio::test]
async fn refusals_have_the_statuses_that_jtel_documents_and_nothing_else_is_answered() {
    let gateway = Gateway::start_with(&[("listen.drop_in", "true")]).await;
    let jtel = gateway.jtel();
    let base = format!("https://{}{C4C}", gateway.address);
    let ask = |filter: &str| format!("{base}/IndividualCustomerCollection?$filter={filter}");

    for (url, outcome) in [
        (ask("CustomerID%20eq%20'4040404'"), "404 partner_unknown"),
        (ask("CustomerID%20eq%20'1001912'"), "403 partner_blocked"),
        (ask("CustomerID%20eq%20'x'%20or%20CustomerID%20ne%20''"), "400 bad_query"),
        (ask("CustomerID%20eq%20'*'"), "400 bad_query"),
        (ask("ObjectID%20eq%20'1001910'"), "400 bad_query"),
        (format!("{base}/IndividualCustomerCollection"), "400 bad_query"),
        (format!("{base}/CorporateAccountCollection?$filter=x"), "404 no_such_path"),
        (format!("{base}/IndividualCustomerCollection('1')"), "404 no_such_path"),
        (format!("{base}/"), "404 no_such_path"),
    ] {
        assert_eq!(jtel.send(Method::GET, &url).await.outcome(), outcome, "{url}");
    }
    let posted = jtel.send(Method::POST, &ask("CustomerID%20eq%20'1001910'")).await;
    assert_eq!(posted.outcome(), "405 method_not_allowed");
    let stranger = jtel.clone().without_credentials();
    let refused = stranger.send(Method::GET, &ask("CustomerID%20eq%20'1001910'")).await;
    assert_eq!(refused.outcome(), "403 unauthorized");
}

#[tokio::test]
async fn without_drop_in_there_is_no_such_path() {
    let gateway = Gateway::start().await;
    let url = format!(
        "https://{}{C4C}/IndividualCustomerCollection?$filter=CustomerID%20eq%20'1001910'",
        gateway.address
    );

    assert_eq!(gateway.jtel().send(Method::GET, &url).await.outcome(), "404 no_such_path");
}

#[tokio::test]
async fn a_rule_that_needs_the_number_refuses_a_question_that_has_none() {
    let never = [("listen.drop_in", "true"), ("rules.never_dialled.emergency", "true")];
    let fit = [("listen.drop_in", "true"), ("rules.caller_id_fit", "refuse")];

    for (changes, outcome) in
        [(never, "403 number_not_allowed"), (fit, "403 caller_id_not_allowed")]
    {
        let gateway = Gateway::start_with(&changes).await;
        let url = format!(
            "https://{}{C4C}/IndividualCustomerCollection?$filter=CustomerID%20eq%20'1001910'",
            gateway.address
        );
        assert_eq!(gateway.jtel().send(Method::GET, &url).await.outcome(), outcome);
        assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "200");
    }
}

#[tokio::test]
async fn drop_in_with_a_sap_that_must_know_the_number_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let changes = [("listen.drop_in", "true"), ("sap.preset", "native")];
    let file = write_config(folder.path(), "http://127.0.0.1:9", &changes);

    let output = run(dialgate().args(["check", "--config"]).arg(&file)).await;

    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("listen.drop_in: is true, but"), "{}", stderr(&output));
}
