//! Restarts and upgrades by day: no call is lost, and whoever watches the process is told.

mod callers;
mod leaving;
mod manager;
mod notified;
