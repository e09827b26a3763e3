//! What is wrong just now, and what to do about it: in the order in which somebody should care.

mod sap;

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::status::{CertificateState, Facts};
use crate::{
    config::SystemName,
    net::tls::SOON_DAYS,
    telemetry::{clock, rounded},
};

use sap::{of_sap, of_the_way_to_sap};

pub(super) use sap::{for_so_long, what_sap_does};

/// Of the descriptors that the process may have, a share that is worth a word.
const DESCRIPTORS_PERCENT: f64 = 80.0;

/// Lists and answers of CAs that end within so many seconds should have been fetched again: most are
/// issued for days.
const LIST_LEFT: i64 = 6 * 60 * 60;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    /// What is the case.
    pub(super) what: String,
    /// What to do about it.
    pub(super) todo: String,
    /// Heading in the runbook.
    pub(super) runbook: &'static str,
    /// Callers feel it.
    pub(super) is_urgent: bool,
}

#[derive(Default)]
struct List {
    found: Vec<Problem>,
    /// Of several systems, the one that is looked at, with a colon.
    whose: String,
}

impl List {
    /// Callers feel it.
    fn urgent(&mut self, runbook: &'static str, what: String, todo: &str) {
        self.of_urgency(true, runbook, what, todo);
    }

    /// Somebody should look at it.
    fn calm(&mut self, runbook: &'static str, what: String, todo: &str) {
        self.of_urgency(false, runbook, what, todo);
    }

    fn of_urgency(&mut self, is_urgent: bool, runbook: &'static str, mut what: String, todo: &str) {
        what.insert_str(0, &self.whose);
        self.found.push(Problem { what, todo: todo.to_owned(), runbook, is_urgent });
    }
}

/// All of them.
pub(super) fn problems(facts: &Facts<'_>) -> Vec<Problem> {
    let mut list = List::default();
    for sap in facts.systems {
        list.whose = whose(facts, sap.name());
        of_sap(sap, &mut list);
    }
    list.whose.clear();
    // What SAP does is told already, in other words.
    let is_told = !list.found.is_empty();
    let of_calls =
        facts.of_calls.iter().filter(|of| !is_told || of.runbook != "DialgateSapDataBurnFast");
    list.found.extend(of_calls.cloned());
    for state in facts.states {
        list.whose = whose(facts, &state.name);
        of_the_way_to_sap(state, facts.reading, &mut list);
    }
    list.whose.clear();
    of_the_shared_memory(facts, &mut list);
    of_the_snapshot(facts, &mut list);
    of_room(facts, &mut list);
    of_the_configuration(facts, &mut list);
    for certificate in &facts.certificates {
        of_certificate(certificate, &mut list);
    }
    of_files_of_tls(facts, &mut list);
    list.found
}

fn whose(facts: &Facts<'_>, name: &SystemName) -> String {
    if facts.systems.len() > 1 { format!("{name}: ") } else { String::new() }
}

/// The memory that replicas share; each is on its own without it.
fn of_the_shared_memory(facts: &Facts<'_>, list: &mut List) {
    if let Some(shared) = facts.shared.filter(|shared| shared.why.is_some()) {
        list.calm(
            "DialgateSharedMemoryDown",
            format!("the shared memory is {}", shared.told()),
            "See cache.shared; `dialgate check --connect` on this machine tries it.",
        );
    }
}

/// The file in which the memory outlives the process: calls do not need it, the next start does.
fn of_the_snapshot(facts: &Facts<'_>, list: &mut List) {
    let failing =
        facts.snapshot.and_then(|snapshot| Some((snapshot.failing.as_ref()?, snapshot.todo?)));
    if let Some((why, todo)) = failing {
        list.calm(
            "DialgateSnapshotFailing",
            format!("the snapshot of the memory cannot be written: {why}"),
            &format!("At cache.snapshot.path: {todo}."),
        );
    }
}

/// What this machine has.
fn of_room(facts: &Facts<'_>, list: &mut List) {
    let gauge = |name| facts.reading.sum(name, &[]);
    let (open, most) = (gauge("process_open_fds"), gauge("process_max_fds"));
    if most > 0.0 && open * 100.0 > most * DESCRIPTORS_PERCENT {
        list.urgent(
            "DialgateDescriptorsShort",
            format!("{open:.0} of {most:.0} file descriptors are in use"),
            "Raise LimitNOFILE (ulimit -n), or find out who keeps so many connections open.",
        );
    }
    if gauge("dialgate_audit_unwritable_since_timestamp_seconds") > 0.0 {
        list.urgent(
            "DialgateAuditUnwritable",
            "the audit trail cannot be written".to_owned(),
            "Make room in audit.folder or mend it: it is tried again by itself. /readyz?verbose says why, and \
             whether calls are refused meanwhile.",
        );
    }
    let missing = gauge("dialgate_audit_records_lost_total");
    if missing > 0.0 {
        list.calm(
            "DialgateAuditRecordsLost",
            format!("{missing:.0} records of the audit trail were lost since the start"),
            "The trail says where they are missing (`dialgate audit verify`).",
        );
    }
    let barred = gauge("dialgate_addresses_barred");
    if barred > 0.0 {
        let (s, is) = if barred > 1.0 { ("es", "are") } else { ("", "is") };
        list.calm(
            "DialgateAddressesBarred",
            format!("{barred:.0} address{s} {is} barred for wrong passwords or keys"),
            "The log has a line for each, with the address and the name that was tried.",
        );
    }
    let unwritten = gauge("dialgate_access_records_lost_total");
    if unwritten > 0.0 {
        list.calm(
            "DialgateRecordsLost",
            format!("{unwritten:.0} access records were lost since the start"),
            "See whether the disk of log.access is full or its reader stalls; the metric says why.",
        );
    }
}

fn of_the_configuration(facts: &Facts<'_>, list: &mut List) {
    let s = |count: usize| if count == 1 { "" } else { "s" };
    if let Some(findings) = facts.findings {
        let count = findings.len();
        list.calm(
            "DialgateReloadFailed",
            format!(
                "the configuration's files have {count} finding{}, and nothing of them is in force",
                s(count)
            ),
            "`dialgate check` shows them with their lines; what was in force before still is.",
        );
    }
    if !facts.needs_restart.is_empty() {
        let keys = facts.needs_restart.join(", ");
        list.calm(
            "DialgateNeedsRestart",
            format!("changed, and not in force before a restart: {keys}"),
            "Restart this instance when its callers can go elsewhere.",
        );
    }
    let missing = facts.missing.len();
    if missing > 0 {
        let have = if missing == 1 { "has" } else { "have" };
        list.calm(
            "DialgateContractNumberMissing",
            format!(
                "{missing} contract number{} of SAP's answers {have} no service number",
                s(missing)
            ),
            "The list below has a line to paste for each, here and in jtel.",
        );
    }
}

/// What CAs say of certificates, which others fetch for us.
fn of_files_of_tls(facts: &Facts<'_>, list: &mut List) {
    let now = clock::unix_seconds();
    let left = |name| Some(facts.reading.first_end(name, &[])?.saturating_sub(now));
    let in_time = |left: i64| match u64::try_from(left) {
        Ok(left) if left > 0 => format!("ends in {}", rounded(Duration::from_secs(left))),
        _ => "has ended".to_owned(),
    };
    let lists = left("dialgate_tls_crl_next_update_timestamp_seconds");
    if let Some(left) = lists.filter(|left| *left < LIST_LEFT) {
        list.of_urgency(
            left <= 0,
            "DialgateRevocationListEnds",
            format!("a revocation list for clients' certificates {}", in_time(left)),
            "Fetch it again from its CA into the file in crls; it counts at once. Without it those \
             certificates are refused (crl_expired).",
        );
    }
    let staples = left("dialgate_tls_ocsp_next_update_timestamp_seconds");
    if let Some(left) = staples.filter(|left| *left < LIST_LEFT) {
        list.calm(
            "DialgateStapleEnds",
            format!("the OCSP answer shown with our certificate {}", in_time(left)),
            "Fetch it again from the CA's responder into the file in ocsp; it counts at once.",
        );
    }
}

fn of_certificate(certificate: &CertificateState, list: &mut List) {
    if certificate.days_left > SOON_DAYS {
        return;
    }
    let (whose, todo, runbook) = match certificate.role {
        "sap" => (
            "the certificate that SAP shows",
            "Tell SAP's operators.",
            "DialgateSapCertificateEnds",
        ),
        "admin" => (
            "the certificate of this page",
            "Put a new one into the files of admin.tls; it counts at once.",
            "DialgateCertificateEnds",
        ),
        "sap_client" => (
            "the certificate by which SAP knows us",
            "Put a new one into the files of sap.login, and have SAP know it.",
            "DialgateCertificateEnds",
        ),
        "token_client" => (
            "the certificate by which the token server knows us",
            "Put a new one into the files of sap.login.oauth2, and have the token server know it.",
            "DialgateCertificateEnds",
        ),
        _ => (
            "the certificate shown to jtel",
            "Put a new one into the files of listen.tls; it counts at once.",
            "DialgateCertificateEnds",
        ),
    };
    let what = match certificate.days_left {
        ..0 => format!("{whose} has ended"),
        0 => format!("{whose} ends today"),
        1 => format!("{whose} ends tomorrow"),
        days => format!("{whose} ends in {days} days"),
    };
    if certificate.days_left <= 1 {
        list.urgent(runbook, what, todo);
    } else {
        list.calm(runbook, what, todo);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_heading_that_a_problem_names_is_in_the_runbook() {
        let headings: Vec<_> = include_str!("../../../docs/runbook.md")
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        let sources =
            [include_str!("mod.rs"), include_str!("sap.rs"), include_str!("../calls.rs")].concat();
        let named: Vec<_> = sources
            .split('"')
            .filter(|text| text.len() > 8 && text.starts_with("Dialgate") && !text.contains(' '))
            .collect();
        assert!(named.len() > 15);
        for heading in named {
            assert!(headings.contains(&heading), "{heading}");
        }
    }
}
