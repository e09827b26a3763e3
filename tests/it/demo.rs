//! `dialgate demo`: what a newcomer and a script get.

use tokio::process::Command;

use crate::support::{
    program::{Demo, dialgate, run, stderr, stdout, terminate},
    value_of,
};

async fn shell(line: &str) -> String {
    let ran = run(Command::new("sh").args(["-c", line])).await;
    assert!(ran.status.success(), "{line}: {}", stderr(&ran));
    stdout(&ran)
}

#[tokio::test]
async fn the_printed_curl_line_is_answered_with_the_service_number() {
    let demo = Demo::start().await;

    let answer = shell(&format!("{} -sS", demo.fact("curl"))).await;

    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["contractNumber"], "Direct salesDE");
    assert_eq!(answer["decision"], "dial");
}

#[tokio::test]
async fn every_fact_for_scripts_is_true() {
    let demo = Demo::start().await;

    let answer = shell(&format!(
        "curl -sS --cacert '{}' -u '{}:{}' '{}?SAPBusinessPartnerID=5000004&SAPPhoneNumber=498912345678'",
        demo.fact("ca_file"),
        demo.fact("user"),
        demo.fact("password"),
        demo.fact("url"),
    ))
    .await;
    assert!(answer.contains("Indirect salesAT") || answer.contains("contractNumber"), "{answer}");
    let metrics = shell(&format!("curl -sS {}/metrics", demo.fact("admin_url"))).await;
    assert_eq!(value_of(&metrics, "dialgate_ready"), 1);
    let simulator = shell(&format!("curl -sS {}/_sim", demo.fact("sim_url"))).await;
    assert!(simulator.contains("5000004"), "{simulator}");
}

#[tokio::test]
async fn its_configuration_file_serves_other_commands() {
    let demo = Demo::start().await;

    let checked =
        run(dialgate().args(["check", "--connect", "--config"]).arg(demo.config_file())).await;
    let explained =
        run(dialgate().args(["explain", "1001910", "--config"]).arg(demo.config_file())).await;

    assert!(checked.status.success(), "{}{}", stdout(&checked), stderr(&checked));
    assert!(explained.status.success(), "{}", stderr(&explained));
    assert!(stdout(&explained).contains("Direct salesDE"), "{}", stdout(&explained));
}

#[tokio::test]
async fn it_ends_with_0_on_sigterm_and_prints_no_secret_of_sap() {
    let mut demo = Demo::start().await;

    terminate(&demo.process).await;
    let status = demo.process.wait().await.unwrap();

    assert_eq!(status.code(), Some(0));
    let config = std::fs::read_to_string(demo.config_file()).unwrap();
    assert!(!config.contains(demo.fact("password")), "only the hash is in the file");
}
