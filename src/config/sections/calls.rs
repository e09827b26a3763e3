//! `answers:`, `query:` and `cache:` how a question is read, how it is answered, and how long an
//! answer is remembered.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    resolve::Reading,
    sealing::SealingKeys,
    secret::SecretRef,
    shared::{SharedFile, SharedMemory},
    snapshot::{MemorySnapshot, MemorySnapshotFile},
    units::DurationText,
};
use crate::domain::{BareNumbers, Home};

/// The longest time that anything may be remembered: personal data is not kept for weeks.
const LONGEST_TTL: Duration = Duration::from_hours(7 * 24);

/// Which statuses leave `/onClickToDial`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// 200, 400, 403 and 404 only: those that jtel documents.
    Jtel,
    /// Each case with its own status, for callers other than jtel.
    Http,
}

/// How a question is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Query {
    /// The country whose national numbers are understood.
    pub home: Home,
    /// What happens to a question with a parameter that dialgate does not know.
    pub unknown_parameters: UnknownParameters,
}

/// What happens to a question with a parameter that dialgate does not know.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownParameters {
    /// It is answered as if the parameter were not there.
    Ignore,
    /// It is refused as a bad query.
    Refuse,
}

/// How long an answer from SAP is trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cache {
    /// Most partners kept at once.
    pub max_entries: u64,
    /// A partner that was found is served from memory for this long.
    pub found_ttl: Duration,
    /// "SAP knows no such partner" is remembered for this long.
    pub unknown_ttl: Duration,
    /// While SAP is silent, what it said last is served up to this age.
    pub last_good_ttl: Duration,
    /// A partner that was asked for is asked for again at SAP ahead of its end, so that nobody waits.
    pub refresh_ahead: bool,
    /// Every time above is shortened by a random part of up to this many percent, so that entries
    /// made together do not end together. 0 to 50.
    pub jitter_percent: u8,
    /// What of it leaves the process is sealed with them; none: nothing may leave it.
    pub keys: SealingKeys,
    /// A memory that other replicas have in common with this one.
    pub shared: Option<Arc<SharedMemory>>,
    /// A file in which it outlives the process.
    pub snapshot: Option<MemorySnapshot>,
}

/// `query:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct QueryFile {
    /// ISO 3166 code of the country whose national numbers are understood, e.g. `089 1234567`.
    default_country: String,
    /// How digits without plus or prefix are read, where numbers at home are written like that.
    bare_numbers: BareNumbersFile,
    /// What happens to a question with a parameter that dialgate does not know.
    unknown_parameters: UnknownParameters,
}

/// How digits without plus or prefix are read, in a country without a trunk prefix 0.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum BareNumbersFile {
    /// As a number at home or abroad, whichever the numbering plan knows; at home if it knows both.
    Home,
    /// The same, but refused if it knows both.
    Unambiguous,
    /// With country code.
    International,
}

impl From<BareNumbersFile> for BareNumbers {
    fn from(bare: BareNumbersFile) -> Self {
        match bare {
            BareNumbersFile::Home => Self::Home,
            BareNumbersFile::Unambiguous => Self::Unambiguous,
            BareNumbersFile::International => Self::International,
        }
    }
}

/// `cache:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct CacheFile {
    /// Most partners kept at once.
    #[schemars(range(min = 1, max = 10_000_000))]
    max_entries: u64,
    /// A partner that was found is served from memory for this long. 0s: SAP is always asked.
    found_ttl: DurationText,
    /// "SAP knows no such partner" is remembered for this long.
    unknown_ttl: DurationText,
    /// While SAP is silent, what it said last is served up to this age. 0s turns that off.
    last_good_ttl: DurationText,
    /// True: partners in use are asked for again at SAP ahead of the end of `found_ttl`.
    refresh_ahead: bool,
    /// Each time above is shortened by a random part of up to this many percent.
    #[schemars(range(min = 0, max = 50))]
    jitter: u8,
    /// Keys that encrypt what leaves the process of what it remembers, 32 random bytes in base64 each. The
    /// first one encrypts; a second one may stand behind it while you rotate.
    #[schemars(length(max = 2))]
    keys: Vec<SecretRef>,
    /// Redis or Valkey, in which several replicas keep what they remember; without it, each is on its own.
    shared: Option<SharedFile>,
    /// A file in which what is remembered outlives the process; without it, a start begins with nothing.
    snapshot: Option<MemorySnapshotFile>,
}

impl Default for QueryFile {
    fn default() -> Self {
        Self {
            default_country: "DE".to_owned(),
            bare_numbers: BareNumbersFile::Home,
            unknown_parameters: UnknownParameters::Ignore,
        }
    }
}

impl Default for CacheFile {
    fn default() -> Self {
        Self {
            max_entries: 100_000,
            found_ttl: "1h".into(),
            unknown_ttl: "1m".into(),
            last_good_ttl: "12h".into(),
            refresh_ahead: true,
            jitter: 10,
            keys: Vec::new(),
            shared: None,
            snapshot: None,
        }
    }
}

impl QueryFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> Option<Query> {
        let home = Home::parse(&self.default_country)
            .map_err(|error| reading.at("query.default_country", error.to_string()))
            .ok()?
            .reading(self.bare_numbers.into());
        if let Some((country, digits)) = home.clash() {
            let told = format!(
                "digits without prefix are read as numbers at home where the numbering plan knows them \
                 there, also where they are a number abroad, such as {digits} in {}; \
                 query.bare_numbers decides otherwise",
                country.as_str()
            );
            reading.note("query.default_country", told);
        }
        Some(Query { home, unknown_parameters: self.unknown_parameters })
    }
}

impl CacheFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> Option<Cache> {
        let mut time = |key: &str, text| {
            reading.duration(&format!("cache.{key}"), text, Duration::ZERO..=LONGEST_TTL)
        };
        let found_ttl = time("found_ttl", &self.found_ttl);
        let unknown_ttl = time("unknown_ttl", &self.unknown_ttl);
        let last_good_ttl = time("last_good_ttl", &self.last_good_ttl);
        let keys = self.keys(reading);
        let shared = match &self.shared {
            None => Some(None),
            Some(shared) => shared.resolve(!self.keys.is_empty(), reading).map(Some),
        };
        let snapshot = match &self.snapshot {
            None => Some(None),
            Some(snapshot) => snapshot.resolve(!self.keys.is_empty(), reading).map(Some),
        };
        Some(Cache {
            max_entries: self.max_entries,
            found_ttl: found_ttl?,
            unknown_ttl: unknown_ttl?,
            last_good_ttl: last_good_ttl?,
            refresh_ahead: self.refresh_ahead,
            jitter_percent: self.jitter,
            keys: keys?,
            shared: shared?.map(Arc::new),
            snapshot: snapshot?,
        })
    }

    fn keys(&self, reading: &mut Reading<'_>) -> Option<SealingKeys> {
        let secrets: Vec<_> = self
            .keys
            .iter()
            .enumerate()
            .map(|(place, key)| reading.secret(&format!("cache.keys[{place}]"), key))
            .collect();
        let secrets = secrets.into_iter().collect::<Option<Vec<_>>>()?;
        SealingKeys::new(&secrets)
            .map_err(|(place, why)| reading.at(&format!("cache.keys[{place}]"), why.to_string()))
            .ok()
    }
}
