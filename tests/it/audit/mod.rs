//! The audit trail as those meet it who check it, who run it, and who have to erase something from it.

mod persons;

use std::{fs, path::Path};

use http::Method;
use serde_json::Value;

use crate::support::{
    Gateway, Process, SAP_PASSWORD, eventually,
    gateway::{AUDIT, CLIENT_PASSWORD, rewrite_config},
    program::{dialgate, run, stderr, stdout},
};

/// The page that shows what one changed byte looks like.
const PAGE: &str = include_str!("../../../docs/audit.md");

fn trail(folder: &Path) -> Vec<Value> {
    let text = text_of(&folder.join("trail"));
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn text_of(folder: &Path) -> String {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// What `audit verify` says with both keys, and whether it found something.
async fn verified(folder: &Path, more: &[&str]) -> (String, bool) {
    let mut verify = dialgate();
    verify.args(["audit", "verify", "--key", "public-key", "--mac-key", "mac-key"]).args(more);
    let done = run(verify.arg("trail").current_dir(folder)).await;
    (stdout(&done) + &stderr(&done), done.status.success())
}

async fn ended(mut gateway: Gateway) -> Gateway {
    gateway.control.leave().await;
    (&mut gateway.serving).await.unwrap();
    gateway
}

#[tokio::test]
async fn each_call_and_each_doing_of_an_operator_is_in_the_trail_and_none_has_a_partner_or_a_number()
 {
    let gateway = Gateway::start_with(&[("audit", AUDIT)]).await;
    let jtel = gateway.jtel();

    let dialled = jtel.ask("1001910").await;
    jtel.ask("0001001910").await;
    jtel.ask("4040404").await;
    jtel.clone().without_credentials().ask("1001910").await;
    jtel.query("nonsense").await;
    jtel.send(Method::GET, &jtel.url.replace("onClickToDial", "other")).await;
    let anybody = jtel.clone().without_credentials();
    anybody.send(Method::POST, &format!("http://{}/reload", gateway.admin)).await;
    let gateway = ended(gateway).await;

    let folder = gateway.folder.path();
    let records = trail(folder);
    let facts: Vec<_> = records
        .iter()
        .map(|record| {
            let fields = ["kind", "client", "decision", "reason", "source", "action", "result"];
            let texts = fields.iter().filter_map(|field| record[field].as_str());
            texts.collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(
        facts,
        [
            "file",
            "epoch_began",
            "begun",
            "started",
            "call jtel dial none sap",
            "call jtel refuse partner_unknown sap",
            "call jtel refuse partner_unknown sap",
            "call refuse unauthorized none",
            "call jtel refuse bad_query none",
            "reload unchanged",
            "operator reload",
            "stopped",
            "checkpoint",
        ]
    );
    let first = &records[4];
    assert_eq!(first["call"], dialled.json()["callId"]);
    assert_eq!(first["rule"], "rules.service_numbers");
    assert_eq!(first["service_number"], "4922147100000");
    assert_eq!(first["partner"], records[5]["partner"], "zeros before an ID are nobody else");
    assert!(first["partner"].as_str().unwrap().starts_with("1:") && first["number"].is_null());
    assert_eq!(first["config"].as_str().unwrap().len(), 12);
    assert!(records[7]["partner"].is_null() && records[8]["partner"].is_null());
    assert_eq!(records[10]["by"], "127.0.0.1");
    let text = text_of(&folder.join("trail"));
    for personal in ["1001910", "4040404", "9461495000", CLIENT_PASSWORD, SAP_PASSWORD] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
    let (told, is_whole) = verified(folder, &[]).await;
    assert!(
        is_whole && told == "nothing was changed: 13 records, 1 to 13; 1 checkpoint\n",
        "{told}"
    );
}

#[tokio::test]
async fn one_changed_byte_is_named_as_the_page_says() {
    let gateway = Gateway::start_with(&[("audit", AUDIT)]).await;
    for partner in ["1001910", "1001910", "4040404"] {
        gateway.jtel().ask(partner).await;
    }
    let gateway = ended(gateway).await;
    let folder = gateway.folder.path();
    assert!(verified(folder, &[]).await.1);
    let (_, demo) = PAGE.split_once("```console\n").unwrap();
    let (demo, _) = demo.split_once("```").unwrap();
    let (commands, output): (Vec<_>, Vec<_>) =
        demo.lines().partition(|line| line.starts_with("$ "));
    assert_eq!(commands[1], "$ dialgate audit verify --key public-key trail");

    let change = commands[0].trim_start_matches("$ ");
    let mut shell = tokio::process::Command::new("sh");
    let changed = run(shell.args(["-c", change]).current_dir(folder)).await;
    assert!(changed.status.success(), "{}", stderr(&changed));
    let mut verify = dialgate();
    verify.args(["audit", "verify", "--key", "public-key", "trail"]);
    let found = run(verify.current_dir(folder)).await;

    assert_eq!(found.status.code(), Some(1));
    assert_eq!(stdout(&found).lines().collect::<Vec<_>>(), output);
}

#[tokio::test]
async fn while_the_trail_cannot_be_written_nothing_is_decided_and_sap_is_not_asked() {
    let gateway = Gateway::start_with(&[("audit", AUDIT)]).await;
    let folder = gateway.folder.path();
    let jtel = gateway.jtel();
    jtel.ask("1001910").await;
    fs::rename(folder.join("trail"), folder.join("away")).unwrap();
    // Its record cannot be written: the last one that was let in.
    jtel.ask("1001910").await;
    eventually("a call is refused", || async {
        jtel.ask("1001910").await.json()["reason"] == "audit_unwritable"
    })
    .await;
    let asked = gateway.sap.requests();

    let refused = jtel.ask("1001911").await;

    assert_eq!((refused.status.as_u16(), gateway.sap.requests()), (403, asked));
    let (status, told) = gateway.admin("/readyz?verbose").await;
    assert_eq!(status, 503);
    assert!(told.contains("audit: cannot be written: "), "{told}");
    eventually("the page says it", || async {
        gateway.admin("/status.json").await.1.contains("the audit trail cannot be written")
    })
    .await;
    assert!(gateway.metrics().await.contains("dialgate_audit_queue_length "));

    fs::rename(folder.join("away"), folder.join("trail")).unwrap();
    eventually("calls are answered again", || async {
        jtel.ask("1001910").await.status == 200 && gateway.admin("/readyz").await.0 == 200
    })
    .await;
    let gateway = ended(gateway).await;
    let (told, is_whole) = verified(gateway.folder.path(), &[]).await;
    assert!(is_whole, "{told}");
    let records = trail(gateway.folder.path());
    assert!(records.iter().any(|record| record["reason"] == "audit_unwritable"));
}

#[tokio::test]
async fn where_the_configuration_says_so_calls_go_on_without_the_trail() {
    let audit = AUDIT.replace("refuse", "continue");
    let gateway = Gateway::start_with(&[("audit", &audit)]).await;
    let folder = gateway.folder.path();
    let jtel = gateway.jtel();
    fs::rename(folder.join("trail"), folder.join("away")).unwrap();
    eventually("it is noticed", || async {
        jtel.ask("1001910").await;
        gateway.admin("/readyz?verbose").await.1.contains("calls go on")
    })
    .await;

    assert_eq!(jtel.ask("1001910").await.status, 200);
    assert_eq!(gateway.admin("/readyz").await.0, 200);

    fs::rename(folder.join("away"), folder.join("trail")).unwrap();
    let gateway = ended(gateway).await;
    assert!(verified(gateway.folder.path(), &[]).await.1);
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_writes_leaves_a_trail_that_goes_on() {
    let gateway = Gateway::start().await;
    let audit = AUDIT.replace("5m", "1s");
    let mut process = Process::start(&gateway.sap_url, &[("audit", &audit)]).await;
    let folder = process.folder.path().to_owned();
    for round in 0..3 {
        let callers = (0..4).map(|_| {
            let jtel = process.jtel(false);
            tokio::spawn(async move { while jtel.try_ask("1001910").await.is_ok() {} })
        });
        let callers: Vec<_> = callers.collect();
        let enough = 200 * (round + 1);
        eventually("records", || async { trail(&folder).len() > enough }).await;
        process.child.kill().await.unwrap();
        for caller in callers {
            caller.await.unwrap();
        }
        process = process.again().await;
    }

    assert_eq!(process.end().await, Some(0));
    let (told, is_whole) = verified(&folder, &[]).await;
    assert!(is_whole, "{told}");
    assert!(trail(&folder).iter().filter(|record| record["kind"] == "started").count() == 4);
}

#[tokio::test]
async fn a_trail_that_somebody_changed_starts_nothing() {
    let gateway = Gateway::start_with(&[("audit", AUDIT)]).await;
    gateway.jtel().ask("1001910").await;
    let gateway = ended(gateway).await;
    let folder = gateway.folder.path();
    let file = folder.join("trail/trail-000000000001.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"decision\":\"dial\"", "\"decision\":\"dead\"")).unwrap();

    let config = rewrite_config(folder, &gateway.sap_url, &[("audit", AUDIT)]);
    let done = run(dialgate().args(["run", "--config"]).arg(config)).await;

    assert_eq!(done.status.code(), Some(1));
    let told = stderr(&done);
    assert!(told.contains("trail-000000000001.jsonl:5: does not follow"), "{told}");
    assert!(told.contains("name another folder with new keys"), "{told}");
}

#[tokio::test]
async fn what_the_trail_needs_is_told_before_anything_starts() {
    let gateway = Gateway::start().await;
    let folder = gateway.folder.path();
    let audit = "{ folder: nowhere, keys: no-keys, when_unwritable: refuse }";
    let config = rewrite_config(folder, &gateway.sap_url, &[("audit", audit)]);

    let done = run(dialgate().args(["check", "--config"]).arg(config)).await;

    assert_eq!(done.status.code(), Some(2));
    let told = stdout(&done) + &stderr(&done);
    for part in ["audit.folder: ", "is no folder; make it", "audit.keys: ", "dialgate audit keys"] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[tokio::test]
async fn the_end_that_was_cut_off_is_found_by_what_the_second_place_has() {
    let audit = AUDIT.replace("5m", "5m, anchors: [{ file: anchors }]");
    let gateway = Gateway::start_with(&[("audit", &audit)]).await;
    gateway.jtel().ask("1001910").await;
    let gateway = ended(gateway).await;
    let folder = gateway.folder.path();
    let more = ["--anchor", "anchors"];
    let (told, is_whole) = verified(folder, &more).await;
    assert!(is_whole && told.contains("the second place has 1 checkpoint of this key"), "{told}");

    let file = folder.join("trail/trail-000000000001.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let end = text.trim_end().rfind('\n').unwrap();
    fs::write(&file, &text[..=end]).unwrap();

    assert!(verified(folder, &[]).await.1, "without the second place nobody knows");
    let (told, is_whole) = verified(folder, &more).await;
    assert!(!is_whole && told.starts_with("the end is missing"), "{told}");
}

#[tokio::test]
async fn keys_are_printed_for_those_who_check_and_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let keys = || {
        let mut command = dialgate();
        command.args(["audit", "keys", "keys", "--json"]).current_dir(folder.path());
        command
    };

    let done = run(&mut keys()).await;

    let made: Value = serde_json::from_str(&stdout(&done)).unwrap();
    for key in ["public_key", "first_mac_key"] {
        assert_eq!(made[key].as_str().unwrap().len(), 64);
    }
    let again = run(&mut keys()).await;
    assert!(!again.status.success() && stderr(&again).contains("is there already"));
}
