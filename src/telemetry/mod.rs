//! What leaves the process about the process: metrics, access records, diagnostics.

pub mod metrics;
