//! The last warnings and errors of the log, for the status page: whoever looks at it at night has not
//! the log beside it.

use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

use crate::telemetry::clock::Moment;

/// So many are kept.
const KEPT: usize = 100;

/// Longer ones are cut, in bytes.
const LONGEST: usize = 2000;

/// One line of the log that a person should know of.
#[derive(Clone, Debug)]
pub struct Warning {
    /// When it was logged.
    pub at: Moment,
    /// An error, and not only a warning.
    pub is_error: bool,
    /// What it says, with its fields.
    pub text: String,
}

/// The last of them. Its clones are the same list.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Arc<Mutex<VecDeque<Warning>>>);

impl Warnings {
    /// All that are kept, the newest first.
    pub fn all(&self) -> Vec<Warning> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn note(&self, warning: Warning) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT - 1);
        kept.push_front(warning);
    }
}

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::WARN {
            return;
        }
        let mut said = Said::default();
        event.record(&mut said);
        let mut text = said.message + &said.fields;
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
            text.push('…');
        }
        self.note(Warning { at: Moment::now(), is_error: level == Level::ERROR, text });
    }
}

#[derive(Default)]
struct Said {
    message: String,
    fields: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn the_last_warnings_are_kept_with_their_fields_and_nothing_below_them() {
        let warnings = Warnings::default();
        let log = tracing_subscriber::registry().with(warnings.clone());

        tracing::subscriber::with_default(log, || {
            tracing::info!("all is well");
            for number in 0..KEPT + 5 {
                tracing::warn!(number, "a place is taken");
            }
            tracing::error!(host = "sap.example:443", "SAP is silent");
        });

        let all = warnings.all();
        assert_eq!(all.len(), KEPT);
        assert_eq!(all[0].text, "SAP is silent host=\"sap.example:443\"");
        assert!(all[0].is_error && !all[1].is_error);
        assert_eq!(all[1].text, "a place is taken number=104");
    }

    #[test]
    fn a_long_one_is_cut_between_two_characters() {
        let warnings = Warnings::default();
        let log = tracing_subscriber::registry().with(warnings.clone());

        tracing::subscriber::with_default(log, || tracing::warn!("{}", "ä".repeat(LONGEST)));

        let text = &warnings.all()[0].text;
        assert!(text.len() <= LONGEST + 3 && text.ends_with('…'));
    }
}
