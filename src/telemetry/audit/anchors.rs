//! Checkpoints as a second place kept them: read back, to see whether the trail still has what they
//! signed.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read},
};

use super::{
    chain::{Hash, Line, hash_of_hex},
    keys::PublicKey,
    recover::{LONGEST_LINE, Own},
    verify::signature_of,
};

/// Each covers all before it, so that the latest are enough.
const KEPT: usize = 10_000;

/// What a second place has.
#[derive(Debug, Default)]
pub struct Anchors {
    /// The hash of a checkpoint's line, by its number, and when it was signed.
    pub(super) kept: BTreeMap<u64, (Hash, String)>,
    /// Lines with a checkpoint that this key has signed.
    pub signed: u64,
    /// Lines with none: of other programs, of other trails, or changed.
    pub others: u64,
}

impl Anchors {
    /// Reads a file of checkpoints. Before each there may be what a log server puts there.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn read(mut input: impl BufRead, public: PublicKey) -> io::Result<Self> {
        let mut anchors = Self::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            if input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(anchors);
            }
            match checkpoint_in(line.trim_ascii_end(), public) {
                Some((seq, hash, at)) => {
                    anchors.signed += 1;
                    anchors.kept.insert(seq, (hash, at));
                    if anchors.kept.len() > KEPT {
                        anchors.kept.pop_first();
                    }
                }
                None => anchors.others += 1,
            }
        }
    }
}

fn checkpoint_in(line: &[u8], public: PublicKey) -> Option<(u64, Hash, String)> {
    let begin = line.iter().position(|byte| *byte == b'{')?;
    let line = line.get(begin..)?;
    let read = Line::read(line)?;
    let head = hash_of_hex(Own::of(line).head.as_bytes())?;
    let (text, signature) = signature_of(&read)?;
    let is_whole = public.has_signed(text, &signature) && read.follows(&head);
    is_whole.then(|| (read.seq, read.hash, read.at.to_owned()))
}
