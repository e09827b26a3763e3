//! The package for Debian, from its installation to its end.

use super::debian::Debian;
use crate::support::{
    Client, ScriptedSap,
    gateway::CLIENT_PASSWORD,
    load::partner,
    program::{run, serve_with, stderr, stdout},
};

const CONFIG: &str = "/etc/dialgate/config.yaml";

#[tokio::test]
async fn the_package_is_installed_filled_in_checked_and_answers_its_first_call() {
    let sap = ScriptedSap::start().await;
    let debian = Debian::with_the_package().await;

    // Who may read what.
    assert_eq!(debian.owner(CONFIG).await, "root:dialgate 640");
    assert_eq!(debian.owner("/etc/dialgate/certs").await, "root:dialgate 750");
    assert_eq!(debian.owner("/usr/bin/dialgate").await, "root:root 755");
    // What is left to fill in is told, by the file that is meant without naming it.
    let findings = debian.tries(["dialgate", "check"]).await;
    assert_eq!(findings.status.code(), Some(2), "{}", stdout(&findings));
    for told in [CONFIG, "listen.tls.certificate", "clients[0].secrets", "sap.login"] {
        assert!(stderr(&findings).contains(told), "{told} in {}", stderr(&findings));
    }

    debian.fill_in(&sap.url(), &[]).await;

    assert_eq!(debian.owner(CONFIG).await, "root:dialgate 640");
    let checked = run(&mut debian.command_of_the_service(["dialgate", "check"])).await;
    assert!(checked.status.success(), "{}{}", stdout(&checked), stderr(&checked));
    let service = debian.command_of_the_service(["/usr/bin/dialgate", "run", "--config", CONFIG]);
    let (_process, log) = serve_with(service).await;
    let address = log.address.parse().unwrap();
    let jtel = Client::new(address, "/onClickToDial", &debian.ca(), false);
    let answer = jtel.with_password("jtel", CLIENT_PASSWORD).ask(&partner(0)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["decision"], "dial", "{}", answer.text);
}

#[tokio::test]
async fn the_package_brings_manual_completions_and_what_prometheus_and_grafana_need() {
    let debian = Debian::with_the_package().await;

    let help = debian.does(["dialgate", "--help"]).await;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<_> = commands
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() > 15, "{help}");
    for command in commands {
        let page = debian.path(&format!("/usr/share/man/man1/dialgate-{command}.1"));
        assert!(page.exists(), "{} is missing", page.display());
    }
    debian.does(["bash", "-n", "/usr/share/bash-completion/completions/dialgate"]).await;
    for file in [
        "dialgate/config.schema.json",
        "dialgate/grafana/alerts/alerts.yaml",
        "dialgate/grafana/dashboards/overview.json",
        "doc/dialgate/README.md",
        "doc/dialgate/CHANGELOG.md",
        "doc/dialgate/copyright",
        "doc/dialgate/docs/runbook.md",
        "zsh/vendor-completions/_dialgate",
        "fish/vendor_completions.d/dialgate.fish",
    ] {
        assert!(debian.path("/usr/share").join(file).exists(), "{file} is missing");
    }
    // As it is set up by systemd when the service starts.
    debian
        .does([
            "install",
            "-d",
            "-o",
            "dialgate",
            "-g",
            "dialgate",
            "-m",
            "750",
            "/var/log/dialgate",
        ])
        .await;
    debian.does(["sh", "-c", "echo {} > /var/log/dialgate/access.log"]).await;
    let rotated = debian.does(["logrotate", "--debug", "/etc/logrotate.d/dialgate"]).await;
    assert!(!rotated.contains("error:"), "{rotated}");
    assert!(rotated.contains("considering log /var/log/dialgate/access.log"), "{rotated}");
}

#[tokio::test]
async fn an_upgrade_keeps_what_the_administrator_has_written_and_a_purge_keeps_the_evidence() {
    let debian = Debian::with_the_package().await;
    debian.fill_in("http://127.0.0.1:9", &[]).await;
    let written = debian.read(CONFIG).await;
    debian.does(["install", "-d", "-o", "dialgate", "/var/lib/dialgate/trail"]).await;
    debian.does(["install", "-d", "-o", "dialgate", "/var/log/dialgate"]).await;

    debian.install().await;

    assert_eq!(debian.read(CONFIG).await, written);
    assert_eq!(debian.owner(CONFIG).await, "root:dialgate 640");
    let user = debian.does(["id", "--user", "dialgate"]).await;

    let said = debian.does(["dpkg", "--purge", "dialgate"]).await;

    assert!(said.contains("/var/lib/dialgate stays"), "{said}");
    assert!(debian.path("/var/lib/dialgate/trail").exists());
    for gone in [CONFIG, "/usr/bin/dialgate", "/var/log/dialgate", "/etc/logrotate.d/dialgate"] {
        assert!(!debian.path(gone).exists(), "{gone} is still there");
    }
    // Nobody else gets the number that owns the evidence.
    assert_eq!(debian.does(["id", "--user", "dialgate"]).await, user);
}
