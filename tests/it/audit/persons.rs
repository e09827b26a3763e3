//! Persons: who may find them in the trail, and where they are not at all.

use std::fs;

use http::Method;
use serde_json::Value;

use super::{ended, text_of, verified};
use crate::support::{
    Gateway, Process, eventually,
    gateway::AUDIT,
    program::{dialgate, run, stderr, stdout},
};

#[tokio::test]
async fn a_person_is_found_exported_and_then_by_nobody_found_again() {
    let privacy = "{ number: pseudonym }";
    let gateway = Gateway::start_with(&[("audit", AUDIT), ("privacy", privacy)]).await;
    for partner in ["1001910", "4040404", "1001910"] {
        gateway.jtel().ask(partner).await;
    }
    let gateway = ended(gateway).await;
    let folder = gateway.folder.path();
    let ask = async |arguments: &[&str]| {
        let done = run(dialgate().arg("privacy").args(arguments).current_dir(folder)).await;
        (stdout(&done), stderr(&done), done.status.code())
    };
    let folders = ["--trail", "trail", "--keys", "keys"];

    let (found, told, _) = ask(&[&["find", "0001001910"], &folders[..]].concat()).await;
    assert_eq!(found.lines().count(), 2, "{found}");
    assert!(found.contains("4922147100000") && told.starts_with("2 records; "), "{found}{told}");
    let (all, ..) = ask(&[&["export", "4040404"], &folders[..]].concat()).await;
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(all[0]["reason"], "partner_unknown");
    let (found, ..) = ask(&[&["find", "--number", "4989461495000"], &folders[..]].concat()).await;
    assert_eq!(found.lines().count(), 3, "{found}");

    let (told, ..) = ask(&["forget", "--keys", "keys", "--epoch", "1"]).await;
    assert!(told.contains("Nothing was done; say --yes"), "{told}");
    assert_eq!(ask(&["forget", "--keys", "keys", "--epoch", "1", "--yes"]).await.2, Some(0));

    let (found, told, _) = ask(&[&["find", "1001910"], &folders[..]].concat()).await;
    assert!(found.is_empty() && told.contains("1 of 1 keys are gone"), "{found}{told}");
    assert_eq!(ask(&["forget", "--keys", "keys", "--epoch", "1", "--yes"]).await.2, Some(1));
    assert!(verified(folder, &[]).await.1, "the trail is as whole as before");
}

/// Everything that a process ever wrote, while all it could log was logged.
#[tokio::test]
async fn nothing_that_the_process_ever_writes_has_a_partner_a_number_or_a_password() {
    let gateway = Gateway::start().await;
    let changes = [("audit", AUDIT), ("privacy", "{ number: pseudonym }"), ("log.level", "trace")];
    let mut process = Process::start(&gateway.sap_url, &changes).await;
    let jtel = process.jtel(false);
    let mut told = String::new();
    for query in [
        "SAPBusinessPartnerID=5001234&SAPPhoneNumber=4989777666555",
        "SAPBusinessPartnerID=5001234%27&SAPPhoneNumber=4989777666555",
        "SAPBusinessPartnerID=5001234&SAPPhoneNumber=4989777666555x",
        "SAPBusinessPartnerID=1001910&SAPPhoneNumber=4989777666555",
    ] {
        let answer = jtel.query(query).await;
        told += &answer.text;
        told.extend(answer.headers.values().map(|value| value.to_str().unwrap()));
    }
    jtel.clone().with_password("jtel", "canary-wrong-password").ask("5001234").await;
    gateway.sap.set_fault(Some("not_json".parse().unwrap()), None);
    told += &jtel.query("SAPBusinessPartnerID=5001235&SAPPhoneNumber=4989777666555").await.text;
    eventually("records", || async { process.records().len() >= 6 }).await;
    let calls = process.records();
    for path in
        ["/", "/metrics", "/status.json", "/decisions.json", "/warnings.json", "/readyz?verbose"]
    {
        told += &process.admin(Method::GET, path).await.1;
    }
    for call in &calls {
        let path = format!("/explain.json?call={}", call["call"].as_str().unwrap());
        told += &process.admin(Method::GET, &path).await.1;
    }
    assert_eq!(process.end().await, Some(0));

    let log: String = process.log().iter().map(ToString::to_string).collect();
    assert!(log.contains("\"DEBUG\""), "more was logged than usual: {log}");
    told += &log;
    let folder = process.folder.path();
    told += &fs::read_to_string(folder.join("access.log")).unwrap();
    let trail = text_of(&folder.join("trail"));
    assert!(trail.contains("\"number\":\"1:") && trail.contains("\"partner\":\"1:"), "{trail}");
    told += &trail;
    for personal in ["5001234", "5001235", "777666555", "SAPPhoneNumber=", "canary"] {
        let place = told.find(personal).map(|at| &told[at.saturating_sub(300)..at + 40]);
        assert_eq!(place, None, "{personal}");
    }
}
