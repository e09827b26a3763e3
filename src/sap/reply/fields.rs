//! Channel and country of a record, out of the sales areas and addresses that count.

use std::collections::BTreeMap;

use super::{
    ReplyProblem,
    addresses::Addresses,
    areas::{Areas, Channel, ChannelAnswer},
    json::Node,
    looked::{LeftOut, Part},
    mark::Named,
};
use crate::{domain::CountryCode, sap::dialect::path::Absent};

/// Channel and country in the record itself.
#[derive(Clone, Debug)]
pub(in crate::sap) struct OwnFields {
    pub(in crate::sap) areas: Option<Areas>,
    /// Only what stands at this place counts, from 0.
    pub(in crate::sap) position: Option<usize>,
    pub(in crate::sap) channel: Channel,
    pub(in crate::sap) addresses: Option<Addresses>,
    pub(in crate::sap) country: Named,
}

impl OwnFields {
    /// The channels of what counts.
    pub(super) fn channels(
        &self,
        row: &Node<'_>,
        absent: Absent,
    ) -> Result<Vec<ChannelAnswer>, ReplyProblem> {
        let Some(parts) = self.areas_of(row, absent)? else {
            return Ok(at(self.channel.of(row, absent)?, self.position));
        };
        let areas = parts.into_iter().filter(|part| part.left_out.is_none());
        let told: Result<Vec<_>, _> =
            areas.map(|area| self.channel.of(area.value, absent)).collect();
        Ok(told?.into_iter().flatten().collect())
    }

    /// The countries of what counts; `None` for an empty one.
    pub(super) fn countries(
        &self,
        row: &Node<'_>,
        codes: &BTreeMap<String, CountryCode>,
        absent: Absent,
    ) -> Result<Vec<Option<CountryCode>>, ReplyProblem> {
        let wrong =
            || ReplyProblem::Value { what: "country code", path: self.country.text.clone() };
        let mut places = vec![row];
        if let Some(addresses) = &self.addresses {
            let parts = addresses.of(row, absent)?;
            let counting = parts.into_iter().filter(|part| part.left_out.is_none());
            places = counting.map(|part| part.value).collect();
        }
        let mut countries = Vec::new();
        for place in places {
            for node in self.country.path.find(place, absent)? {
                countries.push(country(node, codes).ok_or_else(wrong)?);
            }
        }
        Ok(countries)
    }

    /// The sales areas, with the rule of the place; `None`: there are none in this dialect.
    pub(super) fn areas_of<'v>(
        &self,
        row: &'v Node<'v>,
        absent: Absent,
    ) -> Result<Option<Vec<Part<'v>>>, ReplyProblem> {
        let Some(areas) = &self.areas else { return Ok(None) };
        let mut parts = areas.of(row, absent)?;
        if let Some(position) = self.position {
            let counting = parts.iter_mut().filter(|part| part.left_out.is_none());
            for (_, part) in counting.enumerate().filter(|(place, _)| *place != position) {
                part.left_out = Some(LeftOut::Another("place"));
            }
        }
        Ok(Some(parts))
    }
}

/// Outside `None`: it is no country.
#[expect(clippy::option_option, reason = "no country and none that can be one are two things")]
fn country(node: &Node<'_>, codes: &BTreeMap<String, CountryCode>) -> Option<Option<CountryCode>> {
    match node {
        Node::Null => Some(None),
        Node::Text(text) if text.is_empty() => Some(None),
        Node::Text(text) => match codes.get(&**text) {
            Some(country) => Some(Some(*country)),
            None => CountryCode::parse(text).map(Some).ok(),
        },
        _ => None,
    }
}

/// All of them, or the one at a place.
fn at<T>(values: Vec<T>, position: Option<usize>) -> Vec<T> {
    match position {
        None => values,
        Some(position) => values.into_iter().skip(position).take(1).collect(),
    }
}
