//! One record: whose it is, its marks, and what its channel and country come to.
//!
//! Everything that is left after the rules must agree. An empty channel or country besides another
//! one does not agree with it: SAP leaves a text empty in a language it was not translated to.

use super::{
    Marks, Read, Reader, ReplyProblem, Sought, areas::ChannelAnswer, fields::OwnFields, json::Node,
    mark::Named,
};
use crate::{
    domain::{Ambiguity, BusinessPartner, Lookup, PartnerId},
    sap::dialect::path::Missing,
};

/// What proves that a record is the one that was asked for.
#[derive(Clone, Debug)]
pub(in crate::sap) enum Identity {
    Id {
        id: Named,
        /// IDs of digits that differ in leading zeros only are one partner (ALPHA conversion).
        is_alpha: bool,
    },
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

impl Identity {
    /// Character by character, except where SAP itself takes other zeros for the same (ALPHA conversion):
    /// Cloud for Customer knows wildcards, and pads some numbers and not others.
    pub(super) fn check(&self, sought: Sought<'_>, row: &Node<'_>) -> Result<(), ReplyProblem> {
        let asked = sought.id.as_str();
        let phone = sought.phone.filter(|phone| !phone.is_empty());
        let is_own = |text: &str| match self {
            Self::Id { is_alpha: true, .. } => text == asked || is_alpha_same(text, asked),
            Self::Id { is_alpha: false, .. } => text == asked,
            Self::Phone(_) => Some(text.strip_prefix('+').unwrap_or(text)) == phone,
            Self::Nothing => true,
        };
        let named = match self {
            Self::Id { id: named, .. } | Self::Phone(named) => named,
            Self::Nothing => return Ok(()),
        };
        let nodes = named.path.nodes(row)?;
        let all_are = |holds: &dyn Fn(&str) -> bool| {
            !nodes.is_empty()
                && nodes.iter().all(|node| node.to_text().is_some_and(|text| holds(&text)))
        };
        if all_are(&is_own) {
            return Ok(());
        }
        let is_other_form =
            matches!(self, Self::Id { .. }) && all_are(&|text| is_alpha_same(text, asked));
        Err(if is_other_form { ReplyProblem::OtherForm } else { ReplyProblem::WrongRecord })
    }
}

/// Whether SAP stores both as one number: digits that differ in leading zeros only.
fn is_alpha_same(one: &str, other: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number(one)
        && is_number(other)
        && one.trim_start_matches('0') == other.trim_start_matches('0')
}

impl Reader {
    pub(super) fn partner(&self, row: &Node<'_>) -> Result<Read, ReplyProblem> {
        let marks = Marks {
            blocked: self.blocked.is_set(row, self.absent)?,
            contact_refused: self.contact_refused.is_set(row, self.absent)?,
            facts: self.facts.of(row),
        };
        let fields = match &self.next {
            Next::Own(fields) => &**fields,
            Next::Another { id, step } => return self.another(id, *step, marks, row),
        };
        let Some(channel) = agreed(fields.channels(row, self.absent)?) else {
            return Ok(Read::Known(Lookup::Ambiguous(Ambiguity::Channels)));
        };
        let Some(country) = agreed(fields.countries(row, &self.country_codes, self.absent)?) else {
            return Ok(Read::Known(Lookup::Ambiguous(Ambiguity::Countries)));
        };
        let channel = channel.and_then(ChannelAnswer::known);
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
        row: &Node<'_>,
    ) -> Result<Read, ReplyProblem> {
        let wrong = || ReplyProblem::Value { what: "partner ID", path: id.text.clone() };
        let ids: Result<Vec<_>, _> = id
            .path
            .find(row, self.absent)?
            .into_iter()
            .map(|node| match node {
                Node::Null => Ok(None),
                Node::Text(text) if text.is_empty() => Ok(None),
                node => {
                    let parsed = node.to_text().and_then(|text| PartnerId::parse(&text).ok());
                    parsed.map(Some).ok_or_else(wrong)
                }
            })
            .collect();
        Ok(match agreed(ids?) {
            Some(id) => Read::LeadsOn { id: id.flatten(), step, marks },
            None => Read::Known(Lookup::Ambiguous(Ambiguity::Records)),
        })
    }
}

/// What all say; inside `None` if there is nothing to say, outside if they do not agree.
#[expect(clippy::option_option, reason = "nothing to say and no agreement are two things")]
fn agreed<T: PartialEq>(values: Vec<T>) -> Option<Option<T>> {
    let mut values = values.into_iter();
    let first = values.next();
    values.all(|value| first.as_ref() == Some(&value)).then_some(first)
}

impl From<Missing> for ReplyProblem {
    fn from(Missing(path): Missing) -> Self {
        Self::PathMissing { path }
    }
}
