//! What is applied to a cluster: as Kubernetes and the Prometheus operator want it, and in accord with the rest.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tokio::process::Command;

use super::{made, project};
use crate::support::program::{dialgate, run, stderr, stdout};

/// The name of a folder with what this project says to a cluster.
const FOLDER: &str = "deploy/kubernetes";

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(project(path)).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The names of the resources' files.
fn manifests() -> BTreeSet<String> {
    let files = fs::read_dir(project(FOLDER)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let is_resource = |name: &String| {
        Path::new(name).extension().is_some_and(|ending| ending == "yaml")
            && !["kustomization.yaml", "config.yaml"].contains(&name.as_str())
    };
    names.filter(is_resource).collect()
}

fn manifest(name: &str) -> Value {
    yaml(&format!("{FOLDER}/{name}.yaml"))
}

fn is_the_operators(name: &str) -> bool {
    let manifest = yaml(&format!("{FOLDER}/{name}"));
    manifest["apiVersion"].as_str().is_some_and(|version| version.starts_with("monitoring."))
}

/// Kubernetes' own schemas, which know no other keys.
async fn kubernetes_says(files: &[PathBuf]) -> Result<(), String> {
    let program = made("DIALGATE_TEST_KUBERNETES").join("bin/kubernetes-validate");
    let done = run(Command::new(program).args(["--strict", "--no-warn"]).args(files)).await;
    done.status.success().then_some(()).ok_or_else(|| [stdout(&done), stderr(&done)].concat())
}

/// The Prometheus operator's.
async fn the_operator_says(manifests: &[Value]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("node");
    command.arg(made("DIALGATE_TEST_KUBERNETES_OPERATOR").join("check.js"));
    for (nth, manifest) in manifests.iter().enumerate() {
        let file = folder.path().join(format!("{nth}.json"));
        fs::write(&file, manifest.to_string()).unwrap();
        command.arg(file);
    }
    let done = run(&mut command).await;
    done.status.success().then_some(()).ok_or_else(|| [stdout(&done), stderr(&done)].concat())
}

#[tokio::test]
async fn each_manifest_fits_the_schemas_of_kubernetes_or_of_the_prometheus_operator() {
    let (operators, core): (Vec<_>, Vec<_>) =
        manifests().into_iter().partition(|name| is_the_operators(name));
    assert!(operators.len() == 2 && core.len() >= 5, "{operators:?} {core:?}");

    let core: Vec<_> = core.iter().map(|name| project(FOLDER).join(name)).collect();
    assert_eq!(kubernetes_says(&core).await, Ok(()));
    let operators: Vec<_> =
        operators.iter().map(|name| yaml(&format!("{FOLDER}/{name}"))).collect();
    assert_eq!(the_operator_says(&operators).await, Ok(()));
}

#[tokio::test]
async fn the_schemas_would_find_a_key_that_does_not_exist() {
    let mut deployment = manifest("deployment");
    deployment["spec"]["template"]["spec"]["containers"][0]["readonly"] = json!(true);
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    fs::write(file.path(), deployment.to_string()).unwrap();
    let said = kubernetes_says(&[file.path().to_owned()]).await.unwrap_err();
    assert!(said.contains("readonly"), "{said}");

    let mut monitor = manifest("servicemonitor");
    monitor["spec"]["endpoints"][0]["password"] = json!("x");
    let said = the_operator_says(&[monitor]).await.unwrap_err();
    assert!(said.contains("password"), "{said}");
}

#[test]
fn all_manifests_and_dashboards_are_applied() {
    let resources = yaml(&format!("{FOLDER}/kustomization.yaml"))["resources"].clone();
    let mut named: BTreeSet<String> = serde_json::from_value(resources).unwrap();
    assert!(named.remove("../../grafana"));
    assert_eq!(named, manifests());

    let generator = yaml("grafana/kustomization.yaml")["configMapGenerator"][0].clone();
    assert_eq!(generator["options"]["labels"]["grafana_dashboard"], "1");
    let named: BTreeSet<String> = serde_json::from_value(generator["files"].clone()).unwrap();
    let dashboards = fs::read_dir(project("grafana/dashboards")).unwrap();
    let dashboards = dashboards.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(named, dashboards.map(|name| format!("dashboards/{name}")).collect());
}

#[test]
fn the_rules_in_a_cluster_are_those_in_grafana_alerts() {
    let groups = |path: &str| yaml(path)["groups"].as_array().unwrap().clone();
    let wanted = [groups("grafana/alerts/recording.yaml"), groups("grafana/alerts/alerts.yaml")];

    let rules = manifest("prometheusrule")["spec"]["groups"].clone();

    assert!(
        rules == Value::from(wanted.concat()),
        "they differ: deploy/kubernetes/rules > deploy/kubernetes/prometheusrule.yaml"
    );
}

#[tokio::test]
async fn deployment_service_and_configuration_are_in_accord() {
    let mut show = dialgate();
    let config = project(FOLDER).join("config.yaml");
    let shown = run(show.args(["config", "show", "--config"]).arg(config)).await;
    assert!(shown.status.success(), "{}", stderr(&shown));
    let config = yaml(&format!("{FOLDER}/config.yaml"));
    let deployment = manifest("deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];

    // A call has its time before the process is killed.
    let seconds = |key: &str| -> u64 {
        let text = config["shutdown"][key].as_str().unwrap();
        text.strip_suffix('s').unwrap().parse().unwrap()
    };
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace > seconds("drain_delay") + seconds("drain_timeout"), "{grace} s");
    // Ports go by name; the names are those of the addresses.
    for (port, listener) in [("calls", "listen"), ("admin", "admin")] {
        let ports = container["ports"].as_array().unwrap();
        let number = &ports.iter().find(|one| one["name"] == port).unwrap()["containerPort"];
        let address = config[listener]["address"].as_str().unwrap();
        assert!(address.ends_with(&format!(":{number}")), "{address}, {number}");
        let service = manifest("service");
        let targets = service["spec"]["ports"].as_array().unwrap();
        assert!(targets.iter().any(|one| one["targetPort"] == port), "{service:#}");
    }
    for (probe, path) in
        [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]
    {
        let asked = &container[probe]["httpGet"];
        assert_eq!(*asked, json!({ "path": path, "port": "admin", "scheme": "HTTPS" }), "{probe}");
    }
    // What Kubernetes calls restricted.
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let may = &container["securityContext"];
    assert_eq!(may["allowPrivilegeEscalation"], false);
    assert_eq!(may["readOnlyRootFilesystem"], true);
    assert_eq!(may["capabilities"], json!({ "drop": ["ALL"] }));
    // Everybody means the same pods.
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    let service = &manifest("service")["spec"]["selector"];
    let policy = &manifest("networkpolicy")["spec"]["podSelector"]["matchLabels"];
    let budget = &manifest("poddisruptionbudget")["spec"]["selector"]["matchLabels"];
    for selector in [&deployment["spec"]["selector"]["matchLabels"], service, policy, budget] {
        assert_eq!(selector, labels);
    }
    let metric =
        &manifest("horizontalpodautoscaler")["spec"]["metrics"][0]["pods"]["metric"]["name"];
    let page = include_str!("../../../docs/metrics.md");
    assert!(page.contains(&format!("| `{}` | gauge |", metric.as_str().unwrap())), "{metric}");
}
