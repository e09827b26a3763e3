//! When a snapshot is written, and what is told of it.

use std::{
    path::Path,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep_until, timeout},
};

use super::{
    AtStart, SnapshotStanding, Snapshots, WriteFailure, file,
    load::{self, LoadError, Loaded},
    metrics::Taken,
    write::{self, Pace, Written},
};
use crate::{
    config::{Cache, MemorySnapshot},
    lookup::{Partners, memory::Memory},
    sap::SapClient,
    telemetry::{clock, rounded},
};

/// A partner that was forgotten is in the file for so long at most, and so is what is forgotten together.
const AFTER_FORGETTING: Duration = Duration::from_millis(500);

/// The longest wait for the last one: five million partners take so long, and a disk that hangs must not keep
/// records, trail and process.
const LAST_WITHIN: Duration = Duration::from_secs(8);

/// The longest wait of a process that wants to take over, which waits for five seconds in all.
const FOR_ANOTHER_WITHIN: Duration = Duration::from_secs(4);

/// However much is forgotten: no more often than this.
const LEAST_PAUSE: Duration = Duration::from_secs(5);

impl Partners {
    /// Remembers what the snapshot has, where one is configured, and writes the next ones as configured. Before the
    /// first call is answered.
    pub fn load_snapshot(&self, systems: &[Arc<SapClient>], cache: &Cache) {
        let Some(snapshots) = &self.snapshots else { return };
        if let Some(MemorySnapshot { path, .. }) = &cache.snapshot {
            let loaded = load::load(path, &self.shared.memory, systems, cache);
            snapshots.loaded(path, loaded);
        }
        // What is there is what would be written.
        let _not_at_once = snapshots.follow(cache);
    }

    /// From now on snapshots are written as this says.
    pub fn follow_snapshot(&self, cache: &Cache) {
        if let Some(snapshots) = &self.snapshots
            && snapshots.follow(cache)
        {
            snapshots.changed.notify_one();
        }
    }

    /// Writes snapshots when it is time, for as long as it is awaited.
    pub async fn keep_snapshots(&self) {
        let Some(snapshots) = &self.snapshots else { return std::future::pending().await };
        let memory = &self.shared.memory;
        let (began, mut last) = (Instant::now(), None);
        loop {
            let settings = snapshots.settings.load_full();
            let snapshot = settings.as_ref().and_then(|cache| cache.snapshot.as_ref());
            let is_owed = last.is_some() && snapshots.is_owed(memory);
            let most = if is_owed { LEAST_PAUSE } else { Duration::MAX };
            let due = snapshot.map(|snapshot| last.unwrap_or(began) + snapshot.every.min(most));
            tokio::select! {
                () = until(due) => {}
                () = snapshots.changed.notified() => {}
                // What is forgotten here must not come back with the next start.
                () = memory.something_forgotten(), if due.is_some() => {
                    let soon = Instant::now() + AFTER_FORGETTING;
                    sleep_until(last.map_or(soon, |last| soon.max(last + LEAST_PAUSE))).await;
                }
            }
            self.write_snapshot(Pace::Gentle).await;
            last = Some(Instant::now());
        }
    }

    /// Writes the last one: whoever starts next takes it over. A disk that hangs does not keep the process.
    pub async fn write_last_snapshot(&self) {
        if timeout(LAST_WITHIN, self.write_snapshot(Pace::Quick)).await.is_err() {
            self.give_up_snapshot();
            tracing::warn!(
                "the last snapshot of the memory is not written within {}; the one before stays",
                rounded(LAST_WITHIN)
            );
        }
    }

    /// Writes one for a process that takes the place of this one and is about to start. Where that does not
    /// succeed in time, the other one begins with the one before, or with nothing if somebody was forgotten
    /// since.
    pub async fn write_snapshot_for_another(&self) {
        let writing = timeout(FOR_ANOTHER_WITHIN, self.write_snapshot(Pace::Quick));
        let is_written = writing.await == Ok(true);
        if !is_written && let Some(snapshots) = self.snapshots.clone() {
            let shared = Arc::clone(&self.shared);
            let removing = spawn_blocking(move || snapshots.take_away_what_is_owed(&shared.memory));
            // Whoever waits does so for a second more at most.
            drop(removing.await);
        }
    }

    /// Nobody waits for it any more: the one that was there stays.
    pub fn give_up_snapshot(&self) {
        if let Some(snapshots) = &self.snapshots {
            snapshots.stop.give_up();
        }
    }

    /// How it stands with the snapshot; `None`: none is written.
    pub fn snapshot(&self) -> Option<SnapshotStanding> {
        let standing = self.snapshots.as_ref()?.standing.lock();
        let standing = standing.unwrap_or_else(PoisonError::into_inner);
        standing.path.is_some().then(|| standing.clone())
    }

    /// True: it is there.
    async fn write_snapshot(&self, pace: Pace) -> bool {
        let Some(snapshots) = self.snapshots.clone() else { return false };
        let shared = Arc::clone(&self.shared);
        if pace == Pace::Quick {
            snapshots.stop.hurry();
        }
        // A million partners take a second, and a disk as long as it likes.
        let writing = spawn_blocking(move || {
            let is_written = snapshots.put(&shared.memory, pace);
            if pace == Pace::Quick {
                snapshots.stop.take_time();
            }
            is_written
        });
        writing.await.unwrap_or_default()
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Snapshots {
    /// True: it is another one. What was configured before is not kept current any more, and is taken away once the
    /// new one is there.
    pub(super) fn follow(&self, cache: &Cache) -> bool {
        let before = self.settings.load_full();
        let is_same = match &before {
            None => cache.snapshot.is_none(),
            Some(before) => **before == *cache,
        };
        if is_same {
            return false;
        }
        let snapshot = cache.snapshot.as_ref();
        self.settings.store(snapshot.map(|_| Arc::new(cache.clone())));
        self.metrics.is_written_every(snapshot.map(|snapshot| snapshot.every));
        self.note(|standing| {
            standing.path = snapshot.map(|snapshot| snapshot.path.clone());
            standing.every = snapshot.map(|snapshot| snapshot.every).unwrap_or_default();
        });
        if let Some(before) = before.as_ref().and_then(|before| before.snapshot.as_ref())
            && snapshot.is_none_or(|snapshot| snapshot.path != before.path)
        {
            // A disk that hangs must not hang a reload.
            self.left.lock().unwrap_or_else(PoisonError::into_inner).push(before.path.clone());
        }
        true
    }

    /// Writes it where the settings say, and takes away what they said before. True: it is there.
    pub(super) fn put(&self, memory: &Memory, pace: Pace) -> bool {
        let settings = self.settings.load_full();
        let is_written = settings.as_ref().is_some_and(|cache| self.write(memory, cache, pace));
        // The one before is all there is until the new one is.
        if is_written || settings.is_none() {
            self.clear(settings.as_ref().and_then(|cache| cache.snapshot.as_ref()));
        }
        is_written
    }

    /// True: it is there.
    fn write(&self, memory: &Memory, cache: &Cache, pace: Pace) -> bool {
        let Some(MemorySnapshot { path, every }) = &cache.snapshot else { return false };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = self.settings.load().as_ref().is_some_and(|now| **now == *cache);
        if !is_wanted || self.stop.is_given_up() {
            return false;
        }
        // Whoever is forgotten while it is written may be in it still.
        let forgets = memory.forgets();
        match write::write(path, memory, cache, pace, &self.stop) {
            Ok(Some(written)) => {
                self.forgets.store(forgets, Ordering::Relaxed);
                self.wrote(path, written);
                return true;
            }
            Ok(None) => {}
            Err(error) => {
                let (why, todo) = (error.to_string(), error.todo());
                self.metrics.failed(error.kind());
                tracing::warn!(
                    path = %path.display(),
                    "the snapshot of the memory cannot be written to {}: {why}; the one before stays, and it is \
                     tried again in {}; {todo}",
                    path.display(),
                    rounded(*every)
                );
                self.note(|standing| {
                    let since = standing.failure.as_ref().map(|failure| failure.since);
                    let since = since.unwrap_or_else(clock::unix_milliseconds);
                    standing.failure = Some(WriteFailure { since, why, todo });
                });
            }
        }
        false
    }

    /// Somebody was forgotten who is in the file still.
    fn is_owed(&self, memory: &Memory) -> bool {
        self.forgets.load(Ordering::Relaxed) != memory.forgets()
    }

    /// Whom an operator has forgotten must not come back, not even where the rest is lost for it.
    pub(super) fn take_away_what_is_owed(&self, memory: &Memory) {
        let settings = self.settings.load_full();
        let snapshot = settings.as_ref().and_then(|cache| cache.snapshot.as_ref());
        if let Some(snapshot) = snapshot.filter(|_| self.is_owed(memory)) {
            remove(&snapshot.path);
        }
    }

    /// Takes away what is not kept current any more, by whatever name it goes.
    fn clear(&self, current: Option<&MemorySnapshot>) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let left = std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        let is_current = |path: &Path| current.is_some_and(|now| file::is_same(path, &now.path));
        for path in left.into_iter().filter(|path| !is_current(path)) {
            remove(&path);
        }
    }

    fn wrote(&self, path: &Path, written: Written) {
        let Written { at, entries, too_long, bytes, took } = written;
        if too_long > 0 {
            tracing::warn!(
                too_long,
                "{too_long} partners are not in the snapshot of the memory: the facts that rules look at are longer \
                 than 64 KiB of each; see which path of rules.refuse_when reads so much"
            );
        }
        self.metrics.is_there_since(at);
        self.metrics.wrote(entries, bytes, took);
        tracing::debug!(
            entries, bytes, path = %path.display(), "the memory is in its snapshot, in {}", rounded(took)
        );
        self.note(|standing| {
            if standing.failure.take().is_some() {
                tracing::info!("the snapshot of the memory is written again");
            }
            standing.written_at = Some(at);
            standing.size = Some((entries, bytes));
        });
    }

    fn loaded(&self, path: &Path, loaded: Result<Option<Loaded>, LoadError>) {
        let at_start = match loaded {
            Ok(None) => {
                tracing::info!(
                    path = %path.display(), "there is no snapshot of the memory yet; it begins empty"
                );
                AtStart::Nothing
            }
            Ok(Some(loaded)) => self.took(path, &loaded),
            Err(error) => self.refused(path, &error),
        };
        self.note(|standing| standing.at_start = at_start);
    }

    fn took(&self, path: &Path, loaded: &Loaded) -> AtStart {
        for taken in Taken::ALL {
            self.metrics.took(taken, loaded.of(taken));
        }
        self.metrics.is_there_since(loaded.written_at);
        let entries = loaded.of(Taken::Loaded);
        let left_out = loaded.entries.iter().sum::<u64>() - entries;
        let age = clock::unix_milliseconds().saturating_sub(loaded.written_at);
        tracing::info!(
            entries,
            left_out,
            path = %path.display(),
            "{entries} partners are remembered from the process before, of a snapshot written {} ago; {left_out} \
             of it are of no use any more",
            rounded(Duration::from_millis(age))
        );
        if let Some(mode) = loaded.readable {
            tracing::warn!(
                "others on this machine may read {} (mode {mode:03o}); it is encrypted, and the next one is for \
                 its owner only; see who changed it",
                path.display()
            );
        }
        self.note(|standing| standing.written_at = Some(loaded.written_at));
        AtStart::Loaded { entries, left_out, written_at: loaded.written_at }
    }

    fn refused(&self, path: &Path, error: &LoadError) -> AtStart {
        self.metrics.refused(error.kind());
        let aside = file::set_aside(path);
        let told = match &aside {
            Ok(aside) => format!("it was set aside as {}", aside.display()),
            Err(error) => {
                format!("it cannot be set aside ({error}), and the next one takes its place")
            }
        };
        tracing::warn!(
            path = %path.display(),
            reason = error.kind().label(),
            "the snapshot {} is not used, and the memory begins empty: {error}; {told}; {}",
            path.display(),
            error.todo()
        );
        AtStart::Refused { why: error.to_string(), aside: aside.ok() }
    }
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Ok(()) => tracing::info!(
            path = %path.display(),
            "the snapshot {} was taken away: nobody keeps it current any more",
            path.display()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(
            %error,
            "the snapshot {} is not kept current any more and cannot be removed; remove it by hand",
            path.display()
        ),
    }
}
