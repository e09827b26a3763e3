//! The alert rules, their tests and the runbook belong together.

use std::fs;

use tokio::process::Command;

use super::{is_exported, metrics_of, project};
use crate::support::program::{run, stderr, stdout};

/// Name, severity and link of each alert, in order of the file.
fn alerts() -> Vec<(String, String, String)> {
    let text = fs::read_to_string(project("grafana/alerts/alerts.yaml")).unwrap();
    let rules = text.split("      - alert: ").skip(1);
    let line = |rule: &str, key: &str| -> String {
        let line = rule.lines().find_map(|line| line.trim().strip_prefix(key));
        line.unwrap_or_else(|| panic!("no {key} in {rule}")).trim().to_owned()
    };
    rules
        .map(|rule| {
            assert!(line(rule, "summary:").ends_with('.'), "{rule}");
            let name = rule.lines().next().unwrap().to_owned();
            (name, line(rule, "severity:"), line(rule, "runbook_url:"))
        })
        .collect()
}

#[tokio::test]
async fn promtool_accepts_the_rules_and_each_alert_fires_and_is_silent_where_it_should() {
    for arguments in
        [&["check", "rules", "recording.yaml", "alerts.yaml"][..], &["test", "rules", "tests.yaml"]]
    {
        let folder = project("grafana/alerts");
        let done = run(Command::new("promtool").args(arguments).current_dir(folder)).await;
        assert!(done.status.success(), "{arguments:?}: {}{}", stdout(&done), stderr(&done));
    }
}

#[test]
fn each_alert_has_both_cases_a_heading_and_a_link_to_it_and_each_heading_an_alert() {
    let runbook = fs::read_to_string(project("docs/runbook.md")).unwrap();
    let tests = fs::read_to_string(project("grafana/alerts/tests.yaml")).unwrap();
    let alerts = alerts();
    for (name, severity, link) in &alerts {
        assert!(["critical", "warning", "info"].contains(&severity.as_str()), "{name}: {severity}");
        for case in ["fires", "is silent"] {
            assert!(tests.contains(&format!("- name: \"{name} {case}: ")), "{name} {case}");
        }
        // What it looks like with its values: tests.yaml, and `watched.rs` opens one.
        let leads_to =
            link.strip_prefix("'").and_then(|link| link.strip_suffix(&format!("#{name}'")));
        assert!(leads_to.is_some_and(|link| link.contains("http://{{")), "{name}: {link}");
        let chapter = runbook.split("\n## ").find(|chapter| chapter.lines().next() == Some(name));
        let chapter = chapter.unwrap_or_else(|| panic!("no heading {name}"));
        for part in ["**Meaning**", "**First look**", "**What to do**", "**Over when**"] {
            assert!(chapter.contains(part), "{name}: {part}");
        }
    }
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let headings: Vec<_> = headings.collect();
    let names = alerts.iter().map(|(name, ..)| name.as_str());
    // What the status page alone tells.
    let names: Vec<_> = names.chain(["DialgateSapAsksToWait", "DialgateNeedsRestart"]).collect();
    assert_eq!(headings, names);
}

#[test]
fn every_metric_that_rules_and_runbook_name_is_exported() {
    for file in ["grafana/alerts/alerts.yaml", "grafana/alerts/recording.yaml", "docs/runbook.md"] {
        let text = fs::read_to_string(project(file)).unwrap();
        let metrics = metrics_of(&text);
        assert!(metrics.len() > 5, "{file}");
        for metric in metrics {
            assert!(is_exported(&metric), "{file}: {metric}");
        }
    }
}
