//! Restarts and upgrades by day: no call is lost.

mod callers;
mod leaving;
