//! Which TLS is spoken: a policy by its name, or what is listed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::document::resolve::Reading;

/// A set of versions, cipher suites and groups that others have named.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TlsPolicy {
    /// TLS 1.3 only, as Mozilla's "modern".
    Modern,
    /// TLS 1.2 and 1.3 with forward secrecy and authenticated encryption, as Mozilla's "intermediate".
    #[default]
    Intermediate,
    /// What TR-02102-2 of the BSI recommends: AES-GCM, NIST curves, RSA of 3000 bits and more.
    Bsi,
}

/// A version of TLS.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, JsonSchema,
)]
pub enum TlsVersion {
    /// TLS 1.2, RFC 5246.
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3, RFC 8446.
    #[serde(rename = "1.3")]
    V1_3,
}

/// A cipher suite that can be spoken, by IANA's name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, JsonSchema)]
pub enum CipherSuite {
    /// TLS 1.3, AES-128-GCM.
    #[serde(rename = "TLS_AES_128_GCM_SHA256")]
    Aes128,
    /// TLS 1.3, AES-256-GCM.
    #[serde(rename = "TLS_AES_256_GCM_SHA384")]
    Aes256,
    /// TLS 1.3, ChaCha20-Poly1305.
    #[serde(rename = "TLS_CHACHA20_POLY1305_SHA256")]
    ChaCha20,
    /// TLS 1.2, for a certificate with an ECDSA key, AES-128-GCM.
    #[serde(rename = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")]
    EcdsaAes128,
    /// TLS 1.2, for a certificate with an ECDSA key, AES-256-GCM.
    #[serde(rename = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")]
    EcdsaAes256,
    /// TLS 1.2, for a certificate with an ECDSA key, ChaCha20-Poly1305.
    #[serde(rename = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")]
    EcdsaChaCha20,
    /// TLS 1.2, for a certificate with an RSA key, AES-128-GCM.
    #[serde(rename = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")]
    RsaAes128,
    /// TLS 1.2, for a certificate with an RSA key, AES-256-GCM.
    #[serde(rename = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")]
    RsaAes256,
    /// TLS 1.2, for a certificate with an RSA key, ChaCha20-Poly1305.
    #[serde(rename = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256")]
    RsaChaCha20,
}

/// A group for the exchange of keys, by IANA's name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, JsonSchema)]
pub enum Group {
    /// ML-KEM-768 with X25519: safe from quantum computers as well; TLS 1.3 only.
    #[serde(rename = "X25519MLKEM768")]
    X25519MlKem768,
    /// ML-KEM-768 with P-256: safe from quantum computers as well; TLS 1.3 only.
    #[serde(rename = "SecP256r1MLKEM768")]
    P256MlKem768,
    /// X25519.
    #[serde(rename = "x25519")]
    X25519,
    /// P-256.
    #[serde(rename = "secp256r1")]
    P256,
    /// P-384.
    #[serde(rename = "secp384r1")]
    P384,
}

/// What a listener offers. Of suites the first is taken that a client has too, of groups the one that
/// stands first with the client: rustls leaves that order to it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TlsOffer {
    /// RSA keys are of so many bits at least.
    pub least_rsa_bits: usize,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// At least one for each version that is spoken, and none for others.
    pub cipher_suites: Vec<CipherSuite>,
    /// At least one for each version that is spoken.
    pub groups: Vec<Group>,
}

impl TlsPolicy {
    /// The oldest version that is spoken.
    pub const fn min_version(self) -> TlsVersion {
        match self {
            Self::Modern => TlsVersion::V1_3,
            Self::Intermediate | Self::Bsi => TlsVersion::V1_2,
        }
    }

    /// AES-128-GCM first: with it a server makes about 1.3 times as many full handshakes as with
    /// AES-256-GCM, whose SHA-384 has no instruction of its own (measured).
    const fn cipher_suites(self) -> &'static [CipherSuite] {
        use CipherSuite::{
            Aes128, Aes256, ChaCha20, EcdsaAes128, EcdsaAes256, EcdsaChaCha20, RsaAes128,
            RsaAes256, RsaChaCha20,
        };

        match self {
            Self::Modern | Self::Intermediate => &[
                Aes128,
                Aes256,
                ChaCha20,
                EcdsaAes128,
                RsaAes128,
                EcdsaAes256,
                RsaAes256,
                EcdsaChaCha20,
                RsaChaCha20,
            ],
            Self::Bsi => &[Aes128, Aes256, EcdsaAes128, RsaAes128, EcdsaAes256, RsaAes256],
        }
    }

    /// Those that are safe from quantum computers first.
    ///
    /// TR-02102 recommends NIST's curves and Brainpool's, not X25519, so that its hybrid is that of
    /// P-256. It would have P-521, Brainpool and P-384 with ML-KEM-1024 as well, which rustls with
    /// aws-lc-rs does not have.
    const fn groups(self) -> &'static [Group] {
        match self {
            Self::Modern | Self::Intermediate => {
                &[Group::X25519MlKem768, Group::X25519, Group::P256, Group::P384]
            }
            Self::Bsi => &[Group::P256MlKem768, Group::P256, Group::P384],
        }
    }

    /// 3000 bits are what TR-02102 wants since 2024; 2048 are the least that rustls takes.
    const fn least_rsa_bits(self) -> usize {
        match self {
            Self::Modern | Self::Intermediate => 2048,
            Self::Bsi => 3000,
        }
    }
}

impl CipherSuite {
    /// The one version that it is for.
    pub const fn version(self) -> TlsVersion {
        match self {
            Self::Aes128 | Self::Aes256 | Self::ChaCha20 => TlsVersion::V1_3,
            Self::EcdsaAes128
            | Self::EcdsaAes256
            | Self::EcdsaChaCha20
            | Self::RsaAes128
            | Self::RsaAes256
            | Self::RsaChaCha20 => TlsVersion::V1_2,
        }
    }
}

impl Group {
    /// It withstands a quantum computer.
    pub const fn is_post_quantum(self) -> bool {
        matches!(self, Self::X25519MlKem768 | Self::P256MlKem768)
    }

    /// TLS 1.2 can agree on it, too.
    pub const fn is_for_both_versions(self) -> bool {
        match self {
            Self::X25519MlKem768 | Self::P256MlKem768 => false,
            Self::X25519 | Self::P256 | Self::P384 => true,
        }
    }
}

impl From<TlsPolicy> for TlsOffer {
    fn from(policy: TlsPolicy) -> Self {
        let min_version = policy.min_version();
        let suites = policy.cipher_suites().iter().copied();
        Self {
            least_rsa_bits: policy.least_rsa_bits(),
            min_version,
            cipher_suites: suites.filter(|suite| suite.version() >= min_version).collect(),
            groups: policy.groups().to_vec(),
        }
    }
}

/// What a section says of it.
pub(super) struct OfferFile<'f> {
    pub(super) policy: TlsPolicy,
    pub(super) min_version: Option<TlsVersion>,
    pub(super) cipher_suites: Option<&'f [CipherSuite]>,
    pub(super) groups: Option<&'f [Group]>,
}

impl OfferFile<'_> {
    /// `section`: its key.
    pub(super) fn resolve(&self, section: &str, reading: &mut Reading<'_>) -> TlsOffer {
        let min_version = self.min_version.unwrap_or(self.policy.min_version());
        let suites = match self.cipher_suites {
            Some(suites) => {
                check_suites(&format!("{section}.cipher_suites"), suites, min_version, reading);
                suites
            }
            None => self.policy.cipher_suites(),
        };
        if let Some(groups) = self.groups {
            check_groups(&format!("{section}.groups"), groups, min_version, reading);
        }
        TlsOffer {
            least_rsa_bits: self.policy.least_rsa_bits(),
            min_version,
            cipher_suites: suites.iter().copied().filter(|s| s.version() >= min_version).collect(),
            groups: self.groups.unwrap_or(self.policy.groups()).to_vec(),
        }
    }
}

fn check_suites(key: &str, suites: &[CipherSuite], min: TlsVersion, reading: &mut Reading<'_>) {
    let has = |version| suites.iter().any(|suite| suite.version() == version);
    for (place, suite) in suites.iter().enumerate() {
        if suite.version() < min {
            let told = "is for TLS 1.2, which is not spoken; leave it out or lower min_version";
            reading.at(&format!("{key}[{place}]"), told);
        }
    }
    told_twice(key, suites, reading);
    if !has(TlsVersion::V1_3) {
        let told =
            "has none for TLS 1.3, which is spoken; add for example `TLS_AES_128_GCM_SHA256`";
        reading.at(key, told);
    }
    if min == TlsVersion::V1_2 && !has(TlsVersion::V1_2) {
        let told = "has none for TLS 1.2, which is spoken; add one or write `min_version: \"1.3\"`";
        reading.at(key, told);
    }
}

fn check_groups(key: &str, groups: &[Group], min: TlsVersion, reading: &mut Reading<'_>) {
    told_twice(key, groups, reading);
    if groups.is_empty() {
        reading.at(key, "is empty; leave it out for those of the policy");
    } else if min == TlsVersion::V1_2 && !groups.iter().any(|group| group.is_for_both_versions()) {
        let told = "has none for TLS 1.2, which is spoken; add for example `secp256r1` or write \
                    `min_version: \"1.3\"`";
        reading.at(key, told);
    }
}

fn told_twice<T: PartialEq>(key: &str, list: &[T], reading: &mut Reading<'_>) {
    for (place, one) in list.iter().enumerate() {
        if list.iter().take(place).any(|other| other == one) {
            reading.at(&format!("{key}[{place}]"), "is in the list already");
        }
    }
}
