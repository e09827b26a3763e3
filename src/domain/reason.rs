//! The closed lists of words that an answer, its record and its metrics share.

use super::words::words;

words! {
    /// Why a call is refused: a closed list, one word in answer, metric and record alike.
    pub enum Reason {
        /// A parameter is missing, malformed or there twice, or the request is not proper HTTP.
        BadQuery = "bad_query",
        /// The caller's credentials are missing or wrong.
        Unauthorized = "unauthorized",
        /// Too many calls at once.
        Overloaded = "overloaded",
        /// The audit trail cannot be written, and the configuration has nothing decided then.
        AuditUnwritable = "audit_unwritable",
        /// No route sends the question to an SAP.
        NotRouted = "not_routed",
        /// SAP knows no such partner.
        PartnerUnknown = "partner_unknown",
        /// More than one record matches.
        PartnerAmbiguous = "partner_ambiguous",
        /// SAP calls the partner blocked.
        PartnerBlocked = "partner_blocked",
        /// The partner does not want to be contacted.
        ContactNotAllowed = "contact_not_allowed",
        /// SAP has no sales channel for the partner, or none that counts.
        NoChannel = "no_channel",
        /// SAP has no country for the partner.
        NoCountry = "no_country",
        /// The partner's contract number has no service number.
        NoServiceNumber = "no_service_number",
        /// SAP gave no usable answer and none is remembered.
        SapUnavailable = "sap_unavailable",
        /// The number may not be dialled: by kind, by beginning, or by destination.
        NumberNotAllowed = "number_not_allowed",
        /// The number to be shown is foreign where it would ring.
        CallerIdNotAllowed = "caller_id_not_allowed",
    }
}

words! {
    /// Where the facts behind an answer come from.
    pub enum Source {
        /// Remembered and within its time.
        Memory = "memory",
        /// The same, and SAP is being asked for it ahead of its end.
        Refreshing = "refreshing",
        /// Another replica knows it, and it is within its time.
        Shared = "shared",
        /// Asked for this call, or for another one at the same moment.
        Sap = "sap",
        /// Remembered past its time, because SAP is slower than this call waits.
        Stale = "stale",
        /// Remembered past its time, because SAP is silent.
        LastGood = "last_good",
        /// From the rules: SAP is silent and nothing is remembered.
        Default = "default",
        /// Nothing was looked up: the question was refused before.
        None = "none",
    }
}
