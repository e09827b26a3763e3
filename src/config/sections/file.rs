//! `config.yaml` as the operator writes it: the sections, their defaults, and the way from the text
//! to a [`Config`].

use std::{fs, path::Path, sync::Arc, time::Duration};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    admin::{AdminFile, ShutdownFile},
    audit::{AuditFile, PrivacyFile},
    calls::{Answers, CacheFile, QueryFile},
    cases::{self, CaseFile, Ground},
    clients::{self, ClientFile},
    draft::Draft,
    listen::ListenFile,
    log::LogFile,
    routes::RouteFile,
    rules::RulesFile,
    sap::{Sap, SapFile, UsedMarks},
    systems::{SystemFile, Written},
    traces::TracesFile,
    wrong_credentials::WrongCredentialsFile,
};
use crate::config::{
    Config,
    document::{
        check::Check,
        content::digest_of_bytes,
        findings::{Findings, byte_of},
        node::Node,
        resolve::{Environment, Reading, error_text},
        suggest::Keys,
        units::{DurationText, duration_text},
        veil,
    },
};

/// A longer file is a mistake in the path.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The configuration of dialgate. `config.yaml`, as it is shipped, explains every key.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "dialgate")]
pub(in crate::config) struct ConfigFile {
    /// Where jtel asks.
    pub(in crate::config) listen: ListenFile,
    /// Where the metrics and the health checks are.
    pub(in crate::config) admin: AdminFile,
    /// Which statuses leave /onClickToDial.
    pub(in crate::config) answers: Answers,
    /// Who may ask.
    #[schemars(with = "Vec<ClientFile>")]
    pub(in crate::config) clients: Vec<Option<ClientFile>>,
    /// True: nobody needs to say who he is. Only with an empty list of clients.
    pub(in crate::config) anybody_may_ask: bool,
    /// What happens to addresses that show wrong passwords or keys.
    pub(in crate::config) wrong_credentials: WrongCredentialsFile,
    /// Longest time from a call's first byte to its answer.
    pub(in crate::config) deadline: DurationText,
    /// How long a call waits for SAP while something older is known of the partner. 0s: not at all.
    pub(in crate::config) answer_within: DurationText,
    /// How a question is read.
    pub(in crate::config) query: QueryFile,
    /// Which SAP is asked, and how.
    pub(in crate::config) sap: Option<SapFile>,
    /// Several SAP systems, in the place of sap.
    #[schemars(with = "Vec<SystemFile>")]
    pub(in crate::config) systems: Vec<Option<SystemFile>>,
    /// Which of them is asked; the first entry that fits a question counts, and one that none fits is refused.
    #[schemars(with = "Vec<RouteFile>")]
    pub(in crate::config) routes: Vec<Option<RouteFile>>,
    /// How long an answer from SAP is trusted.
    pub(in crate::config) cache: CacheFile,
    /// Which service number is shown, and what happens without one.
    pub(in crate::config) rules: RulesFile,
    /// Calls, and what has to be decided; one that comes out otherwise is a finding.
    #[schemars(with = "Vec<CaseFile>")]
    pub(in crate::config) tests: Vec<Option<CaseFile>>,
    /// What is written, how, and where to.
    pub(in crate::config) log: LogFile,
    /// Where spans are sent to, and of how many calls.
    pub(in crate::config) traces: TracesFile,
    /// The trail of decisions that cannot be changed unnoticed; without it there is none.
    pub(in crate::config) audit: Option<AuditFile>,
    /// What the audit trail says of persons.
    pub(in crate::config) privacy: PrivacyFile,
    /// How the process ends.
    pub(in crate::config) shutdown: ShutdownFile,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            listen: ListenFile::default(),
            admin: AdminFile::default(),
            answers: Answers::Jtel,
            clients: Vec::new(),
            anybody_may_ask: false,
            wrong_credentials: WrongCredentialsFile::default(),
            deadline: "2500ms".into(),
            answer_within: "300ms".into(),
            query: QueryFile::default(),
            sap: None,
            systems: Vec::new(),
            routes: Vec::new(),
            cache: CacheFile::default(),
            rules: RulesFile::default(),
            tests: Vec::new(),
            log: LogFile::default(),
            traces: TracesFile::default(),
            audit: None,
            privacy: PrivacyFile::default(),
            shutdown: ShutdownFile::default(),
        }
    }
}

/// Reads the configuration from a file. `more` may add findings of its own to those of the file.
///
/// # Errors
///
/// Everything that is wrong, at once.
pub fn load(
    path: &Path,
    environment: &Environment,
    more: impl FnOnce(&Draft, &mut Findings),
) -> Result<Config, Findings> {
    let name = path.display().to_string();
    let base_dir = path.parent().unwrap_or(Path::new(""));
    let text = read(path)?;
    let mut config = parse(&text, &name, base_dir, environment, more)?;
    config.files.insert(0, path.to_owned());
    config.contents.push((path.to_owned(), digest_of_bytes(text.as_bytes())));
    Ok(config)
}

/// Reads the configuration from a text. `name` is what findings call it; relative paths in it start
/// at `base_dir`.
///
/// # Errors
///
/// Everything that is wrong, at once.
pub fn parse(
    text: &str,
    name: &str,
    base_dir: &Path,
    environment: &Environment,
    more: impl FnOnce(&Draft, &mut Findings),
) -> Result<Config, Findings> {
    let (file, findings) = read_sections(text, name)?;
    let mut reading = Reading::new(findings, environment, base_dir);
    let draft = file.resolve(&mut reading);
    let Reading { mut findings, files, contents, .. } = reading;
    more(&draft, &mut findings);
    let notes = findings.notes().map(ToString::to_string).collect();
    match draft.finish(files, contents, notes) {
        Some(config) if findings.is_empty() => Ok(config),
        Some(_) => Err(findings),
        None => {
            if findings.is_empty() {
                findings.at("", "cannot be used, and dialgate does not know why; please report it");
            }
            Err(findings)
        }
    }
}

/// Reads the text of the file.
///
/// # Errors
///
/// One finding: the file cannot be read, or is not a text.
pub fn read(path: &Path) -> Result<String, Findings> {
    let name = path.display().to_string();
    let refuse = |text: &str, byte: usize, message: String| {
        let mut findings = Findings::new(&name, text);
        findings.push(0, byte..byte, "", message, None);
        findings
    };
    let cannot = |error| refuse("", 0, format!("cannot be read: {}", error_text(&error)));
    if fs::metadata(path).map_err(cannot)?.len() > MAX_BYTES {
        return Err(refuse("", 0, "is longer than 4 MiB".to_owned()));
    }
    String::from_utf8(fs::read(path).map_err(cannot)?).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes().get(..valid).unwrap_or_default());
        // The line is not shown: what is broken may be a secret.
        let lines = text.matches('\n').count();
        refuse(&"\n".repeat(lines), lines, format!("line {} is not UTF-8", lines + 1))
    })
}

/// The sections as they were written, and everything that is wrong with keys and kinds of values.
///
/// # Errors
///
/// The text is no YAML at all.
pub(in crate::config) fn read_sections(
    text: &str,
    name: &str,
) -> Result<(ConfigFile, Findings), Findings> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let schema = schema();
    let mut findings = Findings::new(name, text);
    let tree = match Node::parse(text) {
        Ok(tree) => Arc::new(tree),
        Err(error) => {
            let keys = Keys::of(&schema);
            let veils = veil::over_text(text, |key| keys.knows(key));
            for veil in veils {
                findings.veil(veil);
            }
            let (line, column) = error.place.unwrap_or((1, 1));
            let byte = byte_of(text, line, column);
            findings.push(0, byte..byte, "", format!("is not YAML: {}", error.message), None);
            return Err(findings);
        }
    };
    for veil in veil::over_tree(&tree, text) {
        findings.veil(veil);
    }
    findings.know(Arc::clone(&tree));
    let value = Check::new(&schema, text, &mut findings).run(&tree);
    match serde_json::from_value(value) {
        Ok(file) => Ok((file, findings)),
        Err(error) => {
            if findings.is_empty() {
                findings.at("", error.to_string());
            }
            Err(findings)
        }
    }
}

/// The JSON Schema of `config.yaml`, for editors and for `config.schema.json`.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<ConfigFile>().to_value();
    remove_empty_defaults(&mut schema);
    schema
}

/// "Not there" is no default that an editor should offer.
fn remove_empty_defaults(schema: &mut Value) {
    match schema {
        Value::Object(entries) => {
            if entries.get("default").is_some_and(Value::is_null) {
                entries.remove("default");
            }
            entries.values_mut().for_each(remove_empty_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_empty_defaults),
        _ => {}
    }
}

impl ConfigFile {
    fn resolve(&self, reading: &mut Reading<'_>) -> Draft {
        let tls = self.listen.tls.as_ref().and_then(|tls| tls.resolve("listen.tls", reading));
        let tls = tls.filter(|_| reading.findings.spare("listen.tls"));
        let listen = self.listen.resolve(tls.clone(), reading);
        // What follows from a section with a finding is none.
        let asks_for_certificates =
            self.listen.tls.is_some() && tls.as_ref().is_none_or(|tls| tls.clients.is_some());
        let admin = self.admin.resolve(listen.as_ref().map(|listen| listen.address), reading);
        let clients = clients::resolve(&self.clients, self.anybody_may_ask, reading);
        clients::check_listener(&clients, asks_for_certificates, reading);
        let wrong_credentials = self.wrong_credentials.resolve(reading);
        let bounds = Duration::from_millis(100)..=Duration::from_mins(1);
        let deadline = reading.duration("deadline", &self.deadline, bounds);
        let answer_within = self.answer_within(deadline, reading);
        let query = self.query.resolve(reading);
        let cache = self.cache.resolve(reading);
        let (rules, rule_paths) = self.rules.resolve(reading);
        let used_marks = UsedMarks {
            blocked: rules.refuse_blocked,
            contact_refused: rules.refuse_contact_refused,
        };
        let ground = query.as_ref().map(|query| Ground { home: query.home, rules: &rules });
        let ground = ground.filter(|_| {
            let findings = &reading.findings;
            // Rows of lists are rules as well, and stand in files of their own.
            findings.spare("query") && findings.spare("rules") && findings.spare_other_files()
        });
        let tests = cases::resolve(&self.tests, ground, reading);
        let rules = Some(rules);
        let written =
            Written { sap: self.sap.as_ref(), systems: &self.systems, routes: &self.routes };
        let of_rules = |sap| Sap { rule_paths: rule_paths.clone(), used_marks, ..sap };
        let (systems, systems_as_read) =
            written.resolve(&clients, listen.as_ref(), of_rules, reading);
        let log = self.log.resolve(reading);
        let traces = self.traces.resolve(reading);
        let audit = self.audit.as_ref().and_then(|audit| audit.resolve(reading));
        let shutdown = self.shutdown.resolve(reading);
        // A section with findings was read with defaults in their places: not what was meant.
        let spare = |section: &str| reading.findings.spare(section);
        Draft {
            listen: listen.filter(|_| spare("listen")),
            tls,
            admin: admin.filter(|_| spare("admin")),
            clients,
            deadline: deadline.filter(|_| spare("deadline")),
            answer_within: answer_within.filter(|_| spare("answer_within")),
            query: query.filter(|_| spare("query")),
            systems,
            systems_as_read,
            cache: cache.filter(|_| spare("cache")),
            rules: rules.filter(|_| spare("rules")),
            tests,
            log: log.clone().filter(|_| spare("log")),
            log_as_read: log,
            traces: traces.filter(|_| spare("traces")),
            audit: audit.filter(|_| spare("audit")),
            privacy: self.privacy.resolve(),
            shutdown: shutdown.filter(|_| spare("shutdown")),
            answers: self.answers,
            anybody_may_ask: self.anybody_may_ask,
            wrong_credentials: wrong_credentials.filter(|_| spare("wrong_credentials")),
        }
    }
}

impl ConfigFile {
    fn answer_within(
        &self,
        deadline: Option<Duration>,
        reading: &mut Reading<'_>,
    ) -> Option<Duration> {
        let bounds = Duration::ZERO..=Duration::from_mins(1);
        let within = reading.duration("answer_within", &self.answer_within, bounds);
        if let (Some(within), Some(deadline)) = (within, deadline)
            && within > deadline
        {
            let told = format!(
                "`{}` is longer than deadline, the time of the whole call ({})",
                self.answer_within.0,
                duration_text(deadline)
            );
            reading.at("answer_within", told);
        }
        within
    }
}
