//! `wrong_credentials:` what happens to an address that shows wrong passwords or keys.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{resolve::Reading, units::DurationText};

/// What happens to an address that shows wrong passwords or keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WrongCredentials {
    /// So many within a minute are refused at once; further ones are slowed.
    pub free: u32,
    /// And then it is barred; `None`: never.
    pub bar: Option<Barring>,
}

/// As it was read; `None`: it is switched off.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct Switched(pub(in crate::config) Option<WrongCredentials>);

/// When an address is refused without being looked at, and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Barring {
    /// After so many.
    pub after: u32,
    /// For so long.
    pub lasts: Duration,
}

/// `wrong_credentials:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct WrongCredentialsFile {
    /// False: wrong credentials are refused at once, however many there are.
    slowed: bool,
    /// So many of an address within a minute are refused at once; further ones wait.
    #[schemars(range(min = 1, max = 10_000))]
    free: u32,
    /// False: nobody is barred.
    barred: bool,
    /// After so many an address is barred.
    #[schemars(range(min = 2, max = 1_000_000))]
    bar_after: u32,
    /// For so long it is refused without being looked at.
    bar_for: DurationText,
}

impl Default for WrongCredentialsFile {
    fn default() -> Self {
        Self { slowed: true, free: 10, barred: true, bar_after: 50, bar_for: "5m".into() }
    }
}

impl WrongCredentialsFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> Option<Switched> {
        let bounds = Duration::from_secs(1)..=Duration::from_hours(24);
        let lasts = reading.duration("wrong_credentials.bar_for", &self.bar_for, bounds);
        if self.bar_after <= self.free {
            reading.at(
                "wrong_credentials.bar_after",
                format!(
                    "`{}` is not more than wrong_credentials.free ({})",
                    self.bar_after, self.free
                ),
            );
        }
        let lasts = lasts?;
        let bar = self.barred.then_some(Barring { after: self.bar_after, lasts });
        Some(Switched(self.slowed.then_some(WrongCredentials { free: self.free, bar })))
    }
}
