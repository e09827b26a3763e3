//! Keys that seal what leaves this process of what it remembers: a memory that others share, a file
//! that outlives it.
//!
//! What is sealed is bound to its purpose and place: it opens under no other, so that nobody who can
//! write there can pass one partner's answer off as another's. AES-256-GCM-SIV, because replicas that
//! know nothing of each other draw their nonces at random under one key, and a nonce drawn twice gives
//! nothing away there but that two texts are equal.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::secret::Secret;

/// The first byte of everything sealed: how the rest is laid out.
const FORMAT: u8 = 1;

/// Bytes of a key's name, by which the one that sealed a text is found.
const KEY_ID: usize = 8;

/// Bytes before the sealed text: format, the key's name, the nonce.
const HEAD: usize = 1 + KEY_ID + NONCE_LEN;

/// Bytes of a key, before others are derived from it.
const SECRET: usize = 32;

/// Bytes of a name that stands for something personal: nobody meets two that are equal by chance.
const NAME: usize = 16;

/// One key, or two while one replaces the other: the first seals, all open.
#[derive(Clone, Default)]
pub struct SealingKeys(Arc<[SealingKey]>);

struct SealingKey {
    id: [u8; KEY_ID],
    texts: LessSafeKey,
    names: hmac::Key,
}

/// Why a secret is no key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "is not 32 random bytes in base64 (44 characters); make a key with `openssl rand -base64 32`"
)]
pub struct SealingKeyError;

/// Why something does not open.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// Another version of dialgate wrote it, or something else.
    #[error("it is not in a form that this version of dialgate reads")]
    Format,
    /// Sealed with a key that is not configured (any more).
    #[error("it was sealed with a key that is not in cache.keys")]
    Key,
    /// Changed, or moved from another place.
    #[error("it was changed since it was sealed, or belongs to another place")]
    Forged,
}

/// Something could not be sealed: the system has no randomness, or there is no key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it could not be encrypted")]
pub struct SealError;

impl SealingKeys {
    /// Of secrets, the one that seals first.
    ///
    /// # Errors
    ///
    /// The place of the first secret that is no key, and why.
    pub fn new(secrets: &[Secret]) -> Result<Self, (usize, SealingKeyError)> {
        let keys = secrets.iter().enumerate();
        let keys = keys.map(|(place, secret)| SealingKey::of(secret).map_err(|why| (place, why)));
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// There is no key, so that nothing can be sealed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Seals a text for a purpose and place, which have to be told again to open it.
    ///
    /// # Errors
    ///
    /// See [`SealError`].
    pub fn seal(&self, place: &[&[u8]], text: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = self.0.first().ok_or(SealError)?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_nothing_said| SealError)?;
        let mut sealed = Vec::with_capacity(HEAD + text.len() + AES_256_GCM_SIV.tag_len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(&nonce);
        let mut body = text.to_vec();
        let aad = Aad::from(framed(place));
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.texts
            .seal_in_place_append_tag(nonce, aad, &mut body)
            .map_err(|_nothing_said| SealError)?;
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// The text that was sealed for this purpose and place.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(&self, place: &[&[u8]], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (head, body) = sealed.split_at_checked(HEAD).ok_or(OpenError::Format)?;
        let [FORMAT, named @ ..] = head else { return Err(OpenError::Format) };
        let (id, nonce) = named.split_at_checked(KEY_ID).ok_or(OpenError::Format)?;
        let key = self.0.iter().find(|key| key.id == *id).ok_or(OpenError::Key)?;
        let nonce =
            Nonce::try_assume_unique_for_key(nonce).map_err(|_cannot_be| OpenError::Format)?;
        let mut body = body.to_vec();
        let aad = Aad::from(framed(place));
        let length = key
            .texts
            .open_in_place(nonce, aad, &mut body)
            .map_err(|_nothing_said| OpenError::Forged)?
            .len();
        body.truncate(length);
        Ok(body)
    }

    /// What something personal is called outside, under each key, the one that seals first: only who has
    /// the key finds out whom it means.
    pub fn names(&self, what: &[&[u8]]) -> impl Iterator<Item = [u8; NAME]> {
        let framed = framed(what);
        self.0.iter().map(move |key| {
            let mut name = [0; NAME];
            let tag = hmac::sign(&key.names, &framed);
            name.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
            name
        })
    }
}

/// Parts one after the other, each behind its length: no two lists give the same bytes.
fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

impl SealingKey {
    fn of(secret: &Secret) -> Result<Self, SealingKeyError> {
        let mut bytes =
            BASE64_STANDARD.decode(secret.expose().trim()).map_err(|_told| SealingKeyError)?;
        let derived = <[u8; SECRET]>::try_from(bytes.as_slice())
            .map_err(|_length| SealingKeyError)
            .and_then(|bytes| Self::derive(&bytes).ok_or(SealingKeyError));
        zeroize::Zeroize::zeroize(&mut bytes);
        derived
    }

    /// A key of its own for each use.
    fn derive(secret: &[u8; SECRET]) -> Option<Self> {
        let root = Salt::new(HKDF_SHA256, b"dialgate").extract(secret);
        let fill = |what: &[u8], to: &mut [u8]| {
            root.expand(&[what], Length(to.len())).and_then(|made| made.fill(to)).ok()
        };
        let (mut texts, mut names, mut id) = ([0; SECRET], [0; SECRET], [0; KEY_ID]);
        fill(b"sealed texts", &mut texts)?;
        fill(b"names", &mut names)?;
        fill(b"key id", &mut id)?;
        let key = UnboundKey::new(&AES_256_GCM_SIV, &texts).ok()?;
        let names_key = hmac::Key::new(hmac::HMAC_SHA256, &names);
        zeroize::Zeroize::zeroize(&mut texts);
        zeroize::Zeroize::zeroize(&mut names);
        Some(Self { id, texts: LessSafeKey::new(key), names: names_key })
    }
}

/// How much is derived, in bytes.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// The same keys in the same order.
impl PartialEq for SealingKeys {
    fn eq(&self, other: &Self) -> bool {
        let ids = |keys: &Self| keys.0.iter().map(|key| key.id).collect::<Vec<_>>();
        ids(self) == ids(other)
    }
}

impl Eq for SealingKeys {}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(seeds: &[u8]) -> SealingKeys {
        let secrets: Vec<_> =
            seeds.iter().map(|seed| Secret::new(BASE64_STANDARD.encode([*seed; SECRET]))).collect();
        SealingKeys::new(&secrets).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_either_key_at_its_own_place_only() {
        let (old, both, new) = (keys(&[1]), keys(&[2, 1]), keys(&[2]));
        let place: &[&[u8]] = &[b"lookup", b"1001910"];
        let by_old = old.seal(place, b"Direct sales").unwrap();
        let by_both = both.seal(place, b"Direct sales").unwrap();

        assert_eq!(both.open(place, &by_old).as_deref(), Ok(b"Direct sales".as_slice()));
        assert_eq!(new.open(place, &by_both).as_deref(), Ok(b"Direct sales".as_slice()));
        assert_eq!(new.open(place, &by_old), Err(OpenError::Key));
        for other in [&[b"lookup".as_slice(), b"1001911"] as &[&[u8]], &[b"lookup1001910"], &[]] {
            assert_eq!(old.open(other, &by_old), Err(OpenError::Forged), "{other:?}");
        }
    }

    #[test]
    fn a_text_sealed_twice_does_not_look_the_same_and_has_nothing_of_it() {
        let keys = keys(&[1]);
        let [first, second] = [(), ()].map(|()| keys.seal(&[b"x"], b"Direct sales").unwrap());

        assert_ne!(first, second);
        assert!(!first.windows(6).any(|part| b"Direct sales".windows(6).any(|own| own == part)));
    }

    #[test]
    fn a_name_says_nothing_stays_the_same_and_is_another_under_another_key() {
        let of = |keys: &SealingKeys, parts: &[&[u8]]| keys.names(parts).collect::<Vec<_>>();
        let (one, both) = (keys(&[1]), keys(&[2, 1]));

        assert_eq!(of(&both, &[b"a", b"b"])[1], of(&one, &[b"a", b"b"])[0]);
        assert_ne!(of(&both, &[b"a", b"b"])[0], of(&one, &[b"a", b"b"])[0]);
        assert_ne!(of(&one, &[b"ab", b""]), of(&one, &[b"a", b"b"]));
    }

    #[test]
    fn a_secret_that_is_not_32_bytes_of_base64_is_no_key() {
        for text in ["", "secret", "AAAA", &BASE64_STANDARD.encode([1; 31]), &"A".repeat(44)] {
            let secrets = [BASE64_STANDARD.encode([1; 32]), text.to_owned()].map(Secret::new);
            assert_eq!(SealingKeys::new(&secrets), Err((1, SealingKeyError)), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_opens_that_was_changed_in_a_byte(place in 0..80_usize, change in 1..=255_u8) {
            let keys = keys(&[1]);
            let mut sealed = keys.seal(&[b"x"], b"Direct sales, and something more").unwrap();
            let place = place % sealed.len();
            sealed[place] ^= change;
            prop_assert!(keys.open(&[b"x"], &sealed).is_err());
        }

        #[test]
        fn bytes_from_elsewhere_never_open(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(keys(&[1]).open(&[], &bytes).is_err());
        }
    }
}
