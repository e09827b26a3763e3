//! A snapshot in bytes: a head, pieces that are sealed one by one, and an end.
//!
//! ```text
//! head   16 bytes "dialgate memory\n" │ version, 2 │ written at, 8 (ms since 1970) │ name, 16 (random)
//! piece  "p" │ length, 4 │ sealed
//! end    "e" │ length, 4 │ sealed: how many partners there are, 8
//! ```
//!
//! Numbers begin with their highest byte. Each piece is sealed for this head, its place and its kind, so that a file
//! that was cut, or put together anew of its own pieces or another file's, is noticed; the head itself is changed in
//! no byte without all pieces being refused.

use std::io::{self, Read, Write};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::config::{OpenError, SealingKeys};

const MAGIC: [u8; 16] = *b"dialgate memory\n";

/// How the rest is laid out. Another number is not read.
const VERSION: u16 = 1;

/// Bytes of the name, which no other file has.
const NAME: usize = 16;

const HEAD: usize = MAGIC.len() + 2 + 8 + NAME;

/// The most bytes of a sealed piece: a longer one is none of ours, and no memory is taken for it.
pub(super) const LARGEST_PIECE: usize = 512 * 1024;

const PIECE: u8 = b'p';
const END: u8 = b'e';

/// Why bytes are no snapshot that can be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("it is no snapshot of dialgate")]
    Foreign,
    #[error("another version of dialgate wrote it")]
    Version,
    #[error("it was encrypted with a key that is not in cache.keys")]
    Key,
    #[error("it is cut off, or was changed since it was written")]
    Damaged,
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] io::Error),
}

/// Why a snapshot could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it cannot be encrypted: this machine has no randomness, or there is no key")]
    Unsealed,
}

/// Writes pieces one after the other.
pub(super) struct Writer<'k, W> {
    to: W,
    keys: &'k SealingKeys,
    head: [u8; HEAD],
    place: u64,
    bytes: u64,
}

/// Reads them in the order in which they were written.
pub(super) struct Reader<'k, R> {
    from: R,
    keys: &'k SealingKeys,
    head: [u8; HEAD],
    place: u64,
    written_at: u64,
}

/// What comes next in a file.
pub(super) enum Next {
    Piece(Vec<u8>),
    /// Nothing more, and so many partners are in the pieces before.
    End(u64),
}

impl<'k, W: Write> Writer<'k, W> {
    /// Writes the head. `written_at`: milliseconds since 1970.
    pub(super) fn begin(
        mut to: W,
        keys: &'k SealingKeys,
        written_at: u64,
    ) -> Result<Self, WriteError> {
        let mut name = [0; NAME];
        SystemRandom::new().fill(&mut name).map_err(|_nothing_said| WriteError::Unsealed)?;
        let parts: [&[u8]; 4] = [&MAGIC, &VERSION.to_be_bytes(), &written_at.to_be_bytes(), &name];
        let mut head = [0; HEAD];
        head.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        to.write_all(&head)?;
        Ok(Self { to, keys, head, place: 0, bytes: HEAD as u64 })
    }

    pub(super) fn piece(&mut self, text: &[u8]) -> Result<(), WriteError> {
        self.sealed(PIECE, text)
    }

    /// Writes the end; says how many bytes there are in all.
    pub(super) fn end(mut self, partners: u64) -> Result<u64, WriteError> {
        self.sealed(END, &partners.to_be_bytes())?;
        self.to.flush()?;
        Ok(self.bytes)
    }

    fn sealed(&mut self, kind: u8, text: &[u8]) -> Result<(), WriteError> {
        let place = self.place.to_be_bytes();
        let sealed = self.keys.seal(&bound_to(&self.head, &place, &[kind]), text);
        let sealed = sealed.map_err(|_nothing_said| WriteError::Unsealed)?;
        if sealed.len() > LARGEST_PIECE {
            return Err(WriteError::Unsealed);
        }
        let length = u32::try_from(sealed.len()).map_err(|_long| WriteError::Unsealed)?;
        self.to.write_all(&[kind])?;
        self.to.write_all(&length.to_be_bytes())?;
        self.to.write_all(&sealed)?;
        self.place += 1;
        self.bytes += 5 + u64::from(length);
        Ok(())
    }
}

impl<'k, R: Read> Reader<'k, R> {
    /// Reads the head.
    pub(super) fn begin(mut from: R, keys: &'k SealingKeys) -> Result<Self, ReadError> {
        let mut head = [0; HEAD];
        fill(&mut from, &mut head).map_err(|error| match error {
            // Too short for a head.
            ReadError::Damaged => ReadError::Foreign,
            other => other,
        })?;
        let rest = head.strip_prefix(&MAGIC).ok_or(ReadError::Foreign)?;
        let (version, rest) = rest.split_first_chunk().ok_or(ReadError::Foreign)?;
        if u16::from_be_bytes(*version) != VERSION {
            return Err(ReadError::Version);
        }
        let (written_at, _name) = rest.split_first_chunk().ok_or(ReadError::Foreign)?;
        let written_at = u64::from_be_bytes(*written_at);
        Ok(Self { from, keys, head, place: 0, written_at })
    }

    /// Milliseconds since 1970; only what a piece was opened under is to be believed.
    pub(super) fn written_at(&self) -> u64 {
        self.written_at
    }

    pub(super) fn next(&mut self) -> Result<Next, ReadError> {
        let mut kind_and_length = [0; 5];
        fill(&mut self.from, &mut kind_and_length)?;
        let [kind, length @ ..] = kind_and_length;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !matches!(kind, PIECE | END) || length > LARGEST_PIECE {
            return Err(ReadError::Damaged);
        }
        let mut sealed = vec![0; length];
        fill(&mut self.from, &mut sealed)?;
        let place = self.place.to_be_bytes();
        let opened = self.keys.open(&bound_to(&self.head, &place, &[kind]), &sealed);
        let text = opened.map_err(|error| match error {
            // All of them are sealed with one key: it is the first that says it is another one.
            OpenError::Key if self.place == 0 => ReadError::Key,
            OpenError::Format | OpenError::Forged | OpenError::Key => ReadError::Damaged,
        })?;
        self.place += 1;
        if kind == PIECE {
            return Ok(Next::Piece(text));
        }
        let partners = <[u8; 8]>::try_from(text).map_err(|_length| ReadError::Damaged)?;
        // Nothing of ours is behind the end.
        match self.from.read(&mut [0]) {
            Ok(0) => Ok(Next::End(u64::from_be_bytes(partners))),
            Ok(_more) => Err(ReadError::Damaged),
            Err(error) => Err(ReadError::Unreadable(error)),
        }
    }
}

/// What a piece is sealed for.
fn bound_to<'p>(head: &'p [u8], place: &'p [u8], kind: &'p [u8]) -> [&'p [u8]; 4] {
    [b"snapshot", head, place, kind]
}

fn fill(from: &mut impl Read, to: &mut [u8]) -> Result<(), ReadError> {
    from.read_exact(to).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::Damaged,
        _ => ReadError::Unreadable(error),
    })
}
