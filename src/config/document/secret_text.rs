//! The texts that secrets are read from: who else could read or change them, and what around them is no
//! part of them.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use zeroize::Zeroizing;

use super::{permissions::writable_by_all, resolve::error_text, secret::Secret};

/// A secret longer than this is a mistake in the path.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Anybody on the machine may read the file.
const WORLD_READABLE: u32 = 0o004;

/// A secret, and whether something was around it.
pub(super) struct ReadSecret {
    pub(super) secret: Secret,
    /// So many bytes.
    pub(super) dropped: usize,
}

/// Reads a secret; `told` names the file in texts.
pub(super) fn secret_in(path: &Path, told: &str) -> Result<ReadSecret, String> {
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
    if let Some((what, mode)) = writable_by_all(path) {
        let what = what.display();
        return Err(format!(
            "{told} can be changed by everybody on this machine ({what} has mode {mode:03o}); run \
             `chmod o-w {what}`, and take another secret if others were on it"
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
pub(super) fn secret_of(text: String, told: &str) -> Result<ReadSecret, String> {
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
