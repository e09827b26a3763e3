//! The dashboards fit Grafana's own TypeScript types (`tests/grafana-schema`).

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};
use tokio::process::Command;

use super::{
    dashboards::{NAMES, dashboard},
    project,
};
use crate::support::{
    cap::folder,
    program::{run, stderr, stdout},
};

async fn check(files: impl IntoIterator<Item: AsRef<Path>>) -> Output {
    let mut command = Command::new("node");
    command.arg(folder("DIALGATE_TEST_GRAFANA_SCHEMA").join("check.js"));
    for file in files {
        command.arg(file.as_ref());
    }
    run(&mut command).await
}

#[tokio::test]
async fn every_dashboard_fits_grafanas_own_types() {
    let files = NAMES.map(|name| project(&format!("grafana/dashboards/{name}.json")));
    let checked = check(files).await;
    assert!(checked.status.success(), "{}{}", stdout(&checked), stderr(&checked));
}

#[tokio::test]
async fn what_grafana_does_not_know_is_found_wherever_it_stands() {
    let overview = dashboard("overview");
    let first = |kind: &str| {
        let panels = overview["panels"].as_array().unwrap();
        panels.iter().position(|panel| panel["type"] == kind).unwrap()
    };
    let (stat, lines, states) = (first("stat"), first("timeseries"), first("state-timeline"));
    let faults: Vec<(String, Value)> = vec![
        ("/colour".into(), json!("dark")),
        ("/title".into(), json!(4)),
        ("/graphTooltip".into(), json!(3)),
        ("/links/0/type".into(), json!("url")),
        ("/annotations/list/0/enable".into(), json!("yes")),
        ("/templating/list/0/type".into(), json!("label")),
        (format!("/panels/{stat}/type"), json!("singlestat")),
        (format!("/panels/{stat}/gridPos/w"), json!("4")),
        (format!("/panels/{stat}/targets/0/expression"), json!("up")),
        (format!("/panels/{stat}/options/colorMode"), json!("backgrund")),
        (format!("/panels/{stat}/options/showValue"), json!("auto")),
        (format!("/panels/{stat}/fieldConfig/defaults/units"), json!("s")),
        (format!("/panels/{stat}/fieldConfig/defaults/thresholds/steps/0/value"), json!("1")),
        (format!("/panels/{lines}/options/legend/displayMode"), json!("tabel")),
        (format!("/panels/{lines}/fieldConfig/defaults/custom/lineWidht"), json!(1)),
        (format!("/panels/{lines}/fieldConfig/defaults/custom/stacking/mode"), json!("on")),
        (format!("/panels/{states}/options/rowHeight"), json!("0.9")),
        (format!("/panels/{states}/fieldConfig/defaults/mappings/0/type"), json!("text")),
    ];
    let box_of_faults = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (at, (place, value)) in faults.iter().enumerate() {
        let mut wrong = overview.clone();
        let (parent, field) = place.rsplit_once('/').unwrap();
        wrong.pointer_mut(parent).unwrap()[field] = value.clone();
        let file = box_of_faults.path().join(format!("fault-{at}.json"));
        fs::write(&file, serde_json::to_string_pretty(&wrong).unwrap()).unwrap();
        files.push(file);
    }

    let checked = check(&files).await;

    assert_eq!(checked.status.code(), Some(1), "{}", stderr(&checked));
    let findings = stdout(&checked);
    for (file, (place, value)) in files.iter().zip(&faults) {
        let is_found =
            findings.lines().any(|line| line.starts_with(&format!("{}:", file.display())));
        assert!(is_found, "{place} = {value} is not found in\n{findings}");
    }
}
