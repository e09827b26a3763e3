//! From the configuration file to a configuration whose certificates, dialect and log can really
//! be used: what rooms above `config` find wrong is a finding at its own line, too.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{StartError, tls};
use rustix::fs::Access;

use crate::{
    config::{self, Config, Draft, Environment, Findings},
    net::{kv, otlp::Collector},
    sap::{self, DialectProblem, SapClient, SapMetrics},
    telemetry::{
        logging::{self, with_causes},
        process,
    },
};

/// Reads, resolves and tries everything in the file; starts nothing.
///
/// # Errors
///
/// Every finding, each with its line and column.
pub fn load(path: &Path, environment: &Environment) -> Result<Config, Findings> {
    config::load(path, environment, look_closer)
}

fn look_closer(draft: &Draft, findings: &mut Findings) {
    if let Some(tls) = &draft.tls {
        tls::check_calls(tls, findings);
    }
    if let Some(tls) = draft.admin.as_ref().and_then(|admin| admin.tls.as_ref()) {
        tls::check_admin(tls, findings);
    }
    if let Some(sap) = &draft.sap_as_read {
        // How SAP is asked is not known while these are wrong; the way to it can be looked at.
        let is_known = findings.spare("sap.preset") && findings.spare("sap.custom");
        for problem in sap::check(sap) {
            let follows = !findings.spare(&problem.key);
            if !follows && (is_known || IS_ON_THE_WAY.contains(&section_of(&problem.key))) {
                findings.at(&problem.key, problem.message);
            }
        }
    }
    if let Some(sap) = &draft.sap
        && draft.listen.as_ref().is_some_and(|listen| listen.drop_in)
        && sap::needs_the_number(sap)
    {
        let told = "is true, but the requests of this sap.preset need the telephone number, which \
                        a question of that form does not have; write false or take another preset";
        findings.at("listen.drop_in", told);
    }
    if let Some(shared) = draft.cache.as_ref().and_then(|cache| cache.shared.as_ref()) {
        for (key, problem) in kv::check(shared) {
            findings.at(key, problem);
        }
    }
    if let (Some(listen), Some(sap)) = (&draft.listen, &draft.sap) {
        check_number_preset(listen, sap, findings);
    }
    if let Some(traces) = &draft.traces
        && let Some(otlp) = &traces.otlp
        && let Err(problem) = Collector::new(otlp)
    {
        findings.at(problem.key, problem.message);
    }
    if let Some(audit) = &draft.audit {
        super::trail::look_closer(audit, findings);
    }
    if let Some(log) = &draft.log_as_read {
        if let Err(error) = logging::check_level(&log.level) {
            findings.at("log.level", with_causes(&error));
        }
        if let config::AccessLog::File(path) = &log.access
            && let Err(error) = may_write(path)
        {
            let file = path.display();
            findings.at("log.access.file", format!("{file} cannot be written: {error}"));
        }
    }
}

/// The keys that say how SAP is reached, whatever is asked there.
const IS_ON_THE_WAY: [&str; 6] =
    ["sap.url", "sap.second_url", "sap.ca_file", "sap.server_name", "sap.login", "sap.proxy"];

/// The first two words of a key.
fn section_of(key: &str) -> &str {
    let end = key.match_indices(['.', '[']).nth(1).map_or(key.len(), |(end, _)| end);
    key.get(..end).unwrap_or(key)
}

/// Whether a file can be written, or made; it is neither here.
pub(super) fn may_write(path: &Path) -> io::Result<()> {
    if path.exists() {
        return OpenOptions::new().append(true).open(path).map(drop);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let access = Access::WRITE_OK | Access::EXEC_OK;
    Ok(rustix::fs::access(folder.unwrap_or(Path::new(".")), access)?)
}

/// The beginning of the SHA-256 of the files of a configuration; nothing where it stands in none.
pub(super) fn hash_of(config: &Config) -> String {
    let digest = config::digest_of(config.files.iter().map(PathBuf::as_path)).unwrap_or_default();
    if config.files.is_empty() {
        return String::new();
    }
    digest.iter().take(6).fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"))
}

/// What the operator should know of a configuration that is about to count.
pub(super) fn tell_notes(config: &Config) {
    for note in &config.notes {
        tracing::warn!("{note}");
    }
}

/// Opens the file for access records; what is in it stays. A new one is for its owner and, to read, for
/// its group: who asked when is nobody else's business.
pub(super) fn open_access_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o640).open(path)
}

/// The client for the section; its first problem where there is one, which [`load`] would have told.
pub(super) fn sap(
    section: &config::Sap,
    metrics: Arc<SapMetrics>,
) -> Result<SapClient, StartError> {
    of_problems(SapClient::new(section, metrics))
}

/// The same SAP, asked by number, where that is another dialect.
pub(super) fn by_number(
    config: &Config,
    sap: &SapClient,
) -> Result<Option<Arc<SapClient>>, StartError> {
    let Some(section) = number_section(&config.listen, &config.sap) else { return Ok(None) };
    of_problems(sap.in_dialect(&section)).map(|sap| Some(Arc::new(sap)))
}

/// The section of SAP as who calls is asked for by number; `None`: nobody asks, or it is the section itself.
fn number_section(listen: &config::Listen, sap: &config::Sap) -> Option<config::Sap> {
    let asked = listen.caller_information.as_ref()?;
    if sap::asks_only_by_phone(sap) {
        return None;
    }
    Some(config::Sap { preset: asked.number_preset.clone(), custom: None, ..sap.clone() })
}

/// Whether SAP can be asked by number for who calls.
fn check_number_preset(listen: &config::Listen, sap: &config::Sap, findings: &mut Findings) {
    const KEY: &str = "listen.caller_information.number_preset";
    let Some(section) = number_section(listen, sap) else { return };
    if let Some(problem) = sap::check(&section).into_iter().next() {
        findings.at(KEY, format!("cannot be asked here: {}: {}", problem.key, problem.message));
    } else if !sap::asks_only_by_phone(&section) {
        findings.at(KEY, "finds partners by their ID; c4c-phone finds them by number");
    }
}

/// The collector of the section, if it names one.
pub(super) fn collector(section: &config::Traces) -> Result<Option<Arc<Collector>>, StartError> {
    Ok(section.otlp.as_ref().map(Collector::new).transpose()?.map(Arc::new))
}

/// The first problem stands for all.
pub(super) fn of_problems<T>(built: Result<T, Vec<DialectProblem>>) -> Result<T, StartError> {
    built.map_err(|problems| {
        let first = problems.into_iter().next();
        let (key, message) = first.map(|p| (p.key, p.message)).unwrap_or_default();
        StartError::Sap { key, message }
    })
}

/// Descriptors that no connection of a caller takes: those of SAP, of files, of the admin port and
/// of the runtime itself.
const RESERVED: usize = 64;

/// How many connections of callers there may be, so that of so many descriptors enough are left to SAP.
pub fn most_connections(descriptors: usize, sap: &config::Sap) -> usize {
    // A request and the one that replaces it, for each place.
    let reserve = RESERVED.saturating_add(sap.max_in_flight.saturating_mul(2));
    descriptors.saturating_sub(reserve).max(descriptors / 2).max(1)
}

/// Raises the process's limit of descriptors, and returns the limits of a listener that leaves some to
/// SAP: when none is left nobody is accepted, not even on the admin port, and SAP cannot be asked.
pub(super) fn with_descriptors_left(limits: &config::Limits, sap: &config::Sap) -> config::Limits {
    let descriptors = process::raise_descriptors();
    let most = most_connections(descriptors.now, sap);
    if descriptors.now > descriptors.before {
        tracing::info!(
            before = descriptors.before,
            now = descriptors.now,
            "the soft limit of file descriptors was raised to the hard one"
        );
    }
    if limits.connections > most {
        tracing::warn!(
            available = descriptors.now,
            connections = limits.connections,
            most,
            "listen.limits.connections leaves no descriptors for SAP; no more than {most} connections \
             are taken. Raise `ulimit -Hn` (LimitNOFILE) or lower the key"
        );
    }
    config::Limits { connections: limits.connections.min(most), ..limits.clone() }
}
