//! `sap:` which of several sales areas counts, what codes mean, and in which form IDs are sent.

use std::{collections::BTreeMap, num::NonZeroU8};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SapFile;
use crate::{
    config::document::{findings::shown, resolve::Reading},
    domain::{CountryCode, DistributionChannel, IdForm},
};

/// `sap.sales_area:` which sales areas of a partner count. Those that are left must all name the
/// same channel, or the partner is ambiguous.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SalesArea {
    /// Only those of this sales organisation.
    pub organisation: Option<String>,
    /// Only those of this division.
    pub division: Option<String>,
    /// Also those that are marked for deletion.
    pub deleted_too: bool,
    /// Only the one at this place, counted from 1 in SAP's order. SAP promises no order.
    pub position: Option<NonZeroU8>,
}

/// `sap.address:` which addresses of a partner count. Those that are left must all be in the same
/// country, or the partner is ambiguous.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Address {
    /// Only those that are used for this, such as `XXDEFAULT`, the standard address of S/4HANA.
    pub usage: Option<String>,
    /// Also those that are not valid today (UTC).
    pub invalid_too: bool,
}

/// The marks that rules look at: what they need must be in an answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UsedMarks {
    /// `rules.partner_blocked: refuse`
    pub blocked: bool,
    /// `rules.contact_not_allowed: refuse`
    pub contact_refused: bool,
}

/// `sap.id_form:` in which form a partner ID of digits is sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum IdFormFile {
    /// As jtel sends it.
    AsIs,
    /// Without leading zeros.
    StripZeros,
    /// With leading zeros up to ten digits, as SAP stores it.
    #[serde(rename = "pad_10")]
    Pad10,
}

impl From<IdFormFile> for IdForm {
    fn from(form: IdFormFile) -> Self {
        match form {
            IdFormFile::AsIs => Self::AsIs,
            IdFormFile::StripZeros => Self::StripZeros,
            IdFormFile::Pad10 => Self::Pad10,
        }
    }
}

impl SapFile {
    /// Channel texts by SAP's code.
    pub(super) fn channel_texts(
        &self,
        reading: &mut Reading<'_>,
    ) -> BTreeMap<String, DistributionChannel> {
        let mut texts = BTreeMap::new();
        for (code, text) in &self.channel_texts {
            match DistributionChannel::parse(text) {
                Ok(channel) => drop(texts.insert(code.clone(), channel)),
                Err(error) => {
                    let told = format!("`{}` {error}", shown(text));
                    reading.at(&format!("sap.channel_texts.{code}"), told);
                }
            }
        }
        texts
    }

    /// ISO's country codes by SAP's, where they differ.
    pub(super) fn country_codes(&self, reading: &mut Reading<'_>) -> BTreeMap<String, CountryCode> {
        let mut codes = BTreeMap::new();
        for (code, iso) in &self.country_codes {
            match CountryCode::parse(iso) {
                Ok(country) => drop(codes.insert(code.clone(), country)),
                Err(error) => {
                    let told = format!("`{}` {error}", shown(iso));
                    reading.at(&format!("sap.country_codes.{code}"), told);
                }
            }
        }
        codes
    }

    /// SAP's client: three digits.
    pub(super) fn client(&self, reading: &mut Reading<'_>) {
        let Some(client) = &self.client else { return };
        if client.len() != 3 || !client.bytes().all(|byte| byte.is_ascii_digit()) {
            let told = format!("`{}` is not a client such as \"100\"", shown(client));
            reading.at("sap.client", told);
        }
    }
}
