//! A restart goes on with what was remembered, also while SAP is silent (`cache.snapshot`).

mod damaged;
mod kept;

use std::{fs, path::PathBuf};

use http::Method;

use crate::support::{
    Link, Process, ScriptedSap, eventually,
    gateway::write_key,
    load::{at_once, contract_number, partner},
    program, value_of,
};

const KEY: &str = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";
const OTHER_KEY: &str = "b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28=";

/// A gateway with a snapshot in its folder, and a SAP that can be taken away.
struct Kept {
    process: Process,
    link: Link,
    sap: ScriptedSap,
}

impl Kept {
    /// Written at the end, and soon after something was forgotten.
    async fn start(changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_key(&folder.path().join("memory.key"), KEY);
        write_key(&folder.path().join("other.key"), OTHER_KEY);
        let sap = ScriptedSap::start().await;
        let link = Link::to(sap.address);
        let process = Process::start_in(folder, &link.url(), &with(changes)).await;
        Self { process, link, sap }
    }

    fn file(&self) -> PathBuf {
        self.process.folder.path().join("memory.snapshot")
    }

    /// Starts it again, once it has ended.
    async fn again(self) -> Self {
        Self { process: self.process.again().await, ..self }
    }

    /// SAP is gone; the process ends in order and is started again.
    async fn restart_in_an_outage(mut self) -> Self {
        self.link.close_port();
        assert_eq!(self.process.end().await, Some(0));
        self.again().await
    }

    /// The next start has this configuration.
    fn change(&self, changes: &[(&str, &str)]) {
        self.process.rewrite(&with(changes));
    }

    async fn ask(&self, partner: &str) -> String {
        self.process.jtel(false).ask(partner).await.outcome()
    }

    /// The first so many partners are known from now on.
    async fn know(&self, count: u32) {
        for call in at_once(&self.process.jtel(true), (0..count).map(partner)).await {
            assert_eq!(call.answer.outcome(), "200");
        }
    }

    /// Has a partner forgotten, and waits until the snapshot is without it.
    async fn forget(&self, partner: &str) {
        let before = self.written();
        let url = format!("http://{}/memory/forget", self.process.admin_address());
        let mut curl = tokio::process::Command::new("curl");
        curl.args(["-s", "-X", "POST", "-d", &format!("partner={partner}"), &url]);
        let output = program::run(&mut curl).await;
        assert!(output.status.success(), "{}", program::stdout(&output));
        eventually("a snapshot is written", || async { self.written() != before }).await;
    }

    /// What tells one snapshot from another.
    fn written(&self) -> Option<Vec<u8>> {
        fs::read(self.file()).ok()
    }

    async fn value(&self, series: &str) -> i64 {
        value_of(&self.process.metrics().await, series)
    }

    async fn ready(&self) -> (u16, String) {
        self.process.admin(Method::GET, "/readyz?verbose").await
    }
}

fn with<'c>(changes: &[(&'c str, &'c str)]) -> Vec<(&'c str, &'c str)> {
    let all = [
        ("cache.keys", "[{ file: memory.key }]"),
        ("cache.snapshot", "{ path: memory.snapshot, every: 1h }"),
        ("sap.probe_interval", "1s"),
    ];
    let mut all: Vec<_> =
        all.into_iter().filter(|(key, _)| changes.iter().all(|(other, _)| other != key)).collect();
    all.extend(changes);
    all
}

#[tokio::test]
async fn a_partner_known_before_the_restart_is_dialled_while_sap_is_silent() {
    let kept = Kept::start(&[]).await;
    kept.know(20).await;

    let kept = kept.restart_in_an_outage().await;

    let (status, told) = kept.ready().await;
    assert_eq!(status, 200, "ready at once: {told}");
    assert!(told.contains("20 partners"), "{told}");
    for number in 0..20 {
        let answer = kept.process.jtel(false).ask(&partner(number)).await;
        assert_eq!((answer.outcome(), answer.source()), ("200".to_owned(), "memory".to_owned()));
        assert_eq!(answer.json()["contractNumber"], contract_number(&partner(number)));
    }
    assert_eq!(kept.value("dialgate_snapshot_start_entries{result=\"loaded\"}").await, 20);
    // Nobody knows this one.
    assert_eq!(kept.ask(&partner(99)).await, "403 sap_unavailable");
    kept.link.mend();
    eventually("SAP is asked again", || async { kept.ask(&partner(99)).await == "200" }).await;
    assert_eq!(kept.sap.requests_for(&partner(3)), 1, "it was known all the time");
}

#[tokio::test]
async fn what_was_remembered_goes_on_ageing_and_is_last_good_past_its_time() {
    let kept = Kept::start(&[("cache.found_ttl", "1s"), ("cache.jitter", "0")]).await;
    kept.know(3).await;
    let asked = tokio::time::Instant::now();

    let kept = kept.restart_in_an_outage().await;
    eventually("its time is over", || async { asked.elapsed().as_millis() > 1100 }).await;

    let answer = kept.process.jtel(false).ask(&partner(1)).await;
    assert_eq!((answer.outcome(), answer.source()), ("200".to_owned(), "last_good".to_owned()));
}

#[tokio::test]
async fn what_sap_did_not_know_is_remembered_for_as_long_as_before_and_no_longer() {
    let kept = Kept::start(&[("cache.unknown_ttl", "1h")]).await;
    assert_eq!(kept.ask("404404").await, "404 partner_unknown");

    let kept = kept.restart_in_an_outage().await;
    assert_eq!(kept.ask("404404").await, "404 partner_unknown");

    kept.change(&[("cache.unknown_ttl", "0s")]);
    let kept = kept.restart_in_an_outage().await;
    assert_eq!(kept.ask("404404").await, "403 sap_unavailable");
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_the_snapshot_before() {
    let mut kept = Kept::start(&[]).await;
    kept.know(5).await;
    kept.forget("1").await;
    assert_eq!(kept.ask(&partner(7)).await, "200");
    kept.link.close_port();

    kept.process.child.kill().await.unwrap();
    let kept = kept.again().await;

    assert_eq!(kept.ask(&partner(3)).await, "200");
    assert_eq!(
        kept.ask(&partner(7)).await,
        "403 sap_unavailable",
        "it was asked after the snapshot"
    );
}

#[tokio::test]
async fn whom_an_operator_has_forgotten_does_not_come_back_with_a_start() {
    let mut kept = Kept::start(&[]).await;
    kept.know(5).await;
    kept.forget("1").await;
    kept.forget(&partner(3)).await;
    kept.link.close_port();

    kept.process.child.kill().await.unwrap();
    let kept = kept.again().await;

    assert_eq!(kept.ask(&partner(2)).await, "200");
    assert_eq!(kept.ask(&partner(3)).await, "403 sap_unavailable");
}

#[tokio::test]
async fn another_sap_system_is_never_answered_with_what_this_one_said() {
    let kept = Kept::start(&[]).await;
    kept.know(5).await;
    kept.change(&[("sap.language", "DE")]);

    let kept = kept.restart_in_an_outage().await;

    assert_eq!(kept.ask(&partner(3)).await, "403 sap_unavailable");
    assert_eq!(kept.value("dialgate_snapshot_start_entries{result=\"other_system\"}").await, 5);
}
