//! SAP's dialects and only those: how SAP is asked about a business partner and how its answers are
//! read.
//!
//! [`SapClient`] sends the steps of a dialect ([`preset_names`], or the configuration's own) one
//! after the other; `dialect` compiles them, `reply` tells answers apart and reads records. Nothing is remembered here but connections, whether SAP answers, and whether it
//! refused our credentials. The rule above all others: a record is used only if it is the one that
//! was asked for.

mod asking;
mod client;
mod dialect;
mod encoding;
mod error;
mod flags;
mod health;
mod hold;
mod login;
mod odata;
mod path;
mod prepare;
mod preset;
mod proxy;
mod reply;
mod said;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod transport;
mod upstreams;
mod value_help;
mod walk;

pub use client::{Asked, SapClient};
pub use dialect::DialectProblem;
pub use error::{LookupError, ReplyProblem, TokenProblem};
pub use health::SapHealth;
pub use prepare::check;
pub use preset::{preset_as_custom, preset_names, preset_summary, preset_text};
pub use said::Said;
pub use value_help::SapChannel;
pub use walk::{Station, Went, walk};
