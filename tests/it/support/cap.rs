//! SAP CAP as SAP: a real OData server of SAP's making, started for one test.

use std::{path::PathBuf, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::PATIENCE;

/// CAP's user and password, see `tests/sap-cap/package.json`.
pub(crate) const USER: &str = "JTEL_GW";
pub(crate) const PASSWORD: &str = "s3cret";

/// A running CAP.
pub(crate) struct Cap {
    pub(crate) url: String,
    _process: Child,
}

impl Cap {
    pub(crate) async fn start() -> Self {
        Self::node("main.js", &[]).await
    }

    /// CAP that takes tokens as well, those of the token server at `issuer`.
    pub(crate) async fn with_tokens_of(issuer: &str) -> Self {
        Self::node("main.js", &[("SAP_LOGIN", "jwt"), ("JWKS", &format!("{issuer}/jwks"))]).await
    }

    /// Another server of that folder, e.g. `token-server.mjs`.
    pub(crate) async fn node(file: &str, variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new("node")
            .arg(file)
            .current_dir(folder("DIALGATE_TEST_SAP_CAP"))
            .env("PORT", "0")
            .env("UNTIL_STDIN_ENDS", "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = timeout(PATIENCE, async {
            loop {
                let line = lines.next_line().await.unwrap().expect("CAP says where it listens");
                if let Some((_, url)) = line.split_once("listening on ") {
                    return url.trim().to_owned();
                }
            }
        })
        .await
        .expect("CAP starts in time");
        // Somebody must go on reading, or CAP's next line blocks it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { url, _process: process }
    }

    /// How many OData requests CAP got so far.
    pub(crate) async fn requests(&self) -> u64 {
        let output = super::program::run(
            Command::new("curl").args(["-sS", &format!("{}/_test/requests", self.url)]),
        )
        .await;
        let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        seen["count"].as_u64().unwrap()
    }
}

/// A folder that `tests/run` has prepared.
pub(crate) fn folder(variable: &str) -> PathBuf {
    std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set; start the tests with tests/run"))
        .into()
}
