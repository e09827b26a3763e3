//! From the configuration file to a configuration whose certificates, dialect and log can really
//! be used: what rooms above `config` find wrong is a finding at its own line, too.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{StartError, systems, tls};
use rustix::fs::Access;

use crate::{
    config::{self, Config, Draft, Environment, Findings, Systems},
    lookup::check_snapshot,
    net::{kv, otlp::Collector},
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
    systems::look_closer(draft, findings);
    if let Some(shared) = draft.cache.as_ref().and_then(|cache| cache.shared.as_ref()) {
        for (key, problem) in kv::check(shared) {
            findings.at(key, problem);
        }
    }
    if let Some(snapshot) = draft.cache.as_ref().and_then(|cache| cache.snapshot.as_ref())
        && let Err(problem) = check_snapshot(&snapshot.path)
    {
        findings.at("cache.snapshot.path", problem);
    }
    if let Some(traces) = &draft.traces
        && let Some(otlp) = &traces.otlp
        && let Err(problem) = Collector::new(otlp)
    {
        findings.at(problem.key, problem.message);
    }
    let hand_over = draft.listen.as_ref().and_then(|listen| listen.hand_over.as_ref());
    if let Some(path) = hand_over
        && let Err(error) = may_make(path)
    {
        let told = format!("{} cannot be made: {error}", path.display());
        findings.at("listen.hand_over", told);
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

/// Whether a file can be written, or made; it is neither here.
pub(super) fn may_write(path: &Path) -> io::Result<()> {
    if path.exists() {
        return OpenOptions::new().append(true).open(path).map(drop);
    }
    may_make(path)
}

/// Whether there can be something new of that name.
fn may_make(path: &Path) -> io::Result<()> {
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

/// The collector of the section, if it names one.
pub(super) fn collector(section: &config::Traces) -> Result<Option<Arc<Collector>>, StartError> {
    Ok(section.otlp.as_ref().map(Collector::new).transpose()?.map(Arc::new))
}

/// Descriptors that no connection of a caller takes: those of SAP, of files, of the admin port and
/// of the runtime itself.
const RESERVED: usize = 64;

/// How many connections of callers there may be, so that of so many descriptors enough are left to SAP.
pub fn most_connections(descriptors: usize, systems: &Systems) -> usize {
    let places = systems.iter().map(|sap| sap.max_in_flight).fold(0, usize::saturating_add);
    // A request and the one that replaces it, for each place.
    let reserve = RESERVED.saturating_add(places.saturating_mul(2));
    descriptors.saturating_sub(reserve).max(descriptors / 2).max(1)
}

/// Raises the process's limit of descriptors, and returns the limits of a listener that leaves some to
/// SAP: when none is left nobody is accepted, not even on the admin port, and SAP cannot be asked.
pub(super) fn with_descriptors_left(limits: &config::Limits, systems: &Systems) -> config::Limits {
    let descriptors = process::raise_descriptors();
    let most = most_connections(descriptors.now, systems);
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
