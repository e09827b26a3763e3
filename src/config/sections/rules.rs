//! `rules:` which service number belongs to which contract number, and what happens without one.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    contract_numbers,
    findings::shown,
    number_list::{self, Row},
    number_rules::{self, CallerIdFitFile, NeverDialledFile, RefuseWhenFile, RulePath},
    resolve::Reading,
};
use crate::domain::{
    ContractNumber, CountryCode, DefaultPair, DistributionChannel, Rules, ServiceNumbers,
    Unavailable, Unmatched,
};

/// `rules:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RulesFile {
    /// Contract numbers with their service numbers, as in jtel's list.
    #[schemars(with = "Vec<RowFile>")]
    service_numbers: Vec<Option<RowFile>>,
    /// More of them: a CSV file whose first line is `contract_number;service_number`.
    service_numbers_file: Option<String>,
    /// What happens where a partner's contract number has no service number.
    without_service_number: WithoutServiceNumber,
    /// What happens where SAP gives no answer and none is remembered.
    sap_unavailable: SapUnavailable,
    /// Whose service number is shown where a rule says `dial_default`.
    default: Option<DefaultFile>,
    /// What happens to a partner that SAP calls blocked.
    partner_blocked: Marked,
    /// What happens to a partner that does not want to be contacted.
    contact_not_allowed: Marked,
    /// Marks of a partner in SAP that refuse the call, besides the two above.
    #[schemars(with = "Vec<RefuseWhenFile>")]
    refuse_when: Vec<Option<RefuseWhenFile>>,
    /// Numbers that are never dialled.
    never_dialled: NeverDialledFile,
    /// The countries (ISO 3166) that may be called; without it, all of them.
    #[schemars(with = "Option<Vec<String>>")]
    destination_countries: Option<Vec<Option<String>>>,
    /// What happens where the service number is foreign in the country that is called.
    caller_id_fit: CallerIdFitFile,
    /// With `caller_id_fit: fallback`: by country called, the service number shown there.
    #[schemars(with = "BTreeMap<String, String>")]
    fallback_service_numbers: BTreeMap<String, Option<String>>,
}

/// One entry of `rules.service_numbers:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["contract_number", "service_number"]))]
struct RowFile {
    /// Channel text and country code, one straight after the other: `Direct salesDE`.
    #[schemars(with = "String")]
    contract_number: Option<String>,
    /// E.164 without plus, as jtel writes it: `498912345678`.
    #[schemars(with = "String")]
    service_number: Option<String>,
}

/// `rules.default:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["distribution_channel", "country"]))]
struct DefaultFile {
    /// The channel's text, e.g. `Direct sales`.
    #[schemars(with = "String")]
    distribution_channel: Option<String>,
    /// The country code, e.g. `DE`.
    #[schemars(with = "String")]
    country: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum WithoutServiceNumber {
    /// The call is refused.
    Refuse,
    /// jtel dials; which number it then shows is up to jtel's own settings.
    DialWithoutNumber,
    /// jtel dials with the number of `rules.default`.
    DialDefault,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum SapUnavailable {
    /// The call is refused.
    Refuse,
    /// jtel dials with the number of `rules.default`.
    DialDefault,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Marked {
    /// The call is refused.
    Refuse,
    /// The mark makes no difference.
    Dial,
}

impl Default for RulesFile {
    fn default() -> Self {
        Self {
            service_numbers: Vec::new(),
            service_numbers_file: None,
            without_service_number: WithoutServiceNumber::Refuse,
            sap_unavailable: SapUnavailable::Refuse,
            default: None,
            partner_blocked: Marked::Refuse,
            contact_not_allowed: Marked::Dial,
            refuse_when: Vec::new(),
            never_dialled: NeverDialledFile::default(),
            destination_countries: None,
            caller_id_fit: CallerIdFitFile::Warn,
            fallback_service_numbers: BTreeMap::new(),
        }
    }
}

impl RulesFile {
    /// The rules, and the tests that SAP's records are put to for them.
    pub(in crate::config) fn resolve(&self, reading: &mut Reading<'_>) -> (Rules, Vec<RulePath>) {
        let (service_numbers, rows) = self.service_numbers(reading);
        let default_pair = self.default_pair(&service_numbers, rows, reading);
        let (rule_paths, refuse_when) = number_rules::refuse_when(&self.refuse_when, reading);
        let (caller_id_fit, fallbacks) = number_rules::caller_id_fit(
            self.caller_id_fit,
            &self.fallback_service_numbers,
            &service_numbers,
            reading,
        );
        let rules = Rules {
            service_numbers,
            unmatched: match self.without_service_number {
                WithoutServiceNumber::Refuse => Unmatched::Refuse,
                WithoutServiceNumber::DialWithoutNumber => Unmatched::DialWithoutNumber,
                WithoutServiceNumber::DialDefault => Unmatched::DialDefault,
            },
            unavailable: match self.sap_unavailable {
                SapUnavailable::Refuse => Unavailable::Refuse,
                SapUnavailable::DialDefault => Unavailable::DialDefault,
            },
            default_pair,
            refuse_blocked: self.partner_blocked == Marked::Refuse,
            refuse_contact_refused: self.contact_not_allowed == Marked::Refuse,
            refuse_when,
            never_dialled: self.never_dialled.resolve(reading),
            destinations: number_rules::destinations(self.destination_countries.as_ref(), reading),
            caller_id_fit,
            fallbacks,
        };
        (rules, rule_paths)
    }

    /// The rows of the file and of the list beside it, as one; and how many were written.
    fn service_numbers(&self, reading: &mut Reading<'_>) -> (ServiceNumbers, usize) {
        let listed = self.service_numbers.iter().enumerate().filter_map(|(index, row)| {
            let row = row.as_ref()?;
            let key = |name: &str| format!("rules.service_numbers[{index}].{name}");
            Some(Row {
                contract_number: (row.contract_number.clone()?, key("contract_number").into()),
                service_number: (row.service_number.clone()?, key("service_number").into()),
            })
        });
        let mut rows: Vec<Row> = listed.collect();
        let path = self.service_numbers_file.as_deref();
        rows.extend(path.into_iter().flat_map(|path| number_list::read(path, reading)));
        let is_empty = rows.is_empty() && reading.findings.spare("rules");
        if is_empty && self.without_service_number == WithoutServiceNumber::Refuse {
            let told = "has no entry, so that every call would be refused; write the contract \
                        numbers that jtel knows with their service numbers";
            reading.at("rules.service_numbers", told);
        }
        (contract_numbers::resolve(&rows, reading), rows.len())
    }

    fn default_pair(
        &self,
        service_numbers: &ServiceNumbers,
        rows: usize,
        reading: &mut Reading<'_>,
    ) -> Option<DefaultPair> {
        let Some(default) = &self.default else {
            let key = match (self.without_service_number, self.sap_unavailable) {
                (WithoutServiceNumber::DialDefault, _) => "rules.without_service_number",
                (_, SapUnavailable::DialDefault) => "rules.sap_unavailable",
                _ => return None,
            };
            if !reading.findings.is_unread("rules.default") {
                let told = "is `dial_default`, but there is no rules.default; write its \
                            distribution_channel and country";
                reading.at(key, told);
            }
            return None;
        };
        let channel = default.distribution_channel.as_deref().and_then(|text| {
            let told = |error| format!("`{}` {error}", shown(text));
            DistributionChannel::parse(text)
                .map_err(|error| reading.at("rules.default.distribution_channel", told(error)))
                .ok()
        });
        let country = default.country.as_deref().and_then(|text| {
            let told = |error| format!("`{}` {error}", shown(text));
            CountryCode::parse(text)
                .map_err(|error| reading.at("rules.default.country", told(error)))
                .ok()
        });
        let (channel, country) = (channel?, country?);
        let contract_number = ContractNumber::of(&channel, country);
        let Some(service_number) = service_numbers.of(&contract_number) else {
            if service_numbers.len() < rows {
                // Its row may be the one that could not be read, which is a finding already.
                return None;
            }
            let told = format!(
                "its contract number `{}` has no service number; add it to rules.service_numbers",
                shown(contract_number.as_str())
            );
            reading.at("rules.default", told);
            return None;
        };
        Some(DefaultPair { channel, country, contract_number, service_number })
    }
}
