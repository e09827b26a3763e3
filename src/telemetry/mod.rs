//! What leaves the process about the process: metrics, access records, diagnostics.

pub mod access;
pub mod clock;
pub mod lines;
pub mod logging;
pub mod metrics;
pub mod process;
pub mod trace;
