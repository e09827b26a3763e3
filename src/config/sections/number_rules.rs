//! The rules about numbers and marks: what is never dialled, where calls may go, which marks of a
//! partner refuse, and whether a number may be shown where it rings.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{findings::shown, number_list, resolve::Reading};
use crate::domain::{
    CallerIdFit, CountryCode, DefaultPair, DistributionChannel, NeverDialled, NumberRanges, Reason,
    Refusal, ServiceNumber, ServiceNumbers, ValueTest,
};

/// So many tests are made on every call; more would be a table, and no rule.
const MAX_TESTS: usize = 32;

/// A path that `rules.refuse_when` looks at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RulePath {
    /// The entry's place in the list.
    pub entry: usize,
    /// Path in a record.
    pub path: Arc<str>,
}

/// `rules.never_dialled:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct NeverDialledFile {
    /// Emergency numbers.
    emergency: bool,
    /// Premium-rate and mass-traffic numbers.
    premium: bool,
    /// Numbers that work inside a country only, such as 118 and 116117.
    short_codes: bool,
    /// Beginnings of numbers, without plus.
    #[schemars(with = "Vec<String>")]
    prefixes: Vec<Option<String>>,
    /// A CSV file whose first line is `from;to`: ranges of beginnings of numbers.
    ranges_file: Option<String>,
}

/// One entry of `rules.refuse_when:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["path", "operator"]))]
pub(in crate::config) struct RefuseWhenFile {
    /// Path in a record of SAP.
    #[schemars(with = "String")]
    path: Option<String>,
    /// How its value is compared.
    #[schemars(with = "OperatorFile")]
    operator: Option<OperatorFile>,
    /// With `equals` and `not_equals`: the text it is compared with.
    value: Option<String>,
    /// With `one_of`: the texts it is compared with.
    #[schemars(with = "Vec<String>")]
    values: Vec<Option<String>>,
    /// What the caller is told.
    reason: RefusalFile,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum OperatorFile {
    /// The value is the text.
    Equals,
    /// The value is another one, or there is none.
    NotEquals,
    /// The value is one of the texts.
    OneOf,
    /// There is a value.
    Exists,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum RefusalFile {
    /// The partner is blocked.
    #[default]
    PartnerBlocked,
    /// The partner does not want to be contacted.
    ContactNotAllowed,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum CallerIdFitFile {
    /// Nobody looks.
    Off,
    /// The answer is as ever; metric and record say so.
    Warn,
    /// The call is refused.
    Refuse,
    /// `fallback_service_numbers` has the number for the destination; without one, refused.
    Fallback,
}

impl NeverDialledFile {
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> NeverDialled {
        let mut ranges = NumberRanges::default();
        for (index, prefix) in self.prefixes.iter().enumerate() {
            let Some(prefix) = prefix else { continue };
            if let Err(error) = ranges.add(prefix, prefix) {
                let key = format!("rules.never_dialled.prefixes[{index}]");
                reading.at(&key, format!("`{}` {error}", shown(prefix)));
            }
        }
        let path = self.ranges_file.as_deref();
        let rows = path.into_iter().flat_map(|path| number_list::read_ranges(path, reading));
        for [(from, place), (to, _)] in rows.collect::<Vec<_>>() {
            if let Err(error) = ranges.add(from.trim(), &to) {
                let told = format!("`{}` to `{}` {error}", shown(&from), shown(&to));
                reading.at_place(&place, told);
            }
        }
        NeverDialled {
            emergency: self.emergency,
            premium: self.premium,
            short_codes: self.short_codes,
            ranges,
        }
    }
}

/// The countries that may be called; `None`: all of them.
pub(in crate::config) fn destinations(
    list: Option<&Vec<Option<String>>>,
    reading: &mut Reading<'_>,
) -> Option<Vec<CountryCode>> {
    let list = list?;
    if list.is_empty() && reading.findings.spare("rules.destination_countries") {
        let told = "is empty, so that every call would be refused; name countries or remove it";
        reading.at("rules.destination_countries", told);
    }
    let mut countries = Vec::new();
    for (index, text) in list.iter().enumerate() {
        let Some(text) = text else { continue };
        match CountryCode::parse(text) {
            Ok(country) => countries.push(country),
            Err(error) => {
                let key = format!("rules.destination_countries[{index}]");
                reading.at(&key, format!("`{}` {error}", shown(text)));
            }
        }
    }
    Some(countries)
}

/// What the tests look at, and the tests.
pub(in crate::config) fn refuse_when(
    list: &[Option<RefuseWhenFile>],
    reading: &mut Reading<'_>,
) -> (Vec<RulePath>, Vec<Refusal>) {
    if list.len() > MAX_TESTS {
        reading.at("rules.refuse_when", format!("has more than {MAX_TESTS} entries"));
    }
    let mut tests = (Vec::new(), Vec::new());
    for (index, entry) in list.iter().enumerate() {
        let Some(entry) = entry else { continue };
        let key = |name: &str| format!("rules.refuse_when[{index}].{name}");
        let (Some(path), Some(operator)) = (&entry.path, entry.operator) else { continue };
        let values: Vec<_> = entry.values.iter().flatten().cloned().collect();
        let test = match (operator, entry.value.clone(), values.is_empty()) {
            (OperatorFile::Equals, Some(value), true) => ValueTest::OneOf(vec![value]),
            (OperatorFile::NotEquals, Some(value), true) => ValueTest::NoneOf(vec![value]),
            (OperatorFile::OneOf, None, false) => ValueTest::OneOf(values),
            (OperatorFile::Exists, None, true) => ValueTest::Exists,
            (operator, ..) => {
                let told = match operator {
                    OperatorFile::Equals => "`equals` needs `value`, and no `values`",
                    OperatorFile::NotEquals => "`not_equals` needs `value`, and no `values`",
                    OperatorFile::OneOf => "`one_of` needs `values`, and no `value`",
                    OperatorFile::Exists => "`exists` compares with nothing; remove `value`",
                };
                reading.at(&key("operator"), told);
                continue;
            }
        };
        let path: Arc<str> = path.as_str().into();
        tests.0.push(RulePath { entry: index, path: Arc::clone(&path) });
        let reason = match entry.reason {
            RefusalFile::PartnerBlocked => Reason::PartnerBlocked,
            RefusalFile::ContactNotAllowed => Reason::ContactNotAllowed,
        };
        tests.1.push(Refusal { path, test, reason });
    }
    tests
}

/// The rule for numbers that are foreign where they ring, and what is shown there instead.
pub(in crate::config) fn caller_id_fit(
    fit: CallerIdFitFile,
    fallbacks: &BTreeMap<String, Option<String>>,
    numbers: &ServiceNumbers,
    reading: &mut Reading<'_>,
) -> (CallerIdFit, HashMap<CountryCode, DefaultPair>) {
    let section = "rules.fallback_service_numbers";
    let told = match (fit == CallerIdFitFile::Fallback, fallbacks.is_empty()) {
        (true, true) => {
            Some("is empty, but rules.caller_id_fit is `fallback`; write COUNTRY: number")
        }
        (false, false) => Some("is not used; write `caller_id_fit: fallback` or remove it"),
        _ => None,
    };
    if let Some(told) = told
        && reading.findings.spare(section)
    {
        reading.at(section, told);
    }
    let mut pairs = HashMap::new();
    for (country, number) in fallbacks {
        let Some(number) = number else { continue };
        let key = format!("{section}.{country}");
        match fallback(country, number, numbers) {
            Ok((country, pair)) => {
                pairs.insert(country, pair);
            }
            Err(told) => reading.at(&key, told),
        }
    }
    let fit = match fit {
        CallerIdFitFile::Off => CallerIdFit::Off,
        CallerIdFitFile::Warn => CallerIdFit::Warn,
        CallerIdFitFile::Refuse => CallerIdFit::Refuse,
        CallerIdFitFile::Fallback => CallerIdFit::Fallback,
    };
    (fit, pairs)
}

/// jtel finds a number by its contract number only, so a fallback has to be one of the rows.
fn fallback(
    country: &str,
    number: &str,
    numbers: &ServiceNumbers,
) -> Result<(CountryCode, DefaultPair), String> {
    let country =
        CountryCode::parse(country).map_err(|error| format!("`{}` {error}", shown(country)))?;
    let number = ServiceNumber::parse(number).map_err(|error| error.to_string())?;
    if number.country() != Some(country) {
        return Err(format!("`{number}` is no number of {}", country.as_str()));
    }
    // Of several contract numbers with this number the first in the alphabet; jtel shows the same.
    let rows = numbers.iter().filter(|(_, of)| *of == number).map(|(contract, _)| contract);
    let Some(contract_number) = rows.min_by_key(|contract| contract.as_str().to_owned()) else {
        return Err(format!(
            "`{number}` is in no row of rules.service_numbers; jtel finds a number by its contract \
             number only, so add one for it there and in jtel, e.g. `Fallback{}`",
            country.as_str()
        ));
    };
    let text = contract_number.as_str();
    let parts = text.len().checked_sub(2).and_then(|end| text.split_at_checked(end));
    let (channel, of) = parts.unwrap_or_default();
    match (DistributionChannel::parse(channel), CountryCode::parse(of)) {
        (Ok(channel), Ok(of)) => {
            let contract_number = contract_number.clone();
            let pair =
                DefaultPair { channel, country: of, contract_number, service_number: number };
            Ok((country, pair))
        }
        _ => Err(format!("`{}` is no contract number", shown(text))),
    }
}
