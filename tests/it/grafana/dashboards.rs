//! What a dashboard has to have, whatever it shows.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::{is_exported, metrics_of, project};

pub(super) const NAMES: [&str; 5] = ["overview", "sap", "memory", "security", "slo"];

pub(super) fn dashboard(name: &str) -> Value {
    let file = project("grafana/dashboards").join(format!("{name}.json"));
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// The panels' titles with the expressions that they show.
pub(super) fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap();
        panel["targets"].as_array().unwrap().iter().map(move |target| (title, target))
    });
    targets
        .map(|(title, target)| (title.to_owned(), target["expr"].as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn each_dashboard_can_be_provisioned_and_leads_to_the_others_and_to_the_runbook() {
    let mut ids = BTreeSet::new();
    for name in NAMES {
        let dashboard = dashboard(name);
        assert!(dashboard["id"].is_null() && dashboard.get("__inputs").is_none(), "{name}");
        assert_eq!(dashboard["uid"], format!("dialgate-{name}"));
        assert!(ids.insert(dashboard["uid"].as_str().unwrap().to_owned()));
        assert_eq!(dashboard["tags"], serde_json::json!(["dialgate"]));
        assert_eq!(dashboard["editable"], false);
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let names: Vec<_> = variables.iter().map(|variable| &variable["name"]).collect();
        match name {
            "sap" => assert_eq!(names, ["datasource", "job", "instance", "system", "runbook"]),
            _ => assert_eq!(names, ["datasource", "job", "instance", "runbook"]),
        }
        let notes = dashboard["annotations"]["list"].as_array().unwrap();
        let notes: Vec<_> = notes.iter().map(|note| &note["name"]).collect();
        assert_eq!(notes, ["Reloads", "Restarts", "Breaker"]);
        let links = dashboard["links"].as_array().unwrap();
        let links: Vec<_> = links.iter().map(|link| link["url"].as_str().unwrap()).collect();
        for other in NAMES.iter().filter(|other| **other != name) {
            assert!(links.contains(&format!("/d/dialgate-{other}").as_str()), "{name}: {other}");
        }
        // The one that the gateway brings; it is the first of those that are looked at.
        assert!(links.contains(&"http://${runbook}/runbook"), "{name}");
        let runbook = variables.last().unwrap();
        let all = serde_json::json!([runbook["multi"], runbook["includeAll"]]);
        assert_eq!(all, serde_json::json!([false, false]), "{name}: one address, not a pattern");
    }
}

#[test]
fn each_panel_says_what_it_shows_in_which_unit_and_from_which_instances() {
    for name in NAMES {
        let dashboard = dashboard(name);
        let panels = dashboard["panels"].as_array().unwrap();
        let mut places = BTreeSet::new();
        for panel in panels {
            let title = panel["title"].as_str().unwrap();
            assert!(
                !title.is_empty() && panel["description"].as_str().unwrap().ends_with('.'),
                "{title}"
            );
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
            let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
            let units = ["none", "s", "reqps", "percentunit", "bytes", "dateTimeAsIso"];
            assert!(units.contains(&unit), "{title}: {unit}");
            let at = &panel["gridPos"];
            let [x, y, w] = ["x", "y", "w"].map(|side| at[side].as_u64().unwrap());
            assert!(x + w <= 24 && places.insert((x, y)), "{name} {title}: two in one place");
        }
        for (title, expression) in expressions(&dashboard) {
            let selector = r#"job=~"$job",instance=~"$instance""#;
            // What recording rules have summed up has no instance.
            let is_recorded = expression.contains("dialgate:");
            let wanted = if is_recorded { r#"job=~"$job""# } else { selector };
            let selectors = expression.matches('{').count();
            assert_eq!(
                expression.matches(wanted).count(),
                selectors,
                "{name} {title}: {expression}"
            );
            let rates = expression.matches("rate(").count();
            assert_eq!(
                expression.matches("[$__rate_interval]").count(),
                rates,
                "{title}: {expression}"
            );
            for metric in metrics_of(&expression) {
                assert!(is_exported(&metric), "{name} {title}: {metric}");
            }
        }
    }
}

#[test]
fn the_end_of_a_certificate_that_is_not_there_is_not_shown_as_1970() {
    let all = NAMES.iter().flat_map(|name| expressions(&dashboard(name)));
    let ends: Vec<_> = all.filter(|(_, shown)| shown.contains("certificate_expiry")).collect();
    assert!(ends.len() > 2, "{ends:?}");
    for (title, expression) in ends {
        assert!(expression.contains("} > 0)"), "{title}: {expression}");
    }
}

#[test]
fn every_metric_is_on_some_dashboard() {
    let shown: BTreeSet<_> = NAMES
        .iter()
        .flat_map(|name| expressions(&dashboard(name)))
        .flat_map(|(_, expression)| metrics_of(&expression))
        .collect();
    let page = include_str!("../../../docs/metrics.md");
    let all = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let left_out: Vec<_> = all
        .filter(|metric| !shown.contains(*metric))
        // Annotations, variables, and what says little by itself.
        .filter(|metric| {
            !metric.starts_with("process_")
                && ![
                    "dialgate_build_info",
                    "dialgate_config_loaded_timestamp_seconds",
                    "dialgate_config_reloads_total",
                    "dialgate_ready",
                    "dialgate_tls_handshake_duration_seconds",
                ]
                .contains(metric)
        })
        .collect();
    assert!(left_out.is_empty(), "{left_out:?}");
}
