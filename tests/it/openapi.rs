//! The document at `/openapi.json`, read by tools that are not ours: it is proper OpenAPI, and
//! everything that schemathesis makes up by it is answered as it says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::Path,
    time::Duration,
};

use dialgate::config::SecretHash;
use http::Method;
use serde_json::Value;
use tokio::{process::Command, time::timeout};

use crate::support::{
    Client, Gateway,
    cap::folder,
    gateway::rewrite_config,
    program::{dialgate, run, stderr, stdout},
};

const OPERATOR_PASSWORD: &str = "canary-operator-password";

/// The longest run of a tool; one takes 15 s on two cores that are busy with other tests.
const TOOL_WITHIN: Duration = Duration::from_secs(150);

const METHODS: [&str; 8] = ["get", "head", "post", "put", "delete", "options", "patch", "trace"];

fn tool(name: &str) -> Command {
    let mut command = Command::new(folder("DIALGATE_TEST_OPENAPI").join("bin").join(name));
    command.kill_on_drop(true).env("NO_COLOR", "1");
    command
}

fn operators() -> String {
    let hash = SecretHash::of(OPERATOR_PASSWORD.as_bytes());
    format!("[{{ name: oncall, secrets: [\"{hash}\"] }}]")
}

/// A client of the admin listener.
fn admin(gateway: &Gateway) -> Client {
    Client::new(gateway.admin, "", &gateway.ca(), false)
}

async fn document(gateway: &Gateway) -> Value {
    let url = format!("http://{}/openapi.json", gateway.admin);
    let answer =
        admin(gateway).with_password("oncall", OPERATOR_PASSWORD).send(Method::GET, &url).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

/// Paths of the admin listener and their methods, as the document has them.
fn described(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = document["paths"].as_object().unwrap().iter();
    // What has a server of its own is jtel's.
    let ours = paths.filter(|(_, path)| path.get("servers").is_none());
    ours.map(|(name, path)| {
        let methods = path.as_object().unwrap().keys();
        let methods = methods.filter(|method| METHODS.contains(&method.as_str()));
        let name = name.split('#').next().unwrap().to_owned();
        (name, methods.map(|method| method.to_ascii_uppercase()).collect())
    })
    .collect()
}

/// Runs schemathesis over the operations that `these` chooses.
async fn schemathesis(gateway: &Gateway, url: &str, these: &[&str], calls: &[String]) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi");
    let file = gateway.folder.path().join("openapi.json");
    fs::write(&file, document(gateway).await.to_string()).unwrap();
    let mut command = tool("schemathesis");
    command
        .arg("--config-file")
        .arg(tests.join("schemathesis.toml"))
        .arg("run")
        .arg(&file)
        .args(["--url", url, "--checks", "all", "--tls-verify"])
        .arg(gateway.ca())
        .args(these)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &tests)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("DIALGATE_TEST_CALLS", calls.join(" "))
        // It leaves a folder where it runs.
        .current_dir(gateway.folder.path());
    let ran = timeout(TOOL_WITHIN, command.output()).await.unwrap().unwrap();
    assert!(ran.status.success(), "{}\n{}", stdout(&ran), stderr(&ran));
    // It did choose something.
    let said = stdout(&ran);
    let count = said.lines().find_map(|line| line.split_once(" generated, ")).unwrap().0;
    assert!(count.trim().parse::<u32>().unwrap() > 30, "{said}");
}

async fn schemathesis_at_jtels_endpoint(changes: &[(&str, &str)], more: &[&str]) {
    let gateway = Gateway::start_with(changes).await;
    let url = format!("https://{}", gateway.address);
    let these = [&["--include-tag", "jtel"], more].concat();
    schemathesis(&gateway, &url, &these, &[]).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_at_jtels_endpoint() {
    schemathesis_at_jtels_endpoint(&[("answers", "http"), ("listen.drop_in", "true")], &[]).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_at_jtels_endpoint_with_the_statuses_that_jtel_documents() {
    // jtel documents no 401: who is not known gets 403, and this check wants 401 and nothing else.
    let but = ["--exclude-checks", "missing_required_header"];
    schemathesis_at_jtels_endpoint(&[("answers", "jtel")], &but).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_on_the_admin_listener() {
    let gateway = Gateway::start_with(&[]).await;
    let mut calls = Vec::new();
    for partner in ["1001910", "1002001", "4040404"] {
        let answer = gateway.jtel().ask(partner).await.json();
        calls.push(answer["callId"].as_str().unwrap().to_owned());
    }
    let url = format!("http://{}", gateway.admin);
    // A drain ends the gateway; `ending.rs` has it.
    let these = ["--exclude-tag", "jtel", "--exclude-operation-id", "postDrain"];
    schemathesis(&gateway, &url, &these, &calls).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_on_the_admin_listener_of_operators() {
    // Wrong passwords are part of what it tries, and would make it wait.
    let changes = [("admin.operators", &*operators()), ("wrong_credentials.slowed", "false")];
    let gateway = Gateway::start_with(&changes).await;
    let url = format!("http://{}", gateway.admin);
    let these = ["--exclude-tag", "jtel", "--exclude-operation-id", "postDrain"];
    schemathesis(&gateway, &url, &these, &[]).await;
}

#[tokio::test]
async fn a_drain_is_answered_as_it_is_described() {
    let gateway = Gateway::start().await;
    let answers = &document(&gateway).await["paths"]["/drain"]["post"]["responses"];
    let answer =
        admin(&gateway).send(Method::POST, &format!("http://{}/drain", gateway.admin)).await;

    let described = &answers[answer.status.as_str()]["content"];
    let kind = answer.headers["content-type"].to_str().unwrap();
    assert!(described.get(kind).is_some(), "{answers}: {}", answer.status);
    gateway.serving.await.unwrap();
}

#[tokio::test]
async fn the_document_is_proper_openapi_whatever_is_configured() {
    for changes in [
        &[][..],
        &[("answers", "http"), ("listen.drop_in", "true"), ("admin.operators", &operators())],
        // A path that is one of the admin listener's, too.
        &[("listen.path", "/status.json"), ("query.unknown_parameters", "refuse")],
        &[("admin.tls", "{ certificate: server.pem, key: server-key.pem, client_ca: ca.pem }")],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let config =
            crate::support::gateway::write_config(folder.path(), "http://127.0.0.1:9", changes);
        let printed = run(dialgate().args(["config", "openapi", "--config"]).arg(config)).await;
        let file = folder.path().join("openapi.json");
        fs::write(&file, stdout(&printed)).unwrap();

        let validated =
            run(tool("openapi-spec-validator").args(["--schema", "3.1"]).arg(&file)).await;
        let said = stdout(&validated) + &stderr(&validated);
        assert!(validated.status.success(), "{changes:?}: {said} {}", stderr(&printed));
    }
}

#[tokio::test]
async fn each_path_that_is_served_is_described_and_each_that_is_described_is_served() {
    let gateway = Gateway::start().await;
    let described = described(&document(&gateway).await);

    // The table of the router, as it tells it itself.
    let (_, help) = gateway.admin("/help").await;
    let told: BTreeMap<_, BTreeSet<_>> = help
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (method, path) = (words.next()?, words.next()?);
            let path = path.split('?').next()?;
            match method {
                "GET" => Some((path.to_owned(), ["GET", "HEAD"].map(str::to_owned).into())),
                "POST" => Some((path.to_owned(), ["POST".to_owned()].into())),
                _ => None,
            }
        })
        .collect();
    assert_eq!(described, told);
    for (path, methods) in &described {
        // By a method that no path has: the router says which ones it has.
        let url = format!("http://{}{path}", gateway.admin);
        let answer = admin(&gateway).send(Method::DELETE, &url).await;
        assert_eq!(answer.status, 405, "{path}");
        let allowed = answer.headers["allow"].to_str().unwrap().split(", ").map(str::to_owned);
        assert_eq!(allowed.collect::<BTreeSet<_>>(), *methods, "{path}");
    }
    assert_eq!(gateway.admin("/none").await, (404, help));
}

#[tokio::test]
async fn the_document_says_what_the_configuration_in_force_says() {
    let gateway = Gateway::start_with(&[("answers", "jtel")]).await;
    let before = document(&gateway).await;
    let statuses = |document: &Value, path: &str| {
        let responses = document["paths"][path]["get"]["responses"].as_object().unwrap();
        responses.keys().cloned().collect::<Vec<_>>()
    };

    assert_eq!(statuses(&before, "/onClickToDial"), ["200", "400", "403", "404", "431"]);
    rewrite_config(
        gateway.folder.path(),
        &gateway.sap_url,
        &[("answers", "http"), ("listen.drop_in", "true"), ("admin.operators", &operators())],
    );
    gateway.control.reload().await.unwrap();
    let after = document(&gateway).await;

    let now = statuses(&after, "/onClickToDial");
    assert!(["401", "409", "503", "504"].iter().all(|status| now.contains(&(*status).to_owned())));
    let drop_in = "/sap/c4c/odata/v1/c4codataapi/IndividualCustomerCollection";
    assert!(before["paths"].get(drop_in).is_none() && after["paths"].get(drop_in).is_some());
    let schemes = |document: &Value| {
        let schemes = document["components"]["securitySchemes"].as_object().unwrap();
        schemes.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(schemes(&before), ["client"]);
    assert_eq!(schemes(&after), ["client", "operator"]);
}

#[tokio::test]
async fn the_command_line_prints_the_same_document() {
    let gateway = Gateway::start().await;
    let served = document(&gateway).await;
    let config = gateway.folder.path().join("config.yaml");
    let at = |address: SocketAddr| address.to_string();
    // The ports that were found.
    let text = dialgate::config::edit(
        &fs::read_to_string(&config).unwrap(),
        &[("listen.address", at(gateway.address)), ("admin.address", at(gateway.admin))],
    )
    .unwrap();
    fs::write(&config, text).unwrap();

    let printed = run(dialgate().args(["config", "openapi", "--config"]).arg(config)).await;

    assert_eq!(serde_json::from_str::<Value>(&stdout(&printed)).unwrap(), served);
}

#[tokio::test]
async fn who_may_not_see_the_admin_listener_may_not_see_the_document() {
    let gateway = Gateway::start_unready(&[("admin.operators", &operators())]).await;

    assert_eq!(gateway.admin("/openapi.json").await.0, 401);
    // jtel's endpoint answers one question, whoever asks.
    let url = format!("https://{}/openapi.json", gateway.address);
    assert_eq!(gateway.jtel().send(Method::GET, &url).await.status, 404);
}
