//! Restarts by day on sockets that a real systemd keeps.

use std::net::{SocketAddr, TcpListener};

use super::{booted::Booted, debian::Debian};
use crate::{
    support::{Client, ScriptedSap, eventually, gateway::CLIENT_PASSWORD, load::partner},
    upgrade::callers::Callers,
};

/// Fewer than the unit's `StartLimitBurst`.
const RESTARTS: usize = 6;

/// Calls between two of them.
const BETWEEN: usize = 40;

/// Two ports that nobody has just now.
fn addresses() -> [SocketAddr; 2] {
    let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|socket| socket.local_addr().unwrap())
}

#[tokio::test]
async fn a_call_starts_the_service_and_restarts_under_load_lose_none() {
    let sap = ScriptedSap::start().await;
    let debian = Debian::with_the_package().await;
    let [calls, admin] = addresses();
    let texts = [calls, admin].map(|address| format!("\"{address}\""));
    let [calls_text, admin_text] = &texts;
    let changes = [
        ("listen.address", calls_text.as_str()),
        ("admin.address", admin_text),
        ("sap.login", "none"),
        ("shutdown.idle_grace", "300ms"),
    ];
    debian.fill_in(&sap.url(), &changes).await;
    let ca = debian.ca();
    for (unit, address) in [("dialgate", calls), ("dialgate-admin", admin)] {
        let folder = format!("/etc/systemd/system/{unit}.socket.d");
        debian.does(["mkdir", &folder]).await;
        let file = format!("{folder}/address.conf");
        debian.does(["touch", &file]).await;
        let text = format!("[Socket]\nListenStream=\nListenStream={address}\n");
        debian.write(&file, &text).await;
    }
    let debian = Booted::start(debian).await;
    debian
        .does(&["systemctl", "enable", "--now", "dialgate.socket", "dialgate-admin.socket"])
        .await;
    let is_active = ["systemctl", "show", "dialgate", "--value", "--property", "ActiveState"];
    assert_eq!(debian.does(&is_active).await.trim(), "inactive", "nobody has asked yet");

    let jtel =
        Client::new(calls, "/onClickToDial", &ca, false).with_password("jtel", CLIENT_PASSWORD);
    let answer = jtel.ask(&partner(0)).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    let serves = debian.serves().await;
    assert_eq!([&serves["address"], &serves["admin"]], [&calls.to_string(), &admin.to_string()]);

    let callers = Callers::of(calls, &ca);
    for _ in 0..RESTARTS {
        callers.until_answered(BETWEEN).await;
        debian.does(&["systemctl", "restart", "dialgate.service"]).await;
    }
    callers.until_answered(BETWEEN).await;
    let said = callers.end().await;
    assert!(said.failed.is_empty(), "{} answered, {:#?}", said.answered, said.failed);
    let starts = debian.journal().await.matches("answers calls on").count();
    assert_eq!(starts, RESTARTS + 1);

    // Whoever stops all of it is left alone.
    debian
        .does(&["systemctl", "stop", "dialgate.socket", "dialgate-admin.socket", "dialgate"])
        .await;
    eventually("nobody listens", || async {
        std::net::TcpStream::connect(calls)
            .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    })
    .await;
}
