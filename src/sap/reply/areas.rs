//! The sales areas of a record: which of them count, and what their channels are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::warn;

use super::{
    ReplyProblem,
    json::Node,
    looked::{LeftOut, Part},
    mark::{Mark, Named},
};
use crate::{domain::DistributionChannel, sap::dialect::path::Absent};

/// The sales areas of a record, and which of them count.
#[derive(Clone, Debug)]
pub(in crate::sap) struct Areas {
    pub(in crate::sap) list: Named,
    pub(in crate::sap) rules: Vec<AreaRule>,
    pub(in crate::sap) deleted: Option<Mark>,
}

/// What tells sales areas apart.
#[derive(Clone, Debug)]
pub(in crate::sap) struct AreaRule {
    /// `organisation` or `division`.
    pub(in crate::sap) name: &'static str,
    pub(in crate::sap) path: Named,
    /// Only sales areas with this value count; `None`: whatever it is.
    pub(in crate::sap) value: Option<String>,
}

impl Areas {
    /// All of a record, each with the reason for which it does not count.
    pub(super) fn of<'v>(
        &self,
        row: &'v Node<'v>,
        absent: Absent,
    ) -> Result<Vec<Part<'v>>, ReplyProblem> {
        let areas = self.list.path.rows(row, absent)?;
        let part = |area| Ok(Part { value: area, left_out: self.leaves_out(area, absent)? });
        areas.into_iter().map(part).collect()
    }

    fn leaves_out(&self, area: &Node<'_>, absent: Absent) -> Result<Option<LeftOut>, ReplyProblem> {
        if let Some(deleted) = &self.deleted
            && deleted.is_set(area, absent)?
        {
            return Ok(Some(LeftOut::Deleted));
        }
        for rule in &self.rules {
            let Some(wanted) = &rule.value else { continue };
            let values = rule.path.path.find(area, absent)?;
            if !values.iter().any(|value| value.to_text().as_deref() == Some(wanted)) {
                return Ok(Some(LeftOut::Another(rule.name)));
            }
        }
        Ok(None)
    }
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

impl Channel {
    /// Those that stand in a sales area, or in a record without any.
    pub(super) fn of(
        &self,
        at: &Node<'_>,
        absent: Absent,
    ) -> Result<Vec<ChannelAnswer>, ReplyProblem> {
        let (Self::Text(named) | Self::Code { path: named, .. }) = self;
        let nodes = named.path.find(at, absent)?;
        let wrong =
            || ReplyProblem::Value { what: "distribution channel", path: named.text.clone() };
        nodes.into_iter().map(|node| self.read(node).ok_or_else(wrong)).collect()
    }

    fn read(&self, node: &Node<'_>) -> Option<ChannelAnswer> {
        match (node, self) {
            (Node::Null, _) => Some(ChannelAnswer::Nothing),
            (Node::Text(text), _) if text.is_empty() => Some(ChannelAnswer::Nothing),
            (Node::Text(text), Self::Text(_)) => {
                DistributionChannel::parse(text).map(ChannelAnswer::Channel).ok()
            }
            (Node::Text(code), Self::Code { texts, unmapped, .. }) => {
                if let Some(channel) = texts.get(&**code) {
                    return Some(ChannelAnswer::Channel(channel.clone()));
                }
                unmapped.tell(code);
                Some(ChannelAnswer::Code(code.clone().into_owned()))
            }
            _ => None,
        }
    }
}

/// One channel among several: those with an unknown code differ from all others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ChannelAnswer {
    Nothing,
    Channel(DistributionChannel),
    Code(String),
}

impl ChannelAnswer {
    /// One that contract numbers can be made of.
    pub(super) fn known(self) -> Option<DistributionChannel> {
        match self {
            Self::Channel(channel) => Some(channel),
            Self::Nothing | Self::Code(_) => None,
        }
    }
}

impl fmt::Display for ChannelAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("none"),
            Self::Channel(channel) => f.write_str(channel.as_str()),
            Self::Code(code) => write!(f, "code {code}, which has no text in sap.channel_texts"),
        }
    }
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
