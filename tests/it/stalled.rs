//! A reader of the log that stops reading costs lines, and nothing else: calls are answered, the
//! process can be told to end.

use std::{process::Stdio, time::Duration};

use tokio::{process::Child, time::timeout};

use crate::support::{
    Client, Gateway, PATIENCE,
    gateway::{CLIENT_PASSWORD, write_config},
    outlet::Outlet,
    program::{dialgate, terminate},
};

/// An answer from memory, or of a process that is asked whether it lives.
const SOON: Duration = Duration::from_secs(5);

/// A `dialgate run` whose log is in `outlet`, and who asks it.
struct Running {
    process: Child,
    jtel: Client,
    admin: String,
}

impl Running {
    async fn start(
        sap: &Gateway,
        outlet: Outlet,
        stdout: Stdio,
        changes: &[(&str, &str)],
    ) -> (Self, Outlet) {
        let config = write_config(sap.folder.path(), &sap.sap_url, changes);
        let process = dialgate()
            .args(["run", "--config"])
            .arg(config)
            .stdout(stdout)
            .stderr(outlet.for_a_program())
            .spawn()
            .unwrap();
        let (outlet, line) = outlet.read_until("answers calls on").await;
        let facts: serde_json::Value = serde_json::from_str(&line).unwrap();
        let fact = |name: &str| facts[name].as_str().unwrap().to_owned();
        let address = fact("address").parse().unwrap();
        let jtel = Client::new(address, "/onClickToDial", &sap.ca(), false)
            .with_password("jtel", CLIENT_PASSWORD);
        (Self { process, jtel, admin: fact("admin") }, outlet)
    }

    async fn ask(&self, partner: &str) -> String {
        let answer = timeout(SOON, self.jtel.ask(partner)).await;
        answer.unwrap_or_else(|_| panic!("{partner}: no answer while nobody reads")).outcome()
    }

    async fn admin(&self, path: &str) -> String {
        let url = format!("http://{}{path}", self.admin);
        let answer = timeout(SOON, self.jtel.send(http::Method::GET, &url)).await;
        answer.unwrap_or_else(|_| panic!("{path}: no answer while nobody reads")).text
    }

    /// Calls from memory, calls that make log lines, and the end: all as if somebody read.
    async fn works_and_ends(mut self, sap: &Gateway) {
        for _ in 0..20 {
            assert_eq!(self.ask("1001910").await, "200");
        }
        sap.sap.set_fault(Some("status_500".parse().unwrap()), None);
        for partner in ["5000001", "5000002", "5000003"] {
            assert_eq!(self.ask(partner).await, "403 sap_unavailable");
            assert_eq!(self.ask("1001910").await, "200");
        }
        assert_eq!(self.admin("/livez").await, "ok");
        terminate(&self.process).await;
        let status = timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0));
    }
}

#[tokio::test]
async fn access_records_and_log_on_one_pipe_that_nobody_reads_stop_nothing() {
    let sap = Gateway::start().await;
    let changes = [("log.access", "stderr"), ("log.format", "json")];
    let (running, outlet) = Running::start(&sap, Outlet::pipe(), Stdio::null(), &changes).await;

    outlet.fill();

    running.works_and_ends(&sap).await;
}

#[tokio::test]
async fn a_journal_that_stalls_stops_nothing() {
    let sap = Gateway::start().await;
    // As systemd does it: both outputs are the same socket.
    let outlet = Outlet::socket();
    let stdout = outlet.for_a_program();
    let changes = [("log.access", "stdout"), ("log.format", "json")];
    let (running, outlet) = Running::start(&sap, outlet, stdout, &changes).await;

    outlet.fill();

    running.works_and_ends(&sap).await;
}
