//! What stands under a name: a fence, and what SAP said, sealed.

use std::time::Duration;

use crate::{config::Cache, domain::Lookup, net::kv::Link};

use super::{
    super::{memory::Remembered, stored::Stored},
    names::{Name, Names},
};

/// Digits of a fence: microseconds since 1970, until the year 2286.
pub(super) const FENCE: usize = 16;

/// A turn at SAP: of two, the later one is greater. Its text is what the scripts compare.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Fence(u64);

/// What was read under a name.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Of the value that stands there, whether it can be used or not.
    pub(super) fence: Option<Fence>,
    pub(super) stored: Option<Stored>,
    /// Something stands there that is no value of ours, or of another key or version.
    pub(super) is_unusable: bool,
}

impl Fence {
    /// For a turn that nobody granted: by this machine's clock.
    pub(super) fn now() -> Self {
        Self(crate::telemetry::clock::unix_milliseconds().saturating_mul(1000))
    }

    pub(super) fn read(digits: &[u8]) -> Option<Self> {
        if digits.len() != FENCE || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        std::str::from_utf8(digits).ok()?.parse().ok().map(Self)
    }

    pub(super) fn text(self) -> String {
        format!("{:0FENCE$}", self.0)
    }
}

/// Until which age it is of any use to somebody.
pub(super) fn useful(remembered: &Remembered, times: &Cache) -> Duration {
    match remembered.lookup {
        Lookup::Found(_) => times.found_ttl.max(times.last_good_ttl),
        Lookup::Unknown | Lookup::Ambiguous(_) => times.unknown_ttl,
    }
}

/// `None`: this system has no randomness.
pub(super) fn seal(link: &Link, names: &Names, stored: &Stored) -> Option<Vec<u8>> {
    link.keys().seal(&[b"lookup", &names.own.digest], &stored.write()).ok()
}

/// Reads what stands under a name.
pub(super) fn open(link: &Link, name: &Name, bytes: &[u8]) -> Read {
    let Some((fence, sealed)) = bytes.split_at_checked(FENCE) else {
        return Read { is_unusable: true, ..Read::default() };
    };
    let fence = Fence::read(fence);
    if fence.is_none() {
        return Read { is_unusable: true, ..Read::default() };
    }
    // Forgotten: only the fence is left.
    if sealed.is_empty() {
        return Read { fence, ..Read::default() };
    }
    let opened = link.keys().open(&[b"lookup", &name.digest], sealed);
    let stored = opened.ok().and_then(|text| Stored::read(&text).ok());
    Read { fence, is_unusable: stored.is_none(), stored }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_fence_comes_back_as_it_was_written_and_its_text_is_in_its_order(
            one in 0..10_000_000_000_000_000_u64, other in 0..10_000_000_000_000_000_u64
        ) {
            let (one, other) = (Fence(one), Fence(other));
            prop_assert_eq!(Fence::read(one.text().as_bytes()), Some(one));
            prop_assert_eq!(one.text().cmp(&other.text()), one.cmp(&other));
        }

        #[test]
        fn what_is_no_fence_is_none(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let is_fence = bytes.len() == FENCE && bytes.iter().all(u8::is_ascii_digit);
            prop_assert_eq!(Fence::read(&bytes).is_some(), is_fence);
        }
    }
}
