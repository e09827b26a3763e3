//! A start takes over what the process before it remembered, as old as it is.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    file::{self, OpenError, Opened},
    form::{Next, ReadError, Reader},
    metrics::{Refused, Taken},
    piece::Piece,
};
use crate::{
    config::{Cache, SealingKeys},
    lookup::{
        memory::{Memory, Remembered},
        said::Said,
        stored::{Stored, StoredError},
    },
    sap::{SapClient, SystemId},
    telemetry::clock,
};

/// Why a snapshot is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What was in a snapshot.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Loaded {
    /// Milliseconds since 1970.
    pub(super) written_at: u64,
    /// By [`Taken`].
    pub(super) entries: [u64; Taken::ALL.len()],
    /// Its mode, where others on this machine may read it.
    pub(super) readable: Option<u32>,
}

/// What of a snapshot counts: the systems that are asked now, and the paths whose values are wanted of each.
type Wanted = HashMap<SystemId, Arc<[Arc<str>]>>;

/// Has `memory` remember what is in the file; `None`: there is none. All of it is looked at before any of it counts.
pub(super) fn load(
    path: &Path,
    memory: &Memory,
    systems: &[Arc<SapClient>],
    times: &Cache,
) -> Result<Option<Loaded>, LoadError> {
    let Some(Opened { mut file, readable }) = file::open(path)? else { return Ok(None) };
    each_piece(&file, &times.keys, |_, _| ())?;
    file.rewind().map_err(ReadError::Unreadable)?;
    let wanted = systems.iter().map(|sap| (sap.system(), Arc::clone(sap.reads()))).collect();
    let mut loading = Loading { memory, times, wanted, entries: [0; Taken::ALL.len()] };
    let written_at = each_piece(&file, &times.keys, |written_at, piece| {
        loading.take(piece, since(written_at));
    })?;
    memory.settle();
    Ok(Some(Loaded { written_at, entries: loading.entries, readable }))
}

fn each_piece(
    file: &File,
    keys: &SealingKeys,
    each: impl FnMut(u64, Piece),
) -> Result<u64, ReadError> {
    read(BufReader::new(file), keys, each)
}

/// Reads a snapshot from its beginning to its end; each piece is told with the time of writing, which comes back.
pub(super) fn read(
    from: impl Read,
    keys: &SealingKeys,
    mut each: impl FnMut(u64, Piece),
) -> Result<u64, ReadError> {
    let mut reader = Reader::begin(from, keys)?;
    let mut partners = 0;
    loop {
        match reader.next()? {
            Next::Piece(text) => {
                let piece = Piece::read(&text).map_err(|error| match error {
                    StoredError::Version => ReadError::Version,
                    StoredError::Malformed => ReadError::Damaged,
                })?;
                partners += piece.entries.len() as u64;
                each(reader.written_at(), piece);
            }
            Next::End(count) if count == partners => return Ok(reader.written_at()),
            Next::End(_) => return Err(ReadError::Damaged),
        }
    }
}

/// How long ago that was. A clock that was set back meanwhile makes nothing younger than it was when it was written.
fn since(written_at: u64) -> Duration {
    Duration::from_millis(clock::unix_milliseconds().saturating_sub(written_at))
}

struct Loading<'l> {
    memory: &'l Memory,
    times: &'l Cache,
    wanted: Wanted,
    entries: [u64; Taken::ALL.len()],
}

impl Loading<'_> {
    fn take(&mut self, piece: Piece, since: Duration) {
        let said: Vec<_> = piece.said.into_iter().map(|stored| self.say(stored)).collect();
        let now = Instant::now();
        for entry in piece.entries {
            let Some(said) = said.get(entry.said) else { continue };
            let wanted = self.wanted.get(&entry.key.system);
            let taken = match wanted {
                None => Taken::OtherSystem,
                Some(paths) if !said.has(paths) => Taken::OtherPaths,
                Some(_) => match self.again(said, now, entry.age + since) {
                    None => Taken::TooOld,
                    Some(_) if self.is_full() => Taken::NoRoom,
                    Some(remembered) => {
                        self.memory.remember(&entry.key, remembered);
                        Taken::Loaded
                    }
                },
            };
            if let Some(count) = self.entries.get_mut(taken as usize) {
                *count += 1;
            }
        }
    }

    /// With the list of paths itself where it is the one that is read now: hits compare their places first.
    fn say(&self, stored: Stored) -> Arc<Said> {
        let now = self.wanted.values().find(|paths| **paths == stored.reads);
        let reads = now.map_or_else(|| Arc::clone(&stored.reads), Arc::clone);
        self.memory.say(Stored { reads, ..stored })
    }

    /// `None`: it is of no use any more.
    fn again(&self, said: &Arc<Said>, now: Instant, age: Duration) -> Option<Remembered> {
        let fetched = now.checked_sub(age)?;
        let remembered = Remembered::said_at(Arc::clone(said), fetched, self.times);
        (!remembered.is_over(now, self.times)).then_some(remembered)
    }

    fn is_full(&self) -> bool {
        let loaded = self.entries.get(Taken::Loaded as usize);
        loaded.is_some_and(|loaded| *loaded >= self.memory.most())
    }
}

impl LoadError {
    pub(super) fn kind(&self) -> Refused {
        match self {
            Self::Open(OpenError::NoFile) => Refused::NoFile,
            Self::Open(OpenError::Owner) => Refused::Owner,
            Self::Open(OpenError::Writable(_)) => Refused::Writable,
            Self::Open(OpenError::TooLarge) => Refused::TooLarge,
            Self::Read(ReadError::Foreign) => Refused::Foreign,
            Self::Read(ReadError::Version) => Refused::Version,
            Self::Read(ReadError::Key) => Refused::Key,
            Self::Read(ReadError::Damaged) => Refused::Damaged,
            Self::Open(OpenError::Unreadable(_)) | Self::Read(ReadError::Unreadable(_)) => {
                Refused::Unreadable
            }
        }
    }

    /// What to do next.
    pub(super) fn todo(&self) -> &'static str {
        match self.kind() {
            Refused::NoFile | Refused::Owner | Refused::Writable => {
                "see who may write in that folder: only the user of dialgate should"
            }
            Refused::TooLarge | Refused::Foreign => {
                "see whether cache.snapshot.path names the right file"
            }
            Refused::Version => "nothing: the next one is written in this version's form",
            Refused::Key => {
                "write the key that is being replaced as the second one into cache.keys, give the file its \
                 name back and start again; or leave it, and SAP is asked again"
            }
            Refused::Damaged => {
                "see whether the disk is sound and who else may write there; SAP is asked again"
            }
            Refused::Unreadable => "see whether the user of dialgate may read it",
        }
    }
}

impl Loaded {
    pub(super) fn of(&self, taken: Taken) -> u64 {
        self.entries.get(taken as usize).copied().unwrap_or_default()
    }
}

/// For an error of the system.
pub(super) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
