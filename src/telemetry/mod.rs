//! What leaves the process about the process: the log, the thread that writes lines, metrics.
//!
//! What is said belongs to the rooms that say it; here is how it gets out without anybody waiting.

pub mod audit;
pub mod clock;
pub mod lines;
pub mod logging;
pub mod metrics;
pub mod process;
pub mod program;
mod rounded;
pub mod trace;
mod visible;

pub use rounded::{Rounded, rounded};
pub use visible::visible;
