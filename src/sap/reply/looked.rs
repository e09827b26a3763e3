//! What was looked at in a record, and what of it counted: for a person who asks why.

use super::{
    Next, Reader,
    json::{self, Node},
    mark::Named,
    without_mark,
};

/// A sales area or an address of a record.
pub(super) struct Part<'v> {
    pub(super) value: &'v Node<'v>,
    /// `None`: it counts.
    pub(super) left_out: Option<LeftOut>,
}

/// Why a sales area or an address does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeftOut {
    /// It is marked for deletion.
    Deleted,
    /// It is not valid today.
    NotValid,
    /// It has another organisation, division, place or usage than the configuration wants.
    Another(&'static str),
}

impl LeftOut {
    /// The rest of a sentence about it.
    pub fn told(self) -> String {
        match self {
            Self::Deleted => "marked for deletion (sap.sales_area.deleted_too)".to_owned(),
            Self::NotValid => "not valid today (sap.address.invalid_too)".to_owned(),
            Self::Another("usage") => "not used for sap.address.usage".to_owned(),
            Self::Another("place") => "not at sap.sales_area.position".to_owned(),
            Self::Another(what) => format!("not of sap.sales_area.{what}"),
        }
    }
}

/// A sales area or an address, as a person reads it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Names and values: `organisation`, `division` and `channel`, or `country`.
    pub values: Vec<(&'static str, String)>,
    /// `None`: it counts.
    pub left_out: Option<LeftOut>,
}

/// What was looked at in the one record of an answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Looked {
    /// Its sales areas.
    pub areas: Vec<Seen>,
    /// Its addresses.
    pub addresses: Vec<Seen>,
    /// The dialect can pick an address by `sap.address`.
    pub picks_address: bool,
}

impl Reader {
    /// What there is to see in an answer of one record; nothing where there is none.
    pub(in crate::sap) fn looked(&self, body: &[u8]) -> Option<Looked> {
        let root = json::read(without_mark(body)).ok()?.root;
        let rows = self.rows.path.records(&root).ok()?;
        let ([row], Next::Own(fields)) = (rows.as_slice(), &self.next) else { return None };
        let seen = |name, named: &Named, at: &Node<'_>| {
            let nodes = named.path.find(at, self.absent).unwrap_or_default();
            let texts: Vec<_> = nodes.into_iter().filter_map(Node::to_text).collect();
            (name, texts.join(", "))
        };
        let area = |part: &Part<'_>| {
            let rules = fields.areas.iter().flat_map(|areas| &areas.rules);
            let mut values: Vec<_> =
                rules.map(|rule| seen(rule.name, &rule.path, part.value)).collect();
            let channel = fields.channel.of(part.value, self.absent).unwrap_or_default();
            let channel: Vec<_> = channel.iter().map(ToString::to_string).collect();
            values.push(("channel", channel.join(", ")));
            Seen { values, left_out: part.left_out }
        };
        let areas = fields.areas_of(row, self.absent).ok()?.unwrap_or_default();
        let addresses = fields.addresses.as_ref();
        let parts = addresses.map(|addresses| addresses.of(row, self.absent)).transpose().ok()?;
        let address = |part: &Part<'_>| Seen {
            values: vec![seen("country", &fields.country, part.value)],
            left_out: part.left_out,
        };
        Some(Looked {
            areas: areas.iter().map(area).collect(),
            addresses: parts.unwrap_or_default().iter().map(address).collect(),
            picks_address: addresses.is_some(),
        })
    }
}
