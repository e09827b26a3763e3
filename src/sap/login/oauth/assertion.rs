//! The signed assertion that stands for a client secret (`private_key_jwt`, RFC 7523): a JWT with
//! ES256 or RS256, as the key demands.

use std::path::Path;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair as RsaKey,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::{
    net::tls::pem,
    telemetry::{
        clock::{CallId, Moment, unix_seconds},
        logging::with_causes,
    },
};

/// An assertion is used at once; a minute covers clocks that differ a little.
const LIFE_SECONDS: i64 = 60;

/// A key that signs assertions.
pub(super) enum SigningKey {
    Ec(EcdsaKeyPair),
    Rsa(RsaKey),
}

impl SigningKey {
    /// Reads a PEM file. The error continues a sentence that begins with the key's place.
    pub(super) fn read(file: &Path) -> Result<Self, String> {
        let shown = file.display();
        let key = pem::private_key(file).map_err(|error| with_causes(&error))?;
        let der = key.secret_der();
        if let Ok(key) = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Ok(Self::Ec(key));
        }
        RsaKey::from_pkcs8(der).or_else(|_| RsaKey::from_der(der)).map(Self::Rsa).map_err(
            |_says_nothing| format!("{shown} is neither an EC key on P-256 nor an RSA key"),
        )
    }

    /// An assertion of `client` for the token server at `audience`.
    pub(super) fn assertion(
        &self,
        client: &str,
        audience: &str,
        key_id: Option<&str>,
    ) -> Option<String> {
        let now = unix_seconds();
        let algorithm = match self {
            Self::Ec(_) => "ES256",
            Self::Rsa(_) => "RS256",
        };
        let mut header = json!({ "alg": algorithm, "typ": "JWT" });
        if let (Some(key_id), Some(header)) = (key_id, header.as_object_mut()) {
            header.insert("kid".to_owned(), key_id.into());
        }
        let claims = json!({
            "iss": client,
            "sub": client,
            "aud": audience,
            "jti": CallId::new(Moment::now()).to_string(),
            "iat": now,
            "exp": now + LIFE_SECONDS,
        });
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let random = SystemRandom::new();
        let signature = match self {
            Self::Ec(key) => key.sign(&random, signed.as_bytes()).ok()?.as_ref().to_vec(),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).ok()?;
                signature
            }
        };
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    };
    use rcgen::PublicKeyData as _;

    use super::*;

    #[test]
    fn an_assertion_is_signed_with_the_key_and_says_who_and_whom_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        for (algorithm, name) in
            [(&rcgen::PKCS_ECDSA_P256_SHA256, "ES256"), (&rcgen::PKCS_RSA_SHA256, "RS256")]
        {
            let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
            crate::sap::testing::write_key(&file, &pair.serialize_pem());

            let key = SigningKey::read(&file).unwrap();
            let jwt = key.assertion("gw", "https://t.example/token", Some("one")).unwrap();

            let parts: Vec<_> = jwt.split('.').collect();
            let [header, claims, signature] =
                [0, 1, 2].map(|part| URL_SAFE_NO_PAD.decode(parts[part]).unwrap());
            let [header, claims]: [serde_json::Value; 2] =
                [header, claims].map(|part| serde_json::from_slice(&part).unwrap());
            assert_eq!(header["alg"], name);
            assert_eq!(header["kid"], "one");
            assert_eq!(claims["iss"], "gw");
            assert_eq!(claims["aud"], "https://t.example/token");
            let signed = format!("{}.{}", parts[0], parts[1]);
            let public = pair.der_bytes();
            let checked = if name == "ES256" {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public)
                    .verify(signed.as_bytes(), &signature)
            } else {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
                    .verify(signed.as_bytes(), &signature)
            };
            assert!(checked.is_ok(), "{name}");
        }
    }

    #[test]
    fn a_file_that_is_no_signing_key_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        assert!(SigningKey::read(&file).err().unwrap().contains("cannot be read"));
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        crate::sap::testing::write_key(&file, &pair.serialize_pem());
        assert!(SigningKey::read(&file).err().unwrap().contains("neither"));
    }
}
