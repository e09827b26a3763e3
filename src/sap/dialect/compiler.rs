//! One step of a dialect, compiled: its template, its paths, and what the section `sap` says about
//! them.

use super::{Step, base_path::asks_twice};
use crate::sap::problem::DialectProblem;
use crate::{
    config,
    sap::{
        dialect::facts::FactPaths,
        dialect::odata::{By, Template},
        dialect::path::{Absent, Path},
        reply::{Channel, Identity, Mark, MarkSet, Named, Next, OwnFields, Reader, Unmapped},
    },
};

/// In a request: what brings the usages of addresses along, where they are needed.
const USAGES: &str = "{usages}";

/// Compiles one step and notes what is wrong under which key.
pub(super) struct Compiler<'p> {
    pub(super) key: String,
    pub(super) sap: &'p config::Sap,
    pub(super) dialect: &'p config::Dialect,
    pub(super) facts: &'p FactPaths,
    pub(super) problems: &'p mut Vec<DialectProblem>,
}

impl Compiler<'_> {
    pub(super) fn step(&mut self, step: &config::Step) -> Option<Step> {
        if step.name.is_empty() {
            self.wrong("name", "is empty; logs and `explain` name the step by it");
        }
        if self.dialect.steps.iter().filter(|other| other.name == step.name).count() > 1 {
            self.wrong("name", "is the name of another step, too");
        }
        self.statuses("unknown_statuses", &step.unknown_statuses);
        self.statuses("blocked_statuses", &step.blocked_statuses);
        if let Some(status) =
            step.unknown_statuses.iter().find(|status| step.blocked_statuses.contains(status))
        {
            self.wrong(
                "blocked_statuses",
                format!("has {status}, which is in `unknown_statuses` too"),
            );
        }
        // Every part is compiled before the first `?`, so that all problems are found.
        let by = if step.phone.is_some() { By::Phone } else { By::Id };
        let template = self.template(step, by);
        let rows = self.named("rows", &step.rows);
        let top = rows.as_ref().map(|rows| &rows.path);
        let identity = self.identity(step, top);
        let next = self.next(step, top);
        let used = self.sap.used_marks;
        let blocked = self.marks("blocked", step.blocked.as_ref(), used.blocked, top);
        let contact_refused =
            self.marks("contact_refused", step.contact_refused.as_ref(), used.contact_refused, top);
        let identity = identity?;
        Some(Step {
            name: step.name.as_str().into(),
            template: template?,
            alone: matches!(identity, Identity::Nothing),
            by,
            reader: Reader {
                next: next?,
                identity,
                rows: rows?,
                blocked: blocked?,
                contact_refused: contact_refused?,
                facts: self.facts.clone(),
                country_codes: self.sap.country_codes.clone(),
                absent: if step.absent_is_empty { Absent::IsEmpty } else { Absent::IsAMistake },
                unknown_statuses: step.unknown_statuses.clone(),
                unknown_needs_error: step.unknown_needs_error,
                blocked_statuses: step.blocked_statuses.clone(),
            },
        })
    }

    fn template(&mut self, step: &config::Step, by: By) -> Option<Template> {
        let request = step.request.as_str();
        let prefix = self.sap.url.path().trim_end_matches('/');
        if asks_twice(prefix, request) {
            let told = format!(
                "has the path {prefix}, and so has each request of the preset: it would be asked twice; \
                 write only scheme, host and port"
            );
            self.problems.push(DialectProblem::new("sap.url", told));
        }
        let usages = step.addresses.as_ref().and_then(|addresses| addresses.usages.as_ref());
        let expand = usages.filter(|_| self.sap.address.usage.is_some());
        let request = &request.replace(USAGES, expand.map_or("", |usages| &usages.expand));
        let request = match &self.sap.client {
            Some(_) if request.contains("sap-client=") => {
                self.wrong("request", "names `sap-client`, and so does sap.client");
                request.to_owned()
            }
            Some(client) => {
                let sign = if request.contains('?') { '&' } else { '?' };
                format!("{request}{sign}sap-client={client}")
            }
            None => request.to_owned(),
        };
        Template::compile(prefix, &request, &self.sap.language, by)
            .map_err(|problems| {
                for problem in problems {
                    self.wrong("request", problem.to_string());
                }
            })
            .ok()
    }

    fn identity(&mut self, step: &config::Step, top: Option<&Path>) -> Option<Identity> {
        match (&step.id, &step.phone) {
            (Some(_), Some(_)) => {
                self.wrong("phone", "is there besides `id`; a record is proven by one of them");
                None
            }
            (Some(id), None) => {
                let id = self.inner("id", id, top)?;
                Some(Identity::Id { id, is_alpha: step.id_is_alpha })
            }
            (None, Some(phone)) => self.inner("phone", phone, top).map(Identity::Phone),
            (None, None) => Some(Identity::Nothing),
        }
    }

    /// Where channel and country are.
    fn next(&mut self, step: &config::Step, top: Option<&Path>) -> Option<Next> {
        if let Some(then) = &step.then {
            if step.channel.is_some() || step.channel_code.is_some() || step.areas.is_some() {
                self.wrong("then", "is there besides a channel, which would not be read");
            }
            if step.id.is_none() {
                self.wrong("id", "is missing; a record that leads on must prove whose it is");
            }
            let id = self.inner("then.id", &then.id, top);
            let step = self.then_step(&then.step);
            return Some(Next::Another { id: id?, step: step? });
        }
        let areas = all(step.areas.as_ref().map(|areas| self.areas(areas, top)));
        let area = areas.as_ref().and_then(Option::as_ref).map(|areas| &areas.list.path);
        let channel = self.channel(step, top, area);
        if step.country.is_none() {
            self.wrong("country", "is missing");
        }
        let addresses =
            all(step.addresses.as_ref().map(|addresses| self.addresses(addresses, top)));
        let address =
            addresses.as_ref().and_then(Option::as_ref).map(|addresses| &addresses.list.path);
        let country = step.country.as_ref();
        let country = country.and_then(|country| self.innermost("country", country, top, address));
        self.area_rules(step);
        self.address_rules(step);
        Some(Next::Own(Box::new(OwnFields {
            areas: areas?,
            position: self.sap.sales_area.position.map(|place| usize::from(place.get()) - 1),
            channel: channel?,
            addresses: addresses?,
            country: country?,
        })))
    }

    /// The place of the step that a record leads on to. It leads no further, so that no chain of
    /// records can go round in circles.
    fn then_step(&mut self, name: &str) -> Option<usize> {
        let place = self.dialect.steps.iter().position(|step| step.name == name);
        let step = place.and_then(|place| self.dialect.steps.get(place));
        match step {
            None => self.wrong("then.step", "is not the name of a step"),
            Some(step) if step.then.is_some() => {
                self.wrong("then.step", "names a step that leads on itself");
            }
            Some(step) if step.id.is_none() => {
                self.wrong("then.step", "names a step without `id`, which proves nothing");
            }
            Some(_) => return place,
        }
        None
    }

    /// By code where there is a table, by SAP's own text where there is none.
    fn channel(
        &mut self,
        step: &config::Step,
        top: Option<&Path>,
        area: Option<&Path>,
    ) -> Option<Channel> {
        let text = step.channel.as_ref().map(|text| self.innermost("channel", text, top, area));
        let code =
            step.channel_code.as_ref().map(|code| self.innermost("channel_code", code, top, area));
        let texts = &self.sap.channel_texts;
        let told = match (text, code) {
            (None, None) => {
                self.wrong("channel", "is missing, and so is `channel_code`");
                return None;
            }
            (Some(text), _) if texts.is_empty() => return Some(Channel::Text(text?)),
            (_, Some(code)) if !texts.is_empty() => {
                return Some(Channel::Code {
                    path: code?,
                    texts: texts.clone(),
                    unmapped: Unmapped::default(),
                });
            }
            (None, Some(_)) => {
                "is empty, but this SAP sends codes of channels and no texts; write for example `channel_texts: { \"10\": Direct sales }`"
            }
            (Some(_), _) => "is set, but this dialect has no `channel_code`; remove it",
        };
        self.problems.push(DialectProblem::new("sap.channel_texts", told));
        None
    }

    fn named(&mut self, key: &str, text: &str) -> Option<Named> {
        Path::compile(text)
            .map(|path| Named { path, text: text.to_owned() })
            .map_err(|problem| self.wrong(key, problem.to_string()))
            .ok()
    }

    /// A path in a record, however far above it begins.
    pub(super) fn inner(&mut self, key: &str, text: &str, top: Option<&Path>) -> Option<Named> {
        let Named { path, text } = self.named(key, text)?;
        let path = top.map_or(path.clone(), |top| path.seen_from(top));
        Some(Named { path, text })
    }

    /// A path in a sales area, however far above it begins.
    pub(super) fn innermost(
        &mut self,
        key: &str,
        text: &str,
        top: Option<&Path>,
        area: Option<&Path>,
    ) -> Option<Named> {
        let Named { path, text } = self.inner(key, text, top)?;
        let path = area.map_or(path.clone(), |area| path.seen_from(area));
        Some(Named { path, text })
    }

    fn marks(
        &mut self,
        key: &str,
        flags: Option<&config::Flags>,
        is_needed: bool,
        top: Option<&Path>,
    ) -> Option<MarkSet> {
        let flags = flags.map_or(&[][..], config::Flags::list);
        let any: Vec<_> = flags.iter().map(|flag| self.mark(key, flag, top)).collect();
        Some(MarkSet { any: any.into_iter().collect::<Option<_>>()?, is_needed })
    }

    pub(super) fn mark(
        &mut self,
        key: &str,
        flag: &config::Flag,
        top: Option<&Path>,
    ) -> Option<Mark> {
        if flag.values.is_empty() {
            self.wrong(&format!("{key}.values"), "is empty; the mark would never be set");
        }
        let path = self.inner(&format!("{key}.path"), &flag.path, top)?.path;
        Some(Mark { path, values: flag.values.clone() })
    }

    /// A status may mean something about the partner unless HTTP or SAP uses it for something else:
    /// 401 and 407 are about us, 408 and 429 about the moment.
    fn statuses(&mut self, key: &str, statuses: &[u16]) {
        for status in statuses {
            let is_sound = matches!(status, 204 | 400 | 402..=406 | 409..=428 | 430..=499);
            if !is_sound {
                self.wrong(
                    key,
                    format!("has {status}, which says nothing about a partner; 204 and most of 400 to 499 can"),
                );
            }
        }
    }

    pub(super) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(DialectProblem::new(format!("{}.{key}", self.key), message));
    }
}

/// Turns "there, but wrong" into nothing and leaves "not there" alone.
#[expect(clippy::option_option, reason = "the outer one is whether the key is there")]
pub(super) fn all<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(part) => part.map(Some),
    }
}
