//! Answers that were cut or doubled on the way: no one is dialled by them.

use std::sync::LazyLock;

use super::*;
use crate::domain::{Decision, Rules, decide};

/// The rules of the shipped configuration: three channels in three countries.
static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let edits = [
        ("listen.tls", "~"),
        ("listen.plaintext_behind_a_tls_load_balancer", "true"),
        ("clients", "[]"),
        ("anybody_may_ask", "true"),
        ("sap.login", "none"),
    ];
    let text = config::edit(config::EXAMPLE, &edits.map(|(key, to)| (key, to.to_owned()))).unwrap();
    let nothing = config::Environment::of([]);
    config::parse(&text, "test", "".as_ref(), &nothing, |_, _| ()).unwrap().rules
});

/// The answer of each preset's first step about 1001910: direct sales, Germany.
fn bodies() -> Vec<(&'static str, String)> {
    let area = r#"{"SalesOrganisationID":"1000","DistributionChannelCode":"01","DistributionChannelCodeText":"Direct sales","DivisionCode":"00"}"#;
    let c4c = |id: &str, areas: &str| {
        format!(
            r#"{{"d":{{"results":[{{"{id}":"1001910","NormalisedPhone":"+498946149500","LifeCycleStatusCode":"2","ContactPermissionCode":"1","CountryCode":"DE","{areas}":[{area}]}}]}}}}"#
        )
    };
    let s4 = r#"{"BusinessPartner":"1001910","BusinessPartnerIsBlocked":false,"IsMarkedForArchiving":false,"to_Customer":{"DeletionIndicator":false,"to_CustomerSalesArea":[{"SalesOrganization":"1000","DistributionChannel":"10","Division":"00","DeletionIndicator":false}]},"to_BusinessPartnerAddress":[{"Country":"DE","ValidityStartDate":null,"ValidityEndDate":null}]}"#;
    vec![
        ("c4c", c4c("CustomerID", "IndividualCustomerSalesData")),
        ("c4c-account", c4c("AccountID", "CorporateAccountSalesData")),
        ("c4c-phone", c4c("CustomerID", "IndividualCustomerSalesData")),
        ("s4-bupa-v2", format!(r#"{{"d":{s4}}}"#)),
        ("s4-bupa-v4", s4.to_owned()),
        ("native", r#"{"distributionChannelCodeText":"Direct sales","countryCode":"DE"}"#.to_owned()),
        (
            "sales-cloud-v2",
            r#"{"value":[{"displayId":"1001910","lifeCycleStatus":"ACTIVE","defaultAddress":{"country":"DE"},"salesArrangements":[{"distributionChannelDescription":"Direct sales","isMarkedForDeletion":false}]}]}"#
                .to_owned(),
        ),
    ]
}

/// The contract number that is dialled with.
fn dialled(preset: &str, body: &[u8]) -> Option<String> {
    let steps = steps(preset);
    let Ok(Read::Known(lookup)) = read(&steps[0].reader, "1001910", body) else { return None };
    match decide(&lookup, None, &RULES).decision {
        Decision::Dial(dial) => Some(dial.contract_number.as_str().to_owned()),
        Decision::Refuse(_) => None,
    }
}

#[test]
fn no_beginning_and_no_end_of_an_answer_dials() {
    for (preset, body) in bodies() {
        let whole = dialled(preset, body.as_bytes());
        assert_eq!(whole.as_deref(), Some("Direct salesDE"), "{preset}");
        for end in 0..body.len() {
            assert_eq!(dialled(preset, &body.as_bytes()[..end]), None, "{preset} up to {end}");
            if end > 0 {
                assert_eq!(dialled(preset, &body.as_bytes()[end..]), None, "{preset} from {end}");
            }
        }
    }
}

#[test]
fn no_doubled_answer_dials() {
    for (preset, body) in bodies() {
        for between in ["", " ", "\n", ",", "\r\n\r\n", "\u{feff}"] {
            let doubled = format!("{body}{between}{body}");
            assert_eq!(dialled(preset, doubled.as_bytes()), None, "{preset} {between:?}");
        }
        let members = &body[1..body.len() - 1];
        let twice = format!("{{{members},{members}}}");
        assert_eq!(dialled(preset, twice.as_bytes()), None, "{preset}: {twice}");
    }
}

proptest! {
    #[test]
    fn no_part_that_is_left_out_or_there_twice_dials_as_somebody_else(
        preset in 0_usize..7, from in 0_usize..400, length in 1_usize..200, is_twice in any::<bool>(),
    ) {
        let (preset, body) = bodies().swap_remove(preset);
        let from = from % body.len();
        let part = &body[from..body.len().min(from + length)];
        let changed = if is_twice {
            format!("{}{part}{}", &body[..from], &body[from..])
        } else {
            format!("{}{}", &body[..from], &body[from + part.len()..])
        };
        let contract = dialled(preset, changed.as_bytes());
        prop_assert!(contract.is_none_or(|contract| contract == "Direct salesDE"), "{changed}");
    }
}
