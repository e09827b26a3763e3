//! The partners the simulator knows: one for every row of the answer table, and a million more
//! whose data follow from their number.

/// Numbers of partners that are known without being listed.
pub const DERIVED: std::ops::RangeInclusive<u32> = 5_000_000..=5_999_999;

pub(super) const CHANNELS: [Channel; 3] = [DIRECT, INDIRECT, PARTNER];
const COUNTRIES: [&str; 3] = ["DE", "AT", "CH"];

const DIRECT: Channel = Channel { code: "01", english: "Direct sales", german: "Direktvertrieb" };
const INDIRECT: Channel =
    Channel { code: "02", english: "Indirect sales", german: "Indirekter Vertrieb" };
const PARTNER: Channel = Channel { code: "03", english: "Partner", german: "Partner" };

/// A sales channel in both languages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Channel {
    pub(super) code: &'static str,
    pub(super) english: &'static str,
    pub(super) german: &'static str,
}

/// In which of the collections a partner stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Individual,
    Account,
    Contact,
}

/// A partner as SAP would have stored it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Partner {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
    /// In storage order.
    pub(super) channels: Vec<Channel>,
    pub(super) country: Option<&'static str>,
    /// 2 active, 3 blocked.
    pub(super) life_cycle: &'static str,
    /// 1 allowed, 2 not allowed.
    pub(super) contact_permission: Option<&'static str>,
    /// E.164 with plus.
    pub(super) phone: Option<&'static str>,
    /// The account of a contact.
    pub(super) account: Option<&'static str>,
}

/// The listed partners; the data are those of the CAP server that tests also run against.
pub(super) fn listed() -> Vec<Partner> {
    let individual = |id: &str, about, channels: &[Channel], country| Partner {
        id: id.to_owned(),
        kind: Kind::Individual,
        about,
        channels: channels.to_vec(),
        country,
        life_cycle: "2",
        contact_permission: None,
        phone: None,
        account: None,
    };
    vec![
        Partner {
            contact_permission: Some("1"),
            phone: Some("+498946149500"),
            ..individual("1001910", "Direct sales, DE", &[DIRECT], Some("DE"))
        },
        Partner {
            contact_permission: Some("2"),
            ..individual(
                "1001911",
                "Indirect sales, AT; does not want to be contacted",
                &[INDIRECT],
                Some("AT"),
            )
        },
        Partner {
            life_cycle: "3",
            contact_permission: Some("1"),
            ..individual("1001912", "Direct sales, CH; blocked", &[DIRECT], Some("CH"))
        },
        individual("1001913", "no sales data, DE", &[], Some("DE")),
        individual("1001914", "Direct sales, no country", &[DIRECT], None),
        individual("1001915", "two channels, DE", &[INDIRECT, DIRECT], Some("DE")),
        Partner {
            kind: Kind::Account,
            ..individual("2000001", "a corporate account: Partner, DE", &[PARTNER], Some("DE"))
        },
        Partner {
            kind: Kind::Contact,
            account: Some("2000001"),
            ..individual("3000001", "a contact of 2000001", &[], None)
        },
    ]
}

/// Channel text (English) and country of a partner whose data follow from its number:
/// `["Direct sales", "Indirect sales", "Partner"][id % 3]` and `["DE", "AT", "CH"][(id / 3) % 3]`.
/// `None` outside of [`DERIVED`].
pub fn derived(id: u32) -> Option<(&'static str, &'static str)> {
    let (channel, country) = derived_parts(id)?;
    Some((channel.english, country))
}

fn derived_parts(id: u32) -> Option<(Channel, &'static str)> {
    if !DERIVED.contains(&id) {
        return None;
    }
    let place = |number: u32| usize::try_from(number % 3).unwrap_or_default();
    let channel = CHANNELS.get(place(id))?;
    let country = COUNTRIES.get(place(id / 3))?;
    Some((*channel, country))
}

/// The partner with exactly this number.
pub(super) fn find(id: &str, kind: Kind) -> Option<Partner> {
    if let Some(partner) = listed().into_iter().find(|partner| partner.id == id) {
        return (partner.kind == kind).then_some(partner);
    }
    let number: u32 = id.parse().ok()?;
    let (channel, country) = derived_parts(number)?;
    (kind == Kind::Individual && id.len() == 7).then(|| Partner {
        id: id.to_owned(),
        kind,
        about: "",
        channels: vec![channel],
        country: Some(country),
        life_cycle: "2",
        contact_permission: Some("1"),
        phone: None,
        account: None,
    })
}

/// The individual customers with exactly this number.
pub(super) fn find_by_phone(phone: &str) -> Vec<Partner> {
    listed().into_iter().filter(|partner| partner.phone == Some(phone)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_partner_is_found_with_the_data_that_are_documented() {
        for (id, channel, country) in [
            (5_000_000, "Partner", "AT"),
            (5_000_001, "Direct sales", "CH"),
            (5_000_002, "Indirect sales", "CH"),
            (5_999_999, "Partner", "AT"),
        ] {
            let expected = (
                ["Direct sales", "Indirect sales", "Partner"][id % 3],
                ["DE", "AT", "CH"][(id / 3) % 3],
            );
            assert_eq!(expected, (channel, country), "{id}");

            let derived = derived(u32::try_from(id).unwrap());

            assert_eq!(derived, Some(expected), "{id}");
            let partner = find(&id.to_string(), Kind::Individual).unwrap();
            assert_eq!((partner.channels[0].english, partner.country), (channel, Some(country)));
        }
    }

    #[test]
    fn other_numbers_and_other_spellings_are_unknown() {
        for id in ["4999999", "6000000", "4040404", "05000000", "+5000000", "0001001910", "", "*"] {
            assert_eq!(find(id, Kind::Individual), None, "{id}");
        }
        assert_eq!(find("2000001", Kind::Individual), None);
        assert_eq!(find("1001910", Kind::Account), None);
    }
}
