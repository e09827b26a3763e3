//! The process ends whatever hangs.

use std::{fs, os::unix::fs::OpenOptionsExt, time::Duration};

use tokio::{
    process::Command,
    time::{Instant, sleep, timeout},
};

use crate::support::{
    gateway::write_config,
    program::{self, run, terminate},
};

/// Linux's numbers: do not wait in `open`, and what it says where nobody has opened a pipe to read.
const O_NONBLOCK: i32 = 0o4000;
const ENXIO: i32 = 6;

#[tokio::test]
async fn a_second_signal_ends_it_also_while_a_file_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("client.pem");
    let login = "{ certificate: { certificate: client.pem, key: server-key.pem } }";
    let changes = [("log.format", "json"), ("sap.login", login)];
    let config = write_config(folder.path(), "https://127.0.0.1:9", &changes);
    fs::copy(folder.path().join("server.pem"), &pem).unwrap();
    let (mut process, mut log) = program::serve(&config).await;
    // As on a network drive that is gone: it can be opened, and then nothing comes.
    let hangs = folder.path().join("hangs");
    assert!(run(Command::new("mkfifo").arg(&hangs)).await.status.success());
    fs::rename(&hangs, &pem).unwrap();
    // Until it is being read; or not at all, by a program that sees that this is no file.
    let (mut reader, until) = (None, Instant::now() + Duration::from_secs(5));
    while reader.is_none() && Instant::now() < until {
        let opened = fs::OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&pem);
        let nobody_reads = opened.as_ref().is_err_and(|e| e.raw_os_error() == Some(ENXIO));
        assert!(nobody_reads || opened.is_ok(), "{opened:?}");
        reader = opened.ok();
        sleep(Duration::from_millis(20)).await;
    }

    terminate(&process).await;
    log.until("not ready any more").await;
    terminate(&process).await;

    let ended = timeout(Duration::from_secs(8), process.wait()).await;
    assert!(ended.is_ok(), "it ends within four seconds, and a few for a busy machine");
}
