//! What a call costs, counted: instructions of the whole program for a hit, for one with an audit trail, and
//! for a miss, by valgrind's callgrind, beside those of `benches/instructions.txt`.
//!
//! Time depends on the machine and on who else uses it; the number of instructions does not, so that
//! 5 % more of them is a finding and not a mood. valgrind shows every program the same processor where
//! there is AVX2, so that aws-lc, memchr and glibc take the same code everywhere.
//!
//! The program is one that `tests/run` builds for this: dialgate optimised, its crates as all tests
//! have them. That costs CI one minute on two cores where a release build costs three. A call takes
//! a fifth more instructions than in a release build, and what dialgate does in vain is seen in both.

use std::{env, fs, iter, path::PathBuf, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::support::{
    Client, PATIENCE, ScriptedSap,
    gateway::{AUDIT, CLIENT_PASSWORD, write_config},
    load::partner,
    program::{self, run, stdout},
};

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

/// Writes the baseline anew instead of comparing with it.
const RENEW: &str = "DIALGATE_RENEW_INSTRUCTIONS";

/// How many more instructions than the baseline are no finding yet, in percent.
const ALLOWED: f64 = 5.0;

/// Calls that are counted, each by itself.
const CALLS: usize = 60;

/// What glibc calls what sends, by its symbols and by its debugging symbols.
const SENDS: [&str; 4] = ["send", "__send", "writev", "__writev"];

/// Between two calls and before SAP answers: long enough that dialgate has come to rest, so that each
/// call finds it in the same state.
const REST: Duration = Duration::from_millis(4);

/// dialgate under callgrind, which writes down what it has counted each time that something is sent.
/// Ends with the test.
struct Counted {
    folder: TempDir,
    _child: Child,
    client: Client,
}

impl Counted {
    async fn start(sap_url: &str, more: &[(&str, &str)]) -> Self {
        let program = env::var_os("DIALGATE_TEST_OPTIMISED").map(PathBuf::from);
        let program = program.expect("start the tests with tests/run: it builds what is counted");
        let folder = tempfile::tempdir().unwrap();
        let changes = [&[("log.format", "json")], more].concat();
        let config = write_config(folder.path(), sap_url, &changes);
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--quiet"])
            .args(SENDS.map(|name| format!("--dump-before={name}")))
            .arg(format!("--callgrind-out-file={}", folder.path().join("counted").display()))
            .arg(program)
            .args(["run", "--config"])
            .arg(config)
            // With more of them, who wakes whom is chance.
            .env("TOKIO_WORKER_THREADS", "1")
            .env_remove("DIALGATE_CONFIG")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let (child, mut log) = timeout(PATIENCE * 4, program::serve_with(command)).await.unwrap();
        let client = Client::new(
            log.address.parse().unwrap(),
            "/onClickToDial",
            &folder.path().join("ca.pem"),
            false,
        )
        .with_password("jtel", CLIENT_PASSWORD);
        tokio::spawn(async move { while log.next().await.is_some() {} });
        Self { folder, _child: child, client }
    }

    /// Instructions for a call about each of `partners` in turn, for which dialgate sends something so
    /// many times: from one answer to the next. What runs beside the calls (timers, records that are
    /// written, files that are looked at) falls into some of them, and only adds to them: the lowest
    /// quarter has none of it.
    async fn calls(&self, mut partners: impl Iterator<Item = u32>, sent: usize) -> u64 {
        for partner in partners.by_ref().take(10) {
            self.ask(partner).await;
        }
        self.take_counted();
        for partner in partners.take(CALLS) {
            self.ask(partner).await;
        }
        let counts = self.take_counted();
        assert!(counts.len() >= CALLS * sent, "{} parts of {CALLS} calls", counts.len());
        let mut calls: Vec<u64> =
            counts.chunks_exact(sent).map(|parts| parts.iter().sum()).collect();
        calls.sort_unstable();
        calls[calls.len() / 4]
    }

    /// What callgrind has written since the last time, in order.
    fn take_counted(&self) -> Vec<u64> {
        let mut counted = Vec::new();
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_name().unwrap().to_str().unwrap();
            let Some(nth) = name.strip_prefix("counted.") else { continue };
            let nth: u64 = nth.parse().unwrap();
            let text = fs::read_to_string(&file).unwrap();
            let totals = text.lines().find_map(|line| line.strip_prefix("totals: "));
            counted.push((nth, totals.and_then(|n| n.trim().parse().ok()).expect("a sum")));
            fs::remove_file(file).unwrap();
        }
        counted.sort_unstable();
        counted.into_iter().map(|(_nth, count)| count).collect()
    }

    async fn ask(&self, n: u32) {
        let answer = self.client.ask(&partner(n)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        sleep(REST).await;
    }
}

/// Instructions for a call, by kind, and the compiler they were counted with.
#[derive(PartialEq)]
struct Baseline {
    rustc: String,
    hit: u64,
    audited: u64,
    miss: u64,
}

impl Baseline {
    fn read() -> Self {
        let text = fs::read_to_string(BASELINE).unwrap();
        let line = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            found.unwrap_or_else(|| panic!("no line {name} in {BASELINE}")).to_owned()
        };
        let count = |name| line(name).parse().unwrap();
        Self {
            rustc: line("rustc"),
            hit: count("hit"),
            audited: count("hit-with-trail"),
            miss: count("miss"),
        }
    }

    fn write(&self) {
        let Self { rustc, hit, audited, miss } = self;
        let text = format!(
            "# Instructions for a call, as tests/it/instructions.rs counts and compares them. To renew:\n\
             # {RENEW}=1 tests/run instructions\n\
             rustc {rustc}\nhit {hit}\nhit-with-trail {audited}\nmiss {miss}\n"
        );
        fs::write(BASELINE, text).unwrap();
    }
}

async fn rustc() -> String {
    let version = run(Command::new("rustc").arg("--version")).await;
    stdout(&version).split(' ').nth(1).expect("a version").to_owned()
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "figures are worth seeing also when they are fine")]
async fn a_hit_and_a_miss_take_at_most_5_percent_more_instructions_than_the_baseline() {
    let sap = ScriptedSap::start().await;
    sap.takes(REST);
    let counted = Counted::start(&sap.url(), &[]).await;

    let hit = counted.calls(iter::repeat(0), 1).await;
    let miss = counted.calls(1.., 2).await;

    drop(counted);
    let audited = Counted::start(&sap.url(), &[("audit", AUDIT)]).await;
    let audited = audited.calls(iter::repeat(0), 1).await;

    let now = Baseline { rustc: rustc().await, hit, audited, miss };
    if env::var_os(RENEW).is_some() {
        return now.write();
    }
    let baseline = Baseline::read();
    let mut findings = Vec::new();
    for (kind, counted, before) in [
        ("hit", now.hit, baseline.hit),
        ("hit with a trail", now.audited, baseline.audited),
        ("miss", now.miss, baseline.miss),
    ] {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let more = (counted as f64 / before as f64 - 1.0) * 100.0;
        let told = format!("a {kind} takes {counted} instructions, {more:+.1} % of {before}");
        eprintln!("{told}");
        if more > ALLOWED {
            findings.push(told);
        } else if more < -ALLOWED {
            eprintln!("that is better: keep it with {RENEW}=1 tests/run instructions");
        }
    }
    assert!(
        findings.is_empty(),
        "{}; counted with rustc {}, the baseline with {}.\nIf that is what it has to cost, say so: \
         {RENEW}=1 tests/run instructions",
        findings.join(", "),
        now.rustc,
        baseline.rustc,
    );
}
