//! The forms in which one partner's number is written: with leading zeros and without.
//!
//! SAP stores numbers of digits with leading zeros (ALPHA conversion) and shows them without, and
//! not every interface of SAP converts between the two. Numbers with letters have one form only.

use super::PartnerId;

/// Digits of a stored number in SAP (`BusinessPartner`, `CustomerID`: 10 characters).
const STORED: usize = 10;

/// The form in which an ID of digits is sent.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum IdForm {
    /// As jtel sends it.
    #[default]
    AsIs,
    /// Without leading zeros.
    StripZeros,
    /// With leading zeros up to ten digits.
    Pad10,
}

impl IdForm {
    /// The ID in this form.
    pub fn of(self, id: PartnerId) -> PartnerId {
        match self {
            Self::AsIs => id,
            Self::StripZeros => stripped(id),
            Self::Pad10 => padded(id),
        }
    }

    /// The ID in the other form: padded if this one is not, stripped if it is. `None` where both
    /// are the same.
    pub fn other(self, id: PartnerId) -> Option<PartnerId> {
        let sent = self.of(id);
        let other = if stripped(sent) == sent { padded(sent) } else { stripped(sent) };
        (other != sent).then_some(other)
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn stripped(id: PartnerId) -> PartnerId {
    let text = id.as_str();
    let short = text.trim_start_matches('0');
    if !is_number(text) || short.is_empty() {
        return id;
    }
    PartnerId::parse(short).unwrap_or(id)
}

fn padded(id: PartnerId) -> PartnerId {
    let id = stripped(id);
    if !is_number(id.as_str()) {
        return id;
    }
    PartnerId::parse(&format!("{:0>STORED$}", id.as_str())).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> PartnerId {
        PartnerId::parse(text).unwrap()
    }

    #[test]
    fn an_id_is_sent_in_the_form_this_table_says() {
        use IdForm::{AsIs, Pad10, StripZeros};
        for (form, asked, sent, other) in [
            (AsIs, "1001910", "1001910", Some("0001001910")),
            (AsIs, "0001001910", "0001001910", Some("1001910")),
            (StripZeros, "0001001910", "1001910", Some("0001001910")),
            (StripZeros, "1001910", "1001910", Some("0001001910")),
            (Pad10, "1001910", "0001001910", Some("1001910")),
            (Pad10, "00000000000001001910", "0001001910", Some("1001910")),
            (Pad10, "1234567890", "1234567890", None),
            (Pad10, "12345678901", "12345678901", None),
            (Pad10, "BP_7", "BP_7", None),
            (StripZeros, "00AB", "00AB", None),
            (StripZeros, "000", "000", Some("0000000000")),
            (Pad10, "0", "0000000000", None),
        ] {
            assert_eq!(form.of(id(asked)).as_str(), sent, "{form:?} {asked}");
            let told = form.other(id(asked));
            assert_eq!(told.as_ref().map(PartnerId::as_str), other, "{form:?} {asked}");
        }
    }

    proptest! {
        #[test]
        fn no_form_changes_more_than_leading_zeros(text in "[0-9A-Za-z_-]{1,20}") {
            let value = |id: PartnerId| id.as_str().trim_start_matches('0').to_owned();
            for form in [IdForm::AsIs, IdForm::StripZeros, IdForm::Pad10] {
                let sent = form.of(id(&text));
                prop_assert_eq!(value(sent), text.trim_start_matches('0'));
                if let Some(other) = form.other(id(&text)) {
                    prop_assert_eq!(value(other), text.trim_start_matches('0'));
                    prop_assert!(other != sent);
                }
            }
        }
    }
}
