//! Business partners: who was asked for, and what SAP knows of them.

use std::{borrow::Borrow, fmt, sync::Arc};

use unicode_normalization::UnicodeNormalization;

use super::{countries, facts::Facts};

/// The most characters of a channel's text. SAP's texts have 20 (table TVTWT); others may be longer.
const MAX_CHANNEL: usize = 60;

/// A business partner's number in SAP, as jtel passes it on in `SAPBusinessPartnerID`.
///
/// 1 to 20 letters, digits, `-` or `_`. Nothing else, because the number ends up inside an OData
/// filter: there `'` ends the text and, in Cloud for Customer, `*` matches every partner. Kept in
/// place, so that a call allocates nothing for it, and without a length, because memory keeps one for
/// each partner. Personal data: its debug form shows the last two characters only.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct PartnerId {
    /// Behind the last character zeros, which no ID has in it.
    bytes: [u8; PartnerId::MAX],
}

/// Why a text is not a partner ID. Does not repeat the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PartnerIdError {
    /// A character that is neither letter, digit, `-` nor `_`.
    #[error("has the character {0:?}; only letters, digits, `-` and `_` are allowed")]
    Character(char),
    /// Empty, or more than 20 characters.
    #[error("has {0} characters; 1 to 20 are allowed")]
    Length(usize),
}

impl PartnerId {
    /// The most characters of an ID. SAP's own are 10 (`CustomerID`, `AccountID`, `BusinessPartner`); 20
    /// leaves room for systems that prefix them.
    pub const MAX: usize = 20;

    /// A regular expression (ECMA 262) of what [`Self::parse`] reads, without anchors.
    pub const PATTERN: &'static str = "[A-Za-z0-9_-]{1,20}";

    /// Reads an ID.
    ///
    /// # Errors
    ///
    /// See [`PartnerIdError`].
    pub fn parse(text: &str) -> Result<Self, PartnerIdError> {
        if let Some(stranger) =
            text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
        {
            return Err(PartnerIdError::Character(stranger));
        }
        let mut bytes = [0; Self::MAX];
        match bytes.get_mut(..text.len()) {
            Some(place) if !text.is_empty() => place.copy_from_slice(text.as_bytes()),
            _ => return Err(PartnerIdError::Length(text.len())),
        }
        Ok(Self { bytes })
    }

    /// The whole ID. Personal data: for SAP only, never for a log, a label or an answer.
    pub fn as_str(&self) -> &str {
        let length = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(Self::MAX);
        self.bytes.get(..length).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl fmt::Debug for PartnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.as_str();
        write!(f, "…{}", id.get(id.len().saturating_sub(2)..).unwrap_or_default())
    }
}

/// Over which channel a partner is sold to, as SAP words it: `Direct sales`.
///
/// 1 to 60 characters without control characters, because it leaves the process again in an answer.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct DistributionChannel(Arc<str>);

/// Why a text is not a channel's text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is not a channel text of 1 to 60 characters without control characters")]
pub struct DistributionChannelError;

impl DistributionChannel {
    /// Reads a channel's text as it stands: blanks inside and before it belong to it, because jtel
    /// compares the contract number as a whole. (Those behind it are gone where SAP's JSON is read.)
    ///
    /// # Errors
    ///
    /// See [`DistributionChannelError`].
    pub fn parse(text: &str) -> Result<Self, DistributionChannelError> {
        let length = text.chars().count();
        if length == 0 || length > MAX_CHANNEL || text.chars().any(char::is_control) {
            return Err(DistributionChannelError);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A country as ISO 3166 alpha-2 writes it: `DE`.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct CountryCode([u8; 2]);

/// Why a text is not a country code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is not a country code of ISO 3166 alpha-2 in upper case, such as DE")]
pub struct CountryCodeError;

impl CountryCode {
    /// Reads two upper-case letters that ISO has given to a country.
    ///
    /// # Errors
    ///
    /// See [`CountryCodeError`].
    pub fn parse(text: &str) -> Result<Self, CountryCodeError> {
        match text.as_bytes() {
            [first, second] if countries::is_assigned(text) => Ok(Self([*first, *second])),
            _ => Err(CountryCodeError),
        }
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What jtel finds a service number by: the channel's text and the country code, one straight after
/// the other, e.g. `Direct sales` and `DE` give `Direct salesDE` (jtel wiki, "SAP - onClickToDial").
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ContractNumber(Arc<str>);

impl ContractNumber {
    /// Plain concatenation, no separator.
    pub fn of(channel: &DistributionChannel, country: CountryCode) -> Self {
        Self([channel.as_str(), country.as_str()].concat().into())
    }

    /// The text jtel compares.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is left of such a text without letter case, blanks, and the forms in which Unicode writes
    /// one letter: for hints, never for a decision.
    pub fn likeness(text: &str) -> String {
        let is_seen = |character: &char| *character != ' ' && !is_unseen(*character);
        text.nfkc().filter(is_seen).flat_map(char::to_lowercase).nfkc().collect()
    }

    /// The first character that looks like a blank or like nothing and is no plain blank, with its
    /// position from 0.
    pub fn unseen(text: &str) -> Option<(usize, char)> {
        text.chars().enumerate().find(|(_, character)| is_unseen(*character))
    }
}

/// A blank other than the plain one, or what takes no room.
fn is_unseen(character: char) -> bool {
    character != ' ' && character.is_whitespace()
        || matches!(character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

impl Borrow<str> for ContractNumber {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What SAP knows of one partner, reduced to what a decision needs.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct BusinessPartner {
    /// `None`: the partner has no sales data.
    pub(super) channel: Option<DistributionChannel>,
    /// `None`: the partner has no country.
    pub(super) country: Option<CountryCode>,
    /// SAP says that the partner is blocked.
    pub blocked: bool,
    /// SAP says that the partner does not want to be contacted.
    pub contact_refused: bool,
    /// What each record that counts for the partner has under the paths that rules look at.
    pub facts: Vec<Facts>,
    pub(super) contract_number: Option<ContractNumber>,
}

impl BusinessPartner {
    /// A partner with what SAP said of it; the contract number follows from channel and country.
    pub fn new(
        channel: Option<DistributionChannel>,
        country: Option<CountryCode>,
        blocked: bool,
        contact_refused: bool,
    ) -> Self {
        let contract_number = match (&channel, country) {
            (Some(channel), Some(country)) => Some(ContractNumber::of(channel, country)),
            _ => None,
        };
        Self { channel, country, blocked, contact_refused, facts: Vec::new(), contract_number }
    }

    /// The same partner, with what its records have under the paths that rules look at.
    #[must_use]
    pub fn with_facts(self, facts: Vec<Facts>) -> Self {
        Self { facts, ..self }
    }

    /// `None`: the partner has no sales data.
    pub fn channel(&self) -> Option<&DistributionChannel> {
        self.channel.as_ref()
    }

    /// `None`: the partner has no country.
    pub fn country(&self) -> Option<CountryCode> {
        self.country
    }

    /// `None` without channel or country.
    pub fn contract_number(&self) -> Option<&ContractNumber> {
        self.contract_number.as_ref()
    }
}

/// SAP's answer about one partner. All three are answers; that SAP gave none is an error elsewhere.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Lookup {
    /// Exactly one record, and it is the one that was asked for.
    Found(BusinessPartner),
    /// SAP knows no such partner.
    Unknown,
    /// SAP says several things, and no rule picks one.
    Ambiguous(Ambiguity),
}

/// What there are several of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ambiguity {
    /// Records with this ID.
    Records,
    /// Sales channels, in the sales areas that count.
    Channels,
    /// Countries, in the addresses that count.
    Countries,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_partner_id_cannot_carry_a_filter() {
        for (text, error) in [
            ("x' or CustomerID ne '", PartnerIdError::Character('\'')),
            ("O'Brien", PartnerIdError::Character('\'')),
            ("*", PartnerIdError::Character('*')),
            ("10019\u{ff07}10", PartnerIdError::Character('\u{ff07}')),
            ("1001910\0", PartnerIdError::Character('\0')),
            (" 1001910", PartnerIdError::Character(' ')),
            ("", PartnerIdError::Length(0)),
            ("123456789012345678901", PartnerIdError::Length(21)),
        ] {
            assert_eq!(PartnerId::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn ids_that_differ_in_a_leading_zero_or_in_case_are_different_partners() {
        let ids = ["1001910", "0001001910", "ab", "AB"].map(|id| PartnerId::parse(id).unwrap());

        for (place, id) in ids.iter().enumerate() {
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{place}");
        }
    }

    #[test]
    fn a_contract_number_is_the_plain_concatenation() {
        let partner = BusinessPartner::new(
            Some(DistributionChannel::parse("Direct sales").unwrap()),
            Some(CountryCode::parse("DE").unwrap()),
            false,
            false,
        );

        assert_eq!(partner.contract_number().map(ContractNumber::as_str), Some("Direct salesDE"));
    }

    #[test]
    fn a_channel_text_cannot_carry_a_line_break() {
        for text in ["", "Direct\r\nsales", "Direct\u{7f}", &"x".repeat(61)] {
            assert_eq!(DistributionChannel::parse(text), Err(DistributionChannelError), "{text:?}");
        }
    }

    #[test]
    fn a_country_is_two_upper_case_letters() {
        for text in ["", "D", "DEU", "de", "D1", "ÄÖ", "XX"] {
            assert_eq!(CountryCode::parse(text), Err(CountryCodeError), "{text:?}");
        }
    }

    #[test]
    fn a_partner_id_shows_its_last_two_characters_only() {
        assert_eq!(format!("{:?}", PartnerId::parse("1001910").unwrap()), "…10");
    }

    proptest! {
        #[test]
        fn an_id_comes_out_as_it_went_in(text in "\\PC{0,24}") {
            if let Ok(id) = PartnerId::parse(&text) {
                prop_assert_eq!(id.as_str(), text);
            }
        }
    }
}
