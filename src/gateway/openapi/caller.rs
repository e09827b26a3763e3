//! jtel's question about somebody who calls.

use super::{About, Asked, EXAMPLE_NUMBER, EXAMPLE_PARTNER, anchored, in_query, trace};
use crate::{
    config::{CallerInformation, Config},
    domain::{BusinessPartner, CountryCode, DialledNumber, DistributionChannel, PartnerId},
    gateway::caller::{self, CallerError},
};

/// How who calls is asked for.
pub(super) fn caller(config: &Config, names: &CallerInformation) -> (About, Asked) {
    let channel = DistributionChannel::parse("Direct sales").ok();
    let partner = BusinessPartner::new(channel, CountryCode::parse("DE").ok(), false, false);
    let id = PartnerId::parse(EXAMPLE_PARTNER).ok();
    let missing = CallerError::Missing(names.caller_number.clone(), names.customer_id.clone());
    let asked = Asked {
        dialled: caller::body(&partner, id.as_ref(), &config.rules),
        schema: "CallerInformation",
        fault: missing.to_string(),
        informs: true,
    };
    let number = "The caller's number, as for `SAPPhoneNumber`. Instead of the customer's ID.";
    let customer = "The customer's ID in SAP. Instead of the number.";
    let about = About {
        id: "getCallerInformation".to_owned(),
        summary: "Who calls? One of the two parameters is needed.",
        parameters: vec![
            in_query(
                &names.caller_number,
                false,
                number,
                &anchored(&format!("({})?", DialledNumber::PATTERN)),
                &[EXAMPLE_NUMBER],
            ),
            in_query(
                &names.customer_id,
                false,
                customer,
                &anchored(&format!("({})?", PartnerId::PATTERN)),
                &[EXAMPLE_PARTNER],
            ),
            trace(),
        ],
    };
    (about, asked)
}
