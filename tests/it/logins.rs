//! Logins that change while the gateway runs.

use std::fs;

use crate::support::{Gateway, SAP_PASSWORD, eventually};

#[tokio::test]
async fn a_wrong_password_is_shown_once_and_a_corrected_file_ends_the_refusal() {
    let gateway = Gateway::start_with(&[("cache.unknown_ttl", "0s")]).await;
    let file = gateway.folder.path().join("sap-password");
    fs::write(&file, "wrong").unwrap();
    let jtel = gateway.jtel();
    eventually("the wrong password has been shown", || async {
        jtel.ask("4040404").await;
        gateway.admin("/readyz?verbose").await.1.contains("refuses our credentials")
    })
    .await;
    let asked = gateway.sap.requests();
    for partner in ["5000001", "5000002", "5000003"] {
        assert_eq!(jtel.ask(partner).await.outcome(), "403 sap_unavailable");
    }
    assert_eq!(gateway.sap.requests(), asked);

    fs::write(&file, SAP_PASSWORD).unwrap();

    eventually("the corrected password is shown", || async {
        jtel.ask("1001910").await.outcome() == "200"
    })
    .await;
}
