//! One line of `/readyz?verbose`, and what `/readyz.json` says.

use schemars::JsonSchema;
use serde::Serialize;

/// Whether calls can be sent here.
#[derive(JsonSchema, Serialize)]
pub(super) struct Ready {
    ready: bool,
    checks: Vec<Check>,
}

impl Ready {
    pub(super) fn of(checks: Vec<Check>) -> Self {
        Self { ready: checks.iter().all(|check| check.passed), checks }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready
    }
}

/// What was looked at, and what is the case.
#[derive(JsonSchema, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// Nothing speaks against calls.
    pub passed: bool,
    /// What is the case, and what to do about it.
    pub text: String,
}
