//! The tests as they stand in the file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::{CallerId, Reason};

/// One entry of `tests:` in `config.yaml`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["name", "expect"]))]
pub(in crate::config) struct CaseFile {
    /// What the test is about, in a few words; each test has its own.
    #[schemars(with = "String")]
    pub(super) name: Option<String>,
    /// What SAP says of the partner. Instead of `sap`.
    pub(super) partner: Option<PartnerFile>,
    /// SAP says nothing of one partner. Instead of `partner`.
    pub(super) sap: Option<SapFile>,
    /// The number that is clicked, as jtel sends it. Without it the question has none.
    pub(super) number: Option<String>,
    /// What has to be decided.
    #[schemars(with = "ExpectFile")]
    pub(super) expect: Option<ExpectFile>,
}

/// What SAP says of a partner.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PartnerFile {
    /// The channel's text, e.g. `Direct sales`; without it SAP has none.
    pub(super) distribution_channel: Option<String>,
    /// The country code, e.g. `DE`; without it SAP has none.
    pub(super) country: Option<String>,
    /// SAP calls the partner blocked.
    pub(super) blocked: bool,
    /// The partner does not want to be contacted.
    pub(super) contact_not_allowed: bool,
    /// By path of `rules.refuse_when`, the values that the record has there; without it none.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub(super) values: BTreeMap<String, Vec<Option<String>>>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SapFile {
    /// It knows no such partner.
    Unknown,
    /// It says several things, and no rule picks one.
    Ambiguous,
    /// It gives no answer, and none is remembered.
    Silent,
}

/// What has to be decided: `dial`, or `refuse`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExpectFile {
    /// The call is dialled, and shows this service number; or `without_number`.
    pub(super) dial: Option<String>,
    /// The call is dialled, and jtel finds the service number by this contract number.
    pub(super) contract_number: Option<String>,
    /// The call is dialled, and so the number shown fits the number dialled.
    pub(super) caller_id: Option<CallerIdFile>,
    /// The call is refused, and this is the reason.
    pub(super) refuse: Option<ReasonFile>,
    /// The rule that has the last word, e.g. `rules.partner_blocked`; without it, whichever.
    pub(super) rule: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CallerIdFile {
    /// Nobody looked.
    Unchecked,
    /// Both belong to one country.
    Fits,
    /// They do not, and the rule only warns.
    Misfit,
    /// They did not; what is shown is the fallback of the destination.
    Fallback,
}

/// The reasons that a decision can have: who asks and how many ask at once is no part of it.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReasonFile {
    /// The number cannot be read.
    BadQuery,
    /// SAP knows no such partner.
    PartnerUnknown,
    /// SAP says several things.
    PartnerAmbiguous,
    /// SAP calls the partner blocked.
    PartnerBlocked,
    /// The partner does not want to be contacted.
    ContactNotAllowed,
    /// SAP has no sales channel for the partner.
    NoChannel,
    /// SAP has no country for the partner.
    NoCountry,
    /// The partner's contract number has no service number.
    NoServiceNumber,
    /// SAP gave no answer and none is remembered.
    SapUnavailable,
    /// The number may not be dialled.
    NumberNotAllowed,
    /// The number to be shown is foreign where it would ring.
    CallerIdNotAllowed,
}

impl From<CallerIdFile> for CallerId {
    fn from(word: CallerIdFile) -> Self {
        match word {
            CallerIdFile::Unchecked => Self::Unchecked,
            CallerIdFile::Fits => Self::Fits,
            CallerIdFile::Misfit => Self::Misfit,
            CallerIdFile::Fallback => Self::Fallback,
        }
    }
}

impl From<ReasonFile> for Reason {
    fn from(word: ReasonFile) -> Self {
        match word {
            ReasonFile::BadQuery => Self::BadQuery,
            ReasonFile::PartnerUnknown => Self::PartnerUnknown,
            ReasonFile::PartnerAmbiguous => Self::PartnerAmbiguous,
            ReasonFile::PartnerBlocked => Self::PartnerBlocked,
            ReasonFile::ContactNotAllowed => Self::ContactNotAllowed,
            ReasonFile::NoChannel => Self::NoChannel,
            ReasonFile::NoCountry => Self::NoCountry,
            ReasonFile::NoServiceNumber => Self::NoServiceNumber,
            ReasonFile::SapUnavailable => Self::SapUnavailable,
            ReasonFile::NumberNotAllowed => Self::NumberNotAllowed,
            ReasonFile::CallerIdNotAllowed => Self::CallerIdNotAllowed,
        }
    }
}
