//! The closed lists of words in what is written as JSON, each from where the words are made.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::{
    domain::{CallerId, Source},
    gateway::{Verdict, schema::words},
    sap::{BreakerState, SapOutcome},
};

/// How a request ended.
pub(super) fn decisions(_: &mut SchemaGenerator) -> Schema {
    of_verdicts(Verdict::decision)
}

/// Why it ended so.
pub(super) fn reasons(_: &mut SchemaGenerator) -> Schema {
    of_verdicts(Verdict::reason)
}

fn of_verdicts(word: fn(Verdict) -> &'static str) -> Schema {
    let mut all: Vec<_> = Verdict::all().into_iter().map(word).collect();
    all.sort_unstable();
    all.dedup();
    words(all)
}

/// Where the facts came from.
pub(super) fn sources(_: &mut SchemaGenerator) -> Schema {
    words(Source::ALL.map(Source::label))
}

/// How the number shown fitted.
pub(super) fn caller_ids(_: &mut SchemaGenerator) -> Schema {
    words(["none"].into_iter().chain(CallerId::ALL.map(CallerId::label)))
}

/// How a request to SAP ended, or none.
pub(super) fn outcomes(_: &mut SchemaGenerator) -> Schema {
    let outcomes = words(SapOutcome::ALL.map(SapOutcome::label));
    json_schema!({ "anyOf": [outcomes, { "type": "null" }] })
}

/// What the breaker does.
pub(super) fn breaker_states(_: &mut SchemaGenerator) -> Schema {
    words(BreakerState::ALL.map(BreakerState::label))
}
