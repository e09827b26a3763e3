//! A gateway that a real Prometheus watches through an outage, and what it makes of it.

use std::{fs, net::TcpListener, process::Stdio, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{
    dashboards::{NAMES, dashboard, expressions},
    project,
};
use crate::support::{
    Gateway, PATIENCE, eventually,
    program::{run, stderr, stdout},
    within,
};

/// How often is scraped and evaluated here.
const EVERY: &str = "500ms";

/// A port that is free now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Rules that fire after seconds.
fn at_once(rules: &str) -> String {
    let lines = rules.lines().map(|line| match line.split_once("for: ") {
        Some((indent, _)) if indent.trim().is_empty() => format!("{indent}for: 1s\n"),
        _ => format!(
            "{}\n",
            line.replace("_over_time(dialgate_sap_up[2m])", "_over_time(dialgate_sap_up[2s])")
        ),
    });
    lines.collect()
}

/// A Prometheus, and an Alertmanager behind it.
struct Watchers {
    folder: TempDir,
    prometheus: u16,
    alertmanager: u16,
    _processes: Vec<Child>,
}

impl Watchers {
    /// Watch a gateway by the shipped rules, which do not wait for minutes here.
    async fn start(gateway: &Gateway) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (prometheus, alertmanager) = (free_port(), free_port());
        for file in ["recording.yaml", "alerts.yaml"] {
            let rules = fs::read_to_string(project("grafana/alerts").join(file)).unwrap();
            fs::write(folder.path().join(file), at_once(&rules)).unwrap();
        }
        let config = format!(
            "global: {{ scrape_interval: {EVERY}, scrape_timeout: {EVERY}, evaluation_interval: {EVERY} }}\n\
             rule_files: [recording.yaml, alerts.yaml]\n\
             alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: [\"127.0.0.1:{alertmanager}\"] }}] }}] }}\n\
             scrape_configs: [{{ job_name: dialgate, static_configs: [{{ targets: [\"{}\"] }}] }}]\n",
            gateway.admin
        );
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let config = "route: { receiver: nobody, group_wait: 0s, group_interval: 1s }\nreceivers: [{ name: nobody }]\n";
        fs::write(folder.path().join("alertmanager.yml"), config).unwrap();
        let start = |program: &str, arguments: Vec<String>| {
            let mut command = Command::new(program);
            command.args(arguments).current_dir(folder.path()).kill_on_drop(true);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        let processes = vec![
            start(
                "prometheus",
                vec![
                    "--config.file=prometheus.yml".to_owned(),
                    "--storage.tsdb.path=data".to_owned(),
                    format!("--web.listen-address=127.0.0.1:{prometheus}"),
                ],
            ),
            start(
                "prometheus-alertmanager",
                vec![
                    "--config.file=alertmanager.yml".to_owned(),
                    "--storage.path=alerts".to_owned(),
                    "--cluster.listen-address=".to_owned(),
                    format!("--web.listen-address=127.0.0.1:{alertmanager}"),
                ],
            ),
        ];
        let watchers = Self { folder, prometheus, alertmanager, _processes: processes };
        eventually("Prometheus has scraped", || async {
            watchers.value("up").await.is_some_and(|value| value == "1")
        })
        .await;
        watchers
    }

    async fn get(&self, port: u16, path: &str, query: &[(&str, &str)]) -> Value {
        let mut curl = Command::new("curl");
        curl.args(["-sG", &format!("http://127.0.0.1:{port}{path}")])
            .current_dir(self.folder.path());
        for (name, value) in query {
            curl.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        let got = run(&mut curl).await;
        serde_json::from_str(&stdout(&got)).unwrap_or_else(|_| Value::String(stderr(&got)))
    }

    /// What an expression is now, series by series.
    async fn query(&self, expression: &str) -> Result<Vec<String>, String> {
        let answer = self.get(self.prometheus, "/api/v1/query", &[("query", expression)]).await;
        let Some(result) = answer["data"]["result"].as_array() else {
            return Err(answer.to_string());
        };
        Ok(result.iter().map(|series| series["value"][1].as_str().unwrap().to_owned()).collect())
    }

    async fn value(&self, expression: &str) -> Option<String> {
        self.query(expression).await.ok()?.into_iter().next()
    }

    /// The panels of all dashboards that show nothing, and what came instead.
    async fn silent_panels(&self) -> Vec<String> {
        let mut silent = Vec::new();
        for name in NAMES {
            for (title, expression) in expressions(&dashboard(name)) {
                let concrete = expression
                    .replace("$job", ".*")
                    .replace("$instance", ".*")
                    .replace("$system", ".*")
                    .replace("$__rate_interval", "5m")
                    .replace("$__range", "1h");
                let shown = self.query(&concrete).await;
                let is_shown = |values: &Vec<String>| values.iter().any(|value| value != "NaN");
                let needs_files = WITH_FILES.contains(&&*title);
                if !needs_files && !shown.as_ref().is_ok_and(is_shown) {
                    silent.push(format!("{name} / {title}: {expression}: {shown:?}"));
                }
            }
        }
        silent
    }

    /// The link to the runbook of an alert that Alertmanager has.
    async fn alerted(&self, name: &str) -> Option<String> {
        let alerts = self.get(self.alertmanager, "/api/v2/alerts", &[("active", "true")]).await;
        let mut alerts = alerts.as_array().cloned().unwrap_or_default().into_iter();
        let alert = alerts.find(|alert| alert["labels"]["alertname"] == name)?;
        Some(alert["annotations"]["runbook_url"].as_str()?.to_owned())
    }
}

/// Calls of each kind: dialled, refused for each reason, unknown, wrong passwords, and what is no call.
async fn mixed_load(gateway: &Gateway, from: u32) {
    let jtel = gateway.jtel();
    for partner in ["1001910", "1001911", "1001912", "1001913", "1001915", "2000001", "4040404"] {
        let _any = jtel.ask(partner).await;
    }
    for partner in from..from + 20 {
        let _any = jtel.ask(&partner.to_string()).await;
    }
    let _any = gateway.jtel().with_password("jtel", "wrong").ask("1001910").await;
    let _any = gateway.jtel().query("SAPBusinessPartnerID=1").await;
}

/// Panels about what only some gateways have: `certificates` holds what those about files show, `shared`
/// those about a shared memory, `restart` the snapshot.
const WITH_FILES: [&str; 6] = [
    "Revocation lists last",
    "OCSP answers last",
    "Time of the shared memory",
    "Time lookups wait for it",
    "How long a place in common takes",
    "Age of the snapshot",
];

#[tokio::test]
async fn every_panel_shows_something_after_a_night_with_an_outage() {
    let gateway = Gateway::start_with(&[("deadline", "300ms"), ("answer_within", "50ms")]).await;
    let watchers = Watchers::start(&gateway).await;
    mixed_load(&gateway, 5_000_000).await;
    gateway.sap.set_fault(Some("status_500".parse().unwrap()), None);
    mixed_load(&gateway, 5_001_000).await;
    gateway.sap.set_fault(None, None);
    eventually("SAP answers again", || async {
        watchers.value("dialgate_sap_up").await.is_some_and(|up| up == "1")
    })
    .await;
    mixed_load(&gateway, 5_002_000).await;
    let mut silent = Vec::new();
    let until = tokio::time::Instant::now() + PATIENCE * 3;
    // Two scrapes later every rate has what it needs, and the recorded ones one evaluation after that.
    while tokio::time::Instant::now() < until {
        silent = watchers.silent_panels().await;
        if silent.is_empty() {
            break;
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}

#[tokio::test]
async fn sap_falls_silent_at_night_the_alert_goes_all_the_way_and_heals_by_itself() {
    let told = [
        ("sap.probe_interval", "1s"),
        ("deadline", "300ms"),
        ("sap.connect_timeout", "200ms"),
        ("sap.total_timeout", "200ms"),
    ];
    let gateway = Gateway::start_with(&told).await;
    let watchers = Watchers::start(&gateway).await;
    eventually("SAP has answered", || async {
        watchers.value("dialgate_sap_up").await.is_some_and(|up| up == "1")
    })
    .await;
    assert_eq!(watchers.alerted("DialgateSapSilent").await, None);

    gateway.sap.set_fault(Some("hang".parse().unwrap()), None);
    // Nobody else calls tonight.
    let _refused = gateway.jtel().ask("5000001").await;
    within(Duration::from_mins(1), "Alertmanager has the alert", || async {
        watchers.alerted("DialgateSapSilent").await.is_some()
    })
    .await;
    let link = watchers.alerted("DialgateSapSilent").await.unwrap();
    let (page, chapter) = link.split_once('#').unwrap();
    assert_eq!(page, format!("http://{}/runbook", gateway.admin));
    let (status, text) = gateway.admin("/runbook").await;
    assert_eq!((status, text.contains(&format!(" id=\"{chapter}\""))), (200, true), "{link}");
    assert_eq!(watchers.alerted("DialgateCredentialsRefused").await, None);

    gateway.sap.set_fault(None, None);
    within(Duration::from_mins(1), "the alert is over", || async {
        let expression = r#"ALERTS{alertname="DialgateSapSilent"}"#;
        watchers.query(expression).await.is_ok_and(|series| series.is_empty())
    })
    .await;
}
