//! Which SAP system an answer is from.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::{config, domain::IdForm};

/// Changes when what is remembered of a partner means something else than before.
const MEANING: u32 = 1;

/// Names a SAP system in the memory: another address, client, dialect, language or way of reading is
/// another system, whose answers must never be taken for this one's.
///
/// A digest that is the same on every machine and in every version; how long is waited, who logs in,
/// which way leads there and the rules take no part in it.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SystemId([u8; 16]);

impl SystemId {
    /// For what other processes read.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// From what another process wrote.
    pub fn of_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Of the system that the section describes.
    pub fn of(sap: &config::Sap) -> Self {
        let texts = sap.channel_texts.iter().map(|(code, text)| (code, text.as_str()));
        let countries = sap.country_codes.iter().map(|(code, country)| (code, country.as_str()));
        let mut told = json!({
            "meaning": MEANING,
            "url": sap.url.to_string(),
            "preset": sap.preset,
            "custom": sap.custom,
            "language": sap.language,
            "client": sap.client,
            "id_form": match sap.id_form {
                IdForm::AsIs => "as_is",
                IdForm::StripZeros => "strip_zeros",
                IdForm::Pad10 => "pad_10",
            },
            "try_other_id_form": sap.try_other_id_form,
            "sales_area": sap.sales_area,
            "address": sap.address,
            "channel_texts": texts.collect::<Vec<_>>(),
            "country_codes": countries.collect::<Vec<_>>(),
        });
        drop_what_is_not_set(&mut told);
        // A map of JSON is in the order of its keys.
        let digest = digest(&SHA256, told.to_string().as_bytes());
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Self(id)
    }
}

/// A version that has a key more must not take a file without it for another system.
fn drop_what_is_not_set(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(drop_what_is_not_set);
            members.retain(|_key, value| match value {
                Value::Null | Value::Bool(false) => false,
                Value::Array(list) => !list.is_empty(),
                Value::Object(members) => !members.is_empty(),
                _ => true,
            });
        }
        Value::Array(list) => list.iter_mut().for_each(drop_what_is_not_set),
        _ => {}
    }
}

impl fmt::Debug for SystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        config::{RulePath, Sap},
        sap::testing::{channel_texts, preset, sap},
    };

    #[test]
    fn an_id_is_the_same_on_every_machine_and_in_every_version() {
        // Written down once: a change empties every shared memory, so it must be meant.
        assert_eq!(
            format!("{:?}", SystemId::of(&sap("https://my300000.crm.ondemand.com"))),
            "28fa8e99eef22793ded29ff98cad8646"
        );
    }

    #[test]
    fn what_changes_an_answer_makes_another_system_and_nothing_else_does() {
        let one = preset("c4c");
        let id = SystemId::of(&one);
        let others: [(&str, Sap); 8] = [
            ("url", Sap { url: "http://other".parse().unwrap(), ..one.clone() }),
            ("preset", Sap { preset: "c4c-account".to_owned(), ..one.clone() }),
            ("client", Sap { client: Some("100".to_owned()), ..one.clone() }),
            ("language", Sap { language: "DE".to_owned(), ..one.clone() }),
            ("id_form", Sap { id_form: IdForm::Pad10, ..one.clone() }),
            ("zeros", Sap { try_other_id_form: true, ..one.clone() }),
            ("texts", Sap { channel_texts: channel_texts(), ..one.clone() }),
            (
                "custom",
                Sap {
                    custom: serde_json::from_value(json!({"headers": {"A": "b"}, "steps": []}))
                        .ok(),
                    ..one.clone()
                },
            ),
        ];
        for (what, other) in others {
            assert_ne!(SystemId::of(&other), id, "{what}");
        }
        let path = RulePath { entry: 0, path: "Status".into() };
        for (what, same) in [
            ("time", Sap { total_timeout: Duration::from_secs(9), ..one.clone() }),
            ("rules", Sap { rule_paths: vec![path], ..one.clone() }),
            ("places", Sap { max_in_flight: 9, ..one.clone() }),
            ("way", Sap { ca_file: Some("ca.pem".into()), ..one.clone() }),
        ] {
            assert_eq!(SystemId::of(&same), id, "{what}");
        }
    }
}
