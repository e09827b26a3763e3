//! Passwords and keys as the configuration knows them: by their hashes.

use std::fmt;

use aws_lc_rs::{constant_time, digest};

/// SHA-256 of a password that `dialgate secret new` generated. Plain SHA-256 is enough because such
/// a password has 256 random bits; a person's own password would need a slow hash.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SecretHash([u8; 32]);

/// Why a text is not the hash of a secret. Does not repeat the text: it may be the secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "is not `sha256:` and 64 hexadecimal digits; `dialgate secret new NAME` prints the line to write here"
)]
pub struct SecretHashError;

impl SecretHash {
    /// The hash of a password.
    pub fn of(password: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, password).as_ref());
        Self(hash)
    }

    /// Reads `sha256:` and 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// See [`SecretHashError`].
    pub fn parse(text: &str) -> Result<Self, SecretHashError> {
        let digits = text.strip_prefix("sha256:").ok_or(SecretHashError)?.as_bytes();
        let (pairs, []) = digits.as_chunks::<2>() else { return Err(SecretHashError) };
        if pairs.len() != 32 {
            return Err(SecretHashError);
        }
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self(hash))
    }

    /// Compares in constant time, whatever the password.
    pub fn matches(&self, password: &[u8]) -> bool {
        self.is_same(&Self::of(password))
    }

    /// Compares with another hash in constant time.
    pub fn is_same(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

fn nibble(digit: u8) -> Result<u8, SecretHashError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(SecretHashError),
    }
}

/// As `config.yaml` wants it.
impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Says nothing: a hash in a log is a target.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:***")
    }
}
