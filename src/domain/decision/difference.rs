//! What of two decisions about one call is not the same, as jtel would see it.

use super::{Decision, Dial};
use crate::domain::words::words;

words! {
    /// What differs.
    pub enum Difference {
        /// One dials, the other refuses.
        Decision = "decision",
        /// Both refuse, for other reasons.
        Reason = "reason",
        /// Both dial, with other texts of the channel.
        Channel = "channel",
        /// Both dial, with other countries.
        Country = "country",
        /// Both dial, with other service numbers, or one without.
        ServiceNumber = "service_number",
        /// Both dial, and only one shows what is foreign where it rings.
        CallerId = "caller_id",
    }
}

impl Difference {
    /// What differs between the two; empty: jtel would be told the same. By which rule it came to that does
    /// not count.
    pub fn between(one: &Decision<'_>, other: &Decision<'_>) -> Vec<Self> {
        match (one, other) {
            (Decision::Dial(one), Decision::Dial(other)) => Self::between_dials(one, other),
            (Decision::Refuse(one), Decision::Refuse(other)) if one == other => Vec::new(),
            (Decision::Refuse(_), Decision::Refuse(_)) => vec![Self::Reason],
            _ => vec![Self::Decision],
        }
    }

    fn between_dials(one: &Dial<'_>, other: &Dial<'_>) -> Vec<Self> {
        let differs = |what: Self| match what {
            Self::Channel => one.channel != other.channel,
            Self::Country => one.country != other.country,
            Self::ServiceNumber => one.service_number != other.service_number,
            Self::CallerId => one.caller_id != other.caller_id,
            Self::Decision | Self::Reason => false,
        };
        Self::ALL.into_iter().filter(|what| differs(*what)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        CallerId, ContractNumber, CountryCode, DistributionChannel, Reason, ServiceNumber,
    };

    #[test]
    fn only_what_jtel_would_see_is_a_difference() {
        let channels =
            ["Direct sales", "Partner"].map(|text| DistributionChannel::parse(text).unwrap());
        let countries = ["DE", "AT"].map(|text| CountryCode::parse(text).unwrap());
        let [direct, partner] = &channels;
        let [de, at] = countries;
        let contract = ContractNumber::of(direct, de);
        let dial = Dial {
            channel: direct,
            country: de,
            contract_number: &contract,
            service_number: ServiceNumber::parse("498912345678").ok(),
            by_default: false,
            caller_id: CallerId::Fits,
        };
        let refuse = Decision::Refuse;
        for (one, other, expected) in [
            (Decision::Dial(dial), Decision::Dial(dial), &[][..]),
            (Decision::Dial(dial), Decision::Dial(Dial { by_default: true, ..dial }), &[]),
            (Decision::Dial(dial), refuse(Reason::PartnerUnknown), &[Difference::Decision]),
            (refuse(Reason::NoChannel), Decision::Dial(dial), &[Difference::Decision]),
            (refuse(Reason::NoChannel), refuse(Reason::NoCountry), &[Difference::Reason]),
            (refuse(Reason::NoChannel), refuse(Reason::NoChannel), &[]),
            (
                Decision::Dial(dial),
                Decision::Dial(Dial { channel: partner, country: at, ..dial }),
                &[Difference::Channel, Difference::Country],
            ),
            (
                Decision::Dial(dial),
                Decision::Dial(Dial {
                    service_number: None,
                    caller_id: CallerId::Unchecked,
                    ..dial
                }),
                &[Difference::ServiceNumber, Difference::CallerId],
            ),
        ] {
            assert_eq!(Difference::between(&one, &other), expected, "{one:?} {other:?}");
        }
    }
}
