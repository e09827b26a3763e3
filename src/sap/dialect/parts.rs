//! The parts of a record that count by the configuration: sales areas and addresses.

use super::{
    compiler::{Compiler, all},
    path::Path,
};
use crate::{
    config,
    sap::{
        problem::DialectProblem,
        reply::{Addresses, AreaRule, Areas, Named, Usage, Validity},
    },
};

impl Compiler<'_> {
    pub(super) fn areas(&mut self, areas: &config::Areas, top: Option<&Path>) -> Option<Areas> {
        let rule = &self.sap.sales_area;
        let list = self.inner("areas.list", &areas.list, top);
        let inside = list.as_ref().map(|list| &list.path);
        let mut wanted = |name, path: &Option<String>, value: &Option<String>| {
            let key = format!("areas.{name}");
            let path = path.as_ref().map(|path| self.innermost(&key, path, top, inside));
            Some(all(path)?.map(|path| AreaRule { name, path, value: value.clone() }))
        };
        let organisation = wanted("organisation", &areas.organisation, &rule.organisation);
        let division = wanted("division", &areas.division, &rule.division);
        let deleted = areas.deleted.as_ref().map(|flag| self.mark("areas.deleted", flag, inside));
        Some(Areas {
            list: list?,
            rules: [organisation?, division?].into_iter().flatten().collect(),
            deleted: all(deleted)?.filter(|_| !rule.deleted_too),
        })
    }

    /// A rule that a step cannot follow must not be passed over in silence.
    pub(super) fn area_rules(&mut self, step: &config::Step) {
        let rule = &self.sap.sales_area;
        let areas = step.areas.as_ref();
        let can = [
            (
                "organisation",
                &rule.organisation,
                areas.and_then(|areas| areas.organisation.as_ref()),
            ),
            ("division", &rule.division, areas.and_then(|areas| areas.division.as_ref())),
        ];
        for (name, value, path) in can {
            if value.is_some() && path.is_none() {
                let told = format!(
                    "is set, but step `{}` of this dialect does not say where it is in an answer",
                    step.name
                );
                self.problems.push(DialectProblem::new(format!("sap.sales_area.{name}"), told));
            }
        }
    }

    pub(super) fn addresses(
        &mut self,
        addresses: &config::Addresses,
        top: Option<&Path>,
    ) -> Option<Addresses> {
        let list = self.inner("addresses.list", &addresses.list, top);
        let inside = list.as_ref().map(|list| &list.path);
        let mut day = |name, path: &Option<String>| {
            let key = format!("addresses.{name}");
            all(path.as_ref().map(|path| self.innermost(&key, path, top, inside)))
        };
        let from = day("valid_from", &addresses.valid_from);
        let to = day("valid_to", &addresses.valid_to);
        let usage = all(addresses.usages.as_ref().map(|usages| self.usage(usages, top, inside)));
        let valid = Validity { from: from?, to: to? };
        Some(Addresses {
            list: list?,
            valid: (!self.sap.address.invalid_too).then_some(valid),
            usage: usage?.flatten(),
        })
    }

    /// Inside `None`: whatever an address is used for.
    #[expect(clippy::option_option, reason = "the outer one is whether the paths are sound")]
    fn usage(
        &mut self,
        usages: &config::Usages,
        top: Option<&Path>,
        address: Option<&Path>,
    ) -> Option<Option<Usage>> {
        let list = self.innermost("addresses.usages.list", &usages.list, top, address);
        let inside = list.as_ref().map(|list| &list.path);
        let mut part = |name, path: &str| -> Option<Named> {
            let named = self.innermost(&format!("addresses.usages.{name}"), path, top, address)?;
            let path = inside.map_or(named.path.clone(), |list| named.path.seen_from(list));
            Some(Named { path, ..named })
        };
        let usage = part("usage", &usages.usage);
        let from = all(usages.valid_from.as_ref().map(|path| part("valid_from", path)));
        let to = all(usages.valid_to.as_ref().map(|path| part("valid_to", path)));
        let valid = Validity { from: from?, to: to? };
        let (list, usage) = (list?, usage?);
        let wanted = self.sap.address.usage.clone();
        Some(wanted.map(|wanted| Usage { wanted, list, name: usage, valid }))
    }

    /// A rule that a step cannot follow must not be passed over in silence.
    pub(super) fn address_rules(&mut self, step: &config::Step) {
        let can = step.addresses.as_ref().is_some_and(|addresses| addresses.usages.is_some());
        if self.sap.address.usage.is_some() && !can {
            let told = format!(
                "is set, but step `{}` of this dialect does not say where it is in an answer",
                step.name
            );
            self.problems.push(DialectProblem::new("sap.address.usage", told));
        }
    }
}
