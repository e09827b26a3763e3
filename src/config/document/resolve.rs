//! Reads what the operator wrote as text: durations, sizes, addresses, files, secrets. Each text
//! that cannot be read is a finding at its own key.

use std::{
    env, fmt, fs, io,
    net::SocketAddr,
    ops::{Range, RangeInclusive},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use zeroize::Zeroizing;

use super::{
    findings::{Findings, shown},
    secret::{Secret, SecretRef},
    units::{self, DurationText, SizeText},
    veil::is_environment_name,
};

/// A secret longer than this is a mistake in the path.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Anybody on the machine may read the file.
const WORLD_READABLE: u32 = 0o004;

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

impl Reading<'_> {
    /// Adds a finding at a key.
    pub(in crate::config) fn at(&mut self, key: &str, message: impl Into<String>) {
        self.findings.at(key, message);
    }

    /// Adds a note at a key.
    pub(in crate::config) fn note(&mut self, key: &str, message: impl Into<String>) {
        self.findings.note(key, message);
    }

    /// Adds a note at a place.
    pub(in crate::config) fn note_at_place(&mut self, place: &Place, message: String) {
        match place {
            Place::Key(key) => self.findings.note(key, message),
            Place::Table(document, span) => {
                self.findings.note_at(*document, span.clone(), message);
            }
        }
    }

    /// Adds a finding at a place.
    pub(in crate::config) fn at_place(&mut self, place: &Place, message: String) {
        match place {
            Place::Key(key) => self.findings.at(key, message),
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

/// A secret, and whether something was around it.
struct ReadSecret {
    secret: Secret,
    /// So many bytes.
    dropped: usize,
}

/// Reads a secret; `told` names the file in texts.
fn secret_in(path: &Path, told: &str) -> Result<ReadSecret, String> {
    let cannot = |error: io::Error| format!("{told} cannot be read: {}", error_text(&error));
    let metadata = fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() {
        return Err(format!("{told} is not a file"));
    }
    if metadata.len() > MAX_SECRET_BYTES {
        return Err(format!("{told} is too long for a secret"));
    }
    let mode = metadata.permissions().mode();
    if mode & WORLD_READABLE != 0 {
        return Err(format!(
            "{told} can be read by everybody on this machine (mode {:03o}); run `chmod o= {told}`",
            mode & 0o777
        ));
    }
    let text = fs::read_to_string(path).map_err(cannot)?;
    let read = secret_of(text, told)?;
    // One line end is how a file ends, and nothing to speak of.
    let dropped = if read.dropped == 1 { 0 } else { read.dropped };
    Ok(ReadSecret { secret: read.secret.found_in(path.to_owned()), dropped })
}

/// A secret without what is no part of it: editors and `echo` end a text with a line break, and some
/// begin it with a byte order mark. Any other control character is a mistake, which SAP would answer
/// with a refusal, and with enough of them by locking the user.
fn secret_of(text: String, told: &str) -> Result<ReadSecret, String> {
    let text = Zeroizing::new(text);
    let bare = text.strip_prefix('\u{feff}').unwrap_or(&text).trim_end_matches(['\n', '\r']);
    if bare.is_empty() {
        return Err(format!("{told} is empty"));
    }
    if let Some(place) = bare.chars().position(char::is_control) {
        return Err(format!(
            "{told} has a control character at position {place}, such as a line break or a tab; a \
             secret is one line"
        ));
    }
    Ok(ReadSecret { secret: Secret::new(bare.to_owned()), dropped: text.len() - bare.len() })
}

impl Secret {
    /// The secret as its file has it now; `None` while that is the same, and for a secret that
    /// stands in no file.
    ///
    /// # Errors
    ///
    /// The file cannot be used; the text says why and names it.
    pub fn reread(&self) -> Result<Option<Self>, String> {
        let Some(file) = self.file() else { return Ok(None) };
        let now = secret_in(file, &file.display().to_string())?.secret;
        Ok((now != *self).then_some(now))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_and_what_editors_add_is_no_part_of_it() {
        for text in [
            "geheim",
            "geheim\n",
            "geheim\r\n",
            "geheim\n\n",
            "\u{feff}geheim",
            "\u{feff}geheim\r\n",
        ] {
            let read = secret_of(text.to_owned(), "it").unwrap();
            assert_eq!(read.secret.expose(), "geheim", "{text:?}");
            assert_eq!(read.dropped, text.len() - "geheim".len(), "{text:?}");
        }
        for text in [" geheim ", "ge heim", "geheim\u{a0}", "gehéim", "\"geheim\"", "a\\nb"] {
            let read = secret_of(text.to_owned(), "it").unwrap();
            assert_eq!(read.secret.expose(), text, "{text:?}");
            assert_eq!(read.dropped, 0, "{text:?}");
        }
        for (text, told) in [
            ("", "it is empty"),
            ("\n", "it is empty"),
            ("\r\n\n", "it is empty"),
            ("\u{feff}", "it is empty"),
            ("ge\nheim", "at position 2"),
            ("geheim\n\nuser", "at position 6"),
            ("\tgeheim", "at position 0"),
            ("geheim\t", "at position 6"),
            ("ge\0heim", "at position 2"),
            ("geheim\u{85}", "at position 6"),
            ("\u{1b}[0mgeheim", "at position 0"),
        ] {
            let error = secret_of(text.to_owned(), "it").err().unwrap();
            assert!(error.contains(told) && !error.contains("heim"), "{text:?}: {error}");
        }
    }
}
