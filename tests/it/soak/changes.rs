//! Files that change under the process: rules in another order, other numbers, new certificates.

use std::{
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
    time::Duration,
};

use http::Method;
use serde_json::Value;
use tokio::process::Command;

use super::{SETTINGS, as_slices};
use crate::support::{
    Process,
    gateway::Authority,
    load::partner,
    program::{self, run, stdout},
    within,
};

/// The longest until a change is in force, however it is noticed, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

const CHANNELS: [&str; 3] = ["Direct sales", "Indirect sales", "Partner"];
const COUNTRIES: [&str; 3] = ["DE", "AT", "CH"];

/// Versions of the configuration: each has service numbers of its own.
pub(super) struct Changes {
    authority: Authority,
    /// In force for sure, and the newest that may be.
    sure: AtomicU32,
    newest: AtomicU32,
    /// Calls that only looked whether a change is in force.
    asked: AtomicUsize,
}

impl Changes {
    /// The settings of one version.
    pub(super) fn settings(version: u32) -> Vec<(&'static str, String)> {
        let mut rows: Vec<_> = contract_numbers()
            .map(|number| {
                let service_number = service_number(&number, version);
                format!("{{ contract_number: {number}, service_number: \"{service_number}\" }}")
            })
            .collect();
        // A partner's facts must not hang on the place of a rule.
        let mut refusals = vec![
            r#"{ path: LifeCycleStatusCode, operator: equals, value: "9", reason: partner_blocked }"#,
            r#"{ path: ContactPermissionCode, operator: equals, value: "2", reason: contact_not_allowed }"#,
        ];
        if version % 2 == 1 {
            rows.reverse();
            refusals.reverse();
        }
        if version % 3 == 1 {
            refusals.insert(
                0,
                r#"{ path: LifeCycleStatusCode, operator: equals, value: "8", reason: partner_blocked }"#,
            );
        }
        let mut settings: Vec<_> =
            SETTINGS.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        settings.push(("rules.service_numbers", format!("[{}]", rows.join(", "))));
        settings.push(("rules.refuse_when", format!("[{}]", refusals.join(", "))));
        settings
    }

    /// From now on the certificates come from a CA that stays, which callers trust.
    pub(super) async fn of(process: &Process) -> Self {
        let changes = Self {
            authority: Authority::new(process.folder.path()),
            sure: AtomicU32::new(0),
            newest: AtomicU32::new(0),
            asked: AtomicUsize::new(0),
        };
        changes.authority.issue(process.folder.path());
        changes.the_certificate_shown_is_the_last_one(process).await;
        changes
    }

    /// The next version, noticed in one of three ways; every fourth time with a new certificate.
    pub(super) async fn reload(&self, process: &Process, turn: u32) {
        let version = self.newest.fetch_add(1, Ordering::SeqCst) + 1;
        process.rewrite(&as_slices(&Self::settings(version)));
        if turn.is_multiple_of(4) {
            self.authority.issue(process.folder.path());
        }
        match turn % 3 {
            0 => {}
            1 => program::signal(&process.child, "-HUP").await,
            _ => {
                let (status, told) = process.admin(Method::POST, "/reload").await;
                assert_eq!(status, 200, "{told}");
            }
        }
        // Whoever is in use is known, so one of them tells, also while SAP is silent.
        let jtel = process.jtel(false);
        within(SOON, "a changed configuration is in force", || async {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let answer = jtel.ask(&partner(turn % 10)).await;
            answer.status == 200 && version_of(&answer.json()) == Some(version)
        })
        .await;
        self.sure.store(version, Ordering::SeqCst);
    }

    /// Calls that only looked whether a change is in force.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The oldest version that an answer may come from which is asked for now.
    pub(super) fn oldest(&self) -> u32 {
        self.sure.load(Ordering::SeqCst)
    }

    /// The newest one that an answer may come from which has just come.
    pub(super) fn newest(&self) -> u32 {
        self.newest.load(Ordering::SeqCst)
    }

    pub(super) async fn the_certificate_shown_is_the_last_one(&self, process: &Process) {
        let file = process.folder.path().join("server.pem");
        let last = fingerprint(&format!("openssl x509 -in '{}'", file.display())).await;
        let shown = format!("openssl s_client -connect {} </dev/null 2>/dev/null", process.address);
        within(SOON, "the last certificate is shown", || async {
            fingerprint(&shown).await == last
        })
        .await;
    }
}

fn contract_numbers() -> impl Iterator<Item = String> {
    let in_all = |channel| COUNTRIES.map(|country| format!("{channel}{country}"));
    CHANNELS.into_iter().flat_map(in_all)
}

/// Tells contract number and version: `49`, the place of the contract number, the version.
fn service_number(contract_number: &str, version: u32) -> String {
    let place = contract_numbers().position(|other| other == contract_number).unwrap_or(99);
    format!("49{:03}{version:06}", 300 + place)
}

/// The version that an answer comes from; `None` where the number is not that of its contract.
pub(super) fn version_of(answer: &Value) -> Option<u32> {
    let (number, contract) =
        (answer["serviceNumber"].as_str()?, answer["contractNumber"].as_str()?);
    let version = number.get(5..)?.parse().ok()?;
    (service_number(contract, version) == number).then_some(version)
}

async fn fingerprint(certificate: &str) -> String {
    let line = format!("{certificate} | openssl x509 -noout -fingerprint -sha256");
    stdout(&run(Command::new("sh").args(["-c", &line])).await)
}
