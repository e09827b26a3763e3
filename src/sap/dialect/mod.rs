//! Which requests are sent and how their answers are read: a preset or `sap.custom`, compiled once
//! when the configuration is read.

mod base_path;
mod compiler;
pub(in crate::sap) mod facts;
pub(in crate::sap) mod odata;
mod parts;
pub(in crate::sap) mod path;
pub(in crate::sap) mod preset;
pub(in crate::sap) mod value_help;

use std::{collections::BTreeMap, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::config;
use crate::sap::{problem::DialectProblem, reply::Reader};
use facts::FactPaths;
use odata::{By, Template};
use preset::{CUSTOM, built_in, preset_names};
use value_help::ValueHelp;

use compiler::Compiler;

/// Header fields that dialgate or HTTP itself sets, and those that carry secrets.
const OURS: [HeaderName; 11] = [
    header::HOST,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::COOKIE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::USER_AGENT,
];

/// A dialect, ready for use.
#[derive(Debug)]
pub struct Compiled {
    /// Of every request, besides dialgate's own.
    pub(super) headers: HeaderMap,
    /// The requests, in their order.
    pub steps: Vec<Step>,
    pub(super) facts: FactPaths,
    pub(super) value_help: Option<ValueHelp>,
}

/// One request of a dialect, ready to be sent and read.
#[derive(Debug)]
pub struct Step {
    /// The dialect's word for it.
    pub name: Arc<str>,
    /// What is asked.
    pub template: Template,
    /// How the answer is read.
    pub reader: Reader,
    /// Nothing in the answer proves whose it is, so nobody else's may be on the connection.
    pub(super) alone: bool,
    /// Asks by the dialled number and not by the partner's ID.
    pub by: By,
}

/// The dialect that the section asks for.
///
/// # Errors
///
/// All problems at once.
pub fn compile(sap: &config::Sap) -> Result<Compiled, Vec<DialectProblem>> {
    let (key, dialect) = chosen(sap).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let facts = FactPaths::compile(&sap.rule_paths).unwrap_or_else(|found| {
        problems.extend(found);
        FactPaths::default()
    });
    if dialect.steps.is_empty() {
        problems
            .push(DialectProblem::new(format!("{key}.steps"), "is empty; nothing would be asked"));
    }
    let language_is_sound = (2..=5).contains(&sap.language.len())
        && sap.language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !language_is_sound {
        problems.push(DialectProblem::new("sap.language", "is no language; write for example EN"));
    }
    let headers = headers(key, &dialect.headers, &mut problems);
    let steps = dialect
        .steps
        .iter()
        .enumerate()
        .filter_map(|(place, step)| {
            let key = format!("{key}.steps[{place}]");
            Compiler { key, sap, dialect: &dialect, facts: &facts, problems: &mut problems }
                .step(step)
        })
        .collect();
    let value_help = dialect.value_help.as_ref().and_then(|help| {
        ValueHelp::compile(help, sap, key).map_err(|found| problems.extend(found)).ok()
    });
    // What the section lacks is told once, and not once for each step.
    let mut told = Vec::new();
    problems.retain(|problem| {
        !told.contains(problem) && {
            told.push(problem.clone());
            true
        }
    });
    if problems.is_empty() {
        Ok(Compiled { headers, steps, facts, value_help })
    } else {
        Err(problems)
    }
}

/// The dialect and the key it stands under.
fn chosen(sap: &config::Sap) -> Result<(&'static str, config::Dialect), DialectProblem> {
    if sap.preset == CUSTOM {
        let dialect = sap.custom.clone().ok_or_else(|| {
            DialectProblem::new("sap.custom", "is missing; `sap.preset: custom` needs it")
        })?;
        return Ok(("sap.custom", dialect));
    }
    let dialect = built_in(&sap.preset).ok_or_else(|| {
        let names: Vec<_> = preset_names().chain([CUSTOM]).collect();
        DialectProblem::new("sap.preset", format!("is unknown; there are {}", names.join(", ")))
    })?;
    dialect
        .map(|dialect| ("sap.preset", dialect))
        .map_err(|error| DialectProblem::new("sap.preset", error.to_string()))
}

fn headers(
    key: &str,
    headers: &BTreeMap<String, String>,
    problems: &mut Vec<DialectProblem>,
) -> HeaderMap {
    let mut sound = HeaderMap::new();
    for (name, value) in headers {
        let key = format!("{key}.headers.{name}");
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), _) if OURS.contains(&name) => problems.push(DialectProblem::new(
                key,
                "is a header that dialgate sets itself, or that belongs into sap.login",
            )),
            (Ok(name), Ok(value)) => drop(sound.insert(name, value)),
            (Err(_), _) => problems.push(DialectProblem::new(key, "is not the name of a header")),
            (_, Err(_)) => {
                problems.push(DialectProblem::new(key, "has a character that no header can carry"));
            }
        }
    }
    sound
}

#[cfg(test)]
mod tests;
