//! Names that say of two records that they are about the same person, and not about whom.
//!
//! A pseudonym is the beginning of an HMAC with the key of an epoch. Whoever has the key can find a
//! person's records; when the key is gone nobody can, and the trail is as whole as before: erasing is
//! dropping a key. Partners' IDs are short numbers, so that the key is all that keeps somebody from trying
//! them one after the other.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::hmac;

use super::{
    chain::{hash_of_hex, hex, push_hex},
    keys::{KeyError, random, read_secret, sync_folder, write_secret},
};
use crate::{
    config::{PersonalData, Privacy},
    telemetry::clock,
};

const BEGIN: &str = "epoch-";
const KEY: &str = ".key";
/// Stands for a key that is gone, so that its number is not used again.
const GONE: &str = ".gone";

const DAY: u64 = 24 * 60 * 60;

/// A key and its time.
pub struct Epoch {
    /// From 1.
    pub number: u64,
    /// When it was made, in seconds since 1970.
    pub began: i64,
    key: hmac::Key,
}

/// What happened to the keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// A new one is used from now on.
    Began(u64),
    /// It was old, and is dropped.
    Dropped(u64),
    /// Somebody took it away.
    Gone(u64),
}

/// The keys in use.
pub struct Pseudonyms {
    folder: PathBuf,
    rules: Privacy,
    epochs: Vec<Epoch>,
    /// The highest number that was ever used.
    last: u64,
}

impl Epoch {
    /// The name of a value under this key, as records have it: `3:0123…`.
    pub fn name(&self, kind: PersonalKind, value: &str) -> String {
        let mut text = format!("{}:", self.number).into_bytes();
        let said = [kind.label(), b"\0", canonical(kind, value).as_bytes()].concat();
        let tag = hmac::sign(&self.key, &said);
        push_hex(&mut text, tag.as_ref().get(..16).unwrap_or_default());
        String::from_utf8(text).unwrap_or_default()
    }
}

/// What is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PersonalKind {
    /// A business partner, by ID.
    Partner,
    /// A telephone number, by its digits.
    Number,
}

impl PersonalKind {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Partner => b"partner",
            Self::Number => b"number",
        }
    }
}

/// SAP shows the same ID with and without zeros before it.
fn canonical(kind: PersonalKind, value: &str) -> &str {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    match kind {
        PersonalKind::Partner if is_number => match value.trim_start_matches('0') {
            "" => "0",
            bare => bare,
        },
        _ => value,
    }
}

/// The keys in a folder, the oldest first, and the highest number that was used.
///
/// # Errors
///
/// A key that cannot be read, or that others may.
pub fn epochs_of(folder: &Path) -> Result<(Vec<Epoch>, u64), KeyError> {
    let cannot = |error| KeyError::Read(folder.to_owned(), error);
    let (mut epochs, mut last) = (Vec::new(), 0);
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(name) = name.strip_prefix(BEGIN) else { continue };
        let (number, is_key) = match (name.strip_suffix(KEY), name.strip_suffix(GONE)) {
            (Some(number), _) => (number, true),
            (None, Some(number)) => (number, false),
            (None, None) => continue,
        };
        let Ok(number) = number.parse() else { continue };
        last = last.max(number);
        if is_key {
            epochs.push(read(&path, number)?);
        }
    }
    epochs.sort_by_key(|epoch| epoch.number);
    Ok((epochs, last))
}

fn read(path: &Path, number: u64) -> Result<Epoch, KeyError> {
    let text = read_secret(path)?;
    let read = text.trim_end().split_once(' ').and_then(|(began, digits)| {
        let secret = hash_of_hex(digits.as_bytes())?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        Some(Epoch { number, began: began.parse().ok()?, key })
    });
    read.ok_or_else(|| KeyError::Form(path.to_owned()))
}

fn file_of(folder: &Path, number: u64, end: &str) -> PathBuf {
    folder.join(format!("{BEGIN}{number:06}{end}"))
}

/// Drops a key for good: what it named can no longer be found. False: there was none.
///
/// # Errors
///
/// It cannot be removed.
pub fn drop_epoch(folder: &Path, number: u64) -> io::Result<bool> {
    let file = file_of(folder, number, KEY);
    if !file.exists() {
        return Ok(false);
    }
    OpenOptions::new().create(true).append(true).open(file_of(folder, number, GONE))?;
    // Where the disk writes in place nothing is left of it.
    let length = usize::try_from(fs::metadata(&file)?.len()).unwrap_or_default();
    let mut open = OpenOptions::new().write(true).open(&file)?;
    open.write_all(&vec![b'0'; length])?;
    open.sync_all()?;
    fs::remove_file(&file)?;
    sync_folder(folder)?;
    Ok(true)
}

impl Pseudonyms {
    /// Those of a folder; the first key is made where there is none.
    ///
    /// # Errors
    ///
    /// A key that cannot be read or made.
    pub(super) fn open(folder: &Path, rules: &Privacy) -> Result<(Self, Vec<Change>), KeyError> {
        let (epochs, last) = epochs_of(folder)?;
        let mut pseudonyms = Self { folder: folder.to_owned(), rules: rules.clone(), epochs, last };
        let mut changes = Vec::new();
        if pseudonyms.are_used() && pseudonyms.epochs.is_empty() {
            changes.push(Change::Began(pseudonyms.begin(clock::unix_seconds())?));
        }
        Ok((pseudonyms, changes))
    }

    fn are_used(&self) -> bool {
        [self.rules.partner, self.rules.number].contains(&PersonalData::Pseudonym)
    }

    /// How records name this; `None`: the configuration wants it absent.
    pub fn of(&self, kind: PersonalKind, value: &str) -> Option<String> {
        let wanted = match kind {
            PersonalKind::Partner => self.rules.partner,
            PersonalKind::Number => self.rules.number,
        };
        match wanted {
            PersonalData::Absent => None,
            PersonalData::Pseudonym => Some(self.epochs.last()?.name(kind, value)),
        }
    }

    /// The numbers of the keys that are there.
    pub(super) fn numbers(&self) -> String {
        self.epochs.iter().map(|epoch| epoch.number.to_string()).collect::<Vec<_>>().join(",")
    }

    /// Looks which keys are gone, begins a new one when it is time, and drops old ones.
    pub(super) fn look(&mut self, now: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        let folder = &self.folder;
        self.epochs.retain(|epoch| {
            let is_there = file_of(folder, epoch.number, KEY).exists();
            if !is_there {
                changes.push(Change::Gone(epoch.number));
            }
            is_there
        });
        let life = i64::from(self.rules.rotate_days) * DAY.cast_signed();
        let is_over = self.epochs.last().is_none_or(|last| now.saturating_sub(last.began) >= life);
        if self.are_used() && is_over {
            match self.begin(now) {
                Ok(number) => changes.push(Change::Began(number)),
                Err(error) => tracing::error!(
                    error = %crate::telemetry::logging::with_causes(&error),
                    "no new key for pseudonyms can be made; the one before stays in use"
                ),
            }
        }
        let old = self.epochs.len().saturating_sub(self.rules.keep_epochs);
        for epoch in self.epochs.drain(..old) {
            match drop_epoch(&self.folder, epoch.number) {
                Ok(_was_there) => changes.push(Change::Dropped(epoch.number)),
                Err(error) => tracing::error!(
                    %error,
                    epoch = epoch.number,
                    "an old key for pseudonyms cannot be removed; remove it by hand"
                ),
            }
        }
        changes
    }

    fn begin(&mut self, now: i64) -> Result<u64, KeyError> {
        let number = self.last + 1;
        let text = zeroize::Zeroizing::new(format!("{now} {}\n", hex(&*random()?)));
        let file = file_of(&self.folder, number, KEY);
        write_secret(&file, &text)?;
        self.epochs.push(read(&file, number)?);
        self.last = number;
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Privacy {
        Privacy {
            partner: PersonalData::Pseudonym,
            number: PersonalData::Absent,
            rotate_days: 30,
            keep_epochs: 2,
        }
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_partner_has_one_name_in_an_epoch_with_and_without_zeros_and_a_number_none() {
        let folder = folder();
        let (pseudonyms, changes) = Pseudonyms::open(folder.path(), &rules()).unwrap();

        let name = pseudonyms.of(PersonalKind::Partner, "1001910").unwrap();

        assert_eq!(changes, [Change::Began(1)]);
        assert!(name.starts_with("1:") && name.len() == 34 && !name.contains("1001910"), "{name}");
        assert_eq!(pseudonyms.of(PersonalKind::Partner, "0001001910"), Some(name.clone()));
        assert_ne!(pseudonyms.of(PersonalKind::Partner, "1001911"), Some(name.clone()));
        assert_eq!(pseudonyms.of(PersonalKind::Number, "1001910"), None);
        // After a restart it is the same.
        let (again, changes) = Pseudonyms::open(folder.path(), &rules()).unwrap();
        assert_eq!((again.of(PersonalKind::Partner, "1001910"), changes), (Some(name), vec![]));
    }

    #[test]
    fn keys_are_replaced_in_time_and_old_ones_are_dropped_for_good() {
        let folder = folder();
        let (mut pseudonyms, _) = Pseudonyms::open(folder.path(), &rules()).unwrap();
        let first = pseudonyms.of(PersonalKind::Partner, "7").unwrap();
        let now = clock::unix_seconds();
        let month = 30 * DAY.cast_signed();

        assert_eq!(pseudonyms.look(now), []);
        assert_eq!(pseudonyms.look(now + month), [Change::Began(2)]);
        assert_eq!(pseudonyms.look(now + 2 * month), [Change::Began(3), Change::Dropped(1)]);

        assert_ne!(pseudonyms.of(PersonalKind::Partner, "7"), Some(first));
        let (epochs, last) = epochs_of(folder.path()).unwrap();
        assert_eq!(epochs.iter().map(|epoch| epoch.number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(last, 3);
    }

    #[test]
    fn a_key_that_was_taken_away_is_noticed_and_its_number_never_used_again() {
        let folder = folder();
        let (mut pseudonyms, _) = Pseudonyms::open(folder.path(), &rules()).unwrap();

        assert!(drop_epoch(folder.path(), 1).unwrap());
        assert!(!drop_epoch(folder.path(), 1).unwrap());

        assert_eq!(pseudonyms.look(clock::unix_seconds()), [Change::Gone(1), Change::Began(2)]);
        assert!(drop_epoch(folder.path(), 2).unwrap());
        let (_, changes) = Pseudonyms::open(folder.path(), &rules()).unwrap();
        assert_eq!(changes, [Change::Began(3)]);
    }
}
