//! `tests:` in the configuration: a test that fails stops check, start and reload, and what the tests
//! do not reach is told.

use std::{
    fs,
    path::{Path, PathBuf},
};

use http::Method;

use crate::support::{
    Client, Gateway, eventually,
    gateway::write_config,
    program::{dialgate, run, stderr, stdout},
    value_of,
};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A test that the shipped rules pass, and that fails when blocked partners are dialled.
const BLOCKED: &str = "  - name: a blocked partner is not called
    partner: { distribution_channel: Direct sales, country: DE, blocked: true }
    number: +49 89 99998000
    expect: { refuse: partner_blocked }
";

const SHOWN: &str = "  - name: a customer in Germany sees its number
    partner: { distribution_channel: Direct sales, country: DE }
    number: +49 89 99998000
    expect: { dial: \"4922147100000\" }
";

const README: &str = include_str!("../../README.md");

/// Appends tests to a configuration, as editors and deployments do: a new file takes its place.
fn with_tests(file: &Path, tests: &str, edit: impl FnOnce(&str) -> String) {
    let text = fs::read_to_string(file).unwrap();
    let sections = text.split("\ntests:\n").next().unwrap();
    let new = file.with_extension("new");
    fs::write(&new, edit(&format!("{}\ntests:\n{tests}", sections.trim_end()))).unwrap();
    fs::rename(&new, file).unwrap();
}

fn plain(text: &str) -> String {
    text.to_owned()
}

/// Blocked partners are dialled.
fn dials_blocked(text: &str) -> String {
    assert!(text.contains("partner_blocked: refuse\n"));
    text.replace("partner_blocked: refuse\n", "partner_blocked: dial\n")
}

async fn check(file: &PathBuf) -> (Option<i32>, String, String) {
    let output = run(dialgate().args(["check", "--config"]).arg(file)).await;
    (output.status.code(), stdout(&output), stderr(&output))
}

#[tokio::test]
async fn a_test_that_fails_is_a_finding_with_its_line_for_check_and_for_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), NOWHERE, &[]);
    with_tests(&file, BLOCKED, |text| {
        dials_blocked(text).replace("deadline: 2500ms", "deadline: soon")
    });
    let line = fs::read_to_string(&file).unwrap().lines().count();

    let (code, _, told) = check(&file).await;
    let start = run(dialgate().args(["run", "--config"]).arg(&file)).await;

    let finding = format!(
        "config.yaml:{line}:5: tests[0].expect: the test `a blocked partner is not called` fails: \
         {{ refuse: partner_blocked }} is expected, and decided is {{ dial: \"4922147100000\", \
         contract_number: Direct salesDE, caller_id: fits, rule: rules.service_numbers }}"
    );
    assert_eq!(code, Some(2));
    assert!(told.contains(&finding), "{told}");
    assert!(told.contains("deadline: `soon`") && told.contains("2 findings;"), "{told}");
    assert_eq!(start.status.code(), Some(2));
    assert!(stderr(&start).contains(&finding), "{}", stderr(&start));
    assert!(!told.contains("99998000"), "{told}");
}

#[tokio::test]
async fn check_says_how_far_the_tests_reach_and_what_they_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), NOWHERE, &[]);

    let (code, without, _) = check(&file).await;
    with_tests(&file, &[BLOCKED, SHOWN].concat(), plain);
    let (code_with, with, _) = check(&file).await;
    let row =
        |n| format!("    - {{ contract_number: Part{n}DE, service_number: \"49221471001{n}\" }}\n");
    let rows = (10..40).map(row).collect::<Vec<_>>().concat();
    let list = "  service_numbers:\n";
    with_tests(&file, SHOWN, |text| text.replace(list, &(list.to_owned() + &rows)));
    let (_, cut, _) = check(&file).await;

    assert_eq!((code, code_with), (Some(0), Some(0)), "{with}");
    let line = without.lines().find(|line| line.contains("tests:")).unwrap();
    assert!(line.starts_with("OK    tests: none; "), "{line}");
    let lines: Vec<_> = with.lines().filter(|line| line.contains("tests:")).collect();
    assert_eq!(
        lines,
        [
            "OK    tests: 2 passed; they reach 2 of 5 rules and 1 of 9 service numbers",
            "NOTE  tests: none is decided by rules.sap_unavailable, partner_known, \
             rules.without_service_number",
            "NOTE  tests: none shows the number of Direct salesAT, Direct salesCH, Indirect salesAT, \
             Indirect salesCH, Indirect salesDE, PartnerAT, PartnerCH, PartnerDE",
        ]
    );
    assert!(cut.contains("reach 1 of 5 rules and 1 of 39 service numbers"), "{cut}");
    assert!(cut.contains("Part14DE and 28 more"), "{cut}");
}

#[tokio::test]
async fn a_reload_with_a_failing_test_keeps_what_is_in_force_until_it_is_mended() {
    let gateway = Gateway::start().await;
    let file = gateway.folder.path().join("config.yaml");
    let jtel = gateway.jtel();
    let admin = Client::new(gateway.admin, "", &gateway.ca(), false);
    let reload = async || {
        let answer = admin.send(Method::POST, &format!("http://{}/reload", gateway.admin)).await;
        (answer.status.as_u16(), answer.text)
    };
    let shown = async || jtel.ask("1001910").await.json()["serviceNumber"].clone();
    let other = |text: &str| text.replace("\"4922147100000\"", "\"4922147119999\"");
    assert_eq!(shown().await, "4922147100000");

    // The number is exchanged in the row, and the test still expects the one before.
    with_tests(&file, SHOWN, |text| {
        let (rules, tests) = text.split_once("\ntests:\n").unwrap();
        format!("{}\ntests:\n{tests}", other(rules))
    });

    eventually("the finding is told", || async {
        gateway.admin("/readyz?verbose").await.1.contains("1 finding since")
    })
    .await;
    let (_, checks) = gateway.admin("/readyz?verbose").await;
    assert!(checks.contains("a customer in Germany sees its number` fails"), "{checks}");
    let (status, told) = reload().await;
    assert_eq!(status, 422);
    assert!(told.contains("nothing has changed") && told.contains("tests[0].expect"), "{told}");
    assert_eq!(shown().await, "4922147100000");
    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, "dialgate_config_last_reload_successful"), 0);

    with_tests(&file, &other(SHOWN), plain);

    eventually("the mended file is in force", || async { shown().await == "4922147119999" }).await;
    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, "dialgate_config_last_reload_successful"), 1);
    assert!(!gateway.admin("/readyz?verbose").await.1.contains("finding"));

    with_tests(&file, &[other(SHOWN), BLOCKED.to_owned()].concat(), plain);
    let (status, told) = reload().await;
    assert!(status == 200 && told.contains("tests"), "{status} {told}");
}

#[tokio::test]
async fn the_tests_of_the_readme_pass_with_the_rules_that_are_shipped() {
    let (_, block) = README.split_once("```yaml\ntests:\n").unwrap();
    let (tests, _) = block.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = write_config(folder.path(), NOWHERE, &[]);

    with_tests(&file, tests, plain);

    let (code, told, findings) = check(&file).await;
    assert!(code == Some(0) && told.contains("tests: 2 passed"), "{told}{findings}");
}
