//! dialgate as its users meet it: over real TLS sockets, with real clients and real servers.
//!
//! One binary. `support` starts gateways on free ports; every other module is a room of promises.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has to end; clippy sees only functions marked as tests"
)]

mod admin;
mod audit;
mod caller_information;
mod calls;
mod cap;
mod certificates;
mod check;
mod cli;
mod clients;
mod corpus;
mod decision_tests;
mod demo;
mod deploy;
mod drop_in;
mod ending;
mod evidence;
mod faults;
mod first_night;
mod grafana;
mod identity;
mod incidents;
mod instructions;
mod layering;
mod logging;
mod logins;
mod memory;
mod metrics;
mod mock_sap;
mod nginx;
mod numbers;
mod oauth;
mod openapi;
mod operators;
mod outage;
mod page;
mod parity;
mod posture;
mod presets;
mod proxy;
mod readme;
mod records;
mod reload;
mod replay;
mod restart;
mod security;
mod shared;
mod short_numbers;
mod shutdown;
mod soak;
mod spans;
mod stalled;
mod support;
mod systems;
mod traces;
mod upgrade;
mod watch;
