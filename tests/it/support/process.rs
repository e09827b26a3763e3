//! A `dialgate run` of its own, with files that a test can change while it runs.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{process::Child, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Client, PATIENCE,
    gateway::{CLIENT_PASSWORD, rewrite_config, write_config},
    program::{self, Log},
    value_of,
};

/// A running one; it ends with the test.
pub(crate) struct Process {
    pub(crate) folder: TempDir,
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    admin: String,
    sap_url: String,
    lines: Arc<Mutex<Vec<Value>>>,
    _reader: AbortOnDropHandle<()>,
}

impl Process {
    /// Starts the binary with the shipped configuration, these changes, and SAP at `sap_url`. Waits
    /// until it serves, not until it is ready.
    pub(crate) async fn start(sap_url: &str, changes: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), sap_url, changes).await
    }

    /// The same in a folder that has something in it already.
    pub(crate) async fn start_in(folder: TempDir, sap_url: &str, changes: &[(&str, &str)]) -> Self {
        let config = write_config(folder.path(), sap_url, &with_json_log(changes));
        let (child, log) = program::serve(&config).await;
        Self::with_log(folder, child, log, sap_url)
    }

    /// One that has ended, started again in the same folder.
    pub(crate) async fn again(self) -> Self {
        let Self { folder, sap_url, .. } = self;
        let (child, log) = program::serve(&folder.path().join("config.yaml")).await;
        Self::with_log(folder, child, log, &sap_url)
    }

    fn with_log(folder: TempDir, child: Child, mut log: Log, sap_url: &str) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&lines);
        let (address, admin) = (log.address.parse().unwrap(), log.admin.clone());
        let reader = tokio::spawn(async move {
            while let Some(line) = log.next().await {
                let line = serde_json::from_str(&line).unwrap_or(Value::from(line));
                noted.lock().unwrap().push(line);
            }
        });
        let reader = AbortOnDropHandle::new(reader);
        Self { folder, child, address, admin, sap_url: sap_url.to_owned(), lines, _reader: reader }
    }

    /// jtel, with the right password, over HTTP/1.1 or HTTP/2.
    pub(crate) fn jtel(&self, h2: bool) -> Client {
        self.callers()(h2)
    }

    /// Makes such a client whenever asked to, each with connections of its own.
    pub(crate) fn callers(&self) -> impl Fn(bool) -> Client + use<> {
        let (address, ca) = (self.address, self.folder.path().join("ca.pem"));
        move |h2| {
            Client::new(address, "/onClickToDial", &ca, h2).with_password("jtel", CLIENT_PASSWORD)
        }
    }

    /// Where the admin listener is.
    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.admin.parse().unwrap()
    }

    /// Asks the admin listener.
    pub(crate) async fn admin(&self, method: http::Method, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.admin);
        let answer = self.jtel(false).without_credentials().send(method, &url).await;
        (answer.status.as_u16(), answer.text)
    }

    /// Everything Prometheus would read.
    pub(crate) async fn metrics(&self) -> String {
        self.admin(http::Method::GET, "/metrics").await.1
    }

    /// Memory in use, in MiB.
    pub(crate) async fn resident_mib(&self) -> i64 {
        value_of(&self.metrics().await, "process_resident_memory_bytes") / (1024 * 1024)
    }

    /// The lines of the log since the one about serving.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.lines.lock().unwrap().clone()
    }

    /// Those of them that want attention.
    pub(crate) fn warnings(&self) -> Vec<Value> {
        let mut lines = self.log();
        lines.retain(|line| line["level"] == "WARN" || line["level"] == "ERROR");
        lines
    }

    /// How many access records are written.
    pub(crate) fn records(&self) -> Vec<Value> {
        let file = self.folder.path().join("access.log");
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Writes the configuration anew, under its own name and at once, as an editor does.
    pub(crate) fn rewrite(&self, changes: &[(&str, &str)]) -> PathBuf {
        rewrite_config(self.folder.path(), &self.sap_url, &with_json_log(changes))
    }

    /// Tells it to end, waits for that, and says with what it ended.
    pub(crate) async fn end(&mut self) -> Option<i32> {
        program::terminate(&self.child).await;
        self.ended().await
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        timeout(PATIENCE, self.child.wait()).await.expect("the process ends").unwrap().code()
    }
}

fn with_json_log<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [("log.format", "json")].into_iter().chain(changes.iter().copied()).collect()
}
