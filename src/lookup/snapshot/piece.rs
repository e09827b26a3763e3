//! A piece of a snapshot before it is sealed: partners, what SAP said of them, and how long before the snapshot.
//!
//! ```text
//! things said, 4 │ each: length, 4 │ entry (see `stored`)
//! systems, 1     │ each: 16 bytes
//! partners, until the end │ each: which thing said, 4 │ which system, 1 │ age, 4 (ms) │ length, 1 │ ID
//! ```
//!
//! What SAP says of many is there once in a piece, as in memory: a partner needs 20 bytes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    domain::PartnerId,
    lookup::{
        memory::Key,
        said::Said,
        stored::{MOST_BYTES, Stored, StoredError},
    },
    sap::SystemId,
};

/// A piece with so many bytes is full. With what one more partner may add it is far from the largest that is read.
const FULL: usize = 256 * 1024;

/// Bytes that name a SAP system.
const SYSTEM: usize = 16;

/// What was remembered of a partner.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    /// The place of what SAP said in [`Piece::said`].
    pub(super) said: usize,
    pub(super) key: Key,
    /// How long before the snapshot SAP said it.
    pub(super) age: Duration,
}

/// What was read of a piece.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    /// Their ages stand with the partners.
    pub(super) said: Vec<Stored>,
    pub(super) entries: Vec<Entry>,
}

/// A piece that is being filled.
#[derive(Default)]
pub(super) struct Packing {
    /// Held, so that no other one gets their addresses meanwhile.
    said: Vec<Arc<Said>>,
    places: HashMap<usize, u32>,
    texts: Vec<u8>,
    systems: Vec<SystemId>,
    entries: Vec<u8>,
}

impl Packing {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Nothing more fits in.
    pub(super) fn is_full(&self) -> bool {
        let bytes = self.texts.len() + self.entries.len() + self.systems.len() * SYSTEM;
        bytes >= FULL || self.systems.len() >= usize::from(u8::MAX)
    }

    /// Adds a partner. An age of more than 49 days is none that anything is remembered for. False: what SAP said of
    /// it is longer than anything that is read again, and it is left out: one partner must not spoil the others.
    #[must_use]
    pub(super) fn add(&mut self, key: &Key, said: &Arc<Said>, age: Duration) -> bool {
        let Some(said) = self.place_of(said) else { return false };
        let system = self.systems.iter().position(|system| *system == key.system);
        let system = system.unwrap_or_else(|| {
            self.systems.push(key.system);
            self.systems.len() - 1
        });
        let age = u32::try_from(age.as_millis()).unwrap_or(u32::MAX);
        let partner = key.partner.as_str().as_bytes();
        self.entries.extend_from_slice(&said.to_be_bytes());
        // No more than `is_full` allows, and no ID is longer than 20 bytes.
        self.entries.push(u8::try_from(system).unwrap_or(u8::MAX));
        self.entries.extend_from_slice(&age.to_be_bytes());
        self.entries.push(u8::try_from(partner.len()).unwrap_or(u8::MAX));
        self.entries.extend_from_slice(partner);
        true
    }

    fn place_of(&mut self, said: &Arc<Said>) -> Option<u32> {
        let next = u32::try_from(self.said.len()).unwrap_or(u32::MAX);
        let address = Arc::as_ptr(said).addr();
        let place = self.places.get(&address).copied().unwrap_or(next);
        if place == next {
            let text = Stored::of_no_time(said).write();
            if text.len() > MOST_BYTES {
                return None;
            }
            self.places.insert(address, next);
            self.texts
                .extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            self.texts.extend_from_slice(&text);
            self.said.push(Arc::clone(said));
        }
        Some(place)
    }

    /// The piece in bytes; a new one begins.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let Self { said, texts, systems, entries, .. } = std::mem::take(self);
        let mut bytes =
            Vec::with_capacity(5 + texts.len() + systems.len() * SYSTEM + entries.len());
        bytes.extend_from_slice(&u32::try_from(said.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(&texts);
        bytes.push(u8::try_from(systems.len()).unwrap_or(u8::MAX));
        for system in systems {
            bytes.extend_from_slice(&system.bytes());
        }
        bytes.extend_from_slice(&entries);
        bytes
    }
}

impl Piece {
    /// Reads what was sealed.
    ///
    /// # Errors
    ///
    /// See [`StoredError`].
    pub(super) fn read(bytes: &[u8]) -> Result<Self, StoredError> {
        let malformed = StoredError::Malformed;
        let mut rest = Rest(bytes);
        let said = (0..rest.number().ok_or(malformed)?)
            .map(|_| {
                let length = rest.number().ok_or(malformed)?;
                let length = usize::try_from(length).map_err(|_long| malformed)?;
                Stored::read(rest.bytes(length).ok_or(malformed)?)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let systems = (0..rest.byte().ok_or(malformed)?)
            .map(|_| rest.array().map(SystemId::of_bytes))
            .collect::<Option<Vec<_>>>()
            .ok_or(malformed)?;
        let mut entries = Vec::new();
        while !rest.0.is_empty() {
            entries.push(rest.entry(said.len(), &systems).ok_or(malformed)?);
        }
        Ok(Self { said, entries })
    }
}

/// What is left to read.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn bytes(&mut self, length: usize) -> Option<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn entry(&mut self, said: usize, systems: &[SystemId]) -> Option<Entry> {
        let place = usize::try_from(self.number()?).ok().filter(|place| *place < said)?;
        let system = *systems.get(usize::from(self.byte()?))?;
        let age = Duration::from_millis(self.number()?.into());
        let length = self.byte()?;
        let partner = std::str::from_utf8(self.bytes(length.into())?).ok()?;
        let partner = PartnerId::parse(partner).ok()?;
        Some(Entry { said: place, key: Key { system, partner }, age })
    }
}
