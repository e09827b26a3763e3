//! `config.yaml` as the operator writes it: the sections, their defaults, and the way from the text
//! to a [`Config`].

use std::{fs, path::Path, path::PathBuf, sync::Arc, time::Duration};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Admin, Answers, Cache, Client, Config, Dialect, Listen, Log, Query, Sap, Shutdown, Tls,
    calls::{CacheFile, QueryFile},
    check::Check,
    clients::{self, ClientFile},
    findings::Findings,
    listen::{AdminFile, ListenFile, ShutdownFile},
    log::LogFile,
    node::Node,
    resolve::{Environment, Reading, error_text},
    rules::RulesFile,
    sap::SapFile,
    suggest::Keys,
    units::{DurationText, duration_text},
    veil,
};
use crate::domain::Rules;

/// A longer file is a mistake in the path.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The configuration of dialgate. `config.yaml`, as it is shipped, explains every key.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "dialgate", extend("required" = ["sap"]))]
pub(super) struct ConfigFile {
    /// Where jtel asks.
    pub(super) listen: ListenFile,
    /// Where the metrics and the health checks are.
    pub(super) admin: AdminFile,
    /// Which statuses leave /onClickToDial.
    pub(super) answers: Answers,
    /// Who may ask.
    #[schemars(with = "Vec<ClientFile>")]
    pub(super) clients: Vec<Option<ClientFile>>,
    /// True: nobody needs to say who he is. Only with an empty list of clients.
    pub(super) anybody_may_ask: bool,
    /// Longest time from a call's first byte to its answer.
    pub(super) deadline: DurationText,
    /// How long a call waits for SAP while something older is known of the partner. 0s: not at all.
    pub(super) answer_within: DurationText,
    /// How a question is read.
    pub(super) query: QueryFile,
    /// Which SAP is asked, and how.
    #[schemars(with = "SapFile")]
    pub(super) sap: Option<SapFile>,
    /// How long an answer from SAP is trusted.
    pub(super) cache: CacheFile,
    /// Which service number is shown, and what happens without one.
    pub(super) rules: RulesFile,
    /// What is written, how, and where to.
    pub(super) log: LogFile,
    /// How the process ends.
    pub(super) shutdown: ShutdownFile,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            listen: ListenFile::default(),
            admin: AdminFile::default(),
            answers: Answers::Jtel,
            clients: Vec::new(),
            anybody_may_ask: false,
            deadline: "2500ms".into(),
            answer_within: "300ms".into(),
            query: QueryFile::default(),
            sap: None,
            cache: CacheFile::default(),
            rules: RulesFile::default(),
            log: LogFile::default(),
            shutdown: ShutdownFile::default(),
        }
    }
}

/// What could be read of a file, findings or not; what could not is `None`. For checks that need
/// more than the file: whether a key fits its certificate, whether a dialect can be compiled.
#[derive(Debug)]
pub struct Draft {
    /// `listen`
    pub listen: Option<Listen>,
    /// `listen.tls`, also where the rest of `listen` cannot be used.
    pub tls: Option<Tls>,
    /// `admin`
    pub admin: Option<Admin>,
    /// `clients`
    pub clients: Vec<Client>,
    /// `deadline`
    pub deadline: Option<Duration>,
    /// `answer_within`
    pub answer_within: Option<Duration>,
    /// `query`
    pub query: Option<Query>,
    /// `sap`
    pub sap: Option<Sap>,
    /// `sap.preset`, also where the rest of `sap` cannot be used.
    pub preset: Option<String>,
    /// `sap.custom`, also where the rest of `sap` cannot be used.
    pub custom: Option<Dialect>,
    /// `sap.ca_file`, also where the rest of `sap` cannot be used.
    pub ca_file: Option<PathBuf>,
    /// `cache`
    pub cache: Option<Cache>,
    /// `rules`
    pub rules: Option<Rules>,
    /// `log`
    pub log: Option<Log>,
    /// `shutdown`
    pub shutdown: Option<Shutdown>,
    answers: Answers,
    anybody_may_ask: bool,
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
    let mut config = parse(&read(path)?, &name, base_dir, environment, more)?;
    config.files.insert(0, path.to_owned());
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
    let mut reading = Reading { findings, environment, base_dir, files: Vec::new() };
    let draft = file.resolve(&mut reading);
    let Reading { mut findings, files, .. } = reading;
    more(&draft, &mut findings);
    match draft.finish(files) {
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
pub(super) fn read_sections(text: &str, name: &str) -> Result<(ConfigFile, Findings), Findings> {
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

/// The byte of a line and a column, both from 1.
fn byte_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let offset = rest.char_indices().nth(column - 1).map_or(rest.len(), |(offset, _)| offset);
    start + offset
}

impl ConfigFile {
    fn resolve(&self, reading: &mut Reading<'_>) -> Draft {
        let tls = self.listen.tls.as_ref().and_then(|tls| tls.resolve(reading));
        let tls = tls.filter(|_| reading.findings.spare("listen.tls"));
        let listen = self.listen.resolve(tls.clone(), reading);
        let admin = self.admin.resolve(listen.as_ref().map(|listen| listen.address), reading);
        let clients = clients::resolve(&self.clients, self.anybody_may_ask, reading);
        let bounds = Duration::from_millis(100)..=Duration::from_mins(1);
        let deadline = reading.duration("deadline", &self.deadline, bounds);
        let answer_within = self.answer_within(deadline, reading);
        let query = self.query.resolve(reading);
        let sap = self.sap.as_ref();
        let custom = sap.and_then(|sap| sap.custom(reading));
        let preset = sap.map(|sap| sap.preset.clone());
        let ca_file = sap.and_then(|sap| sap.ca_file.as_deref()).map(|path| reading.path(path));
        let sap = sap.and_then(|sap| sap.resolve(custom.clone(), reading));
        let cache = self.cache.resolve(reading);
        let (rules, rule_paths) = self.rules.resolve(reading);
        let rules = Some(rules);
        let sap = sap.map(|sap| Sap { rule_paths, ..sap });
        let log = self.log.resolve(reading);
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
            sap: sap.filter(|_| spare("sap")),
            preset: preset.filter(|_| spare("sap.preset")),
            custom,
            ca_file: ca_file.filter(|_| spare("sap.ca_file")),
            cache: cache.filter(|_| spare("cache")),
            rules: rules.filter(|_| spare("rules")),
            log: log.filter(|_| spare("log")),
            shutdown: shutdown.filter(|_| spare("shutdown")),
            answers: self.answers,
            anybody_may_ask: self.anybody_may_ask,
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

impl Draft {
    fn finish(self, files: Vec<PathBuf>) -> Option<Config> {
        Some(Config {
            listen: self.listen?,
            admin: self.admin?,
            answers: self.answers,
            clients: self.clients,
            anybody_may_ask: self.anybody_may_ask,
            deadline: self.deadline?,
            answer_within: self.answer_within?,
            query: self.query?,
            sap: self.sap?,
            cache: self.cache?,
            rules: self.rules?,
            log: self.log?,
            shutdown: self.shutdown?,
            files,
        })
    }
}
