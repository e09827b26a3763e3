//! What a listener offers, in the words of rustls.

use rustls::crypto::aws_lc_rs::{self, cipher_suite as suites, kx_group as groups};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{SignatureAlgorithm, SupportedCipherSuite, SupportedProtocolVersion, version};

use super::TlsError;
use crate::config::{CipherSuite, Group, TlsOffer, TlsVersion};

/// aws-lc-rs by name, so that no other dependency can change the provider, with what is offered and
/// nothing else, in its order.
pub(super) fn provider(offer: &TlsOffer) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: offer.cipher_suites.iter().map(|suite| of_suite(*suite)).collect(),
        kx_groups: offer.groups.iter().map(|group| of_group(*group)).collect(),
        ..aws_lc_rs::default_provider()
    }
}

pub(super) fn versions(offer: &TlsOffer) -> &'static [&'static SupportedProtocolVersion] {
    static ONLY_TLS13: [&SupportedProtocolVersion; 1] = [&version::TLS13];

    match offer.min_version {
        TlsVersion::V1_2 => rustls::ALL_VERSIONS,
        TlsVersion::V1_3 => &ONLY_TLS13,
    }
}

/// Whether a certificate with one of these keys can be shown with each version that is spoken. TLS 1.3
/// takes every kind; a suite of TLS 1.2 is for one.
pub(super) fn check_kinds(offer: &TlsOffer, keys: &[SignatureAlgorithm]) -> Result<(), TlsError> {
    let Some(first) = keys.first() else { return Ok(()) };
    if offer.min_version > TlsVersion::V1_2 {
        return Ok(());
    }
    let is_usable = |suite: &CipherSuite| {
        let is_for =
            |key: &SignatureAlgorithm| of_suite(*suite).usable_for_signature_algorithm(*key);
        suite.version() == TlsVersion::V1_2 && keys.iter().any(is_for)
    };
    if offer.cipher_suites.iter().any(is_usable) {
        return Ok(());
    }
    let kind = if *first == SignatureAlgorithm::RSA { "RSA" } else { "ECDSA" };
    Err(TlsError::NoSuite { kind })
}

fn of_suite(suite: CipherSuite) -> SupportedCipherSuite {
    match suite {
        CipherSuite::Aes128 => suites::TLS13_AES_128_GCM_SHA256,
        CipherSuite::Aes256 => suites::TLS13_AES_256_GCM_SHA384,
        CipherSuite::ChaCha20 => suites::TLS13_CHACHA20_POLY1305_SHA256,
        CipherSuite::EcdsaAes128 => suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdsaAes256 => suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdsaChaCha20 => suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::RsaAes128 => suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::RsaAes256 => suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::RsaChaCha20 => suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}

fn of_group(group: Group) -> &'static dyn SupportedKxGroup {
    match group {
        Group::X25519MlKem768 => groups::X25519MLKEM768,
        Group::P256MlKem768 => groups::SECP256R1MLKEM768,
        Group::X25519 => groups::X25519,
        Group::P256 => groups::SECP256R1,
        Group::P384 => groups::SECP384R1,
    }
}
