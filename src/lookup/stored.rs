//! What SAP said of a partner as it leaves the process: for other replicas, and for the process after
//! this one.
//!
//! Facts only: no rules, no numbers, and the partner is not in it. It is read like anything from
//! outside: what does not fit is no entry. It says when SAP said it by the wall clock, because no other
//! is common to two processes.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::said::Said;
use crate::{
    domain::{Ambiguity, BusinessPartner, CountryCode, DistributionChannel, Facts, Lookup},
    telemetry::clock,
};

/// How entries are written. Another number is not read: a version that means something else by a fact
/// must not take this one's.
const VERSION: u8 = 1;

/// The most bytes of an entry. Partners have a few hundred; rules that look at many values have more.
pub(in crate::lookup) const MOST_BYTES: usize = 64 * 1024;

/// What SAP said, under which paths it was read, and when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    pub(super) lookup: Lookup,
    /// The paths whose values were noted, in order.
    pub(super) reads: Arc<[Arc<str>]>,
    /// Milliseconds since 1970.
    pub(super) said_at: u64,
}

/// Why bytes are no entry. Repeats nothing of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum StoredError {
    /// Another version wrote it.
    #[error("another version of dialgate wrote it")]
    Version,
    /// Not an entry at all, or one that no version could have written.
    #[error("it is no entry")]
    Malformed,
}

#[derive(Deserialize, Serialize)]
struct Wire<'w> {
    v: u8,
    at: u64,
    is: Kind,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    partner: Option<Partner<'w>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reads: Vec<String>,
}

/// Only the version, to tell another one's entry from one that is broken.
#[derive(Deserialize)]
struct Versioned {
    v: u8,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Found,
    Unknown,
    Records,
    Channels,
    Countries,
}

#[derive(Deserialize, Serialize)]
struct Partner<'w> {
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    channel: Option<std::borrow::Cow<'w, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    country: Option<std::borrow::Cow<'w, str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    blocked: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    contact_refused: bool,
    /// One for each record that counts: paths, and the values under them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    facts: Vec<Vec<(String, Vec<String>)>>,
}

impl Stored {
    /// What was said at `said_at` by this process's own clock.
    pub(super) fn of(said: &Said, said_at: Instant) -> Self {
        let age = said_at.elapsed().as_millis();
        let age = u64::try_from(age).unwrap_or(u64::MAX);
        Self {
            lookup: said.lookup.clone(),
            reads: Arc::clone(said.reads()),
            said_at: clock::unix_milliseconds().saturating_sub(age),
        }
    }

    /// The same where its time stands elsewhere.
    pub(super) fn of_no_time(said: &Said) -> Self {
        Self { lookup: said.lookup.clone(), reads: Arc::clone(said.reads()), said_at: 0 }
    }

    /// When SAP said it, by this process's own clock. What another clock puts into the future was said just
    /// now; `None`: before this machine's clock began.
    pub(super) fn said_at(&self) -> Option<Instant> {
        let age = clock::unix_milliseconds().saturating_sub(self.said_at);
        Instant::now().checked_sub(Duration::from_millis(age))
    }

    /// The entry in bytes.
    pub(super) fn write(&self) -> Vec<u8> {
        let (is, partner) = match &self.lookup {
            Lookup::Unknown => (Kind::Unknown, None),
            Lookup::Ambiguous(Ambiguity::Records) => (Kind::Records, None),
            Lookup::Ambiguous(Ambiguity::Channels) => (Kind::Channels, None),
            Lookup::Ambiguous(Ambiguity::Countries) => (Kind::Countries, None),
            Lookup::Found(partner) => (Kind::Found, Some(Partner::of(partner))),
        };
        let reads = self.reads.iter().map(ToString::to_string).collect();
        let wire = Wire { v: VERSION, at: self.said_at, is, partner, reads };
        // Texts, numbers and lists of them: nothing here can fail.
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// Reads an entry.
    ///
    /// # Errors
    ///
    /// See [`StoredError`].
    pub(super) fn read(bytes: &[u8]) -> Result<Self, StoredError> {
        if bytes.len() > MOST_BYTES {
            return Err(StoredError::Malformed);
        }
        let malformed = |_told: serde_json::Error| StoredError::Malformed;
        let Versioned { v } = serde_json::from_slice(bytes).map_err(malformed)?;
        if v != VERSION {
            return Err(StoredError::Version);
        }
        let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(malformed)?;
        let lookup = match (wire.is, &wire.partner) {
            (Kind::Found, Some(partner)) => {
                Lookup::Found(partner.read().ok_or(StoredError::Malformed)?)
            }
            (Kind::Unknown, None) => Lookup::Unknown,
            (Kind::Records, None) => Lookup::Ambiguous(Ambiguity::Records),
            (Kind::Channels, None) => Lookup::Ambiguous(Ambiguity::Channels),
            (Kind::Countries, None) => Lookup::Ambiguous(Ambiguity::Countries),
            _ => return Err(StoredError::Malformed),
        };
        // They are looked for by halving.
        if !wire.reads.is_sorted() {
            return Err(StoredError::Malformed);
        }
        let reads = wire.reads.into_iter().map(Into::into).collect();
        Ok(Self { lookup, reads, said_at: wire.at })
    }
}

impl<'w> Partner<'w> {
    fn of(partner: &'w BusinessPartner) -> Self {
        let facts = partner.facts.iter().map(|record| {
            record.noted().map(|(path, values)| (path.to_string(), values.to_vec())).collect()
        });
        // A country code is a copy inside the partner.
        let country = partner.country().map(|country| country.as_str().to_owned().into());
        Self {
            channel: partner.channel().map(|channel| channel.as_str().into()),
            country,
            blocked: partner.blocked,
            contact_refused: partner.contact_refused,
            facts: facts.collect(),
        }
    }

    fn read(&self) -> Option<BusinessPartner> {
        let channel = self.channel.as_deref().map(DistributionChannel::parse);
        let country = self.country.as_deref().map(CountryCode::parse);
        let partner = BusinessPartner::new(
            channel.transpose().ok()?,
            country.transpose().ok()?,
            self.blocked,
            self.contact_refused,
        );
        let facts = self.facts.iter().map(|record| {
            let mut facts = Facts::default();
            for (path, values) in record {
                facts.note(&path.as_str().into(), values.clone());
            }
            facts
        });
        Some(partner.with_facts(facts.collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = Vec<Arc<str>>> {
        prop::collection::btree_set("\\PC{1,8}", 0..4)
            .prop_map(|texts| texts.into_iter().map(Into::into).collect())
    }

    fn lookups() -> impl Strategy<Value = Lookup> {
        let facts =
            prop::collection::vec(("\\PC{1,8}", prop::collection::vec("\\PC{0,8}", 1..3)), 0..3);
        let found = (
            prop::option::of("[a-zA-Z ü\"\\\\]{1,20}"),
            prop::option::of(prop::sample::select(vec!["DE", "AT", "CH"])),
            any::<bool>(),
            any::<bool>(),
            prop::collection::vec(facts, 0..3),
        );
        let found = found.prop_map(|(channel, country, blocked, refused, records)| {
            let channel = channel.map(|text| DistributionChannel::parse(&text).unwrap());
            let country = country.map(|text| CountryCode::parse(text).unwrap());
            let records = records.into_iter().map(|record| {
                let mut facts = Facts::default();
                for (path, values) in record {
                    facts.note(&path.into(), values);
                }
                facts
            });
            let partner = BusinessPartner::new(channel, country, blocked, refused);
            Lookup::Found(partner.with_facts(records.collect()))
        });
        prop_oneof![
            found,
            Just(Lookup::Unknown),
            Just(Lookup::Ambiguous(Ambiguity::Records)),
            Just(Lookup::Ambiguous(Ambiguity::Channels)),
            Just(Lookup::Ambiguous(Ambiguity::Countries)),
        ]
    }

    proptest! {
        #[test]
        fn an_entry_comes_back_as_it_was_written(
            lookup in lookups(), reads in texts(), said_at: u64
        ) {
            let stored = Stored { lookup, reads: reads.into(), said_at };
            prop_assert_eq!(Stored::read(&stored.write()), Ok(stored));
        }

        #[test]
        fn whatever_is_read_is_an_entry_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = Stored::read(&bytes);
        }
    }

    #[test]
    fn what_no_version_could_have_written_is_no_entry() {
        use StoredError::{Malformed, Version};
        for (text, error) in [
            (r#"{"v":2,"at":1,"is":"something new"}"#, Version),
            (r#"{"at":1,"is":"unknown"}"#, Malformed),
            (r#"{"v":1,"at":1,"is":"found"}"#, Malformed),
            (r#"{"v":1,"at":1,"is":"unknown","partner":{}}"#, Malformed),
            (r#"{"v":1,"at":1,"is":"found","partner":{"country":"XX"}}"#, Malformed),
            (r#"{"v":1,"at":1,"is":"found","partner":{"channel":""}}"#, Malformed),
            (r#"{"v":1,"at":1,"is":"found","partner":{"channel":"a\nb"}}"#, Malformed),
            (r#"{"v":1,"at":1,"is":"unknown","reads":["b","a"]}"#, Malformed),
            (r#"{"v":1,"at":-1,"is":"unknown"}"#, Malformed),
            ("", Malformed),
        ] {
            assert_eq!(Stored::read(text.as_bytes()), Err(error), "{text}");
        }
    }

    #[test]
    fn an_entry_too_long_is_not_looked_at() {
        let mut bytes = br#"{"v":1,"at":1,"is":"unknown"}"#.to_vec();
        bytes.resize(MOST_BYTES + 1, b' ');

        assert_eq!(Stored::read(&bytes), Err(StoredError::Malformed));
    }

    #[tokio::test]
    async fn an_age_survives_the_way_out_and_back() {
        let said = Said::new(Lookup::Unknown.into(), &[].into());
        let hour_ago = Instant::now().checked_sub(Duration::from_hours(1)).unwrap();

        let stored = Stored::of(&said, hour_ago);
        let back = stored.said_at().unwrap();

        assert!(back.elapsed().abs_diff(Duration::from_hours(1)) < Duration::from_secs(5));
        let from_the_future = Stored { said_at: stored.said_at + 7_200_000, ..stored };
        assert!(from_the_future.said_at().unwrap().elapsed() < Duration::from_secs(5));
    }
}
