//! The state of the gateway at one moment: what the status page shows, `/status.json` says, and
//! `dialgate top` prints.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    configuration::ConfigStatus,
    kept::{self, SnapshotState},
    problems::{Problem, for_so_long, problems, what_sap_does},
    pulse::{Flow, Pulse, Share},
    ready::Readiness,
    shared::{self, SharedState},
    systems::{SapState, most_troubled},
    texts::{begun_with_a_capital, seconds_since},
};
use crate::{
    config::Config,
    gateway::Terms,
    lookup::Partners,
    sap::{SapClient, SapHealth},
    telemetry::{
        clock::{self, Moment},
        metrics::{CertificateRole, Reading},
        rounded, visible,
    },
};

/// How it is, in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Condition {
    /// Calls are answered from SAP's data.
    Good,
    /// Calls are answered, and somebody should look at something.
    Warning,
    /// Callers feel it.
    Bad,
    /// The process is about to end.
    Leaving,
}

/// Everything on one page.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) condition: Condition,
    /// The state in words.
    pub(super) sentence: String,
    #[schemars(extend("format" = "date-time"))]
    pub(super) at: String,
    pub(super) version: &'static str,
    pub(super) up_seconds: u64,
    pub(super) ready: bool,
    pub(super) config: ConfigState,
    pub(super) flow: Flow,
    /// The system that needs somebody most; the only one where there is one.
    pub(super) sap: SapState,
    /// All of them.
    pub(super) systems: Vec<SapState>,
    pub(super) memory: MemoryState,
    pub(super) certificates: Vec<CertificateState>,
    pub(super) missing: Vec<MissingNumber>,
    pub(super) problems: Vec<Problem>,
    /// Decisions since the start.
    pub(super) decisions: u64,
}

/// Which configuration is in force.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfigState {
    /// The beginning of the SHA-256 of its files; empty where it stands in none.
    pub(super) hash: String,
    #[schemars(extend("format" = "date-time"))]
    pub(super) loaded_at: String,
    /// What is wrong with the files now; nothing of them is in force then.
    pub(super) findings: Vec<String>,
    pub(super) needs_restart: Vec<&'static str>,
}

/// What is remembered.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemoryState {
    pub(super) entries: f64,
    pub(super) entries_limit: f64,
    /// Of the answers in the last five minutes, or since SAP fell silent.
    pub(super) answered_percent: Option<f64>,
    /// The memory that replicas share; `null`: there is none.
    pub(super) shared: Option<SharedState>,
    /// The file in which it outlives the process; `null`: there is none.
    pub(super) snapshot: Option<SnapshotState>,
}

/// A certificate and its end.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CertificateState {
    /// `server`: shown to jtel; `admin`: shown here; `sap_client` and `token_client`: by which SAP and the
    /// token server know us; `sap`: shown by SAP.
    pub(super) role: &'static str,
    #[schemars(extend("format" = "date"))]
    pub(super) ends: String,
    pub(super) days_left: i64,
}

/// A contract number that SAP's answers have led to and that has no service number.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MissingNumber {
    pub(super) contract_number: String,
    /// In how many answers of SAP it was.
    pub(super) answers: u64,
    /// To paste into `rules.service_numbers`; the number is for a person to fill in.
    pub(super) line: String,
}

/// What a status is made from.
pub(super) struct Sources<'s> {
    pub(super) terms: &'s Terms,
    pub(super) reading: &'s Reading,
    pub(super) pulse: &'s Pulse,
    pub(super) readiness: &'s Readiness,
    pub(super) partners: &'s Partners,
    pub(super) decisions: u64,
}

/// What the problems are found in.
pub(super) struct Facts<'f> {
    pub(super) systems: &'f [Arc<SapClient>],
    pub(super) states: &'f [SapState],
    pub(super) reading: &'f Reading,
    pub(super) findings: Option<&'f [String]>,
    pub(super) needs_restart: &'f [&'static str],
    pub(super) certificates: Vec<CertificateState>,
    pub(super) missing: &'f [MissingNumber],
    pub(super) shared: Option<&'f SharedState>,
    pub(super) snapshot: Option<&'f SnapshotState>,
    /// What is wrong with the calls.
    pub(super) of_calls: &'f [Problem],
}

impl Status {
    pub(super) fn of(sources: &Sources<'_>) -> Self {
        let Sources { terms, reading, pulse, readiness, partners, decisions } = sources;
        let systems = &*terms.systems;
        let troubled = most_troubled(systems);
        let config = config_state(readiness.configuration(), reading);
        let missing = missing(partners, &terms.config);
        let shared = shared::state(partners);
        let snapshot = kept::state(partners);
        let states: Vec<_> = systems.iter().map(|sap| SapState::of(sap, reading)).collect();
        let of_one = troubled.and_then(|sap| states.iter().find(|state| state.name == *sap.name()));
        let sap_state = of_one.cloned().unwrap_or_default();
        let share = pulse.share();
        let flow = pulse.flow();
        let of_calls = pulse.lately().map(|lately| lately.problems()).unwrap_or_default();
        let problems = problems(&Facts {
            systems,
            states: &states,
            reading,
            findings: Some(&*config.findings).filter(|findings| !findings.is_empty()),
            needs_restart: &config.needs_restart,
            certificates: certificates(reading),
            missing: &missing,
            shared: shared.as_ref(),
            snapshot: snapshot.as_ref(),
            of_calls: &of_calls,
        });
        let felt = of_calls.iter().find(|problem| problem.is_urgent && problems.contains(problem));
        let leaves = readiness.is_leaving();
        let condition = match problems.iter().map(|problem| problem.is_urgent).max() {
            _ if leaves => Condition::Leaving,
            None if systems.iter().any(|sap| sap.health() == SapHealth::NotAsked) => {
                Condition::Warning
            }
            None => Condition::Good,
            Some(false) => Condition::Warning,
            Some(true) => Condition::Bad,
        };
        let started = reading.sum("process_start_time_seconds", &[]);
        Self {
            condition,
            sentence: sentence(systems, &flow, share, felt, leaves),
            at: Moment::now().to_the_second(),
            version: env!("CARGO_PKG_VERSION"),
            up_seconds: seconds_since(started),
            ready: readiness.is_ready(),
            config,
            flow,
            sap: sap_state,
            systems: states,
            memory: MemoryState {
                entries: reading.sum("dialgate_memory_entries", &[]),
                entries_limit: reading.sum("dialgate_memory_entries_limit", &[]),
                answered_percent: share.map(|share| share.from_memory_percent),
                shared,
                snapshot,
            },
            certificates: certificates(reading),
            missing,
            problems,
            decisions: *decisions,
        }
    }
}

/// What an SRE wants to read first.
/// `felt`: what is wrong with the calls, and callers feel it.
fn sentence(
    systems: &[Arc<SapClient>],
    flow: &Flow,
    share: Option<Share>,
    felt: Option<&Problem>,
    leaves: bool,
) -> String {
    if leaves {
        return "Shutting down: calls in progress are answered, new ones go elsewhere.".to_owned();
    }
    let Some(sap) = most_troubled(systems) else { return "No SAP is asked.".to_owned() };
    let since = for_so_long(sap);
    // Of several, the others answer.
    let whose = match systems {
        [_] => String::new(),
        _ => format!("{}: ", sap.name()),
    };
    let answered = match share {
        None => "no calls since".to_owned(),
        Some(Share { from_memory_percent, by_default, refused, .. }) => {
            let also = |count: f64, what: &str| {
                if count > 0.0 { format!(", {count:.0} {what}") } else { String::new() }
            };
            format!(
                "{from_memory_percent:.0} % answered from memory{}{}",
                also(by_default, "by the default number"),
                also(refused, if refused > 1.0 { "calls refused" } else { "call refused" }),
            )
        }
    };
    let felt = felt.map(|felt| begun_with_a_capital(&felt.what));
    let also = felt.as_ref().map_or(String::new(), |felt| format!(" {felt}."));
    match sap.health() {
        SapHealth::NotAsked => format!("{whose}Waiting for SAP's first answer.{also}"),
        SapHealth::Silent(kind) => {
            let told = begun_with_a_capital(what_sap_does(kind));
            let wait = sap.held_for().map_or(String::new(), |left| {
                format!(", and wants to be left alone for {}", rounded(left))
            });
            format!("{whose}{told}{since} ({kind}){wait}: {answered}.{also}")
        }
        SapHealth::CredentialsRefused => {
            format!("{whose}SAP refuses our credentials{since}: {answered}.{also}")
        }
        SapHealth::Answering => {
            let p95 = flow.sap.p95_ms.map_or(String::new(), |p95| format!(", {p95:.0} ms (p95)"));
            let served = match share {
                None => "no calls in the last five minutes".to_owned(),
                Some(share) => format!("{:.0} % answered from memory", share.from_memory_percent),
            };
            let serving = felt.as_deref().unwrap_or("Serving");
            format!("{serving}. SAP answers{p95}; {served}.")
        }
    }
}

fn config_state(status: &ConfigStatus, reading: &Reading) -> ConfigState {
    let (loaded, findings, needs_restart) = status.state_now();
    ConfigState {
        hash: reading.label("dialgate_config_info", "hash").to_owned(),
        loaded_at: loaded.to_the_second(),
        findings,
        needs_restart,
    }
}

fn certificates(reading: &Reading) -> Vec<CertificateState> {
    let ends = |role, ends: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
        let ends = ends as i64;
        (ends > 0).then(|| CertificateState {
            role,
            ends: clock::day_of(ends).to_string(),
            days_left: clock::days_until(ends),
        })
    };
    let ours = CertificateRole::ALL.into_iter().filter_map(|role| {
        let of_role = [("role", &[role.label()][..])];
        let name = "dialgate_certificate_expiry_timestamp_seconds";
        ends(role.label(), reading.sum(name, &of_role))
    });
    let theirs = reading.by_label("dialgate_sap_certificate_expiry_timestamp_seconds", "system");
    ours.chain(theirs.filter_map(|(_, at)| ends("sap", at))).collect()
}

fn missing(partners: &Partners, config: &Config) -> Vec<MissingNumber> {
    let (seen, ..) = partners.seen().all();
    let numbers = &config.rules.service_numbers;
    let without = seen
        .into_iter()
        .filter(|seen| seen.is_recent && numbers.of_text(&seen.contract_number).is_none());
    without
        .map(|seen| {
            // A JSON string is one of YAML, whatever SAP's texts have in them.
            let quoted = serde_json::Value::from(seen.contract_number.as_str()).to_string();
            let quoted = visible(&quoted);
            MissingNumber {
                line: format!("- {{ contract_number: {quoted}, service_number: \"\" }}"),
                contract_number: seen.contract_number,
                answers: seen.answers,
            }
        })
        .collect()
}
