//! What the writer writes: records, events, and what the chain says of itself.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    Entry, Event,
    chain::{Chain, Hash, Line, hash_of_hex, hex, push_hex},
    files::first_of,
    keys::Keys,
    pseudonyms::Change,
    recover::{LONGEST_LINE, Own},
    writer::{GivenUp, Writer},
};
use crate::telemetry::{
    clock::{self, Moment},
    lines::Object,
    logging::with_causes,
};

pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const SIGNATURE: &[u8] = br#","signature":""#;

impl<R: Entry> Writer<R> {
    pub(super) fn add_record(&mut self, record: &R) {
        let (begin, seq) = (self.batch.len(), self.chain.seq + 1);
        let mut line = Object::begin(&mut self.batch);
        line.number("seq", Some(seq));
        line.moment("at", record.at());
        line.plain("kind", record.kind());
        record.render(&mut line, &self.pseudonyms);
        self.seal(begin);
    }

    pub(super) fn add_event(&mut self, event: &Event) {
        let (begin, seq) = (self.batch.len(), self.chain.seq + 1);
        let mut line = Object::begin(&mut self.batch);
        line.number("seq", Some(seq));
        line.moment("at", event.at);
        line.plain("kind", event.kind);
        line.plain("config", self.shared.config.load().as_str());
        line.plain("instance", &self.instance);
        line.plain("version", env!("CARGO_PKG_VERSION"));
        for (name, text) in &event.texts {
            line.text(name, Some(text));
        }
        self.seal(begin);
    }

    /// What the chain says of itself: no more than it takes to check it.
    fn add_own(&mut self, kind: &'static str, say: impl FnOnce(&mut Object<'_>, &Chain, &Keys)) {
        let (begin, seq) = (self.batch.len(), self.chain.seq + 1);
        let mut line = Object::begin(&mut self.batch);
        line.number("seq", Some(seq));
        line.moment("at", Moment::now());
        line.plain("kind", kind);
        line.plain("instance", &self.instance);
        say(&mut line, &self.chain, &self.keys);
        if kind == CHECKPOINT {
            let text = self.batch.get(begin..).unwrap_or_default();
            let signature = self.keys.sign(text);
            self.batch.extend_from_slice(SIGNATURE);
            push_hex(&mut self.batch, &signature);
            self.batch.push(b'"');
        }
        self.seal(begin);
    }

    /// What a file begins with.
    pub(super) fn add_file(&mut self) {
        self.add_own("file", |line, chain, keys| {
            line.plain("after", hex(&chain.hash));
            line.number("epoch", Some(chain.key.epoch()));
            line.plain("public_key", keys.public().text());
        });
    }

    pub(super) fn add_changes(&mut self, changes: Vec<Change>) {
        for change in changes {
            let (kind, epoch) = match change {
                Change::Began(epoch) => ("epoch_began", epoch),
                Change::Dropped(epoch) => ("epoch_dropped", epoch),
                Change::Gone(epoch) => ("epoch_gone", epoch),
            };
            tracing::info!(epoch, "keys of pseudonyms: {kind} {epoch}");
            self.add_event(&Event::new(kind).with("epoch", epoch));
        }
    }

    fn seal(&mut self, begin: usize) {
        self.chain.seal(&mut self.batch, begin);
        self.in_batch += 1;
    }

    /// Signs what was written, has it on the disk, and forgets the key it was written with.
    pub(super) fn checkpoint(&mut self) -> Result<(), GivenUp> {
        let begin = self.batch.len();
        self.add_own(CHECKPOINT, |line, chain, _keys| {
            line.number("epoch", Some(chain.key.epoch()));
            line.plain("head", hex(&chain.hash));
        });
        let line = self.batch.get(begin..).unwrap_or_default();
        let line: Arc<str> = String::from_utf8_lossy(line).trim_end().into();
        self.chain.key.evolve();
        self.flush()?;
        self.until_it_works(|writer| writer.files.sync())?;
        if let Err(error) = self.keys.keep(&self.chain.key) {
            tracing::error!(
                error = %with_causes(&error),
                "the key of the audit trail cannot be replaced by the next one; until it can, whoever takes \
                 this machine could rewrite what was written since"
            );
        }
        self.is_unsigned = false;
        self.signed = Instant::now();
        self.shared.metrics.signed(clock::unix_seconds());
        self.checkpoints.send_replace(Some(line));
        Ok(())
    }

    pub(super) fn rotate(&mut self) -> Result<(), GivenUp> {
        self.day = clock::today();
        if self.is_unsigned {
            self.checkpoint()?;
        }
        let seq = self.chain.seq + 1;
        self.until_it_works(|writer| writer.files.next(seq))?;
        self.add_file();
        self.flush()
    }

    /// Removes files that are old enough; that they were is a record, and written first.
    pub(super) fn remove_old(&mut self) -> Result<(), GivenUp> {
        let Some(days) = self.audit.keep_days else { return Ok(()) };
        let age = Duration::from_hours(24 * u64::from(days));
        let old = self.files.older_than(age).unwrap_or_else(|error| {
            tracing::error!(%error, "old files of the audit trail cannot be found");
            Vec::new()
        });
        for (file, next) in old {
            self.remove(&file, &next)?;
        }
        Ok(())
    }

    fn remove(&mut self, file: &Path, next: &Path) -> Result<(), GivenUp> {
        let Some((last, last_hash)) = end_before(next) else {
            tracing::error!(file = %file.display(), "is old and not removed: the file after it cannot be read");
            return Ok(());
        };
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.add_own("removed", |line, _chain, _keys| {
            line.text("file", Some(&name));
            line.number("first", first_of(file));
            line.number("last", Some(last));
            line.plain("last_hash", hex(&last_hash));
        });
        self.checkpoint()?;
        if let Err(error) = std::fs::remove_file(file) {
            tracing::error!(%error, file = %file.display(), "an old file of the audit trail cannot be removed");
        }
        Ok(())
    }
}

/// The last record before a file, by what the file says it begins after.
fn end_before(next: &Path) -> Option<(u64, Hash)> {
    use std::io::{BufRead, BufReader, Read};

    let file = std::fs::File::open(next).ok()?;
    let mut line = Vec::new();
    BufReader::new(file).take(LONGEST_LINE).read_until(b'\n', &mut line).ok()?;
    line.pop();
    let read = Line::read(&line)?;
    let after = Own::of(&line).after;
    Some((read.seq.checked_sub(1)?, hash_of_hex(after.as_bytes())?))
}
