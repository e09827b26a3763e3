//! What is remembered goes into a file, while calls go on: no lock is held, and no more of it than a piece is in
//! memory twice.

use std::{
    io::{self, BufWriter},
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    file::Pending,
    form::{WriteError, Writer},
    metrics::Failed,
    piece::Packing,
};
use crate::{config::Cache, lookup::memory::Memory, telemetry::clock};

/// The longest pause between two pieces.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A snapshot that was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    /// Milliseconds since 1970.
    pub(super) at: u64,
    pub(super) entries: u64,
    /// Partners that are not in it, because SAP says more of them than is read again.
    pub(super) too_long: u64,
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

/// How it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pace {
    /// With pauses: callers are answered meanwhile.
    Gentle,
    /// Somebody waits for it.
    Quick,
}

/// Whether somebody still waits for it.
#[derive(Default)]
pub(super) struct Stop {
    told: Mutex<Word>,
    changed: Condvar,
}

/// What whoever writes was told last.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Word {
    /// Nothing: with pauses.
    #[default]
    GoOn,
    /// Another one is waited for, which comes after this one.
    Hurry,
    /// Nobody waits any more; for good.
    GiveUp,
}

impl Stop {
    pub(super) fn give_up(&self) {
        self.tell(Word::GiveUp);
    }

    /// No pauses from now on.
    pub(super) fn hurry(&self) {
        self.tell(Word::Hurry);
    }

    /// With pauses again.
    pub(super) fn take_time(&self) {
        self.tell(Word::GoOn);
    }

    fn tell(&self, word: Word) {
        let mut told = self.lock();
        if *told != Word::GiveUp {
            *told = word;
        }
        drop(told);
        self.changed.notify_all();
    }

    pub(super) fn is_given_up(&self) -> bool {
        *self.lock() == Word::GiveUp
    }

    /// Blocks for so long, or until there is reason for haste.
    fn pause(&self, within: Duration) {
        let waited =
            self.changed.wait_timeout_while(self.lock(), within, |told| *told == Word::GoOn);
        drop(waited);
    }

    fn lock(&self) -> MutexGuard<'_, Word> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what `memory` has and is of use to the file, which is replaced as a whole or stays as it was. `None`: it was
/// given up, as `stop` says.
pub(super) fn write(
    path: &Path,
    memory: &Memory,
    times: &Cache,
    pace: Pace,
    stop: &Stop,
) -> Result<Option<Written>, WriteError> {
    // What is younger than this is written as if it were of now: a moment older than it is.
    let (began, at) = (Instant::now(), clock::unix_milliseconds());
    let pending = Pending::begin(path)?;
    let mut writer = Writer::begin(BufWriter::new(pending.file()), &times.keys, at)?;
    let (mut packing, mut entries, mut too_long) = (Packing::default(), 0, 0);
    let mut piece_began = Instant::now();
    for (key, remembered) in memory.iter() {
        if remembered.is_over(began, times) {
            continue;
        }
        if packing.add(&key, remembered.said(), remembered.age(began)) {
            entries += 1;
        } else {
            too_long += 1;
        }
        if packing.is_full() {
            if stop.is_given_up() {
                return Ok(None);
            }
            writer.piece(&packing.take())?;
            if pace == Pace::Gentle {
                stop.pause(piece_began.elapsed().min(LONGEST_PAUSE));
            }
            piece_began = Instant::now();
        }
    }
    if !packing.is_empty() {
        writer.piece(&packing.take())?;
    }
    let bytes = writer.end(entries)?;
    pending.commit()?;
    Ok(Some(Written { at, entries, too_long, bytes, took: began.elapsed() }))
}

impl WriteError {
    pub(super) fn kind(&self) -> Failed {
        let Self::Io(error) = self else { return Failed::Unsealed };
        match error.kind() {
            _ if super::load::is_full(error) => Failed::Full,
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotFound => Failed::Denied,
            io::ErrorKind::ResourceBusy => Failed::Busy,
            _ => Failed::Other,
        }
    }

    /// What to do next.
    pub(super) fn todo(&self) -> &'static str {
        match self.kind() {
            Failed::Full => {
                "make room there: a partner needs about 25 bytes, twice while it is written"
            }
            Failed::Denied => {
                "see that the folder is there and the user of dialgate may write in it"
            }
            Failed::Busy => "give each gateway a file of its own in cache.snapshot.path",
            Failed::Unsealed | Failed::Other => "`dialgate check` tries the folder",
        }
    }
}
