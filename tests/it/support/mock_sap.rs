//! `mock-sap`, a Python package: an SAP Gateway not made by us, with faults on request.

use std::process::Stdio;

use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

use super::{SAP_USER, cap::folder, eventually};

pub(crate) const PASSWORD: &str = "mock-s3cret";

/// A running mock-sap. Ends with the test.
pub(crate) struct MockSap {
    pub(crate) url: String,
    _process: Child,
}

impl MockSap {
    pub(crate) async fn start() -> Self {
        // It does not say which port it took, so one that was free a moment ago is named.
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let process = Command::new(folder("DIALGATE_TEST_MOCK_SAP").join("bin/mock-sap"))
            .args([
                "--port",
                &address.port().to_string(),
                "--auth",
                &format!("{SAP_USER}:{PASSWORD}"),
            ])
            .args(["--no-request-log", "-q"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("mock-sap starts");
        eventually("mock-sap listens", || async { TcpStream::connect(address).await.is_ok() })
            .await;
        Self { url: format!("http://{address}"), _process: process }
    }
}
