//! One line of `/readyz?verbose`.

/// What was looked at, and what is the case.
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// Nothing speaks against calls.
    pub passed: bool,
    /// What is the case, and what to do about it.
    pub text: String,
}
