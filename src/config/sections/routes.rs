//! `routes:` which SAP system is asked about a partner: by path, by client, by the form of its ID.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    clients::{Client, ClientName},
    findings::shown,
    listen::{self, Listen},
    resolve::Reading,
    sap::SystemName,
    suggest::nearest,
};
use crate::domain::{IdSpan, PartnerId};

/// Questions of one kind, and who is asked about their partners.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Route {
    /// The path that they come to; `None`: `listen.path`, or that of drop-in mode.
    pub path: Option<String>,
    /// Who asks; empty: whoever may.
    pub clients: Vec<ClientName>,
    /// What IDs the partners have; empty: any.
    pub ids: Vec<IdSpan>,
    /// The places of the systems on their list; the first that knows the partner counts.
    pub ask: Vec<usize>,
    /// Whether the next one is asked where one is silent.
    pub when_silent: WhenSilent,
}

/// What happens where a system that is asked before others gives no answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenSilent {
    /// Nobody else is asked: it might know the partner, and another system's partner of that ID might be
    /// somebody else.
    #[default]
    Stop,
    /// The next one is asked. Nobody is unknown before all have said so.
    AskNext,
}

impl Route {
    /// Whether a question is of this kind. Allocates nothing.
    pub fn fits(&self, path: Option<&str>, client: &ClientName, partner: PartnerId) -> bool {
        self.path.as_deref() == path
            && (self.clients.is_empty() || self.clients.contains(client))
            && (self.ids.is_empty() || self.ids.iter().any(|ids| ids.has(&partner)))
    }

    /// Every question of the other kind is one of this kind.
    fn covers(&self, other: &Self) -> bool {
        let clients = &other.clients;
        let covered = |ids: &IdSpan| self.ids.iter().any(|mine| mine.covers(ids));
        let is_any = |ids: &IdSpan| ids.to_string() == "*";
        self.path == other.path
            && (self.clients.is_empty()
                || (!clients.is_empty() && clients.iter().all(|name| self.clients.contains(name))))
            && (self.ids.is_empty()
                || self.ids.iter().any(is_any)
                || (!other.ids.is_empty() && other.ids.iter().all(covered)))
    }

    /// Some questions may be of both kinds, whatever the IDs.
    fn meets(&self, other: &Self) -> bool {
        let (clients, others) = (&self.clients, &other.clients);
        let in_both = clients.iter().any(|name| others.contains(name));
        self.path == other.path && (clients.is_empty() || others.is_empty() || in_both)
    }
}

/// One entry of `routes:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["ask"]))]
pub(in crate::config) struct RouteFile {
    /// The path that the questions come to, besides listen.path; without it, that one and drop-in mode's.
    path: Option<String>,
    /// Which clients ask; without it, all of them.
    #[schemars(with = "Vec<String>")]
    clients: Vec<Option<String>>,
    /// IDs of the partners: ranges (1000000-1999999) and forms (C######, 8*); without it, all of them.
    #[schemars(with = "Vec<String>")]
    ids: Vec<Option<String>>,
    /// The names of the systems that are asked, one after the other until one knows the partner.
    #[schemars(with = "Vec<String>")]
    ask: Option<Vec<Option<String>>>,
    /// What happens where one of them is silent and others come after it.
    when_silent: WhenSilent,
}

/// What routes name.
pub(in crate::config) struct Ground<'g> {
    /// `None`: not all of them are known.
    pub(in crate::config) systems: Option<&'g [&'g SystemName]>,
    /// `None`: not all of them are known.
    pub(in crate::config) clients: Option<&'g [Client]>,
    pub(in crate::config) listen: Option<&'g Listen>,
    /// The places of systems that are only asked to compare their answers.
    pub(in crate::config) compared: &'g [usize],
}

/// Reads the list. Where there is none, everything goes to the only system.
pub(in crate::config) fn resolve(
    files: &[Option<RouteFile>],
    ground: &Ground<'_>,
    reading: &mut Reading<'_>,
) -> Vec<Route> {
    if files.is_empty() {
        if ground.systems.is_some_and(|systems| systems.len() > 1) {
            let told = "are several, and no `routes` says which of them is asked; for one after the other \
                        write `routes: [{ ask: [NAME, NAME] }]`";
            reading.at("systems", told);
        }
        return vec![Route { ask: vec![0], ..Route::default() }];
    }
    let routes: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(place, file)| {
            file.as_ref().map(|file| file.resolve(&format!("routes[{place}]"), ground, reading))
        })
        .collect();
    if reading.findings.spare("routes") {
        that_meet(&routes, reading);
        if let Some(systems) = ground.systems {
            never_asked(&routes, systems, ground.compared, reading);
        }
    }
    routes.into_iter().flatten().collect()
}

impl RouteFile {
    fn resolve(&self, key: &str, ground: &Ground<'_>, reading: &mut Reading<'_>) -> Route {
        let path = self.path.as_deref().and_then(|path| {
            let key = format!("{key}.path");
            let is_one_of = |listen: &Listen| {
                let of_callers = listen.caller_information.as_ref();
                path == listen.path || of_callers.is_some_and(|asked| asked.path == path)
            };
            if ground.listen.is_some_and(is_one_of) {
                let told =
                    "is one of the section listen, which is meant where no path is named; remove it";
                reading.at(&key, told);
            }
            listen::path_of(&key, path, reading)
        });
        let listed = |name: &str, list: &[Option<String>]| -> Vec<(String, String)> {
            let texts = list.iter().enumerate();
            let with_key = |(at, text): (usize, &Option<String>)| {
                Some((format!("{key}.{name}[{at}]"), text.clone()?))
            };
            texts.filter_map(with_key).collect()
        };
        let mut clients = Vec::new();
        for (key, text) in listed("clients", &self.clients) {
            let Some(known) = ground.clients else { break };
            if let Some(client) = known.iter().find(|client| client.name.as_str() == text) {
                clients.push(client.name.clone());
            } else {
                let known = known.iter().map(|client| client.name.as_str());
                reading.at(&key, no_such("client", &text, known));
            }
        }
        let mut ids: Vec<IdSpan> = Vec::new();
        for (key, text) in listed("ids", &self.ids) {
            match IdSpan::parse(&text) {
                Ok(span) if ids.iter().any(|before| before.covers(&span)) => {
                    reading.at(&key, "are IDs that stand before it in the same list");
                }
                Ok(span) => ids.push(span),
                Err(error) => reading.at(&key, error.to_string()),
            }
        }
        let mut ask = Vec::new();
        for (key, text) in listed("ask", self.ask.as_deref().unwrap_or_default()) {
            let Some(known) = ground.systems else { break };
            match known.iter().position(|name| name.as_str() == text) {
                Some(place) if ask.contains(&place) => reading.at(&key, "is asked already"),
                Some(place) => ask.push(place),
                None => {
                    let known = known.iter().map(|name| name.as_str());
                    reading.at(&key, no_such("system", &text, known));
                }
            }
        }
        if self.ask.as_ref().is_some_and(Vec::is_empty) {
            reading.at(&format!("{key}.ask"), "is empty; name at least one system");
        }
        if self.when_silent == WhenSilent::AskNext && ask.len() == 1 {
            let told = "is ask_next, but there is no other system in `ask`";
            reading.at(&format!("{key}.when_silent"), told);
        }
        Route { path, clients, ids, ask, when_silent: self.when_silent }
    }
}

/// A name that is nobody's.
pub(super) fn no_such<'n>(what: &str, text: &str, known: impl Iterator<Item = &'n str>) -> String {
    let known: Vec<_> = known.collect();
    let told = format!("there is no {what} `{}`", shown(text));
    match nearest(text, &known) {
        Some((close, _)) => format!("{told}; did you mean `{close}`?"),
        None => format!("{told}; there are: {}", known.join(", ")),
    }
}

/// Routes that no question gets to, and ranges of which only a part does.
fn that_meet(routes: &[Option<Route>], reading: &mut Reading<'_>) {
    for (place, route) in routes.iter().enumerate() {
        let Some(route) = route else { continue };
        for (before, other) in routes.iter().enumerate().take(place) {
            let Some(other) = other else { continue };
            let line = reading.findings.line_of(&format!("routes[{before}]"));
            if other.covers(route) {
                let told = format!(
                    "is never used: every question that fits it goes by the route in {line} already"
                );
                reading.at(&format!("routes[{place}]"), told);
                break;
            }
            if !other.meets(route) {
                continue;
            }
            for (at, ids) in route.ids.iter().enumerate() {
                let Some(both) = other.ids.iter().find_map(|before| before.overlap(ids)) else {
                    continue;
                };
                let told = format!(
                    "overlaps with the route in {line}, where {both} go already; let one range end where \
                     the other begins"
                );
                reading.at(&format!("routes[{place}].ids[{at}]"), told);
            }
        }
    }
}

fn never_asked(
    routes: &[Option<Route>],
    systems: &[&SystemName],
    compared: &[usize],
    reading: &mut Reading<'_>,
) {
    for (place, name) in systems.iter().enumerate() {
        let is_asked = routes.iter().flatten().any(|route| route.ask.contains(&place));
        if !is_asked && !compared.contains(&place) {
            let told = format!(
                "`{name}` is asked by no route and no compare_with; name it in one, or remove the system"
            );
            let key = format!("systems[{place}].name");
            reading.at(&key, told);
        }
    }
}
