//! What cannot work in the `sap` section of the configuration, below every room that can find it.

/// Something in the `sap` section that cannot work; the caller knows line and column of the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DialectProblem {
    /// The key it is about: `sap.custom.steps[0].channel`, `sap.ca_file`.
    pub key: String,
    /// What is wrong, continuing a sentence that begins with the key.
    pub message: String,
}

impl DialectProblem {
    pub(in crate::sap) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}
