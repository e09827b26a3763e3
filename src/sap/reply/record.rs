//! One record: whose it is, its marks, its country, and its channel out of several sales areas.
//!
//! Everything that is left after the rules must agree. An empty channel or country besides another
//! one does not agree with it: SAP leaves a text empty in a language it was not translated to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tracing::warn;

use super::{Marks, Read, Reader, ReplyProblem, Sought, truth::truth_of};
use crate::{
    domain::{BusinessPartner, CountryCode, DistributionChannel, Lookup, PartnerId},
    sap::dialect::path::{Missing, Path},
};

/// A path with the text it was written as.
#[derive(Clone, Debug)]
pub(in crate::sap) struct Named {
    pub(in crate::sap) path: Path,
    pub(in crate::sap) text: String,
}

/// A mark on a record: set when the value at `path` is one of `values`.
#[derive(Clone, Debug)]
pub(in crate::sap) struct Mark {
    pub(in crate::sap) path: Path,
    pub(in crate::sap) values: Vec<String>,
}

/// What proves that a record is the one that was asked for.
#[derive(Clone, Debug)]
pub(in crate::sap) enum Identity {
    Id(Named),
    Phone(Named),
    /// Only the connection, which nobody else uses.
    Nothing,
}

/// Where channel and country are.
#[derive(Clone, Debug)]
pub(in crate::sap) enum Next {
    Own(Box<OwnFields>),
    /// With another partner.
    Another {
        id: Named,
        step: usize,
    },
}

/// Channel and country in the record itself.
#[derive(Clone, Debug)]
pub(in crate::sap) struct OwnFields {
    pub(in crate::sap) areas: Option<Areas>,
    /// Only what stands at this place counts, from 0.
    pub(in crate::sap) position: Option<usize>,
    pub(in crate::sap) channel: Channel,
    pub(in crate::sap) country: Named,
}

/// The sales areas of a record, and which of them count.
#[derive(Clone, Debug)]
pub(in crate::sap) struct Areas {
    pub(in crate::sap) list: Named,
    pub(in crate::sap) rules: Vec<AreaRule>,
    pub(in crate::sap) deleted: Option<Mark>,
}

/// Only sales areas with this value at this path count.
#[derive(Clone, Debug)]
pub(in crate::sap) struct AreaRule {
    pub(in crate::sap) path: Named,
    pub(in crate::sap) value: String,
}

/// How a channel is told.
#[derive(Clone, Debug)]
pub(in crate::sap) enum Channel {
    /// In SAP's own words.
    Text(Named),
    /// By its code. A code that is not in the table is no channel: a text of its own would be a
    /// guess, and the contract number made of it could be another channel's.
    Code { path: Named, texts: BTreeMap<String, DistributionChannel>, unmapped: Unmapped },
}

/// Codes that were told to have no text, once each.
#[derive(Clone, Debug, Default)]
pub(in crate::sap) struct Unmapped(Arc<Mutex<BTreeSet<String>>>);

impl Unmapped {
    /// SAP has a few dozen channels; more than this is something else than a channel's code.
    const MOST: usize = 32;

    fn tell(&self, code: &str) {
        let is_code = code.len() <= 10 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_code && told.len() < Self::MOST && told.insert(code.to_owned()) {
            warn!(code, "SAP sent a channel code without a text; add it to sap.channel_texts");
        }
    }
}

/// One channel among several: those with an unknown code differ from all others.
#[derive(Clone, Debug, Eq, PartialEq)]
enum ChannelAnswer {
    Nothing,
    Channel(DistributionChannel),
    Code(String),
}

impl Identity {
    /// Character by character: SAP pads with zeros and Cloud for Customer knows wildcards, and
    /// either would be somebody else.
    pub(super) fn check(&self, sought: Sought<'_>, row: &Value) -> Result<(), ReplyProblem> {
        let (named, own) = match self {
            Self::Id(id) => (id, Some(sought.id.as_str())),
            Self::Phone(phone) => (phone, sought.phone.filter(|phone| !phone.is_empty())),
            Self::Nothing => return Ok(()),
        };
        let has_plus = matches!(self, Self::Phone(_));
        let is_own = |node: &&Value| {
            text(node).is_some_and(|text| {
                let bare = if has_plus { text.strip_prefix('+') } else { None };
                Some(bare.unwrap_or(&text)) == own
            })
        };
        let nodes = named.path.nodes(row)?;
        if !nodes.is_empty() && nodes.iter().all(is_own) {
            return Ok(());
        }
        // Never used: which zeros SAP takes for the same is its own affair (ALPHA conversion).
        let bare = |id: &str| id.trim_start_matches('0').to_owned();
        let is_other_form = matches!(self, Self::Id(_))
            && !nodes.is_empty()
            && nodes.iter().all(|node| text(node).map(|id| bare(&id)) == own.map(bare));
        Err(if is_other_form { ReplyProblem::OtherForm } else { ReplyProblem::WrongRecord })
    }
}

impl Reader {
    pub(super) fn partner(&self, row: &Value) -> Result<Read, ReplyProblem> {
        let marks = Marks {
            blocked: self.is_set(self.blocked.as_ref(), row)?,
            contact_refused: self.is_set(self.contact_refused.as_ref(), row)?,
            facts: self.facts.of(row),
        };
        let OwnFields { areas, position, channel, country } = match &self.next {
            Next::Own(fields) => &**fields,
            Next::Another { id, step } => return self.another(id, *step, marks, row),
        };
        let channel = match areas {
            Some(areas) => {
                let areas = self.areas(areas, row)?;
                let areas = at(areas, *position);
                let told: Result<Vec<_>, _> =
                    areas.into_iter().map(|area| self.channels(channel, area)).collect();
                told?.into_iter().flatten().collect()
            }
            None => at(self.channels(channel, row)?, *position),
        };
        let countries = self.countries(country, row)?;
        let (Some(channel), Some(country)) = (agreed(channel), agreed(countries)) else {
            return Ok(Read::Known(Lookup::Ambiguous));
        };
        let channel = match channel {
            Some(ChannelAnswer::Channel(channel)) => Some(channel),
            Some(ChannelAnswer::Nothing | ChannelAnswer::Code(_)) | None => None,
        };
        let Marks { blocked, contact_refused, facts } = marks;
        let partner = BusinessPartner::new(channel, country.flatten(), blocked, contact_refused);
        Ok(Read::Known(Lookup::Found(partner.with_facts(facts))))
    }

    /// The partner that this one's record names.
    fn another(
        &self,
        id: &Named,
        step: usize,
        marks: Marks,
        row: &Value,
    ) -> Result<Read, ReplyProblem> {
        let wrong = || ReplyProblem::Value { what: "partner ID", path: id.text.clone() };
        let ids: Result<Vec<_>, _> = id
            .path
            .find(row, self.absent)?
            .into_iter()
            .map(|node| match node {
                Value::Null => Ok(None),
                Value::String(text) if text.is_empty() => Ok(None),
                node => {
                    let parsed = text(node).and_then(|text| PartnerId::parse(&text).ok());
                    parsed.map(Some).ok_or_else(wrong)
                }
            })
            .collect();
        Ok(match agreed(ids?) {
            Some(id) => Read::LeadsOn { id: id.flatten(), step, marks },
            None => Read::Known(Lookup::Ambiguous),
        })
    }

    /// The sales areas that count.
    fn areas<'v>(&self, areas: &Areas, row: &'v Value) -> Result<Vec<&'v Value>, ReplyProblem> {
        let mut counting = Vec::new();
        for area in areas.list.path.rows(row, self.absent)? {
            let mut counts = !self.is_set(areas.deleted.as_ref(), area)?;
            for rule in &areas.rules {
                let values = rule.path.path.find(area, self.absent)?;
                counts &= values.iter().any(|value| text(value).as_ref() == Some(&rule.value));
            }
            if counts {
                counting.push(area);
            }
        }
        Ok(counting)
    }

    fn channels(&self, channel: &Channel, at: &Value) -> Result<Vec<ChannelAnswer>, ReplyProblem> {
        let (Channel::Text(named) | Channel::Code { path: named, .. }) = channel;
        let wrong =
            || ReplyProblem::Value { what: "distribution channel", path: named.text.clone() };
        let nodes = named.path.find(at, self.absent)?;
        nodes
            .into_iter()
            .map(|node| match (node, channel) {
                (Value::Null, _) => Ok(ChannelAnswer::Nothing),
                (Value::String(text), _) if text.is_empty() => Ok(ChannelAnswer::Nothing),
                (Value::String(text), Channel::Text(_)) => DistributionChannel::parse(text)
                    .map(ChannelAnswer::Channel)
                    .map_err(|_wrong| wrong()),
                (Value::String(code), Channel::Code { texts, unmapped, .. }) => {
                    if let Some(channel) = texts.get(code) {
                        return Ok(ChannelAnswer::Channel(channel.clone()));
                    }
                    unmapped.tell(code);
                    Ok(ChannelAnswer::Code(code.clone()))
                }
                _ => Err(wrong()),
            })
            .collect()
    }

    fn countries(
        &self,
        country: &Named,
        row: &Value,
    ) -> Result<Vec<Option<CountryCode>>, ReplyProblem> {
        let wrong = || ReplyProblem::Value { what: "country code", path: country.text.clone() };
        let nodes = country.path.find(row, self.absent)?;
        nodes
            .into_iter()
            .map(|node| match node {
                Value::Null => Ok(None),
                Value::String(text) if text.is_empty() => Ok(None),
                Value::String(text) => match self.country_codes.get(text) {
                    Some(country) => Ok(Some(*country)),
                    None => CountryCode::parse(text).map(Some).map_err(|_wrong| wrong()),
                },
                _ => Err(wrong()),
            })
            .collect()
    }

    fn is_set(&self, mark: Option<&Mark>, at: &Value) -> Result<bool, ReplyProblem> {
        let Some(mark) = mark else { return Ok(false) };
        let mut is_set = false;
        for node in mark.path.find(at, self.absent)? {
            is_set |= mark.is_set_by(node)?;
        }
        Ok(is_set)
    }
}

impl Mark {
    /// A mark that asks for a truth value understands each form of one, and nothing else: what cannot
    /// be read must not pass for "not blocked".
    fn is_set_by(&self, node: &Value) -> Result<bool, ReplyProblem> {
        let told = match node {
            Value::Bool(truth) => Some(truth.to_string()),
            node => text(node),
        };
        if told.as_ref().is_some_and(|told| self.values.contains(told)) {
            return Ok(true);
        }
        let is_truth = |value: &String| matches!(value.as_str(), "true" | "false");
        if !self.values.iter().any(is_truth) {
            return Ok(false);
        }
        match truth_of(node) {
            Some(truth) => Ok(self.values.contains(&truth.to_string())),
            None if self.values.iter().all(is_truth) => {
                let path = self.path.text().to_owned();
                Err(ReplyProblem::Value { what: "truth value", path })
            }
            None => Ok(false),
        }
    }
}

/// All of them, or the one at a place.
fn at<T>(values: Vec<T>, position: Option<usize>) -> Vec<T> {
    match position {
        None => values,
        Some(position) => values.into_iter().skip(position).take(1).collect(),
    }
}

/// What all say; inside `None` if there is nothing to say, outside if they do not agree.
#[expect(clippy::option_option, reason = "nothing to say and no agreement are two things")]
fn agreed<T: PartialEq>(values: Vec<T>) -> Option<Option<T>> {
    let mut values = values.into_iter();
    let first = values.next();
    values.all(|value| first.as_ref() == Some(&value)).then_some(first)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl From<Missing> for ReplyProblem {
    fn from(Missing(path): Missing) -> Self {
        Self::PathMissing { path }
    }
}
