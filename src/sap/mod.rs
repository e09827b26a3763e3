//! SAP's dialects and only those: how SAP is asked about a business partner and how its answers are
//! read.
//!
//! [`SapClient`] sends the steps of a dialect ([`preset_names`], or the configuration's own) one
//! after the other. `dialect` compiles them, `reply` tells answers apart and reads records, `login`
//! says who we are, `link` is the way there; `problem` stands below all of them. Nothing is
//! remembered here but connections, whether SAP answers, and whether it refused our credentials.
//! The rule above all others: a record is used only if it is the one that was asked for.

mod aside;
mod asking;
mod attend;
mod client;
mod common;
mod dialect;
mod door;
mod error;
mod exchange;
mod leg;
mod link;
mod login;
mod metrics;
mod outcome;
mod prepare;
mod problem;
mod reply;
mod requests;
mod system;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod tests;
mod traced;

pub use asking::Told;
pub use client::{Question, SapClient};
pub use common::CommonMetrics;
pub use dialect::odata::{By, Template};
pub use dialect::preset::{preset_as_custom, preset_names, preset_summary, preset_text};
pub use dialect::value_help::SapChannel;
pub use dialect::{Compiled, Step, compile};
pub use door::{Pass, SapHealth, Urgency};
pub use error::{LookupError, ReplyProblem, TlsFault, TokenProblem};
pub use leg::Leg;
pub use link::walk::{Station, Went, walk};
pub use metrics::{Compared, DoorMetrics, SapMetrics, SystemsMetrics};
pub use outcome::{BreakerState, SapOutcome};
pub use prepare::{
    READS_BLOCKED, READS_CONTACT_REFUSED, asks_only_by_phone, check, needs_the_number,
};
pub use problem::DialectProblem;
pub use reply::looked::{LeftOut, Looked, Seen};
pub use reply::said::Said;
pub use reply::{Marks, Read, Reader, Sought};
pub use requests::{Requests, Sent};
pub use system::SystemId;
pub use traced::Asked;
