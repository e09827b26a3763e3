//! The files of a trail: `trail-000000000001.jsonl`, by the number of their first record.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::keys::sync_folder;
use crate::telemetry::clock::{self, Day};

const BEGIN: &str = "trail-";
const END: &str = ".jsonl";

/// The file that is written to.
pub(super) struct Files {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    /// Bytes of whole lines in it.
    length: u64,
    /// Nobody else writes this trail while it is held.
    lock: File,
}

/// The name of the file that begins with this record.
fn name_of(seq: u64) -> String {
    format!("{BEGIN}{seq:012}{END}")
}

/// The number of a file's first record, by its name.
pub(super) fn first_of(path: &Path) -> Option<u64> {
    let digits = path.file_name()?.to_str()?.strip_prefix(BEGIN)?.strip_suffix(END)?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The files of a folder, in the order in which they were written.
///
/// # Errors
///
/// The folder cannot be read.
pub fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(first) = first_of(&path) {
            files.push((first, path));
        }
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Takes the folder for this process; `None`: another one has it.
pub(super) fn lock(folder: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let lock = options.create(true).append(true).mode(0o600).open(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// When a file was written last, in seconds since 1970.
fn written(metadata: &fs::Metadata) -> Option<i64> {
    let written = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(written.as_secs()).ok()
}

fn create(folder: &Path, seq: u64) -> io::Result<(PathBuf, File)> {
    let path = folder.join(name_of(seq));
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(&path)?;
    // An attempt that failed half-way has left an empty one.
    if file.metadata()?.len() > 0 {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    sync_folder(folder)?;
    Ok((path, file))
}

impl Files {
    /// A new file in the folder, for the record of that number on.
    pub(super) fn begin(folder: &Path, lock: File, seq: u64) -> io::Result<Self> {
        let (path, file) = create(folder, seq)?;
        Ok(Self { folder: folder.to_owned(), path, file, length: 0, lock })
    }

    /// Goes on with a file that has so many bytes of whole lines; what follows them is cut off.
    pub(super) fn go_on(path: PathBuf, lock: File, length: u64) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).open(&path)?;
        if file.metadata()?.len() > length {
            file.set_len(length)?;
            file.sync_all()?;
        }
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Self { folder, path, file, length, lock })
    }

    /// Another process may write the trail from now on.
    pub(super) fn release(&self) {
        // It is released with the process at the latest.
        let _released_later = self.lock.unlock();
    }

    /// The day on which it was written last, in UTC.
    pub(super) fn day(&self) -> Option<Day> {
        written(&self.file.metadata().ok()?).map(clock::day_of)
    }

    /// Bytes in the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends whole lines, of which the first has that number: all of them or none.
    pub(super) fn append(&mut self, lines: &[u8], seq: u64) -> io::Result<()> {
        if !self.is_there()? {
            // Somebody took it away: what was in it is missing, and `verify` says so.
            let (path, file) = create(&self.folder, seq)?;
            tracing::error!(
                file = %self.path.display(),
                "a file of the audit trail is gone from its folder; the trail goes on in {}, and \
                 `dialgate audit verify` will say what is missing",
                path.display()
            );
            (self.path, self.file, self.length) = (path, file, 0);
        }
        if let Err(error) = self.file.write_all(lines) {
            // A part may have been written. Where even that fails it is cut off before the next attempt.
            let _tried_again = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += lines.len() as u64;
        Ok(())
    }

    /// The name in the folder still leads to the file, and nothing is behind its last line.
    fn is_there(&self) -> io::Result<bool> {
        let open = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(named) if (named.dev(), named.ino()) == (open.dev(), open.ino()) => {
                if open.len() > self.length {
                    self.file.set_len(self.length)?;
                }
                Ok(true)
            }
            Ok(_another) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until what was written would survive a power failure.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Goes on in the next file, for the record of that number on.
    pub(super) fn next(&mut self, seq: u64) -> io::Result<()> {
        let (path, file) = create(&self.folder, seq)?;
        (self.path, self.file, self.length) = (path, file, 0);
        Ok(())
    }

    /// The files that were written last so long ago, but for this one, each with the one after it.
    pub(super) fn older_than(&self, age: Duration) -> io::Result<Vec<(PathBuf, PathBuf)>> {
        let before = clock::unix_seconds().saturating_sub_unsigned(age.as_secs());
        let mut old = Vec::new();
        let files = files_of(&self.folder)?;
        for (file, next) in files.iter().zip(files.iter().skip(1)) {
            // In order: the first that is young enough stays, and all after it.
            if *file == self.path || written(&fs::metadata(file)?) > Some(before) {
                break;
            }
            old.push((file.clone(), next.clone()));
        }
        Ok(old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_in_the_order_of_their_numbers_and_others_are_none() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["trail-000000000010.jsonl", "trail-000000000002.jsonl", "trail-x.jsonl", "lock"]
        {
            fs::write(folder.path().join(name), "").unwrap();
        }

        let files = files_of(folder.path()).unwrap();

        assert_eq!(
            files.iter().map(|file| first_of(file)).collect::<Vec<_>>(),
            [Some(2), Some(10)]
        );
    }

    #[test]
    fn a_folder_is_written_by_one_process_and_a_file_that_is_gone_is_followed_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let taken = lock(folder.path()).unwrap().unwrap();
        assert!(lock(folder.path()).unwrap().is_none());
        let mut files = Files::begin(folder.path(), taken, 1).unwrap();
        files.append(b"one\n", 1).unwrap();
        fs::remove_file(folder.path().join(name_of(1))).unwrap();

        files.append(b"two\n", 2).unwrap();

        assert_eq!(fs::read(folder.path().join(name_of(2))).unwrap(), b"two\n");
    }
}
