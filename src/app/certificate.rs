//! Says in time that a certificate of ours ends: one that is shown, or by which others know us.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    net::tls::{SOON_DAYS, ServerTls},
    sap::SapClient,
    telemetry::{
        clock,
        metrics::{CertificateRole, Metrics, TlsEnds},
    },
};

/// A warning is due when so many days are left: time to order, to remind, to hurry.
const WARN_DAYS: [i64; 4] = [SOON_DAYS, 14, 7, 1];

/// Watches the ends of our certificates.
pub(super) struct CertificateWatch {
    metrics: Arc<Metrics>,
    used: Mutex<[Used; CertificateRole::ALL.len()]>,
}

/// A certificate that is in use.
#[derive(Clone, Copy, Default)]
struct Used {
    /// Where there is one.
    ends: Option<i64>,
    /// The last warning was about so many days.
    told: Option<i64>,
}

impl CertificateWatch {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, used: Mutex::default() }
    }

    /// These are shown from now on; the first to end stands for all.
    ///
    /// One that has ended, or soon will, is shown all the same: what jtel makes of it is not
    /// documented, and a gateway that does not start stops every call.
    pub(super) fn shows(&self, role: CertificateRole, tls: &ServerTls) {
        let ends = TlsEnds {
            certificates: tls.certificates().map(|facts| facts.chain_ends).collect(),
            staples: tls.certificates().map(|facts| facts.staple_ends.unwrap_or(0)).collect(),
            crls: tls.crl_ends.clone(),
        };
        self.metrics.tls_ends(role, &ends);
        self.uses(role, ends.certificates.into_iter().min());
    }

    /// What we show to SAP and to its token server, which may have been exchanged in its files; and
    /// once for each of [`WARN_DAYS`] that an end comes near.
    pub(super) fn look_again(&self, systems: &[Arc<SapClient>]) {
        // The first to end stands for all.
        let (at_sap, at_token_server): (Vec<_>, Vec<_>) =
            systems.iter().map(|sap| sap.identities_end()).unzip();
        let first = |ends: Vec<Option<i64>>| ends.into_iter().flatten().min();
        let (at_sap, at_token_server) = (first(at_sap), first(at_token_server));
        self.uses(CertificateRole::SapClient, at_sap);
        self.uses(CertificateRole::TokenClient, at_token_server);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for (role, used) in CertificateRole::ALL.into_iter().zip(used.iter_mut()) {
            used.tell_if_it_ends_soon(role);
        }
    }

    fn uses(&self, role: CertificateRole, ends: Option<i64>) {
        self.metrics.certificate_ends(role, ends.unwrap_or_default());
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for (known, used) in CertificateRole::ALL.into_iter().zip(used.iter_mut()) {
            if known == role && used.ends != ends {
                *used = Used { ends, told: None };
                used.tell_if_it_ends_soon(role);
            }
        }
    }
}

impl Used {
    fn tell_if_it_ends_soon(&mut self, role: CertificateRole) {
        let Some(ends) = self.ends else { return };
        let days = clock::days_until(ends);
        let Some(due) = due(days) else { return };
        if self.told.is_some_and(|told| told <= due) {
            return;
        }
        self.told = Some(due);
        let place = match role {
            CertificateRole::Server => "listen.tls",
            CertificateRole::Admin => "admin.tls",
            CertificateRole::SapClient => "sap.login",
            CertificateRole::TokenClient => "sap.login.oauth2",
        };
        match days {
            ..0 => tracing::error!(
                days,
                "the certificate of {place} has ended; put a new one into its files, it counts at once"
            ),
            0 => tracing::error!(
                days,
                "the certificate of {place} ends today; put a new one into its files, it counts at once"
            ),
            _ => tracing::warn!(
                days,
                "the certificate of {place} ends in {days} days; put a new one into its files, it \
                 counts at once"
            ),
        }
    }
}

/// The warning that is due when so many whole days are left.
fn due(days: i64) -> Option<i64> {
    match days {
        ..0 => Some(-1),
        days => WARN_DAYS.into_iter().rev().find(|due| days <= *due),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_due_at_30_14_7_and_1_days_and_when_it_is_too_late() {
        for (days, expected) in [
            (31, None),
            (30, Some(30)),
            (15, Some(30)),
            (14, Some(14)),
            (7, Some(7)),
            (2, Some(7)),
            (1, Some(1)),
            (0, Some(1)),
            (-1, Some(-1)),
            (-400, Some(-1)),
        ] {
            assert_eq!(due(days), expected, "{days}");
        }
    }
}
