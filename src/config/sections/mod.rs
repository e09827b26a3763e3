//! The sections of `config.yaml`: what an operator writes in each, and what becomes of it.

pub(in crate::config) mod addresses;
pub(in crate::config) mod admin;
pub(in crate::config) mod audit;
pub(in crate::config) mod caller_information;
pub(in crate::config) mod calls;
pub(in crate::config) mod cases;
pub(in crate::config) mod clients;
pub(in crate::config) mod comparison;
pub(in crate::config) mod contract_numbers;
pub(in crate::config) mod draft;
pub(in crate::config) mod file;
pub(in crate::config) mod listen;
pub(in crate::config) mod log;
pub(in crate::config) mod number_list;
pub(in crate::config) mod number_rules;
pub(in crate::config) mod routes;
pub(in crate::config) mod rules;
pub(in crate::config) mod sap;
pub(in crate::config) mod shared;
pub(in crate::config) mod show;
pub(in crate::config) mod snapshot;
pub(in crate::config) mod systems;
pub(in crate::config) mod tls;
pub(in crate::config) mod traces;
pub(in crate::config) mod trusted;
pub(in crate::config) mod wrong_credentials;

use super::document::{content, findings, resolve, sealing, secret, suggest, units};
