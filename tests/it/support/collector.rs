//! A collector of spans not made by us: OpenTelemetry's own classes behind Python's HTTP server.

use std::{
    process::Stdio,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{PATIENCE, cap::folder, eventually};

/// A running one. Ends with the test.
pub(crate) struct Collector {
    /// What stands in `traces.otlp.url`.
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Value>>>,
    _reader: AbortOnDropHandle<()>,
    _process: Child,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/otlp/receiver.py");
        let mut process = Command::new(folder("DIALGATE_TEST_OTLP").join("bin/python"))
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python starts");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let url = first.strip_prefix("listening on ").unwrap().to_owned();
        let got = Arc::<Mutex<Vec<_>>>::default();
        let noted = Arc::clone(&got);
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                noted.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { url, got, _reader: AbortOnDropHandle::new(reader), _process: process }
    }

    /// The section that names it.
    pub(crate) fn section(&self) -> String {
        format!("{{ url: '{}' }}", self.url)
    }

    /// The requests so far, each of which it could read.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let got = self.got.lock().unwrap().clone();
        for request in &got {
            assert!(request.get("unreadable").is_none(), "{request}");
        }
        got
    }

    /// All spans so far.
    pub(crate) fn spans(&self) -> Vec<Value> {
        let requests = self.requests();
        requests.iter().flat_map(|request| request["spans"].as_array().unwrap().clone()).collect()
    }

    /// Waits for so many spans of this name, and says which those are.
    pub(crate) async fn until(&self, name: &str, count: usize) -> Vec<Value> {
        let of_name = || {
            let all = self.spans().into_iter();
            all.filter(|span| span["name"] == name).collect::<Vec<_>>()
        };
        eventually("spans come", || async { of_name().len() >= count }).await;
        of_name()
    }
}
