//! The engine below the sections: a file becomes a tree with places, is checked against the schema,
//! and what is wrong is found at its line and column.

pub(in crate::config) mod check;
pub(in crate::config) mod content;
pub(in crate::config) mod edit;
pub(in crate::config) mod findings;
pub(in crate::config) mod header;
pub(in crate::config) mod node;
pub(in crate::config) mod permissions;
mod report;
pub(in crate::config) mod resolve;
pub(in crate::config) mod sealing;
pub(in crate::config) mod secret;
mod secret_text;
pub(in crate::config) mod suggest;
pub(in crate::config) mod units;
pub(in crate::config) mod veil;
