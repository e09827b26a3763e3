//! The name of a SAP system.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer};

/// The name of the system that stands under `sap`.
const ONLY: &str = "sap";

/// The most characters of a system's name.
const MAX_NAME: usize = 32;

/// A SAP system's name, in metrics, in records and on the page: 1 to 32 of `a-z`, `0-9`, `-` and `_`. A
/// clone allocates nothing.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SystemName(Arc<str>);

/// Why a text is not a system's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is not 1 to 32 of `a-z`, `0-9`, `-` and `_`")]
pub struct SystemNameError;

impl SystemName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// See [`SystemNameError`].
    pub fn parse(text: &str) -> Result<Self, SystemNameError> {
        let is_word = text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        let fits = is_word && (1..=MAX_NAME).contains(&text.len());
        fits.then(|| Self(text.into())).ok_or(SystemNameError)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for SystemName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Default for SystemName {
    /// The name of the only one.
    fn default() -> Self {
        Self(ONLY.into())
    }
}

impl fmt::Display for SystemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
