//! dialgate: asks SAP whether a clicked number is dialled, and with which service number.

pub mod admin;
pub mod app;
pub mod config;
pub mod domain;
pub mod gateway;
pub mod lookup;
pub mod net;
pub mod sap;
pub mod simulator;
pub mod telemetry;
