//! What whoever watches a running gateway is told: by the state in one word, by `tail`, and by `explain`.

use std::{process::Stdio, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout},
    time::{Instant, timeout},
};

use crate::support::{
    Does, Gateway, PATIENCE, Process, ScriptedSap, eventually,
    gateway::rewrite_config,
    load::{at_once, partner, with_outcome},
    program::{dialgate, run, stderr, stdout},
};

/// The rules know one contract number only.
const ONE_ROW: (&str, &str) = (
    "rules.service_numbers",
    "[{ contract_number: Direct salesDE, service_number: \"498999998000\" }]",
);

type Told = Lines<BufReader<ChildStdout>>;

async fn status(gateway: &Gateway) -> Value {
    serde_json::from_str(&gateway.admin("/status.json").await.1).unwrap()
}

/// A `dialgate tail` that has begun to listen: it has told of a call about this partner.
async fn tail(gateway: &Gateway, arguments: &[&str], partner: &str) -> (Child, Told) {
    let mut child = dialgate()
        .args(["tail", "--json", "--admin", &gateway.admin.to_string()])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (jtel, until) = (gateway.jtel(), Instant::now() + PATIENCE);
    loop {
        assert!(Instant::now() < until, "it tells nothing");
        jtel.ask(partner).await;
        if let Ok(line) = timeout(Duration::from_millis(10), lines.next_line()).await {
            line.unwrap().unwrap();
            return (child, lines);
        }
    }
}

/// Waits until it has told of these calls, in whichever order.
async fn until_told(lines: &mut Told, mut calls: Vec<Value>) {
    while !calls.is_empty() {
        let line = timeout(PATIENCE, lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("not told: {calls:?}")).unwrap().unwrap();
        let told = serde_json::from_str::<Value>(&line).unwrap()["call"].clone();
        calls.retain(|call| *call != told);
    }
}

#[tokio::test]
async fn a_gateway_that_turns_nearly_every_call_away_is_not_good_and_says_whose_fault_it_is() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("1001910").await.outcome(), "200");
    eventually("all is well", || async { status(&gateway).await["condition"] == "good" }).await;

    let wrong = gateway.jtel().with_password("jtel", "wrong");
    // At once: who guesses is kept waiting, and one after the other would take minutes.
    let made = at_once(&wrong, (0..60).map(partner)).await;
    assert_eq!(with_outcome(&made, "403 unauthorized"), 60);

    let sentence = "Logins of jtel fail for a wrong password: 60 of 61";
    eventually("it says whose fault it is", || async {
        status(&gateway).await["sentence"].as_str().is_some_and(|told| told.starts_with(sentence))
    })
    .await;
    let told = status(&gateway).await;
    assert_eq!(told["condition"], "bad", "{told}");
    assert_eq!(told["problems"][0]["runbook"], "DialgateLoginsFail", "{told}");
    eventually("they count as failed", || async {
        status(&gateway).await["flow"]["calls"]["failedPercent"].as_f64() > Some(90.0)
    })
    .await;
    let screen =
        run(dialgate().args(["top", "--once", "--admin", &gateway.admin.to_string()])).await;
    assert!(stdout(&screen).contains("BAD  Logins of jtel fail"), "{}", stdout(&screen));
}

#[tokio::test]
async fn calls_sent_away_for_want_of_places_are_no_good_state_either() {
    let sap = ScriptedSap::start().await;
    let gateway =
        Gateway::start_unready(&[("sap.url", &sap.url()), ("listen.max_calls", "1")]).await;
    sap.decides(|_asked| Does::Held(Does::Answer.into()));
    let jtel = gateway.jtel();
    let calls = tokio::spawn(async move { at_once(&jtel, (0..40).map(partner)).await });
    eventually("they are sent away", || async {
        status(&gateway).await["sentence"]
            .as_str()
            .is_some_and(|told| told.contains("(overloaded)"))
    })
    .await;
    assert_eq!(status(&gateway).await["condition"], "bad");
    sap.release();
    drop(calls.await);
}

#[tokio::test]
async fn tail_has_every_refusal_also_one_that_took_long_and_one_in_a_crowd_of_hits() {
    let sap = ScriptedSap::start().await;
    let gateway = Gateway::start_unready(&[("sap.url", &sap.url())]).await;
    gateway.until_ready().await;
    let jtel = gateway.jtel();
    sap.decides(|asked| match asked.partner.as_str() {
        "4040404" => Does::Held(Does::Unknown.into()),
        "4040400" | "4040405" => Does::Unknown,
        _ => Does::Answer,
    });
    let (_refused, mut refused) = tail(&gateway, &["--refused"], "4040400").await;
    let (_all, mut all) = tail(&gateway, &[], &partner(1)).await;

    let slow = tokio::spawn({
        let jtel = gateway.jtel();
        async move { jtel.ask("4040404").await.json()["callId"].clone() }
    });
    eventually("SAP has been asked", || async { sap.requests_for("4040404") == 1 }).await;
    // Begins later, and is told before the slow one ends.
    let hit = jtel.ask(&partner(1)).await;
    assert_eq!(hit.source(), "memory");
    let hit = hit.json()["callId"].clone();
    until_told(&mut all, vec![hit]).await;
    let other = jtel.ask("4040405").await.json()["callId"].clone();
    for _ in 0..3 {
        at_once(&jtel, (0..200).map(|_| partner(1))).await;
    }
    sap.release();
    let slow = slow.await.unwrap();

    until_told(&mut refused, vec![slow, other]).await;
}

#[tokio::test]
async fn tail_knows_its_words() {
    for (arguments, expected) in [
        (["--source", "nonsense"], "possible values"),
        (["--reason", "nonsense"], "possible values"),
        (["--client", "no such"], "1 to 32 of"),
    ] {
        let output = run(dialgate().arg("tail").args(arguments)).await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    let gateway = Gateway::start().await;
    for wrong in ["source=nonsense", "reason=nonsense", "only=nonsense", "client=a&client=b"] {
        let (status, told) = gateway.admin(&format!("/events?of=decisions&{wrong}")).await;
        assert_eq!(status, 400, "{wrong} {told}");
    }
}

#[tokio::test]
async fn a_refusal_for_want_of_a_row_names_the_contract_number_in_the_list_of_decisions() {
    let gateway = Gateway::start_with(&[ONE_ROW]).await;
    assert_eq!(gateway.jtel().ask("2000001").await.outcome(), "403 no_service_number");

    let lines: Value = serde_json::from_str(&gateway.admin("/decisions.json").await.1).unwrap();

    assert_eq!(lines[0]["contractNumber"], "PartnerDE", "{lines}");
}

#[tokio::test]
async fn what_was_decided_by_rules_that_are_gone_is_not_told_by_those_of_now() {
    let gateway = Gateway::start_with(&[ONE_ROW]).await;
    let refused = gateway.jtel().ask("2000001").await.json();
    let call = refused["callId"].as_str().unwrap();
    let story = async || -> Value {
        let path = format!("/explain.json?call={call}");
        serde_json::from_str(&gateway.admin(&path).await.1).unwrap()
    };
    let before = story().await;
    assert!(before["because"].as_str().unwrap().contains("has no row"), "{before}");
    assert!(!before["rules"].as_array().unwrap().is_empty());

    rewrite_config(gateway.folder.path(), &gateway.sap_url, &[]);
    gateway.control.reload().await.unwrap();

    eventually("the rules are others", || async { story().await["rulesHaveChanged"] == true })
        .await;
    let after = story().await;
    let because = after["because"].as_str().unwrap();
    assert!(because.contains("have changed since"), "{because}");
    assert!(because.contains("had no row") && !because.contains("has no row"), "{because}");
    assert!(after["rules"].as_array().unwrap().is_empty(), "{after}");
    let lines: Value = serde_json::from_str(&gateway.admin("/decisions.json").await.1).unwrap();
    assert_eq!(lines[0]["because"], because);
}

#[tokio::test]
async fn the_log_says_which_operator_did_what_and_what_came_of_it() {
    let sap = Gateway::start().await;
    let hash = dialgate::config::SecretHash::of(b"pass");
    let operators = format!("[{{ name: oncall, secrets: [\"{hash}\"] }}]");
    let process = Process::start(&sap.sap_url, &[("admin.operators", &operators)]).await;
    let paths = [
        "/sap/retry-login",
        "/sap/reset-breaker",
        "/reload",
        "/log?level=debug",
        "/log?level=configured",
    ];
    for path in paths {
        let url = format!("http://{}{path}", process.admin_address());
        let mut curl = tokio::process::Command::new("curl");
        let done = run(curl.args(["-sS", "-f", "-u", "oncall:pass", "-X", "POST", &url])).await;
        assert!(done.status.success(), "{path} {}", stderr(&done));
    }

    let lines = || {
        let log = process.log().into_iter().map(|line| line.to_string());
        log.filter(|line| line.contains("oncall (127.0.0.1)")).collect::<Vec<_>>()
    };
    eventually("all of it is in the log", || async { lines().len() >= paths.len() }).await;
    assert!(
        lines().iter().any(|line| line.contains("breaker to be closed, and it was")),
        "{:?}",
        lines()
    );
}

#[tokio::test]
async fn a_partner_or_a_token_in_the_address_is_not_read() {
    let gateway = Gateway::start().await;
    gateway.jtel().ask("1001910").await;
    let url = |path: &str| format!("http://{}{path}", gateway.admin);
    let curl = async |arguments: &[&str]| {
        let mut curl = tokio::process::Command::new("curl");
        stdout(&run(curl.args(["-sS", "-w", " %{http_code}"]).args(arguments)).await)
    };

    let address = url("/memory/forget?partner=1001910");
    assert!(curl(&["-X", "POST", &address]).await.ends_with(" 400"));
    assert_eq!(gateway.jtel().ask("1001910").await.source(), "memory");
    assert!(curl(&["-d", "partner=1001910", &url("/memory/forget")]).await.ends_with(" 200"));

    let page = gateway.admin("/").await.1;
    let token = page.split_once("name=\"token\" value=\"").unwrap().1;
    let token = token.split('"').next().unwrap();
    let origin = format!("Origin: http://{}", gateway.admin);
    let address = url(&format!("/reload?token={token}"));
    assert!(curl(&["-X", "POST", "-H", &origin, &address]).await.ends_with(" 403"));
    let form = format!("token={token}");
    assert!(curl(&["-H", &origin, "-d", &form, &url("/reload")]).await.ends_with(" 200"));
}

#[tokio::test]
async fn a_sap_that_answers_at_once_is_not_called_silent_and_one_accident_is_not_bad() {
    let sap = ScriptedSap::start().await;
    let gateway = Gateway::start_unready(&[("sap.url", &sap.url())]).await;
    gateway.until_ready().await;
    let jtel = gateway.jtel();
    sap.does(Does::RetryAfter("60".to_owned()));
    jtel.ask("1001910").await;

    let told = status(&gateway).await;
    let (sentence, problems) = (told["sentence"].as_str().unwrap(), told["problems"].to_string());
    assert!(!sentence.contains("silent"), "{told}");
    assert!(!problems.contains("check --connect"), "{told}");
    assert_eq!(told["condition"], "warning", "{told}");
}

#[tokio::test]
async fn a_call_is_explained_with_as_much_advice_as_its_partner_also_where_memory_answered() {
    let gateway = Gateway::start().await;
    let file = gateway.folder.path().join("config.yaml");
    for (partner, areas) in [("1001913", 0), ("1001914", 1), ("1001915", 2)] {
        let of_partner =
            run(dialgate().args(["explain", partner, "--json", "--config"]).arg(&file)).await;
        let of_partner: Value = serde_json::from_str(&stdout(&of_partner)).unwrap();
        let step = of_partner["steps"].as_array().unwrap().last().unwrap();
        for source in ["sap", "memory"] {
            let refused = gateway.jtel().ask(partner).await.json();
            let call = refused["callId"].as_str().unwrap();
            let story = gateway.admin(&format!("/explain.json?call={call}")).await.1;
            let story: Value = serde_json::from_str(&story).unwrap();

            assert_eq!(story["source"], source, "{story}");
            assert_eq!(story["because"], of_partner["because"], "{partner}");
            assert_eq!(story["salesAreas"], step["salesAreas"], "{partner}");
            assert_eq!(story["salesAreas"].as_array().unwrap().len(), areas, "{story}");
            let text = gateway.admin(&format!("/explain?call={call}")).await.1;
            assert_eq!(text.matches("  sales area  ").count(), areas, "{text}");
        }
    }
    let dialled = gateway.jtel().ask("1001910").await.json();
    let path = format!("/explain.json?call={}", dialled["callId"].as_str().unwrap());
    let story: Value = serde_json::from_str(&gateway.admin(&path).await.1).unwrap();
    assert_eq!(story["salesAreas"], Value::Null, "of those who are many, nothing is kept: {story}");
}
