//! A changed configuration comes into force while the gateway serves, or says why it does not.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use dialgate::config;

use crate::support::{Client, Gateway, eventually, gateway::write_certificates, value_of};

/// Writes the file as editors and deployments do: a new one takes its place.
fn change(gateway: &Gateway, edits: &[(&str, &str)]) {
    let file = gateway.folder.path().join("config.yaml");
    let edits: Vec<_> = edits.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    let text = config::edit(&fs::read_to_string(&file).unwrap(), &edits).unwrap();
    let new = gateway.folder.path().join("config.yaml.new");
    fs::write(&new, text).unwrap();
    fs::rename(&new, &file).unwrap();
}

/// The list with one row.
fn numbers(shown: &str) -> String {
    format!("[{{ contract_number: Direct salesDE, service_number: \"{shown}\" }}]")
}

#[tokio::test]
async fn a_changed_service_number_counts_within_seconds_and_what_is_remembered_stays() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    let before = jtel.ask("1001910").await.json();
    let asked = gateway.sap.requests_for("1001910");

    change(&gateway, &[("rules.service_numbers", &numbers("4922147119999"))]);

    eventually("the new number is shown", || async {
        jtel.ask("1001910").await.json()["serviceNumber"] == "4922147119999"
    })
    .await;
    assert_ne!(before["serviceNumber"], "4922147119999");
    assert_eq!(jtel.ask("1001910").await.source(), "memory");
    assert_eq!(gateway.sap.requests_for("1001910"), asked);
}

#[tokio::test]
async fn a_list_of_numbers_in_a_file_of_its_own_is_looked_at_too() {
    let gateway = Gateway::start_with(&[("rules.service_numbers_file", "~")]).await;
    let list = gateway.folder.path().join("numbers.csv");
    fs::write(&list, "contract_number;service_number\nDirect salesDE;4922147110001\n").unwrap();
    change(
        &gateway,
        &[("rules.service_numbers", "[]"), ("rules.service_numbers_file", "numbers.csv")],
    );
    assert_eq!(gateway.reload().await.0, 200);
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("1001910").await.json()["serviceNumber"], "4922147110001");

    fs::write(&list, "contract_number;service_number\nDirect salesDE;4922147110002\n").unwrap();

    eventually("the new number is shown", || async {
        jtel.ask("1001910").await.json()["serviceNumber"] == "4922147110002"
    })
    .await;
}

#[tokio::test]
async fn what_has_findings_changes_nothing_is_told_where_one_looks_and_can_be_mended() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    let sound = fs::read_to_string(gateway.folder.path().join("config.yaml")).unwrap();

    change(&gateway, &[("deadline", "soon"), ("rules.without_service_number", "perhaps")]);

    eventually("the findings are told", || async {
        gateway.admin("/readyz?verbose").await.1.contains("2 findings since")
    })
    .await;
    let (status, checks) = gateway.admin("/readyz?verbose").await;
    assert_eq!(status, 200);
    assert!(
        checks.contains("deadline: ") && checks.contains("rules.without_service_number: "),
        "{checks}"
    );
    let (status, told) = gateway.reload().await;
    assert_eq!(status, 422);
    assert!(told.contains("nothing has changed") && told.contains("config.yaml:"), "{told}");
    assert_eq!(jtel.ask("1001910").await.outcome(), "200");
    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, "dialgate_config_last_reload_successful"), 0);

    fs::write(gateway.folder.path().join("config.yaml"), sound).unwrap();

    eventually("nothing is told any more", || async {
        !gateway.admin("/readyz?verbose").await.1.contains("findings")
    })
    .await;
    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, "dialgate_config_last_reload_successful"), 1);
}

#[tokio::test]
async fn a_half_written_file_is_not_taken() {
    let gateway = Gateway::start().await;
    let file = gateway.folder.path().join("config.yaml");
    change(&gateway, &[("rules.service_numbers", &numbers("4922147119999"))]);
    let whole = fs::read_to_string(&file).unwrap();
    let jtel = gateway.jtel();

    // A writer that takes its time, and each part of which has findings.
    for part in 1..=10 {
        fs::write(&file, &whole[..whole.len() * part / 10]).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    eventually("the whole file is in force", || async {
        jtel.ask("1001910").await.json()["serviceNumber"] == "4922147119999"
    })
    .await;
    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, r#"dialgate_config_reloads_total{result="refused"}"#), 0);
}

#[tokio::test]
async fn a_certificate_exchanged_by_a_symbolic_link_is_shown_and_no_connection_ends() {
    let gateway = Gateway::start().await;
    let folder = gateway.folder.path();
    // As Kubernetes mounts secrets: files are links into a folder that is itself exchanged.
    let put = |name: &str| {
        fs::create_dir(folder.join(name)).unwrap();
        write_certificates(&folder.join(name));
        let link = folder.join("data.new");
        symlink(name, &link).unwrap();
        fs::rename(&link, folder.join("data")).unwrap();
    };
    put("first");
    let pair =
        [("listen.tls.certificate", "data/server.pem"), ("listen.tls.key", "data/server-key.pem")];
    change(&gateway, &pair);
    assert_eq!(gateway.reload().await.0, 200);
    let trusting = |name: &str| {
        let ca = folder.join(name).join("ca.pem");
        Client::new(gateway.address, "/onClickToDial", &ca, false)
            .with_password("jtel", crate::support::gateway::CLIENT_PASSWORD)
    };
    let before = trusting("first");
    assert_eq!(before.ask("1001910").await.outcome(), "200");

    put("second");

    let metric = r#"dialgate_config_reloads_total{result="applied"}"#;
    eventually("the exchange is noticed", || async {
        value_of(&gateway.metrics().await, metric) == 2
    })
    .await;
    assert_eq!(trusting("second").ask("1001910").await.outcome(), "200");
    // Kept open: a new one would not trust the other CA.
    assert_eq!(before.ask("1001910").await.outcome(), "200");
}

#[tokio::test]
async fn a_changed_sap_starts_a_memory_of_its_own_and_a_changed_client_is_let_in() {
    let gateway = Gateway::start().await;
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("1001910").await.source(), "sap");
    assert_eq!(jtel.ask("1001910").await.source(), "memory");

    change(&gateway, &[("sap.language", "DE")]);
    let told = "the configuration is in force (changed: sap)\n".to_owned();
    assert_eq!(gateway.reload().await, (200, told));
    // In German the channel is called something else, and nothing is known of it.
    assert_eq!(jtel.ask("1001910").await.outcome(), "403 no_service_number");

    change(&gateway, &[("sap.language", "EN"), ("sap.total_timeout", "2400ms")]);
    assert_eq!(gateway.reload().await.0, 200);
    assert_eq!(jtel.ask("1001910").await.source(), "memory");

    let hash = config::SecretHash::of(b"another password of jtel, long enough");
    change(&gateway, &[("clients", &format!("[{{ name: jtel, secrets: [\"{hash}\"] }}]"))]);
    assert_eq!(gateway.reload().await.0, 200);
    assert_eq!(jtel.ask("1001910").await.outcome(), "403 unauthorized");
    assert_eq!(gateway.reload().await, (200, "nothing has changed\n".to_owned()));
}

#[tokio::test]
async fn what_needs_a_restart_is_named_and_the_rest_counts() {
    let gateway = Gateway::start().await;

    change(&gateway, &[("cache.max_entries", "7"), ("log.format", "json"), ("answers", "http")]);

    let (status, told) = gateway.reload().await;
    assert_eq!(status, 200);
    assert!(told.contains("needs a restart: cache.max_entries, log.format"), "{told}");
    let (_, checks) = gateway.admin("/readyz?verbose").await;
    assert!(checks.contains("needs a restart: cache.max_entries, log.format"), "{checks}");
    let nobody = gateway.jtel().without_credentials();
    assert_eq!(nobody.ask("1001910").await.outcome(), "401 unauthorized");
}

#[tokio::test]
async fn a_rule_put_before_another_does_not_change_what_a_remembered_partner_is_refused_for() {
    let lock = "{ path: CountryCode, operator: equals, value: DE, reason: partner_blocked }";
    let consent = "{ path: LifeCycleStatusCode, operator: equals, value: never, reason: contact_not_allowed }";
    let in_order = |rules: [&str; 2]| format!("[{}]", rules.join(", "));
    let first = in_order([lock, consent]);
    let gateway = Gateway::start_with(&[("rules.refuse_when", &first)]).await;
    let jtel = gateway.jtel();
    let before = jtel.ask("1001910").await.outcome();

    change(&gateway, &[("rules.refuse_when", &in_order([consent, lock]))]);
    assert_eq!(gateway.reload().await.0, 200);

    assert_eq!(jtel.ask("1001910").await.outcome(), before);
    assert_eq!(gateway.sap.requests_for("1001910"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reloads_under_load_cost_no_call() {
    let gateway = Arc::new(Gateway::start_with(&[("log.access", "off")]).await);
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = [("1001910", false), ("1001911", true), ("4040404", false)]
        .into_iter()
        .map(|(partner, h2)| {
            let jtel = if h2 { gateway.jtel_h2() } else { gateway.jtel() };
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                let right = if partner == "4040404" { "404 partner_unknown" } else { "200" };
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(jtel.ask(partner).await.outcome(), right);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();

    for round in 0..1000 {
        let last_good = format!("{}h", 12 + round % 2);
        let total = format!("{}ms", 2000 + round % 3);
        let edits = [("cache.last_good_ttl", last_good.as_str()), ("sap.total_timeout", &total)];
        change(&gateway, &edits);
        assert_eq!(gateway.reload().await.0, 200);
    }

    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(answered.load(Ordering::Relaxed) > 1000);
    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, r#"dialgate_config_reloads_total{result="applied"}"#), 1000);
    assert_eq!(value_of(&metrics, r#"dialgate_config_reloads_total{result="refused"}"#), 0);
}

#[tokio::test]
async fn the_state_of_sap_is_that_of_the_one_in_force() {
    let gateway = Gateway::start().await;
    gateway.jtel().ask("1001910").await;
    let up = || async { value_of(&gateway.metrics().await, "dialgate_sap_up") };
    assert_eq!(up().await, 1);

    // Nobody listens there.
    change(&gateway, &[("sap.url", "http://127.0.0.1:9")]);
    assert_eq!(gateway.reload().await.0, 200);

    eventually("the new one is not up", || async { up().await == 0 }).await;
    assert_eq!(gateway.jtel().ask("1001910").await.outcome(), "403 sap_unavailable");
    change(&gateway, &[("sap.url", &gateway.sap_url)]);
    assert_eq!(gateway.reload().await.0, 200);
    assert_eq!(gateway.jtel().ask("1001910").await.source(), "memory");
}
