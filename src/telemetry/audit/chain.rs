//! The chain: what makes a line of the trail one that cannot be changed unnoticed.
//!
//! A line is an object of JSON whose last two members are `mac` and `hash`:
//!
//! ```text
//! mac  = HMAC-SHA256(key, hash of the line before ‖ the text before `,"mac":"`)
//! hash = SHA-256(hash of the line before ‖ the text before `,"hash":"`)
//! ```
//!
//! The hash makes edits, gaps and another order visible to everybody, the signature of a checkpoint says
//! whose chain it is. The key of the MAC is replaced at each checkpoint by one that follows from it and
//! from which it does not follow ([`MacKey::evolve`]): whoever takes the machine later cannot make the
//! MACs of what was written before. `docs/audit.md` tells the same to those who check.

use aws_lc_rs::{
    digest::{Context, SHA256},
    hmac,
};
use zeroize::Zeroizing;

/// SHA-256, or an HMAC with it.
pub(super) type Hash = [u8; 32];

/// What stands before the first line.
pub(super) const BEGINNING: Hash = [0; 32];

const MAC: &[u8] = br#","mac":""#;
const HASH: &[u8] = br#","hash":""#;
const SEQ: &[u8] = br#"{"seq":"#;
const AT: &[u8] = br#","at":""#;
const KIND: &[u8] = br#"","kind":""#;
/// `2026-11-22T15:04:05.123Z`.
const AT_LENGTH: usize = 24;

/// The key of the MACs between two checkpoints.
#[derive(Clone)]
pub struct MacKey {
    epoch: u64,
    secret: Zeroizing<Hash>,
    key: hmac::Key,
}

impl MacKey {
    /// The key of that epoch; the first one is 0.
    pub fn new(epoch: u64, secret: Zeroizing<Hash>) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*secret);
        Self { epoch, secret, key }
    }

    /// How many checkpoints were before.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The secret itself, for its file.
    pub(super) fn secret(&self) -> &Hash {
        &self.secret
    }

    /// Becomes the key of the next epoch. The one before does not follow from it.
    pub fn evolve(&mut self) {
        let mut next = Zeroizing::new(BEGINNING);
        copy(hmac::sign(&self.key, b"dialgate audit next").as_ref(), &mut next);
        *self = Self::new(self.epoch + 1, next);
    }

    /// The key of that epoch, if it is not one before this.
    #[must_use]
    pub fn at(mut self, epoch: u64) -> Option<Self> {
        while self.epoch < epoch {
            self.evolve();
        }
        (self.epoch == epoch).then_some(self)
    }

    fn mac(&self, before: &Hash, text: &[u8]) -> Hash {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(before);
        context.update(text);
        let mut mac = BEGINNING;
        copy(context.sign().as_ref(), &mut mac);
        mac
    }
}

/// The end of the chain, to which lines are added.
pub(super) struct Chain {
    /// Of the last line; 0 before the first.
    pub(super) seq: u64,
    /// Of the last line.
    pub(super) hash: Hash,
    /// Of the next one.
    pub(super) key: MacKey,
}

impl Chain {
    /// Seals the object that stands open at the end of the batch, from `begin` on, as the next line.
    pub(super) fn seal(&mut self, batch: &mut Vec<u8>, begin: usize) {
        let mac = self.key.mac(&self.hash, batch.get(begin..).unwrap_or_default());
        batch.extend_from_slice(MAC);
        push_hex(batch, &mac);
        batch.push(b'"');
        self.hash = link(&self.hash, batch.get(begin..).unwrap_or_default());
        batch.extend_from_slice(HASH);
        push_hex(batch, &self.hash);
        batch.extend_from_slice(b"\"}\n");
        self.seq += 1;
    }
}

fn link(before: &Hash, text: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(before);
    context.update(text);
    let mut hash = BEGINNING;
    copy(context.finish().as_ref(), &mut hash);
    hash
}

fn copy(from: &[u8], to: &mut Hash) {
    // Both are 32 bytes: SHA-256's.
    if let Ok(from) = Hash::try_from(from) {
        *to = from;
    }
}

/// A line as it stands in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'l> {
    /// Its place.
    pub(super) seq: u64,
    /// When it was written, as it says.
    pub(super) at: &'l str,
    /// What it tells of.
    pub(super) kind: &'l str,
    /// What the MAC covers.
    pub(super) text: &'l [u8],
    sealed: &'l [u8],
    mac: Hash,
    /// The hash that it says it has.
    pub(super) hash: Hash,
}

impl<'l> Line<'l> {
    /// Reads a line, without its end. `None`: it is none of a trail.
    pub(super) fn read(line: &'l [u8]) -> Option<Self> {
        let (sealed, hash) = sealed_by(line.strip_suffix(b"\"}")?, HASH)?;
        let (text, mac) = sealed_by(sealed.strip_suffix(b"\"")?, MAC)?;
        let rest = text.strip_prefix(SEQ)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = rest.split_at_checked(digits)?;
        let seq: u64 = str::from_utf8(number).ok()?.parse().ok()?;
        // One way to write each number.
        if number.starts_with(b"0") {
            return None;
        }
        let (at, rest) = rest.strip_prefix(AT)?.split_at_checked(AT_LENGTH)?;
        let rest = rest.strip_prefix(KIND)?;
        let (kind, _) = rest.split_at_checked(rest.iter().position(|byte| *byte == b'"')?)?;
        let word = |text: &'l [u8]| {
            let text = str::from_utf8(text).ok()?;
            text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-:.".contains(&b)).then_some(text)
        };
        Some(Self { seq, at: word(at)?, kind: word(kind)?, text, sealed, mac, hash })
    }

    /// It is what was written behind that line.
    pub(super) fn follows(&self, before: &Hash) -> bool {
        link(before, self.sealed) == self.hash
    }

    /// Whoever wrote it had the key.
    pub(super) fn is_by(&self, key: &MacKey, before: &Hash) -> bool {
        key.mac(before, self.text) == self.mac
    }
}

/// What stands before the member at the end of a text, and the member's 32 bytes.
fn sealed_by<'t>(text: &'t [u8], member: &[u8]) -> Option<(&'t [u8], Hash)> {
    let (before, digits) = text.split_at_checked(text.len().checked_sub(64)?)?;
    Some((before.strip_suffix(member)?, hash_of_hex(digits)?))
}

/// Appends bytes as digits in lower case.
pub(super) fn push_hex(text: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.push(if half < 10 { b'0' + half } else { b'a' + half - 10 });
        }
    }
}

/// Bytes as digits in lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len() * 2);
    push_hex(&mut text, bytes);
    String::from_utf8(text).unwrap_or_default()
}

/// The same back: digits in lower case and nothing else, so that there is one way to write them.
pub(super) fn bytes_of_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}

/// The same of a hash.
pub(super) fn hash_of_hex(digits: &[u8]) -> Option<Hash> {
    bytes_of_hex(digits)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> MacKey {
        MacKey::new(0, Zeroizing::new([7; 32]))
    }

    fn line(text: &str) -> Vec<u8> {
        let mut batch = text.as_bytes().to_vec();
        Chain { seq: 0, hash: BEGINNING, key: key() }.seal(&mut batch, 0);
        batch.pop();
        batch
    }

    const TEXT: &str = r#"{"seq":1,"at":"2026-11-22T15:04:05.123Z","kind":"decision","x":"y""#;

    #[test]
    fn a_line_that_was_sealed_is_read_and_follows_the_one_before_only() {
        let sealed = line(TEXT);
        let read = Line::read(&sealed).unwrap();

        assert_eq!((read.seq, read.at, read.kind), (1, "2026-11-22T15:04:05.123Z", "decision"));
        assert_eq!(read.text, TEXT.as_bytes());
        assert!(read.follows(&BEGINNING) && !read.follows(&[1; 32]));
        assert!(read.is_by(&key(), &BEGINNING) && !read.is_by(&key(), &[1; 32]));
        let mut later = key();
        later.evolve();
        assert!(!read.is_by(&later, &BEGINNING));
        let value: serde_json::Value = serde_json::from_slice(&sealed).unwrap();
        assert_eq!(value["x"], "y");
    }

    #[test]
    fn a_key_leads_to_later_ones_and_to_none_before() {
        let third = key().at(3).unwrap();

        assert_eq!(third.epoch(), 3);
        assert_eq!(third.secret(), key().at(2).unwrap().at(3).unwrap().secret());
        assert!(third.at(2).is_none());
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_file_nothing_breaks(bytes in any::<Vec<u8>>()) {
            let _none = Line::read(&bytes);
        }

        #[test]
        fn no_byte_of_a_line_can_be_another_one(place in any::<prop::sample::Index>(), other in any::<u8>()) {
            let sealed = line(TEXT);
            let mut changed = sealed.clone();
            let place = place.index(changed.len());
            prop_assume!(changed[place] != other);
            changed[place] = other;

            let read = Line::read(&changed);

            prop_assert!(read.is_none_or(|line| !line.follows(&BEGINNING)));
        }

        #[test]
        fn bytes_are_read_as_they_were_written(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(bytes_of_hex(hex(&bytes).as_bytes()), Some(bytes));
        }
    }
}
