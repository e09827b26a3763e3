//! What is wrong with a SAP system, and with what it takes to ask it.

use std::time::Duration;

use super::List;
use crate::{
    admin::systems::SapState,
    sap::{BreakerState, SapClient, SapHealth, SapOutcome},
    telemetry::{metrics::Reading, rounded},
};

/// How long SAP has been silent, in whole seconds as everywhere on the page; empty: it is not.
pub(in crate::admin) fn for_so_long(sap: &SapClient) -> String {
    let whole = |silent: Duration| rounded(Duration::from_secs(silent.as_secs()));
    sap.silent_for().map_or(String::new(), |silent| format!(" for {}", whole(silent)))
}

/// SAP does not answer, or wants to be left alone.
pub(super) fn of_sap(sap: &SapClient, list: &mut List) {
    let since = for_so_long(sap);
    let is_open = sap.breaker() != BreakerState::Closed;
    let held = sap.held_for();
    match sap.health() {
        SapHealth::CredentialsRefused => list.urgent(
            "DialgateCredentialsRefused",
            format!("SAP refuses our credentials{since}"),
            "Correct sap.login or unlock the user in SAP, then POST /sap/retry-login (on the page: \"Retry login\").",
        ),
        SapHealth::Silent(kind) if !is_open && held.is_none() => list.of_urgency(
            sap.fails_again(),
            "DialgateSapSilent",
            format!("{}{since} ({kind})", what_sap_does(kind)),
            "`dialgate check --connect` on this machine goes the way to SAP step by step and says \
             where it ends.",
        ),
        SapHealth::Silent(_) | SapHealth::Answering | SapHealth::NotAsked => {}
    }
    if is_open {
        list.urgent(
            "DialgateBreakerOpen",
            format!("SAP failed too often and has only been probed{since}"),
            "Ask SAP's operators; `dialgate check --connect` says what is wrong. It is asked again by \
             itself once a probe is answered.",
        );
    }
    if let Some(left) = held {
        list.of_urgency(
            sap.fails_again() || is_open,
            "DialgateSapAsksToWait",
            format!("SAP asked to be left alone for {} more", rounded(left)),
            "Nothing here: it is asked again then. Where it happens often, see which other interface \
             uses up what SAP grants.",
        );
    }
}

/// The beginning of a sentence about a SAP that gives no usable answer.
pub(in crate::admin) fn what_sap_does(kind: &str) -> &'static str {
    let outcome = SapOutcome::ALL.into_iter().find(|outcome| outcome.label() == kind);
    outcome.unwrap_or(SapOutcome::Deadline).told()
}

/// What it takes to ask SAP: a token, requests of the day, places.
pub(super) fn of_the_way_to_sap(state: &SapState, reading: &Reading, list: &mut List) {
    let of_this = [("system", &[state.name.as_str()][..])];
    if reading.sum("dialgate_sap_token_failing", &of_this) > 0.0 {
        list.urgent(
            "DialgateTokenFailing",
            "the token server gave no token when it was asked last".to_owned(),
            "See sap.login.token_url and the client's secret; the log says what the server answered.",
        );
    }
    let forecast = state.daily_forecast;
    if let Some(limit) = state.daily_limit.filter(|limit| forecast > *limit) {
        list.calm(
            "DialgateDailyRequestsRunOut",
            format!(
                "the day's requests to SAP run out: {forecast:.0} by midnight (UTC), {limit:.0} are \
                 granted"
            ),
            "Raise cache.found_ttl, or have SAP grant more (sap.daily_requests).",
        );
    }
    let (in_flight, limit, waiting) = (state.in_flight, state.in_flight_limit, state.queue);
    let of_all = state.in_common.map_or(0.0, |common| f64::from(common.in_flight));
    if waiting > 0.0 && in_flight.max(of_all) >= limit {
        list.urgent(
            "DialgatePlacesUsedUp",
            format!("all {limit:.0} places at SAP are taken, and {waiting:.0} lookups wait"),
            "SAP is slow, or sap.max_in_flight is small for so many new partners.",
        );
    }
}
