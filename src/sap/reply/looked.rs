//! What was looked at in a record, and what of it counted: for a person who asks why.

use super::{
    Next, Reader,
    json::{self, Node},
    mark::Named,
    without_mark,
};

/// Of a record that is kept for whoever asks later, so many areas and addresses are.
const KEPT_PARTS: usize = 40;

/// And of each of their values, so much.
const KEPT_CHARACTERS: usize = 60;

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

impl Seen {
    /// `organisation 1000, division 00, channel Direct sales`, and why it does not count.
    pub fn told(&self) -> String {
        let values: Vec<_> =
            self.values.iter().map(|(name, value)| format!("{name} {value}")).collect();
        let values = values.join(", ");
        match self.left_out {
            None => values,
            Some(why) => format!("{values}; does not count: {}", why.told()),
        }
    }

    /// In few bytes, however much SAP has written.
    fn bounded(mut self) -> Self {
        for (_, value) in &mut self.values {
            if value.chars().count() > KEPT_CHARACTERS {
                *value = value.chars().take(KEPT_CHARACTERS).chain(['…']).collect();
            }
            value.shrink_to_fit();
        }
        self.values.shrink_to_fit();
        self
    }
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

impl Looked {
    /// To be kept for a while: bounded, whatever SAP has.
    pub(in crate::sap) fn bounded(mut self) -> Self {
        for parts in [&mut self.areas, &mut self.addresses] {
            parts.truncate(KEPT_PARTS);
            *parts = parts.drain(..).map(Seen::bounded).collect();
        }
        self
    }
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
