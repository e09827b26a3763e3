//! Reads what the operator wrote as text: durations, sizes, addresses, files, secrets. Each text
//! that cannot be read is a finding at its own key.

use std::{
    env, fmt, io,
    net::SocketAddr,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    findings::{Findings, shown},
    secret::{Secret, SecretRef},
    secret_text::{ReadSecret, secret_in, secret_of},
    units::{self, DurationText, SizeText},
    veil::is_environment_name,
};

/// The folder of the credentials that systemd hands over.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The environment variables that secrets may come from. Handed in, so that a test brings its own.
pub struct Environment(Box<Variables>);

/// The value of a variable, if it is set.
type Variables = dyn Fn(&str) -> Option<String>;

impl Environment {
    /// That of the process. A variable that is not UTF-8 counts as not set.
    pub fn process() -> Self {
        Self(Box::new(|name| env::var(name).ok()))
    }

    /// These variables and no others.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self(Box::new(move |name| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        }))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// What a section needs to become valid.
pub(in crate::config) struct Reading<'a> {
    pub(in crate::config) findings: Findings,
    pub(in crate::config) environment: &'a Environment,
    /// The directory of the config file; relative paths in it start here.
    pub(in crate::config) base_dir: &'a Path,
    /// Files that are part of the configuration, to see when they change; and what stood in some.
    pub(in crate::config) files: Vec<PathBuf>,
    pub(in crate::config) contents: Vec<(PathBuf, super::content::Digest)>,
    /// What stands before each key that is named, for a section that is an entry of a list as well.
    pub(in crate::config) before_keys: String,
}

/// Where a text stands: under a key of `config.yaml`, or in the bytes of another file.
#[derive(Clone, Debug)]
pub(in crate::config) enum Place {
    Key(String),
    Table(usize, Range<usize>),
}

impl From<String> for Place {
    fn from(key: String) -> Self {
        Self::Key(key)
    }
}

impl<'a> Reading<'a> {
    /// Of a file in which so much was found already.
    pub(in crate::config) fn new(
        findings: Findings,
        environment: &'a Environment,
        base_dir: &'a Path,
    ) -> Self {
        let (files, contents) = (Vec::new(), Vec::new());
        Self { findings, environment, base_dir, files, contents, before_keys: String::new() }
    }
}

impl Reading<'_> {
    /// Reads a section whose keys stand below others: `sap.url` as `systems[1].sap.url`.
    pub(in crate::config) fn below<T>(
        &mut self,
        before_keys: &str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        before_keys.clone_into(&mut self.before_keys);
        let read = read(self);
        self.before_keys.clear();
        read
    }

    fn in_full(&self, key: &str) -> String {
        format!("{}{key}", self.before_keys)
    }

    /// Adds a finding at a key.
    pub(in crate::config) fn at(&mut self, key: &str, message: impl Into<String>) {
        self.findings.at(&self.in_full(key), message);
    }

    /// Adds a note at a key.
    pub(in crate::config) fn note(&mut self, key: &str, message: impl Into<String>) {
        self.findings.note(&self.in_full(key), message);
    }

    /// Nothing is wrong with a key or with anything below it.
    pub(in crate::config) fn spare(&self, key: &str) -> bool {
        self.findings.spare(&self.in_full(key))
    }

    /// Adds a note at a place.
    pub(in crate::config) fn note_at_place(&mut self, place: &Place, message: String) {
        match place {
            Place::Key(key) => self.note(key, message),
            Place::Table(document, span) => {
                self.findings.note_at(*document, span.clone(), message);
            }
        }
    }

    /// Adds a finding at a place.
    pub(in crate::config) fn at_place(&mut self, place: &Place, message: String) {
        match place {
            Place::Key(key) => self.at(key, message),
            Place::Table(document, span) => {
                self.findings.push(*document, span.clone(), "", message, None);
            }
        }
    }

    /// Where a place is, as `config.yaml:12`.
    pub(in crate::config) fn line_of_place(&self, place: &Place) -> String {
        match place {
            Place::Key(key) => self.findings.line_of(key),
            Place::Table(document, span) => self.findings.line_of_byte(*document, span.start),
        }
    }

    /// A path in the file, seen from the directory of the file.
    pub(in crate::config) fn path(&self, path: &str) -> PathBuf {
        self.base_dir.join(path)
    }

    /// The same for a file whose content is part of the configuration.
    pub(in crate::config) fn file(&mut self, path: &str) -> PathBuf {
        let file = self.path(path);
        self.files.push(file.clone());
        file
    }

    /// Reads a duration within bounds.
    pub(in crate::config) fn duration(
        &mut self,
        key: &str,
        text: &DurationText,
        bounds: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let told = shown(&text.0);
        let Some(duration) = units::duration(&text.0) else {
            let message =
                format!("`{told}` is not a duration; write for example `250ms`, `5s` or `1m 30s`");
            self.at(key, message);
            return None;
        };
        if !bounds.contains(&duration) {
            let [least, most] = [*bounds.start(), *bounds.end()].map(units::duration_text);
            self.at(key, format!("`{told}` is out of range; possible are {least} to {most}"));
            return None;
        }
        Some(duration)
    }

    /// Reads a number of bytes within bounds.
    pub(in crate::config) fn size(
        &mut self,
        key: &str,
        text: &SizeText,
        bounds: RangeInclusive<usize>,
    ) -> Option<usize> {
        let told = shown(&text.0);
        let Some(size) = units::size(&text.0) else {
            let message =
                format!("`{told}` is not a size; write for example `512B`, `16KiB` or `1MiB`");
            self.at(key, message);
            return None;
        };
        if !bounds.contains(&size) {
            let [least, most] = [*bounds.start(), *bounds.end()].map(units::size_text);
            self.at(key, format!("`{told}` is out of range; possible are {least} to {most}"));
            return None;
        }
        Some(size)
    }

    /// Reads an IP address with a port.
    pub(in crate::config) fn address(&mut self, key: &str, text: &str) -> Option<SocketAddr> {
        let address = text.parse().ok();
        if address.is_none() {
            let message = format!(
                "`{}` is not an IP address with a port; write for example `0.0.0.0:8443`, \
                 `127.0.0.1:9464` or `[::]:8443`",
                shown(text)
            );
            self.at(key, message);
        }
        address
    }

    /// Fetches a secret from where the file says it is.
    pub(in crate::config) fn secret(&mut self, key: &str, reference: &SecretRef) -> Option<Secret> {
        let (key, read) = match reference {
            SecretRef::Env(name) => (format!("{key}.env"), self.environment_secret(name)),
            SecretRef::File(path) => {
                (format!("{key}.file"), secret_in(&self.path(path), &shown(path)))
            }
            SecretRef::Credential(name) => {
                (format!("{key}.credential"), self.credential_secret(name))
            }
        };
        let read = read.map_err(|message| self.at(&key, message)).ok()?;
        if read.dropped > 0 {
            let told = "has a line end or a byte order mark around it, which is no part of it";
            self.note(&key, told);
        }
        Some(read.secret)
    }

    fn environment_secret(&self, name: &str) -> Result<ReadSecret, String> {
        // What does not look like a name may be the password itself.
        let told = if is_environment_name(name) { name } else { "that is named here" };
        match (self.environment.0)(name) {
            None => Err(format!("the environment variable {told} is not set")),
            Some(text) => secret_of(text, &format!("the environment variable {told}")),
        }
    }

    /// systemd puts each credential into a file of that name, in a folder only the service sees.
    fn credential_secret(&self, name: &str) -> Result<ReadSecret, String> {
        let is_name = !name.is_empty()
            && !name.starts_with('.')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        if !is_name {
            return Err("is not the name of a credential of systemd".to_owned());
        }
        let Some(folder) = (self.environment.0)(CREDENTIALS) else {
            return Err(format!(
                "systemd handed no credentials over ({CREDENTIALS} is not set); write \
                 `LoadCredential={name}:/path/of/the/file` into the unit"
            ));
        };
        secret_in(&Path::new(&folder).join(name), &format!("the credential {name}"))
    }
}

/// An error of the operating system as part of a sentence: lower case, as `strerror` has it.
pub(in crate::config) fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => text,
    }
}
