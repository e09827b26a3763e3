//! A Redis of a test's own: alone, with an ACL and TLS, behind a Sentinel or in a cluster.

use std::{net::TcpListener, path::Path, process::Stdio, time::Duration};

use redis::{Client, Cmd, FromRedisValue, aio::MultiplexedConnection};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::{Gateway, eventually};

/// `openssl rand -base64 32`, once.
pub(super) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub(super) const OTHER_KEY: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

/// A running server; it ends with the test.
pub(super) struct Redis {
    pub(super) port: u16,
    program: &'static str,
    folder: TempDir,
    arguments: Vec<String>,
    process: Child,
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Redis {
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Valkey, which went its own way from Redis 7.2.
    pub(super) async fn valkey() -> Self {
        Self::of("valkey-server", &[]).await
    }

    /// With more arguments.
    pub(super) async fn start_with(more: &[&str]) -> Self {
        Self::of("redis-server", more).await
    }

    async fn of(program: &'static str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let arguments: Vec<_> = more.iter().map(|argument| (*argument).to_owned()).collect();
        let process = spawn(program, folder.path(), port, &arguments);
        let redis = Self { port, program, folder, arguments, process };
        redis.until_up().await;
        redis
    }

    async fn until_up(&self) {
        eventually("redis answers", || async {
            // One that wants a password answers as well.
            let Ok(mut connection) = self.try_connect().await else { return false };
            let pong = redis::cmd("PING").query_async::<String>(&mut connection).await;
            pong.is_ok() || pong.unwrap_err().code() == Some("NOAUTH")
        })
        .await;
    }

    async fn try_connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        let client = Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        client.get_multiplexed_async_connection().await
    }

    pub(super) async fn ask<T: FromRedisValue>(&self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut question = Cmd::new();
        question.arg(words.by_ref().collect::<Vec<_>>());
        // One that becomes the master closes its connections; who asks comes again.
        let mut answer = self.try_ask(&question).await;
        for _ in 0..5 {
            if answer.as_ref().is_err_and(redis::RedisError::is_io_error) {
                answer = self.try_ask(&question).await;
            }
        }
        answer.unwrap()
    }

    async fn try_ask<T: FromRedisValue>(&self, question: &Cmd) -> redis::RedisResult<T> {
        question.query_async(&mut self.try_connect().await?).await
    }

    pub(super) async fn keys(&self, pattern: &str) -> Vec<String> {
        self.ask(&format!("KEYS {pattern}")).await
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().unwrap().try_into().unwrap()).unwrap()
    }

    /// Takes no part in anything, and keeps its connections.
    pub(super) fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    pub(super) fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// As the kernel does it.
    pub(super) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again on its port, empty.
    pub(super) async fn restart(&mut self) {
        self.process = spawn(self.program, self.folder.path(), self.port, &self.arguments);
        self.until_up().await;
    }

    pub(super) fn shared(&self, more: &str) -> String {
        section(self.port, more)
    }
}

/// `cache.shared` for a server on this port.
pub(super) fn section(port: u16, more: &str) -> String {
    format!("{{ urls: [\"redis://127.0.0.1:{port}\"]{more} }}")
}

fn spawn(program: &str, folder: &Path, port: u16, more: &[String]) -> Child {
    Command::new(program)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .args(["--dir", &folder.display().to_string()])
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it"))
}

/// Gateways that are replicas: one SAP, one shared memory, one key.
pub(super) struct Replicas {
    pub(super) all: Vec<Gateway>,
    _keys: TempDir,
}

impl Replicas {
    pub(super) async fn start(count: usize, shared: &str, more: &[(&str, &str)]) -> Self {
        Self::with_keys(count, shared, &[KEY], more).await
    }

    pub(super) async fn with_keys(
        count: usize,
        shared: &str,
        keys: &[&str],
        more: &[(&str, &str)],
    ) -> Self {
        let (folder, keys) = keys_in_files(keys);
        let mut all: Vec<Gateway> = Vec::new();
        for _ in 0..count {
            let sap = all.first().map(|first| first.sap_url.clone());
            let mut changes = vec![("cache.keys", keys.as_str()), ("cache.shared", shared)];
            changes.extend(sap.as_deref().map(|sap| ("sap.url", sap)));
            changes.extend_from_slice(more);
            all.push(Gateway::start_with(&changes).await);
        }
        let replicas = Self { all, _keys: folder };
        replicas.until("answering").await;
        replicas
    }

    /// Each of them says so of the shared memory.
    pub(super) async fn until(&self, state: &str) {
        for gateway in &self.all {
            eventually(&format!("the shared memory is {state}"), || async {
                count(gateway, &format!("dialgate_shared_memory{{state=\"{state}\"}}")).await == 1
            })
            .await;
        }
    }

    /// Requests that SAP has had for a partner, of all of them.
    pub(super) fn asked(&self, partner: &str) -> u64 {
        self.all[0].sap.requests_for(partner)
    }

    /// Lookups whose wait for what the shared memory knows was longer than this bound of the histogram.
    pub(super) async fn waited_longer(&self, bound: &str) -> i64 {
        let mut longer = 0;
        for gateway in &self.all {
            let name = "dialgate_shared_lookup_duration_seconds";
            let within = count(gateway, &format!("{name}_bucket{{le=\"{bound}\"}}")).await;
            longer += count(gateway, &format!("{name}_count")).await - within;
        }
        longer
    }

    pub(super) async fn sum(&self, series: &str) -> i64 {
        let mut sum = 0;
        for gateway in &self.all {
            sum += count(gateway, series).await;
        }
        sum
    }
}

fn keys_in_files(keys: &[&str]) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(place, key)| {
            let file = folder.path().join(format!("key-{place}"));
            crate::support::gateway::write_key(&file, key);
            format!("{{ file: {} }}", file.display())
        })
        .collect();
    (folder, format!("[{}]", files.join(", ")))
}

pub(super) async fn count(gateway: &Gateway, series: &str) -> i64 {
    crate::support::value_of(&gateway.metrics().await, series)
}

/// Long enough for what is written in the background.
pub(super) async fn until_written(replicas: &Replicas, writes: i64) {
    eventually("it is written", || async {
        replicas.sum(r#"dialgate_shared_writes_total{result="written"}"#).await >= writes
    })
    .await;
}

pub(super) const SECOND: Duration = Duration::from_secs(1);
