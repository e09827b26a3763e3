//! What can be changed and asked of the log while it runs: its level, and what it lost.
//!
//! The configured level holds; an operator can have another one for ten minutes, so that nobody has
//! to remember to take it back on the day after an incident.

use std::{
    fmt::Display,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::{LoggingError, check_level, warnings::Warnings};
use crate::{
    domain::words,
    telemetry::{clock::Moment, lines::Losses},
};

/// How long a level holds that is not the configured one.
const A_WHILE: Duration = Duration::from_mins(10);

words! {
    /// A level that an operator can have for a while. There is no `trace`: at `debug` only lines of
    /// our own are added, which have no personal data; what libraries would say nobody has checked.
    pub enum PassingLevel {
        /// Only what a person must act on.
        Error = "error",
        /// And what a person should know.
        Warn = "warn",
        /// And what happens rarely.
        Info = "info",
        /// And dialgate's own steps.
        Debug = "debug",
    }
}

impl PassingLevel {
    /// The level called so.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.label() == word)
    }

    fn directives(self) -> &'static str {
        match self {
            Self::Debug => concat!("info,", env!("CARGO_CRATE_NAME"), "=debug"),
            Self::Error | Self::Warn | Self::Info => self.label(),
        }
    }
}

/// The running log. Its clones are the same log.
#[derive(Clone)]
pub struct LogControl(Arc<Inner>);

struct Inner {
    losses: Losses,
    warnings: Warnings,
    filter: reload::Handle<EnvFilter, Registry>,
    state: Mutex<State>,
    /// A passing level began or ended.
    changed: Notify,
}

struct State {
    configured: String,
    /// When a passing level ends.
    until: Option<Instant>,
}

impl LogControl {
    /// A log at this level, and the filter that makes it so.
    pub(super) fn new(
        level: &str,
    ) -> Result<(Self, reload::Layer<EnvFilter, Registry>), LoggingError> {
        let losses =
            Losses::new("dialgate_log_lines_lost_total", "Lines of the log that were not written.")
                .map_err(LoggingError::Metric)?;
        let (layer, filter) = reload::Layer::new(check_level(level)?);
        let state = Mutex::new(State { configured: level.to_owned(), until: None });
        let (warnings, changed) = (Warnings::default(), Notify::new());
        Ok((Self(Arc::new(Inner { losses, warnings, filter, state, changed })), layer))
    }

    /// Of a log that does not exist, for programs and tests that start none.
    ///
    /// # Errors
    ///
    /// A mistake in this program that a test finds.
    pub fn detached() -> Result<Self, LoggingError> {
        Self::new("off").map(|(control, _filter)| control)
    }

    /// Counts lines that were not written.
    pub fn losses(&self) -> &Losses {
        &self.0.losses
    }

    /// The last warnings and errors.
    pub fn warnings(&self) -> &Warnings {
        &self.0.warnings
    }

    /// Another level for ten minutes, because `who` asked for it. When that ends.
    pub fn set_for_a_while(&self, level: PassingLevel, who: &dyn Display) -> Moment {
        let until = Moment::now().after(A_WHILE);
        self.state().until = Some(Instant::now() + A_WHILE);
        self.0.changed.notify_one();
        if let Ok(filter) = check_level(level.directives()) {
            let (level, until) = (level.label(), until.to_the_second());
            self.put_in_force(filter, || {
                tracing::warn!(%who, level, until, "{who} wants log level {level}, until {until}");
            });
        }
        until
    }

    /// The configured level again, because `who` asked for it. Which one that is.
    pub fn back_to_configured(&self, who: &dyn Display) -> String {
        self.back(&format!("{who} wants so"))
    }

    /// The level of a configuration that comes into force. A passing level stays until its end.
    ///
    /// # Errors
    ///
    /// [`LoggingError::Level`]; then nothing changes.
    pub fn set_configured(&self, level: &str) -> Result<(), LoggingError> {
        let filter = check_level(level)?;
        let mut state = self.state();
        let is_new = state.configured != level;
        level.clone_into(&mut state.configured);
        let is_in_force = state.until.is_none();
        drop(state);
        if is_new && is_in_force {
            self.put_in_force(filter, || tracing::info!(level, "log level {level}"));
        }
        Ok(())
    }

    /// Ends passing levels in their time; runs as long as it is awaited.
    pub async fn keep_time(&self) {
        loop {
            let until = self.state().until;
            match until {
                None => self.0.changed.notified().await,
                Some(until) => tokio::select! {
                    () = self.0.changed.notified() => {}
                    () = sleep_until(until) => drop(self.back("the time is over")),
                },
            }
        }
    }

    fn back(&self, why: &str) -> String {
        let mut state = self.state();
        let level = state.configured.clone();
        let was_passing = state.until.take().is_some();
        drop(state);
        self.0.changed.notify_one();
        if let (true, Ok(filter)) = (was_passing, check_level(&level)) {
            self.put_in_force(filter, || {
                tracing::warn!(level, "log level {level} again, as configured: {why}");
            });
        }
        level
    }

    /// Tells it at the louder one of the two levels: a quiet one would hide its own beginning.
    fn put_in_force(&self, filter: EnvFilter, tell: impl Fn()) {
        let louder = filter.max_level_hint();
        let is_louder = self.0.filter.with_current(|old| louder >= old.max_level_hint());
        let is_louder = is_louder.unwrap_or(true);
        if !is_louder {
            tell();
        }
        // Fails where the log is no more; then nobody misses it.
        self.0.filter.reload(filter).unwrap_or_default();
        if is_louder {
            tell();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const SOMEBODY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// Which of four events would be written.
    fn shown() -> [bool; 4] {
        [
            tracing::enabled!(tracing::Level::INFO),
            tracing::enabled!(tracing::Level::DEBUG),
            tracing::enabled!(target: "dialgate::sap", tracing::Level::TRACE),
            tracing::enabled!(target: "hyper", tracing::Level::DEBUG),
        ]
    }

    #[tokio::test(start_paused = true)]
    async fn another_level_holds_for_ten_minutes_and_shows_only_our_own_steps() {
        let (log, filter) = LogControl::new("info").unwrap();
        let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(filter));
        let keeper = log.clone();
        let keeper = tokio::spawn(async move { keeper.keep_time().await });
        assert_eq!(shown(), [true, false, false, false]);

        log.set_for_a_while(PassingLevel::Debug, &SOMEBODY);
        assert_eq!(shown(), [true, true, false, false]);

        tokio::time::sleep(A_WHILE * 99 / 100).await;
        assert_eq!(shown(), [true, true, false, false]);
        tokio::time::sleep(A_WHILE * 2 / 100).await;
        assert_eq!(shown(), [true, false, false, false]);
        keeper.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn asking_again_begins_the_time_again_and_asking_for_the_configured_one_ends_it() {
        let (log, filter) = LogControl::new("warn").unwrap();
        let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(filter));
        let keeper = log.clone();
        let keeper = tokio::spawn(async move { keeper.keep_time().await });

        log.set_for_a_while(PassingLevel::Info, &SOMEBODY);
        tokio::time::sleep(A_WHILE / 2).await;
        log.set_for_a_while(PassingLevel::Info, &SOMEBODY);
        tokio::time::sleep(A_WHILE * 3 / 4).await;
        assert!(tracing::enabled!(tracing::Level::INFO));

        assert_eq!(log.back_to_configured(&SOMEBODY), "warn");
        assert!(!tracing::enabled!(tracing::Level::INFO));
        keeper.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_configured_level_waits_for_the_end_of_a_passing_one() {
        let (log, filter) = LogControl::new("info").unwrap();
        let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(filter));

        log.set_configured("error").unwrap();
        assert!(!tracing::enabled!(tracing::Level::WARN));
        log.set_for_a_while(PassingLevel::Debug, &SOMEBODY);
        log.set_configured("warn").unwrap();
        assert!(tracing::enabled!(tracing::Level::DEBUG));
        log.back_to_configured(&SOMEBODY);

        assert!(tracing::enabled!(tracing::Level::WARN));
        assert!(!tracing::enabled!(tracing::Level::INFO));
        assert!(log.set_configured("info,dialgate=loud").is_err());
    }

    #[test]
    fn there_is_no_trace_for_a_while() {
        assert_eq!(PassingLevel::parse("debug"), Some(PassingLevel::Debug));
        for word in ["trace", "off", "DEBUG", "", "info,hyper=trace"] {
            assert_eq!(PassingLevel::parse(word), None, "{word}");
        }
    }
}
