//! What a CA says of a certificate (OCSP, RFC 6960), to be shown with it.
//!
//! The signature is left to those it is shown to; what is looked at is whether it speaks of this
//! certificate, and whether it still says something.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest;
use der::Decode;
use x509_ocsp::{BasicOcspResponse, CertStatus, OcspResponse, OcspResponseStatus, SingleResponse};
use x509_parser::certificate::X509Certificate;

use super::{Note, TlsError, pem};
use crate::telemetry::clock;

/// How long an answer counts that does not say so itself, as browsers take it.
const WITHOUT_END: Duration = Duration::from_hours(7 * 24);

/// An answer about a certificate.
pub(super) struct Staple {
    /// As it is shown.
    pub(super) der: Vec<u8>,
    /// It counts until then, in unix seconds.
    pub(super) ends: i64,
    /// Why it is not shown.
    pub(super) unfit: Option<Note>,
}

/// Reads the answer about `leaf`.
///
/// # Errors
///
/// It is none, or is about another certificate.
pub(super) fn read(file: &Path, leaf: &X509Certificate<'_>) -> Result<Staple, TlsError> {
    let der = pem::read(file)?.to_vec();
    let wrong = |what| TlsError::Staple { file: file.into(), what };
    let no_ocsp = |_unquoted| wrong("is no OCSP response in DER");
    let response = OcspResponse::from_der(&der).map_err(no_ocsp)?;
    let (OcspResponseStatus::Successful, Some(bytes)) =
        (response.response_status, response.response_bytes)
    else {
        return Err(wrong("is an OCSP responder's refusal to answer"));
    };
    let basic = BasicOcspResponse::from_der(bytes.response.as_bytes()).map_err(no_ocsp)?;
    let answers = basic.tbs_response_data.responses;
    let answer = answers.iter().find(|answer| is_about(answer, leaf));
    let answer = answer.ok_or_else(|| wrong("is about another certificate"))?;
    let begins = seconds(answer.this_update.0.to_unix_duration());
    let ends = answer.next_update.map_or_else(
        || begins.saturating_add(seconds(WITHOUT_END)),
        |next| seconds(next.0.to_unix_duration()),
    );
    let now = clock::unix_seconds();
    let what = match answer.cert_status {
        CertStatus::Revoked(_) => {
            Some("says that the certificate is revoked; have another one made")
        }
        CertStatus::Unknown(_) => Some("says that the CA does not know the certificate"),
        CertStatus::Good(_) if now < begins => Some("counts from a later time on"),
        CertStatus::Good(_) if now >= ends => Some("has ended; fetch a new one"),
        CertStatus::Good(_) => None,
    };
    let unfit = what.map(|what| Note {
        file: file.into(),
        text: format!("{what}; until then it is not shown with the certificate"),
    });
    Ok(Staple { der, ends, unfit })
}

fn is_about(answer: &SingleResponse, leaf: &X509Certificate<'_>) -> bool {
    let wanted = &answer.cert_id;
    let issuer = leaf.issuer().as_raw();
    let name = wanted.issuer_name_hash.as_bytes();
    let is_issuer = [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256, &digest::SHA384]
        .into_iter()
        .any(|algorithm| digest::digest(algorithm, issuer).as_ref() == name);
    is_issuer && bare(wanted.serial_number.as_bytes()) == bare(leaf.raw_serial())
}

/// A number without the zeros before it.
fn bare(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
