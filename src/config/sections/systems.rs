//! `sap:` or `systems:`, and `routes:` which SAP systems there are, and which of them a question goes
//! to.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    clients::{Client, ClientName},
    comparison::{Comparison, ComparisonFile},
    listen::Listen,
    resolve::Reading,
    routes::{self, Ground, Route, RouteFile},
    sap::{Sap, SapFile, SystemName},
};
use crate::domain::PartnerId;

/// The SAP systems, at least one, and which question goes to which.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Systems {
    first: Sap,
    more: Vec<Sap>,
    /// The first that fits a question counts; one that none fits goes nowhere.
    pub routes: Vec<Route>,
    /// Systems that are asked as well, to compare what they say. At most one for each.
    pub comparisons: Vec<Comparison>,
}

impl Systems {
    /// The first on the list; the only one where `sap` is used.
    pub fn first(&self) -> &Sap {
        &self.first
    }

    /// All of them, in the order of the list: the places by which routes name them.
    pub fn iter(&self) -> impl Iterator<Item = &Sap> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// The one at a place of the list.
    pub fn at(&self, place: usize) -> Option<&Sap> {
        self.iter().nth(place)
    }

    /// There are several, so that somebody has to be told which.
    pub fn are_several(&self) -> bool {
        !self.more.is_empty()
    }

    /// All of them, each with what stands before `sap` in the keys of its section.
    pub fn with_keys(&self) -> impl Iterator<Item = (String, &Sap)> {
        let is_one_of = self.are_several();
        self.iter().enumerate().map(move |(place, sap)| {
            (if is_one_of { before_key(place) } else { String::new() }, sap)
        })
    }

    /// Where a question goes: the first route that fits it. `path`: the one it came to, where that is not
    /// `listen.path`. Allocates nothing.
    pub fn route(
        &self,
        path: Option<&str>,
        client: &ClientName,
        partner: PartnerId,
    ) -> Option<&Route> {
        self.routes.iter().find(|route| route.fits(path, client, partner))
    }

    /// Some questions go to the system at this place; others are only asked to compare what they say.
    pub fn is_asked(&self, place: usize) -> bool {
        self.routes.iter().any(|route| route.ask.contains(&place))
    }

    /// The paths that questions come to, besides `listen.path`, each once.
    pub fn paths(&self) -> BTreeSet<&str> {
        self.routes.iter().filter_map(|route| route.path.as_deref()).collect()
    }

    /// Questions may come to this path, besides `listen.path`.
    pub fn have_path(&self, path: &str) -> bool {
        self.routes.iter().any(|route| route.path.as_deref() == Some(path))
    }
}

/// One entry of `systems:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["name", "sap"]))]
pub(in crate::config) struct SystemFile {
    /// Its name in routes, metrics and records: 1 to 32 of a-z, 0-9, - and _.
    #[schemars(with = "String")]
    name: Option<String>,
    /// How it is asked: the same keys as in the section sap.
    #[schemars(with = "SapFile")]
    sap: Option<SapFile>,
    /// Another system that is asked as well, for a share of the lookups, to see where decisions would differ.
    compare_with: Option<ComparisonFile>,
}

/// The sections as they were written.
pub(in crate::config) struct Written<'f> {
    pub(in crate::config) sap: Option<&'f SapFile>,
    pub(in crate::config) systems: &'f [Option<SystemFile>],
    pub(in crate::config) routes: &'f [Option<RouteFile>],
}

/// A system as far as its section could be read.
#[derive(Clone, Debug)]
pub struct AsRead {
    /// What stands before `sap` in the keys of its section.
    pub before_key: String,
    /// With something harmless in the places of what could not be read.
    pub sap: Sap,
}

impl Written<'_> {
    /// The systems where nothing is wrong with them, and each as far as it could be read. `complete` adds
    /// what other sections say.
    pub(in crate::config) fn resolve(
        &self,
        clients: &[Client],
        listen: Option<&Listen>,
        complete: impl Fn(Sap) -> Sap,
        reading: &mut Reading<'_>,
    ) -> (Option<Systems>, Vec<AsRead>) {
        let mut read = Vec::new();
        let mut are_whole = true;
        let mut take = |before_key: String, name: SystemName, file: &SapFile, reading: &mut _| {
            let section = read_section(&before_key, file, reading);
            are_whole &= section.is_whole;
            read.push(AsRead { before_key, sap: Sap { name, ..complete(section.sap) } });
        };
        match (self.sap, self.systems) {
            (Some(sap), []) => take(String::new(), SystemName::default(), sap, reading),
            (Some(_), _) => {
                let told = "stands beside `sap`, the short form for a single system; move that section into an \
                            entry here, or remove one of the two";
                reading.at("systems", told);
                return (None, read);
            }
            (None, []) => {
                let about = "sap: Which SAP is asked, and how; systems: the same for several.";
                reading.findings.at_with_help("sap", "is missing", Some(about.to_owned()));
                return (None, read);
            }
            (None, systems) => {
                for (place, file) in systems.iter().enumerate() {
                    let Some(SystemFile { name: Some(name), sap: Some(sap), .. }) = file else {
                        continue;
                    };
                    let key = format!("systems[{place}].name");
                    let name = SystemName::parse(name).unwrap_or_else(|error| {
                        reading.at(&key, error.to_string());
                        SystemName::default()
                    });
                    take(before_key(place), name, sap, reading);
                }
            }
        }
        twice(&read, reading);
        let names: Vec<_> = read.iter().map(|read| &read.sap.name).collect();
        // What follows from an entry with a finding is none.
        let systems = reading.findings.spare("systems").then_some(&*names);
        let clients = reading.findings.spare("clients").then_some(clients);
        let comparisons = systems.map(|names| self.comparisons(names, reading)).unwrap_or_default();
        let compared: Vec<_> = comparisons.iter().map(|comparison| comparison.with).collect();
        let ground = Ground { systems, clients, listen, compared: &compared };
        let routes = routes::resolve(self.routes, &ground, reading);
        let spare = |section| reading.findings.spare(section);
        let is_sound = are_whole && ["sap", "systems", "routes"].into_iter().all(spare);
        let mut all = read.iter().map(|read| read.sap.clone());
        let systems = is_sound.then(|| all.next()).flatten();
        let systems =
            systems.map(|first| Systems { first, more: all.collect(), routes, comparisons });
        (systems, read)
    }

    fn comparisons(&self, names: &[&SystemName], reading: &mut Reading<'_>) -> Vec<Comparison> {
        let written = self.systems.iter().enumerate().filter_map(|(of, file)| {
            file.as_ref().and_then(|file| file.compare_with.as_ref()).map(|file| (of, file))
        });
        written.filter_map(|(of, file)| file.resolve(of, names, reading)).collect()
    }
}

/// What stands before `sap` in the keys of an entry of the list.
fn before_key(place: usize) -> String {
    format!("systems[{place}].")
}

fn read_section(before_key: &str, file: &SapFile, reading: &mut Reading<'_>) -> super::sap::AsRead {
    reading.below(before_key, |reading| {
        let custom = file.custom(reading);
        file.resolve(custom, reading)
    })
}

/// Names that are there twice.
fn twice(read: &[AsRead], reading: &mut Reading<'_>) {
    for (place, one) in read.iter().enumerate() {
        let key = format!("{}name", one.before_key);
        let before = read.iter().take(place).find(|before| before.sap.name == one.sap.name);
        if let Some(before) = before {
            let line = reading.findings.line_of(&format!("{}name", before.before_key));
            reading.at(&key, format!("`{}` is here already, in {line}", one.sap.name));
        }
    }
}
