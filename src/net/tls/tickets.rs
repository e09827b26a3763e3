//! The keys of session tickets: who holds a ticket comes back without a certificate being shown.
//!
//! One key for all listeners that offer the same, so that neither a reload nor a new certificate
//! forgets sessions; where the offer changes, a new one. It changes every 6 hours, the one before is
//! still taken, and neither leaves the process. A listener that asks clients for certificates gives no
//! tickets: who comes back with one would not be looked at, though his certificate may have been
//! revoked, or have ended, meanwhile.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;

use super::TlsError;
use crate::config::TlsOffer;

/// Those that are in use, by what is offered.
static IN_USE: Mutex<Vec<(TlsOffer, Weak<dyn ProducesTickets>)>> = Mutex::new(Vec::new());

/// The one for this offer: that of the listener which has it now, or a new one.
pub(super) fn ticketer(offer: &TlsOffer) -> Result<Arc<dyn ProducesTickets>, TlsError> {
    let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.retain(|(_, ticketer)| ticketer.strong_count() > 0);
    let known = in_use.iter().find(|(known, _)| known == offer);
    if let Some(ticketer) = known.and_then(|(_, ticketer)| ticketer.upgrade()) {
        return Ok(ticketer);
    }
    let ticketer = Ticketer::new().map_err(TlsError::Setup)?;
    in_use.push((offer.clone(), Arc::downgrade(&ticketer)));
    Ok(ticketer)
}
