//! The end of a trail that is to go on: found, checked, and what a killed process left half written
//! cut off.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    chain::{BEGINNING, Chain, Hash, Line, MacKey, hash_of_hex},
    files::{Files, files_of, lock},
    keys::{KeyError, Keys},
};

/// A longer line is none of ours, in bytes.
pub(super) const LONGEST_LINE: u64 = 64 * 1024;

/// Why a trail cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// The folder or a file cannot be used.
    #[error("{} cannot be used", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// The keys cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Two would make two ends.
    #[error("{} is written by another process; each process needs a folder and keys of its own", .0.display())]
    Taken(PathBuf),
    /// Its last file is not what was written.
    #[error(
        "{}:{line}: {why}: the trail does not go on with what somebody has changed. Keep its folder for those \
         who look into it (`dialgate audit verify` says more), and name another folder with new keys",
        file.display()
    )]
    Broken {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: u64,
        /// What is the case.
        why: &'static str,
    },
    /// Records that were signed are gone.
    #[error(
        "{} ends after {has} checkpoints, and its keys have signed {signed}: its end was removed, or these are \
         the keys of another trail. Keep the folder for those who look into it, and name another one with new \
         keys",
        folder.display()
    )]
    Short {
        /// The trail.
        folder: PathBuf,
        /// Checkpoints in it.
        has: u64,
        /// Checkpoints that were signed.
        signed: u64,
    },
}

/// Where a trail goes on.
pub(super) struct End {
    pub(super) files: Files,
    pub(super) chain: Chain,
    /// The file is new: it has to say what it begins with.
    pub(super) is_new_file: bool,
    /// Bytes that a killed process had left half written, and the file they were in.
    pub(super) torn: Option<(u64, String)>,
}

/// What the last file says of itself.
struct Tail {
    seq: u64,
    hash: Hash,
    epoch: u64,
    /// Bytes of whole lines.
    length: u64,
    torn: u64,
}

/// Members of lines that the chain itself writes.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Own {
    pub(super) after: String,
    pub(super) epoch: u64,
    pub(super) head: String,
    pub(super) last: u64,
    pub(super) last_hash: String,
    pub(super) public_key: String,
    pub(super) records: String,
}

impl Own {
    pub(super) fn of(line: &[u8]) -> Self {
        serde_json::from_slice(line).unwrap_or_default()
    }
}

/// Finds the end, or begins a trail where there is none.
///
/// # Errors
///
/// See [`TrailError`].
pub(super) fn recover(folder: &Path, keys: &Keys) -> Result<End, TrailError> {
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |error| TrailError::Io(path, error)
    };
    let lock = lock(folder).map_err(cannot(folder))?;
    let lock = lock.ok_or_else(|| TrailError::Taken(folder.to_owned()))?;
    let mut key = keys.mac_key()?;
    let mut torn = None;
    let mut files = files_of(folder).map_err(cannot(folder))?;
    while let Some(path) = files.pop() {
        let Some(read) = read(&path, &mut key)? else {
            // Begun, and killed before its first line was whole.
            let length = fs::metadata(&path).map_err(cannot(&path))?.len();
            fs::remove_file(&path).map_err(cannot(&path))?;
            torn = Some((length, name_of(&path)));
            continue;
        };
        let key = key_at(key, read.epoch, folder)?;
        if read.torn > 0 {
            torn = Some((read.torn, name_of(&path)));
        }
        let files = Files::go_on(path.clone(), lock, read.length).map_err(cannot(&path))?;
        let chain = Chain { seq: read.seq, hash: read.hash, key };
        return Ok(End { files, chain, is_new_file: false, torn });
    }
    let key = key_at(key, 0, folder)?;
    let files = Files::begin(folder, lock, 1).map_err(cannot(folder))?;
    let chain = Chain { seq: 0, hash: BEGINNING, key };
    Ok(End { files, chain, is_new_file: true, torn })
}

fn key_at(key: MacKey, epoch: u64, folder: &Path) -> Result<MacKey, TrailError> {
    let signed = key.epoch();
    // Killed after a checkpoint and before its key was replaced: it follows from the one that is there.
    key.at(epoch).ok_or_else(|| TrailError::Short { folder: folder.to_owned(), has: epoch, signed })
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads a file to its last whole line; `None`: there is none. What was written under `key` and the keys
/// that follow from it has to be by them.
fn read(path: &Path, key: &mut MacKey) -> Result<Option<Tail>, TrailError> {
    let cannot = |error| TrailError::Io(path.to_owned(), error);
    let broken = |line, why| TrailError::Broken { file: path.to_owned(), line, why };
    let mut input = BufReader::new(File::open(path).map_err(cannot)?);
    let mut line = Vec::new();
    let mut end: Option<Tail> = None;
    let (mut number, mut length) = (0, 0);
    loop {
        line.clear();
        let bytes = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        let bytes = bytes.map_err(cannot)? as u64;
        if line.pop_if(|last| *last == b'\n').is_none() {
            if bytes == LONGEST_LINE {
                return Err(broken(number + 1, "is no line of a trail"));
            }
            return Ok(end.map(|end| Tail { torn: bytes, length, ..end }));
        }
        number += 1;
        length += bytes;
        let read = Line::read(&line).ok_or_else(|| broken(number, "is no line of a trail"))?;
        let is_own = matches!(read.kind, "file" | "checkpoint");
        let own = if is_own { Own::of(&line) } else { Own::default() };
        let mut so_far = end.unwrap_or_else(|| Tail {
            seq: read.seq.saturating_sub(1),
            hash: hash_of_hex(own.after.as_bytes()).unwrap_or(BEGINNING),
            epoch: own.epoch,
            length: 0,
            torn: 0,
        });
        if read.seq != so_far.seq + 1 || !read.follows(&so_far.hash) {
            return Err(broken(number, "does not follow from the line before"));
        }
        while key.epoch() < so_far.epoch {
            key.evolve();
        }
        if key.epoch() == so_far.epoch && !read.is_by(key, &so_far.hash) {
            return Err(broken(number, "is not by the keys of this trail"));
        }
        if read.kind == "checkpoint" {
            so_far.epoch = so_far.epoch.saturating_add(1);
        }
        (so_far.seq, so_far.hash) = (read.seq, read.hash);
        end = Some(so_far);
    }
}
