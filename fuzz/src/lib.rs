//! What has to hold for whatever comes from outside.
//!
//! Each module has a function `holds`, which takes any bytes and panics where a promise is broken. libFuzzer looks
//! for such bytes (`fuzz/run`), and `tests/it/corpus.rs` tries those in `fuzz/corpus` with every run of the tests.

pub mod audit;
pub mod config;
pub mod dialect;
pub mod drop_in;
pub mod headers;
pub mod numbers;
pub mod odata;
pub mod origin;
pub mod proxied;
pub mod query;
pub mod reply;
pub mod service_numbers;
pub mod shared;
pub mod snapshot;
pub mod wire;
