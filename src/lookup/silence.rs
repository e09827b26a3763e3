//! Why SAP has given no answer.

use std::sync::Arc;

use crate::sap::{LookupError, SapOutcome};

/// Why SAP has given no answer.
#[derive(Clone, Debug)]
pub enum Silence {
    /// SAP gave no usable one, or was not asked; everybody who waited gets the same error.
    Sap(Arc<LookupError>),
    /// SAP takes longer than this call can wait; the request goes on for those who wait longer.
    Deadline,
    /// Another replica has asked SAP in vain, so.
    Elsewhere(SapOutcome),
    /// The lookup ended without a result, by a mistake in this program or by the shutdown.
    Lost,
}

impl Silence {
    /// The word in records.
    pub fn outcome(&self) -> SapOutcome {
        match self {
            Self::Sap(error) => error.outcome(),
            Self::Deadline => SapOutcome::Deadline,
            Self::Elsewhere(outcome) => *outcome,
            Self::Lost => SapOutcome::Lost,
        }
    }

    /// We had no place for the question: SAP is not to blame.
    pub fn is_our_own_queue(&self) -> bool {
        matches!(self, Self::Sap(error) if matches!(**error, LookupError::Busy { .. }))
    }

    /// Whoever joined late may have more time than those it was for.
    pub(super) fn came_of_haste(&self) -> bool {
        matches!(self, Self::Sap(error)
            if matches!(**error, LookupError::Busy { .. } | LookupError::Deadline { .. }))
    }
}
