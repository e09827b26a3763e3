//! From the file to calls that are decided, and to the findings where they come out otherwise.

use std::collections::HashMap;

use super::{
    Case, Expected, Shown, What,
    file::{CaseFile, ExpectFile, PartnerFile, SapFile},
    findings::shown,
    reading::Reading,
    suggest::nearest,
    told::{self, WITHOUT_NUMBER},
};
use crate::domain::{
    Ambiguity, BusinessPartner, CallerId, CountryCode, DialledNumber, DistributionChannel, Facts,
    Home, Lookup, Rule, Rules, ServiceNumber,
};

/// So many are decided at every reload; more would be a table of calls, and no test of rules.
const MAX_CASES: usize = 10_000;

/// So many that fail are told one by one: more of them have one cause.
const MAX_TOLD: usize = 20;

/// Longer, it is no name.
const MAX_NAME: usize = 100;

/// What the tests are decided by. Only where nothing is wrong with it: what follows from another
/// finding is none.
#[derive(Clone, Copy)]
pub(in crate::config) struct Ground<'a> {
    pub(in crate::config) home: Home,
    pub(in crate::config) rules: &'a Rules,
}

/// Reads the tests and decides them. Each that fails is a finding; without `ground` none is decided.
pub(in crate::config) fn resolve(
    list: &[Option<CaseFile>],
    ground: Option<Ground<'_>>,
    reading: &mut Reading<'_>,
) -> Vec<Case> {
    if list.len() > MAX_CASES {
        let told =
            format!("has {} entries, of which none was read; possible are {MAX_CASES}", list.len());
        reading.at("tests", told);
        return Vec::new();
    }
    let faulty = reading.findings.faulty_entries("tests");
    let mut names = HashMap::new();
    let mut cases = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        let Some(entry) = entry else { continue };
        let key = format!("tests[{index}]");
        if let Some(name) = &entry.name {
            check_name(name, &key, &mut names, reading);
        }
        let case = entry.read(&key, ground, reading);
        cases.extend(case.filter(|_| !faulty.contains(&index)).map(|case| (key, case)));
    }
    if let Some(Ground { rules, .. }) = ground {
        tell_failures(&cases, rules, reading);
    }
    cases.into_iter().map(|(_, case)| case).collect()
}

fn tell_failures(cases: &[(String, Case)], rules: &Rules, reading: &mut Reading<'_>) {
    let mut failed = 0;
    for (key, case) in cases {
        let outcome = case.outcome(rules);
        if case.expected.is_met_by(&outcome) {
            continue;
        }
        failed += 1;
        if failed <= MAX_TOLD {
            reading.at(&format!("{key}.expect"), told::failure(case, &outcome));
        }
    }
    if failed > MAX_TOLD {
        let told = format!("{failed} of {} fail; {MAX_TOLD} of them are told", cases.len());
        reading.at("tests", told);
    }
}

fn check_name<'a>(
    name: &'a str,
    key: &str,
    names: &mut HashMap<&'a str, String>,
    reading: &mut Reading<'_>,
) {
    let key = format!("{key}.name");
    if name.trim().is_empty() {
        reading.at(&key, "is empty; write in a few words what the test is about");
    } else if name.chars().count() > MAX_NAME {
        reading.at(&key, format!("has more than {MAX_NAME} characters"));
    } else if let Some(first) = names.get(name) {
        let told = format!("is the name of another test, in {}", reading.findings.line_of(first));
        reading.at(&key, told);
    } else {
        names.insert(name, key);
    }
}

impl CaseFile {
    /// The test, if it can be decided. Everything that is wrong with it is told in any case.
    fn read(
        &self,
        key: &str,
        ground: Option<Ground<'_>>,
        reading: &mut Reading<'_>,
    ) -> Option<Case> {
        let rules = ground.map(|ground| ground.rules);
        let said = match (&self.partner, self.sap) {
            (Some(partner), None) => partner
                .read(&format!("{key}.partner"), rules, reading)
                .map(|partner| Some(Lookup::Found(partner))),
            (None, Some(SapFile::Unknown)) => Some(Some(Lookup::Unknown)),
            (None, Some(SapFile::Ambiguous)) => Some(Some(Lookup::Ambiguous(Ambiguity::Records))),
            (None, Some(SapFile::Silent)) => Some(None),
            (Some(_), Some(_)) => {
                let told = "stands beside `partner`; only one of them is possible";
                reading.at(&format!("{key}.sap"), told);
                None
            }
            (None, None) => {
                // One that could not be read is a finding already.
                let names = ["partner", "sap"].map(|name| format!("{key}.{name}"));
                if !names.iter().any(|name| reading.findings.is_unread(name)) {
                    let told = "does not say what SAP says; write `partner:` with what it has of the \
                                partner, or `sap:` with `unknown`, `ambiguous` or `silent`";
                    reading.at(key, told);
                }
                None
            }
        };
        let key = format!("{key}.expect");
        let expected = self.expect.as_ref().and_then(|expect| expect.read(&key, rules, reading));
        let home = ground?.home;
        let number = self.number.as_deref().map(|number| DialledNumber::parse(number, home));
        Some(Case { name: self.name.clone()?, said: said?, number, expected: expected? })
    }
}

impl PartnerFile {
    fn read(
        &self,
        key: &str,
        rules: Option<&Rules>,
        reading: &mut Reading<'_>,
    ) -> Option<BusinessPartner> {
        let mut is_sound = true;
        let mut tell = |name: &str, told: String| {
            reading.at(&format!("{key}.{name}"), told);
            is_sound = false;
        };
        let channel = self.distribution_channel.as_deref().and_then(|text| {
            DistributionChannel::parse(text)
                .map_err(|error| tell("distribution_channel", format!("`{}` {error}", shown(text))))
                .ok()
        });
        let country = self.country.as_deref().and_then(|text| {
            CountryCode::parse(text)
                .map_err(|error| tell("country", format!("`{}` {error}", shown(text))))
                .ok()
        });
        let mut facts = Facts::default();
        for (path, values) in &self.values {
            let values: Vec<_> = values.iter().flatten().cloned().collect();
            if values.iter().any(String::is_empty) {
                let told = "has an empty text; what is empty in SAP is no value, so leave it out";
                tell(&format!("values.{path}"), told.to_owned());
            }
            if let Some(told) = rules.and_then(|rules| not_looked_at(path, rules)) {
                tell(&format!("values.{path}"), told);
            }
            facts.note(&path.as_str().into(), values);
        }
        let partner =
            BusinessPartner::new(channel, country, self.blocked, self.contact_not_allowed);
        // Of one record, also where it has no values: that there are none is what a rule may ask.
        is_sound.then(|| partner.with_facts(vec![facts]))
    }
}

/// Values that no rule looks at make no difference: a mistyped path would pass for a test.
fn not_looked_at(path: &str, rules: &Rules) -> Option<String> {
    let known: Vec<&str> = rules.refuse_when.iter().map(|refusal| &*refusal.path).collect();
    if known.contains(&path) {
        return None;
    }
    let told = match nearest(path, &known) {
        Some((close, _)) => format!("did you mean `{close}`?"),
        None => "remove it, or write a rule for it".to_owned(),
    };
    Some(format!("is no path of rules.refuse_when; {told}"))
}

impl ExpectFile {
    fn read(
        &self,
        key: &str,
        rules: Option<&Rules>,
        reading: &mut Reading<'_>,
    ) -> Option<Expected> {
        let rule = self.rule.as_deref().map(|name| {
            rule_named(name, rules).map_err(|told| reading.at(&format!("{key}.rule"), told)).ok()
        });
        let shown = self.dial.as_deref().map(|text| {
            dial_of(text).map_err(|told| reading.at(&format!("{key}.dial"), told)).ok()
        });
        let of_dial = [
            ("dial", self.dial.is_some()),
            ("contract_number", self.contract_number.is_some()),
            ("caller_id", self.caller_id.is_some()),
        ];
        let first_of_dial = of_dial.iter().find(|(_, is_there)| *is_there).map(|(name, _)| *name);
        let what = match (self.refuse, first_of_dial) {
            (Some(reason), None) => What::Refuse(reason.into()),
            (None, Some(_)) => What::Dial {
                shown: shown.map_or(Some(None), |shown| shown.map(Some))?,
                contract_number: self.contract_number.clone(),
                caller_id: self.caller_id.map(CallerId::from),
            },
            (Some(_), Some(of_dial)) => {
                let told = format!(
                    "stands beside `{of_dial}`; a call is either refused or dialled, so remove one of them"
                );
                reading.at(&format!("{key}.refuse"), told);
                return None;
            }
            (None, None) => {
                // One that could not be read is a finding already.
                let names = ["dial", "contract_number", "caller_id", "refuse"];
                if !names.iter().any(|name| reading.findings.is_unread(&format!("{key}.{name}"))) {
                    let told = "does not say what has to be decided; write `dial:` with a service number \
                                or `without_number`, or `refuse:` with a reason";
                    reading.at(key, told);
                }
                return None;
            }
        };
        let rule = rule.map_or(Some(None), |rule| rule.map(Some))?;
        Some(Expected { what, rule })
    }
}

fn dial_of(text: &str) -> Result<Shown, String> {
    if text == WITHOUT_NUMBER {
        return Ok(Shown::Nothing);
    }
    ServiceNumber::parse(text).map(Shown::Number).map_err(|error| {
        if text.chars().any(|character| character.is_ascii_digit()) {
            return error.to_string();
        }
        format!("`{}` is neither a service number nor `{WITHOUT_NUMBER}`", shown(text))
    })
}

fn rule_named(name: &str, rules: Option<&Rules>) -> Result<Rule, String> {
    let Some(rule) = Rule::named(name) else {
        let entries = (0..).take(rules.map_or(0, |rules| rules.refuse_when.len()));
        let all = Rule::NAMED.into_iter().chain(entries.map(Rule::RefuseWhen));
        let all: Vec<String> = all.map(|rule| rule.to_string()).collect();
        let names: Vec<&str> = all.iter().map(String::as_str).collect();
        let told = match nearest(name, &names) {
            Some((close, _)) => format!("did you mean `{close}`?"),
            None => format!("known are {}", names.join(", ")),
        };
        return Err(format!("there is no rule `{}`; {told}", shown(name)));
    };
    match (rule, rules.map(|rules| rules.refuse_when.len())) {
        (Rule::RefuseWhen(entry), Some(entries)) if usize::from(entry) >= entries => Err(format!(
            "there is no rule `{}`; rules.refuse_when has {entries} entries, counted from 0",
            shown(name)
        )),
        _ => Ok(rule),
    }
}
