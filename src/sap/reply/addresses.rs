//! The addresses of a record: which of them count.

use jiff::civil::Date;

use super::{
    ReplyProblem,
    dates::{Limit, day},
    json::Node,
    looked::{LeftOut, Part},
    mark::Named,
};
use crate::{sap::dialect::path::Absent, telemetry::clock};

/// The addresses of a record, and which of them count.
#[derive(Clone, Debug)]
pub(in crate::sap) struct Addresses {
    pub(in crate::sap) list: Named,
    /// `None`: also those that are not valid today.
    pub(in crate::sap) valid: Option<Validity>,
    /// `None`: whatever they are used for.
    pub(in crate::sap) usage: Option<Usage>,
}

/// From when to when something is valid; a day that is not there is no limit.
#[derive(Clone, Debug, Default)]
pub(in crate::sap) struct Validity {
    pub(in crate::sap) from: Option<Named>,
    pub(in crate::sap) to: Option<Named>,
}

/// Only addresses that are used for this count.
#[derive(Clone, Debug)]
pub(in crate::sap) struct Usage {
    pub(in crate::sap) wanted: String,
    pub(in crate::sap) list: Named,
    pub(in crate::sap) name: Named,
    pub(in crate::sap) valid: Validity,
}

impl Addresses {
    /// All of a record, each with the reason for which it does not count.
    pub(super) fn of<'v>(
        &self,
        row: &'v Node<'v>,
        absent: Absent,
    ) -> Result<Vec<Part<'v>>, ReplyProblem> {
        let addresses = self.list.path.rows(row, absent)?;
        let today = clock::today_date();
        let part = |address| {
            Ok(Part { value: address, left_out: self.leaves_out(address, today, absent)? })
        };
        addresses.into_iter().map(part).collect()
    }

    fn leaves_out(
        &self,
        address: &Node<'_>,
        today: Date,
        absent: Absent,
    ) -> Result<Option<LeftOut>, ReplyProblem> {
        if let Some(valid) = &self.valid
            && !valid.includes(address, today)?
        {
            return Ok(Some(LeftOut::NotValid));
        }
        match &self.usage {
            Some(usage) if !usage.is_of(address, today, absent)? => {
                Ok(Some(LeftOut::Another("usage")))
            }
            _ => Ok(None),
        }
    }
}

impl Usage {
    fn is_of(&self, address: &Node<'_>, today: Date, absent: Absent) -> Result<bool, ReplyProblem> {
        for usage in self.list.path.rows(address, absent)? {
            let names = self.name.path.find(usage, absent)?;
            if names.iter().any(|name| name.to_text().as_deref() == Some(&self.wanted))
                && self.valid.includes(usage, today)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Validity {
    fn includes(&self, at: &Node<'_>, today: Date) -> Result<bool, ReplyProblem> {
        let days = |named: &Option<Named>| -> Result<Vec<Limit>, ReplyProblem> {
            let Some(named) = named else { return Ok(Vec::new()) };
            let wrong = || ReplyProblem::Value { what: "date", path: named.text.clone() };
            let nodes = named.path.find(at, Absent::IsEmpty)?;
            nodes.into_iter().map(|node| day(node).ok_or_else(wrong)).collect()
        };
        let begins = days(&self.from)?.iter().all(|from| from.is_none_or(|from| from <= today));
        let lasts = days(&self.to)?.iter().all(|to| to.is_none_or(|to| today <= to));
        Ok(begins && lasts)
    }
}
