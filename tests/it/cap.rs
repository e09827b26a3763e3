//! SAP CAP, SAP's own OData server, as SAP.

use dialgate::{
    app::{self, App},
    config::Environment,
};

use crate::support::{
    Client, SAP_USER,
    cap::{Cap, PASSWORD, USER},
    eventually,
    gateway::{CLIENT_PASSWORD, write_config},
};

/// A gateway in front of CAP, not waited for.
fn gateway(
    cap: &Cap,
    folder: &std::path::Path,
    changes: &[(&str, &str)],
) -> (Client, std::net::SocketAddr) {
    assert_eq!(USER, SAP_USER);
    let file = write_config(folder, &cap.url, changes);
    std::fs::write(folder.join("sap-password"), PASSWORD).unwrap();
    let config = app::load(&file, &Environment::process()).unwrap_or_else(|e| panic!("{e}"));
    let app = App::new(config).unwrap();
    let client = Client::new(app.address(), "/onClickToDial", &folder.join("ca.pem"), false)
        .with_password("jtel", CLIENT_PASSWORD);
    let admin = app.admin_address();
    tokio::spawn(app.serve());
    (client, admin)
}

#[tokio::test]
async fn with_a_real_odata_server_every_partner_gets_the_answer_of_the_table() {
    let (cap, folder) = (Cap::start().await, tempfile::tempdir().unwrap());
    let (jtel, _admin) = gateway(&cap, folder.path(), &[]);

    for (partner, outcome, contract) in [
        ("1001910", "200", "Direct salesDE"),
        ("1001911", "200", "Indirect salesAT"),
        ("1001912", "403 partner_blocked", ""),
        ("1001913", "403 no_channel", ""),
        ("1001914", "403 no_country", ""),
        ("1001915", "403 partner_ambiguous", ""),
        ("2000001", "200", "PartnerDE"),
        ("4040404", "404 partner_unknown", ""),
    ] {
        let answer = jtel.ask(partner).await;
        assert_eq!(answer.outcome(), outcome, "{partner}: {answer:?}");
        let told = answer.json()["contractNumber"].as_str().unwrap_or_default().to_owned();
        assert_eq!(told, contract, "{partner}");
    }
}

#[tokio::test]
async fn what_could_change_the_filter_is_refused_before_sap_is_asked() {
    let (cap, folder) = (Cap::start().await, tempfile::tempdir().unwrap());
    let (jtel, admin) = gateway(&cap, folder.path(), &[]);
    eventually("the probe is over", || async {
        let url = format!("http://{admin}/readyz");
        jtel.send(http::Method::GET, &url).await.status == 200
    })
    .await;
    let asked_before = cap.requests().await;

    for partner in [
        "O%27Brien",
        "*",
        "1*",
        "x%27%20or%20CustomerID%20ne%20%27",
        "x%27%20or%20CustomerID%20eq%20%27BAIT",
        "1001910%2527",
        "1001910&$top=1000",
    ] {
        let outcome = jtel.ask(partner).await.outcome();
        // The last one is an unknown parameter of its own and asks for 1001910.
        let expected = if partner.contains('&') { "200" } else { "400 bad_query" };
        assert_eq!(outcome, expected, "{partner}");
    }

    assert_eq!(cap.requests().await, asked_before + 1);
}

#[tokio::test]
async fn the_language_of_the_channel_texts_is_pinned() {
    let (cap, folder) = (Cap::start().await, tempfile::tempdir().unwrap());
    let changes = [("sap.language", "DE"), ("rules.without_service_number", "dial_without_number")];
    let (jtel, _admin) = gateway(&cap, folder.path(), &changes);

    let body = jtel.ask("1001910").await.json();

    assert_eq!(body["contractNumber"], "DirektvertriebDE");
}

#[tokio::test]
async fn a_wrong_sap_password_is_the_row_of_a_silent_sap_and_not_ready() {
    let (cap, folder) = (Cap::start().await, tempfile::tempdir().unwrap());
    let file = write_config(folder.path(), &cap.url, &[]);
    let config = app::load(&file, &Environment::process()).unwrap_or_else(|e| panic!("{e}"));
    let app = App::new(config).unwrap();
    let jtel = Client::new(app.address(), "/onClickToDial", &folder.path().join("ca.pem"), false)
        .with_password("jtel", CLIENT_PASSWORD);
    let admin = format!("http://{}/readyz?verbose", app.admin_address());
    tokio::spawn(app.serve());

    eventually("SAP has refused the probe", || async {
        jtel.send(http::Method::GET, &admin).await.text.contains("refuses our credentials")
    })
    .await;

    for partner in ["1001910", "1001911", "4040404"] {
        assert_eq!(jtel.ask(partner).await.outcome(), "403 sap_unavailable", "{partner}");
    }
    assert_eq!(jtel.send(http::Method::GET, &admin).await.status, 503);
    assert_eq!(cap.requests().await, 1, "refused credentials are tried once");
}
