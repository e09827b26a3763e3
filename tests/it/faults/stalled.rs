//! Nobody reads what the process writes: calls go on, the process ends, and what is lost is counted.

use std::{process::Stdio, time::Duration};

use http::Method;
use tokio::{
    io::{AsyncReadExt, BufReader},
    time::{sleep, timeout},
};

use crate::support::{
    Client, Does, ScriptedSap,
    gateway::{CLIENT_PASSWORD, write_config},
    load::{at_once, at_pace, partner, with_outcome},
    program::{self, dialgate},
    value_of,
};

/// Far more than an answer from memory takes, also on a busy machine.
const SOON: Duration = Duration::from_secs(3);

/// More lines than a pipe and every buffer before it take; a record has about 400 bytes.
const MORE_THAN_A_PIPE: u32 = 400;

#[tokio::test]
async fn stderr_that_nobody_reads_stops_no_call_and_no_shutdown() {
    let sap = ScriptedSap::start().await;
    let folder = tempfile::tempdir().unwrap();
    let changes = [
        ("log.format", "json"),
        ("log.access", "stderr"),
        ("deadline", "1s"),
        ("sap.probe_interval", "500ms"),
    ];
    let config = write_config(folder.path(), &sap.url(), &changes);
    // The first lines are read, and then nothing more.
    let (mut process, log) = program::serve(&config).await;
    let ca = folder.path().join("ca.pem");
    let jtel = Client::new(log.address.parse().unwrap(), "/onClickToDial", &ca, false)
        .with_password("jtel", CLIENT_PASSWORD);
    at_pace(&jtel, 400, (0..MORE_THAN_A_PIPE).map(|n| partner(n % 10))).await;

    // SAP fails and comes back, which is told each time.
    for does in [Does::Status(500), Does::Answer, Does::Status(500), Does::Answer] {
        sap.does(does);
        for n in 100..103 {
            let _refused_or_not = timeout(SOON, jtel.ask(&partner(n))).await;
        }
    }

    let calls = timeout(SOON, at_once(&jtel, (0..10).map(partner))).await;
    assert_eq!(with_outcome(&calls.expect("calls are answered"), "200"), 10);
    let admin = format!("http://{}", log.admin);
    let live = timeout(SOON, jtel.send(Method::GET, &format!("{admin}/livez"))).await;
    assert_eq!(live.expect("/livez is answered").status, 200);
    program::terminate(&process).await;
    let ended = timeout(Duration::from_secs(10), process.wait()).await;
    assert!(ended.is_ok(), "SIGTERM ends it");
}

#[tokio::test]
async fn a_full_queue_of_records_is_written_or_counted_at_the_end() {
    let sap = ScriptedSap::start().await;
    let folder = tempfile::tempdir().unwrap();
    let changes = [("log.format", "json"), ("log.access", "stdout")];
    let config = write_config(folder.path(), &sap.url(), &changes);
    let mut process = dialgate()
        .args(["run", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = program::until_it_serves(process.stderr.take().unwrap()).await;
    let ca = folder.path().join("ca.pem");
    let jtel = Client::new(log.address.parse().unwrap(), "/onClickToDial", &ca, true)
        .with_password("jtel", CLIENT_PASSWORD);
    // Without credentials: the cheapest request that leaves a record.
    let stranger = jtel.clone().without_credentials();
    let url = format!("http://{}/metrics", log.admin);
    let admin = Client::new(log.address.parse().unwrap(), "", &ca, false);
    let (mut made, mut lost) = (0, 0);
    // Until the queue is full: then some are lost, and told.
    while lost == 0 && made < 20_000 {
        at_once(&stranger, (0..500).map(partner)).await;
        made += 500;
        let metrics = admin.send(Method::GET, &url).await.text;
        lost = value_of(&metrics, r#"dialgate_access_records_lost_total{reason="queue_full"}"#);
    }
    assert!(lost > 0, "the queue is full after {made}");

    program::terminate(&process).await;
    // The reader of the records is back half a second after the shutdown began.
    while log.next().await.is_some_and(|line| !line.contains("not ready any more")) {}
    sleep(Duration::from_millis(500)).await;
    let mut written = Vec::new();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    timeout(Duration::from_secs(20), output.read_to_end(&mut written)).await.unwrap().unwrap();
    let ended = timeout(Duration::from_secs(10), process.wait()).await.unwrap().unwrap();

    assert_eq!(ended.code(), Some(0));
    let written = i64::try_from(String::from_utf8(written).unwrap().lines().count()).unwrap();
    assert_eq!(written + lost, made, "{written} written, {lost} counted as lost");
}
