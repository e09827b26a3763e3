//! The end comes in its time, whatever hangs: name resolution, files.

use std::{fs::File, net::SocketAddr, os::unix::fs::OpenOptionsExt, path::Path, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, timeout},
};

use crate::support::{
    Client, Gateway, PATIENCE, eventually,
    gateway::write_config,
    outlet::{NON_BLOCKING, Outlet},
    program::{Log, dialgate, run, serve, serve_with, terminate},
};

/// The longest a process may live after a second signal.
const AFTER_FORCE: Duration = Duration::from_secs(4);

async fn make_fifo(path: &Path) {
    assert!(run(Command::new("mkfifo").arg(path)).await.status.success());
}

async fn exit_code(process: &mut Child) -> Option<i32> {
    timeout(PATIENCE, process.wait()).await.unwrap().unwrap().code()
}

/// What the log says of an attempt to connect while the name is still looked up.
const GIVEN_UP: &str = "no connection within 300 ms";

/// A process that waits for the address of its SAP, and goes on waiting.
async fn without_a_name(folder: &Path, changes: &[(&str, &str)]) -> Command {
    // The resolver of glibc reads this file for names without a dot; nobody writes into it.
    let aliases = folder.join("aliases");
    make_fifo(&aliases).await;
    let changes = [&[("log.format", "json"), ("sap.connect_timeout", "300ms")], changes].concat();
    let config = write_config(folder, "https://sapwithoutdots", &changes);
    let mut command = dialgate();
    command.env("HOSTALIASES", aliases).args(["run", "--config"]).arg(config);
    command
}

/// The same, started, and past the first attempt.
async fn waits_for_a_name(folder: &Path, changes: &[(&str, &str)]) -> (Child, Log) {
    let (process, mut log) = serve_with(without_a_name(folder, changes).await).await;
    log.until(GIVEN_UP).await;
    (process, log)
}

#[tokio::test]
async fn a_name_that_is_never_resolved_does_not_keep_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let (mut process, mut log) = waits_for_a_name(folder.path(), &[]).await;

    terminate(&process).await;
    log.until("all calls are over").await;

    assert_eq!(exit_code(&mut process).await, Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_a_process_that_waits_for_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let changes = [("shutdown.drain_delay", "30s")];
    let (mut process, mut log) = waits_for_a_name(folder.path(), &changes).await;
    terminate(&process).await;
    log.until("not ready any more").await;

    let second = Instant::now();
    terminate(&process).await;

    assert_eq!(exit_code(&mut process).await, Some(1));
    assert!(second.elapsed() < AFTER_FORCE, "{:?}", second.elapsed());
}

#[tokio::test]
async fn a_file_that_is_never_read_does_not_keep_the_process() {
    let sap = Gateway::start().await;
    let folder = tempfile::tempdir().unwrap();
    let changes = [("log.format", "json"), ("sap.ca_file", "ca.pem")];
    let config = write_config(folder.path(), "https://127.0.0.1:9", &changes);
    let (mut process, mut log) = serve(&config).await;
    // As on a network file system that hangs: whoever reads it gets nothing, and no end.
    let ca = folder.path().join("ca.pem");
    std::fs::remove_file(&ca).unwrap();
    make_fifo(&ca).await;
    let mut writer = File::options();
    writer.write(true).custom_flags(NON_BLOCKING);
    let mut held = None;
    eventually("the file is read again", || {
        held = writer.open(&ca).ok();
        std::future::ready(held.is_some())
    })
    .await;

    terminate(&process).await;
    log.until("all calls are over").await;

    assert_eq!(exit_code(&mut process).await, Some(0));
    drop((held, sap));
}

#[tokio::test]
async fn a_second_signal_ends_the_process_in_time_while_everything_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let changes = [
        ("log.access", "stderr"),
        ("deadline", "30s"),
        ("sap.total_timeout", "30s"),
        ("sap.connect_timeout", "300ms"),
        ("shutdown.drain_timeout", "30s"),
    ];
    let mut command = without_a_name(folder.path(), &changes).await;
    let outlet = Outlet::pipe();
    let mut process = command.stderr(outlet.for_a_program()).spawn().unwrap();
    let (outlet, line) = outlet.read_until("answers calls on").await;
    let (outlet, _line) = outlet.read_until(GIVEN_UP).await;
    let facts: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = |name: &str| facts[name].as_str().unwrap().parse::<SocketAddr>().unwrap();
    outlet.fill();
    // A question to the admin listener that never ends, and a record that nobody takes.
    let mut asking = TcpStream::connect(address("admin")).await.unwrap();
    asking.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
    let jtel = Client::new(address("address"), "/", &folder.path().join("ca.pem"), false);
    assert_eq!(jtel.ask("1001910").await.status, 404);
    terminate(&process).await;
    eventually("the call listener is closed", || async {
        TcpStream::connect(address("address")).await.is_err()
    })
    .await;

    let second = Instant::now();
    terminate(&process).await;

    assert_eq!(exit_code(&mut process).await, Some(1));
    assert!(second.elapsed() < AFTER_FORCE, "{:?}", second.elapsed());
}
