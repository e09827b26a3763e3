//! Several SAP systems behind one gateway, and which of them is asked.

use std::time::Duration;

use crate::support::{
    Client, Gateway,
    cap::{Cap, PASSWORD},
    eventually,
    gateway::{CLIENT_PASSWORD, SAP_PASSWORD, SAP_USER, rewrite_config, write_config, write_key},
    value_of,
};
use dialgate::{
    app::{self, App},
    config::{Environment, Secret},
    simulator::{Simulator, SimulatorOptions},
};

async fn another_sap() -> Simulator {
    Simulator::start(SimulatorOptions {
        address: ([127, 0, 0, 1], 0).into(),
        user: SAP_USER.to_owned(),
        password: Some(Secret::new(SAP_PASSWORD.to_owned())),
        delay: Duration::ZERO,
    })
    .await
    .unwrap()
}

/// A system at this address; `SAP_URL` is the gateway's own simulator.
fn system(name: &str, url: &str) -> String {
    let login = format!("{{ basic: {{ user: {SAP_USER}, password: {{ file: sap-password }} }} }}");
    format!("{{ name: {name}, sap: {{ url: \"{url}\", login: {login}, probe_interval: 100ms }} }}")
}

fn two(other: &Simulator) -> String {
    let url = format!("http://{}", other.local_address());
    format!("[{}, {}]", system("north", "SAP_URL"), system("south", &url))
}

/// A gateway with the systems `north` and `south`.
async fn start(routes: &str) -> (Gateway, Simulator) {
    let other = another_sap().await;
    let gateway = Gateway::start_with(&[("systems", &two(&other)), ("routes", routes)]).await;
    (gateway, other)
}

const BY_RANGE: &str = "[{ path: /south/onClickToDial, ask: [south] }, { ids: [5000000-5499999, 1001910], ask: [north] }, \
      { ids: [5500000-5999999], ask: [south] }]";

#[tokio::test]
async fn each_question_goes_to_the_system_of_its_route_and_its_record_names_it() {
    let (gateway, other) = start(BY_RANGE).await;
    let (north, south) = (&gateway.sap, other.handle());
    let (jtel, at_south) = (gateway.jtel(), gateway.jtel_at("/south/onClickToDial"));

    assert_eq!(jtel.ask("5000001").await.outcome(), "200");
    assert_eq!(jtel.ask("5500001").await.outcome(), "200");
    assert_eq!(at_south.ask("5000001").await.source(), "sap", "each has a memory of its own");
    assert_eq!(jtel.ask("5000001").await.source(), "memory");
    assert_eq!(jtel.ask("1001911").await.outcome(), "403 not_routed");
    assert_eq!(gateway.jtel_at("/north/onClickToDial").ask("5000001").await.status, 404);

    let asked = |partner| (north.requests_for(partner), south.requests_for(partner));
    assert_eq!(asked("5000001"), (1, 1));
    assert_eq!(asked("5500001"), (0, 1));
    assert_eq!(asked("1001911"), (0, 0));
    let records = gateway.until_records(6).await;
    let systems: Vec<_> = records.iter().map(|record| record["system"].as_str()).collect();
    let (north, south) = (Some("north"), Some("south"));
    assert_eq!(systems, [north, south, south, north, None, None]);
}

#[tokio::test]
async fn a_system_that_is_silent_changes_nothing_for_the_partners_of_another() {
    let (gateway, other) = start(BY_RANGE).await;
    let jtel = gateway.jtel();
    eventually("south was asked whether it answers", || async {
        gateway.metrics().await.contains("\ndialgate_sap_up{system=\"south\"} 1")
    })
    .await;
    other.handle().set_fault(Some("status_500".parse().unwrap()), None);

    for partner in 5_500_000..5_500_010 {
        assert_eq!(jtel.ask(&partner.to_string()).await.outcome(), "403 sap_unavailable");
    }
    for partner in 5_000_000..5_000_010 {
        assert_eq!(jtel.ask(&partner.to_string()).await.outcome(), "200");
    }

    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, "dialgate_sap_up{system=\"north\"}"), 1);
    assert_eq!(value_of(&metrics, "dialgate_sap_up{system=\"south\"}"), 0);
    let of_breaker = |system| {
        value_of(&metrics, &format!("dialgate_sap_breaker{{state=\"closed\",system=\"{system}\"}}"))
    };
    assert_eq!((of_breaker("north"), of_breaker("south")), (1, 0));
    assert!(!metrics.contains("system=\"sap\""), "there is none of that name");
    let (ready, told) = gateway.admin("/readyz?verbose").await;
    assert_eq!(ready, 200, "{told}");
    assert!(told.contains("north: answering") && told.contains("south: silent"), "{told}");
    let status: serde_json::Value =
        serde_json::from_str(&gateway.admin("/status.json").await.1).unwrap();
    assert_eq!(status["systems"][0]["name"], "north");
    assert_eq!(status["systems"][0]["health"], "answering");
    assert_eq!(status["sap"]["name"], "south", "the one that needs somebody");
    assert!(status["sentence"].as_str().unwrap().starts_with("south: "), "{status}");
    assert!(status["problems"][0]["what"].as_str().unwrap().starts_with("south: "), "{status}");
}

#[tokio::test]
async fn a_partner_is_unknown_when_all_say_so_and_never_because_one_is_silent() {
    let (cap, sap, folder) =
        (Cap::start().await, another_sap().await, tempfile::tempdir().unwrap());
    write_key(&folder.path().join("cap-password"), PASSWORD);
    let url = format!("http://{}", sap.local_address());
    let cap_system = system("cap", &cap.url).replace("sap-password", "cap-password");
    let systems = format!("[{cap_system}, {}]", system("sim", &url));
    let routes = "[{ path: /next, ask: [cap, sim], when_silent: ask_next }, { ask: [cap, sim] }]";
    let file = write_config(folder.path(), &url, &[("systems", &systems), ("routes", routes)]);
    let app = App::new(app::load(&file, &Environment::process()).unwrap()).unwrap();
    let client = |path| {
        Client::new(app.address(), path, &folder.path().join("ca.pem"), false)
            .with_password("jtel", CLIENT_PASSWORD)
    };
    let (jtel, next) = (client("/onClickToDial"), client("/next"));
    tokio::spawn(app.serve());

    // CAP knows the listed partners, the simulator a million more.
    assert_eq!(jtel.ask("1001910").await.outcome(), "200");
    assert_eq!(sap.handle().requests_for("1001910"), 0, "the first that knows it is enough");
    assert_eq!(jtel.ask("5000001").await.outcome(), "200");
    assert_eq!(jtel.ask("7777777").await.outcome(), "404 partner_unknown");

    drop(cap);
    assert_eq!(jtel.ask("5000002").await.outcome(), "403 sap_unavailable");
    assert_eq!(sap.handle().requests_for("5000002"), 0, "it might be somebody else there");
    assert_eq!(next.ask("5000003").await.outcome(), "200");
    assert_eq!(next.ask("7777778").await.outcome(), "403 sap_unavailable", "CAP may know it");
}

#[tokio::test]
async fn a_reload_adds_and_removes_systems_and_the_others_keep_what_they_know() {
    let (gateway, other) = start(BY_RANGE).await;
    let third = another_sap().await;
    let jtel = gateway.jtel();
    assert_eq!(jtel.ask("5000001").await.source(), "sap");
    let before = gateway.metrics().await;
    let opened = "dialgate_sap_connections_opened_total{system=\"north\"}";

    let url = format!("http://{}", third.local_address());
    let systems = format!("[{}, {}]", system("north", "SAP_URL"), system("west", &url));
    let routes = "[{ ids: [5000000-5499999], ask: [north] }, { ask: [west] }]";
    let changes: &[(&str, &str)] = &[("systems", &systems), ("routes", routes)];
    rewrite_config(gateway.folder.path(), &gateway.sap_url, changes);
    let (status, told) = gateway.reload().await;
    assert_eq!(status, 200, "{told}");
    assert!(told.contains("systems"), "{told}");

    assert_eq!(jtel.ask("5000001").await.source(), "memory");
    assert_eq!(jtel.ask("5000002").await.outcome(), "200");
    assert_eq!(jtel.ask("5500001").await.outcome(), "200");
    assert_eq!(third.handle().requests_for("5500001"), 1);
    assert_eq!(other.handle().requests_for("5500001"), 0);
    let metrics = gateway.metrics().await;
    assert_eq!(value_of(&metrics, opened), value_of(&before, opened), "its connection is used");
    assert!(metrics.contains("system=\"west\"") && !metrics.contains("system=\"south\""));

    // What is refused changes nothing, metrics included.
    let systems = systems.replace("name: west", "name: East");
    rewrite_config(
        gateway.folder.path(),
        &gateway.sap_url,
        &[("systems", &systems), ("routes", routes)],
    );
    assert_eq!(gateway.reload().await.0, 422);
    assert_eq!(jtel.ask("5500002").await.outcome(), "200");
    assert!(gateway.metrics().await.contains("system=\"west\""));
}
