//! Checks a trail, line by line and in bounded memory; nothing in it is trusted.
//!
//! Without any key: no line was changed, left out, added or moved by somebody who did not make the rest
//! anew. With the public key: nor by somebody who did, up to the last checkpoint. With what a second place
//! has: nor was the end cut off before that. With the first key of the MACs: nor by somebody who took the
//! machine later, the signing key included.

use std::{
    io::{self, BufRead, Read},
    sync::Arc,
};

use serde::Serialize;

use super::{
    anchors::Anchors,
    chain::{BEGINNING, Hash, Line, MacKey, bytes_of_hex, hash_of_hex, hex},
    keys::PublicKey,
    records::{CHECKPOINT, SIGNATURE},
    recover::{LONGEST_LINE, Own},
};

/// More findings are counted, and not kept.
const MOST_FINDINGS: usize = 100;

/// A key this far away is a line that somebody made up: 30 years of checkpoints, one every 10 s.
const MOST_EPOCHS: u64 = 100_000_000;

/// The text of a signature, in digits.
const SIGNATURE_DIGITS: usize = 128;

/// Something that is not as it was written.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// The line in it, from 1; 0: about the whole.
    pub line: u64,
    /// The record, where it has a number.
    pub seq: Option<u64>,
    /// What is the case.
    pub what: String,
}

/// What came of checking a trail.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Whole lines that were read.
    pub records: u64,
    /// The number of the first record.
    pub first: Option<u64>,
    /// The number of the last record.
    pub last: Option<u64>,
    /// When the last record was written, as it says.
    pub last_at: Option<String>,
    /// Checkpoints whose signatures were checked.
    pub checkpoints: u64,
    /// Records after the last checkpoint: nobody has signed them yet.
    pub unsigned: u64,
    /// Records that the trail itself says are missing.
    pub missed: u64,
    /// Everything that is wrong, or the first of it.
    pub findings: Vec<Finding>,
    /// More of it.
    pub more_findings: u64,
}

/// Checks files, in the order in which they were written.
pub struct Verifier {
    public: Option<PublicKey>,
    /// The key of the next line, where it is known.
    mac: Option<MacKey>,
    first_mac: Option<MacKey>,
    anchors: Anchors,
    report: Report,
    file: Arc<str>,
    line: u64,
    /// Of the line before; `None`: it is not known what the next one follows from.
    before: Option<(u64, Hash)>,
    /// What the first file begins after, until a record says that it was removed.
    unexplained: Option<(u64, Hash)>,
    /// The last record that was found changed.
    changed: Option<u64>,
    /// Lines were read.
    has_begun: bool,
}

impl Verifier {
    /// `first_mac`: the first key of the MACs, which was kept elsewhere.
    pub fn new(public: Option<PublicKey>, first_mac: Option<MacKey>, anchors: Anchors) -> Self {
        Self {
            public,
            mac: None,
            first_mac,
            anchors,
            report: Report::default(),
            file: Arc::from(""),
            line: 0,
            before: Some((0, BEGINNING)),
            unexplained: None,
            changed: None,
            has_begun: false,
        }
    }

    /// Checks the next file.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn file(&mut self, name: &str, mut input: impl BufRead) -> io::Result<()> {
        (self.file, self.line) = (name.into(), 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let bytes = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
            if bytes == 0 {
                return Ok(());
            }
            self.line += 1;
            if line.pop_if(|last| *last == b'\n').is_some() {
                self.next(&line);
            } else if bytes as u64 == LONGEST_LINE {
                self.finds(None, "is far longer than a line of the trail".to_owned());
                self.before = None;
            } else {
                self.finds(None, "is not whole: cut off, or just being written".to_owned());
                self.before = None;
            }
        }
    }

    /// What came of it.
    pub fn finish(mut self) -> Report {
        (self.file, self.line) = ("".into(), 0);
        if let Some((seq, _)) = self.unexplained {
            self.finds(None, format!("records 1 to {seq} are missing, and no record says why"));
        }
        if !self.has_begun {
            self.finds(None, "there is no record at all".to_owned());
        }
        let last = self.report.last.unwrap_or_default();
        if let Some((seq, (_, at))) = self.anchors.kept.last_key_value().filter(|a| *a.0 > last) {
            let told = format!(
                "the end is missing: the trail ends with record {last}, and the second place has checkpoint \
                 {seq} of {at}"
            );
            self.finds(None, told);
        }
        self.report
    }

    fn finds(&mut self, seq: Option<u64>, what: String) {
        if self.report.findings.len() < MOST_FINDINGS {
            let (file, line) = (self.file.to_string(), self.line);
            self.report.findings.push(Finding { file, line, seq, what });
        } else {
            self.report.more_findings += 1;
        }
    }

    fn next(&mut self, text: &[u8]) {
        let Some(line) = Line::read(text) else {
            self.finds(None, "is no line of a trail".to_owned());
            // What follows from it cannot be told.
            self.before = None;
            return;
        };
        self.report.records += 1;
        let is_own = matches!(line.kind, "file" | CHECKPOINT | "removed");
        let own = if is_own || line.kind == "gap" { Own::of(text) } else { Own::default() };
        if !std::mem::replace(&mut self.has_begun, true) {
            self.begins(&line, &own);
        }
        let before = self.expected(&line);
        let is_whole = match before {
            Some(before) => self.check(&line, &before, &own),
            None => false,
        };
        if is_own && is_whole {
            self.note(&line, &own);
        }
        self.compare(&line);
        self.report.unsigned = if line.kind == CHECKPOINT { 0 } else { self.report.unsigned + 1 };
        self.report.missed += own.records.parse::<u64>().unwrap_or_default();
        self.report.last = self.report.last.max(Some(line.seq));
        self.report.last_at = Some(line.at.to_owned());
        self.before = Some((line.seq, line.hash));
    }

    /// The first line of all: it may be that of a later file.
    fn begins(&mut self, line: &Line<'_>, own: &Own) {
        self.report.first = Some(line.seq);
        let after = hash_of_hex(own.after.as_bytes()).filter(|_| line.kind == "file");
        if line.seq > 1 {
            let seq = line.seq - 1;
            self.before = after.map(|hash| (seq, hash));
            self.unexplained = Some((seq, after.unwrap_or(BEGINNING)));
        }
        if self.public.is_none() {
            self.public = PublicKey::parse(&own.public_key);
        }
        if line.kind == "file" {
            self.has_key(own.epoch);
        }
    }

    fn has_key(&mut self, epoch: u64) {
        if self.mac.is_none()
            && epoch < MOST_EPOCHS
            && let Some(first) = &self.first_mac
        {
            self.mac = first.clone().at(epoch);
        }
    }

    /// The hash that the line has to follow from; `None`: something was found, or that is not known.
    fn expected(&mut self, line: &Line<'_>) -> Option<Hash> {
        let Some((seq, hash)) = self.before else {
            self.mac = None;
            return None;
        };
        let told = match line.seq {
            next if next == seq + 1 => return Some(hash),
            again if again == seq => "stands there twice".to_owned(),
            earlier if earlier < seq => format!("stands behind record {seq}"),
            later if later == seq + 2 => format!("record {} is missing before it", seq + 1),
            later => format!("records {} to {} are missing before it", seq + 1, later - 1),
        };
        self.finds(Some(line.seq), told);
        self.mac = None;
        None
    }

    fn check(&mut self, line: &Line<'_>, before: &Hash, own: &Own) -> bool {
        if !line.follows(before) {
            let is_after_another = self.changed.is_some_and(|changed| changed + 1 == line.seq);
            let told = if is_after_another {
                "does not follow from the one before it"
            } else {
                "was changed: its hash does not fit"
            };
            self.finds(Some(line.seq), told.to_owned());
            self.changed = Some(line.seq);
            self.mac = None;
            return false;
        }
        if self.mac.as_ref().is_some_and(|key| !line.is_by(key, before)) {
            let told = "is not by the keys of this trail: its MAC does not fit";
            self.finds(Some(line.seq), told.to_owned());
            return false;
        }
        if line.kind == CHECKPOINT && own.head != hex(before) {
            self.finds(Some(line.seq), "signs another record than the one before it".to_owned());
            return false;
        }
        true
    }

    fn note(&mut self, line: &Line<'_>, own: &Own) {
        match line.kind {
            CHECKPOINT => {
                let signed = signature_of(line);
                let is_signed = match (self.public, signed) {
                    (Some(key), Some((text, signature))) => key.has_signed(text, &signature),
                    (None, Some(_)) => true,
                    (_, None) => false,
                };
                if is_signed {
                    self.report.checkpoints += 1;
                } else {
                    let told = "is a checkpoint that this key has not signed";
                    self.finds(Some(line.seq), told.to_owned());
                }
                match &mut self.mac {
                    Some(key) => key.evolve(),
                    None => self.has_key(own.epoch.saturating_add(1)),
                }
            }
            "removed" => {
                let removed = (own.last, hash_of_hex(own.last_hash.as_bytes()));
                if self.unexplained.is_some_and(|(seq, hash)| removed == (seq, Some(hash))) {
                    self.unexplained = None;
                }
            }
            _ => self.has_key(own.epoch),
        }
    }

    /// The second place has the same.
    fn compare(&mut self, line: &Line<'_>) {
        if let Some((hash, at)) = self.anchors.kept.get(&line.seq)
            && *hash != line.hash
        {
            let told = format!("is another one than the second place has as checkpoint of {at}");
            self.finds(Some(line.seq), told);
        }
    }
}

/// What a checkpoint's signature covers, and the signature.
pub(super) fn signature_of<'l>(line: &Line<'l>) -> Option<(&'l [u8], Vec<u8>)> {
    let text = line.text.strip_suffix(b"\"")?;
    let (before, digits) = text.split_at_checked(text.len().checked_sub(SIGNATURE_DIGITS)?)?;
    Some((before.strip_suffix(SIGNATURE)?, bytes_of_hex(digits)?))
}
