//! Reads certificates and keys from PEM files, whoever wrote them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use zeroize::Zeroizing;

use super::TlsError;
use crate::config::writable_by_all;

/// Nobody's chain or key is larger; a wrong path may well lead to something that is.
const FILE_BYTES: u64 = 1024 * 1024;

/// Revocation lists of public CAs have up to 10 MB.
const LIST_BYTES: u64 = 16 * FILE_BYTES;

/// What Windows' editors begin a file with.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Anybody on the machine may read the file.
const WORLD_READABLE: u32 = 0o004;

/// All certificates in a file, at least one.
///
/// # Errors
///
/// [`TlsError`], which names the file and what to do.
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(file)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(without_mark(&text))
        .collect::<Result<_, _>>()
        .map_err(|error| damaged(file, &error))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate(file.into()));
    }
    Ok(certificates)
}

/// The first private key in a file that not everybody can read.
///
/// # Errors
///
/// [`TlsError`], which names the file and what to do.
pub fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(file)?;
    let text = without_mark(&text);
    let key = match PrivateKeyDer::from_pem_slice(text) {
        // The old form carries its encryption in a line below an ordinary heading, and reads as a
        // section that is not base64.
        Err(_) if contains(text, b"ENCRYPTED") => {
            return Err(TlsError::EncryptedKey(file.into()));
        }
        Err(pem::Error::NoItemsFound) => return Err(TlsError::NoKey(file.into())),
        Err(error) => return Err(damaged(file, &error)),
        Ok(_) if contains(text, b"Proc-Type: 4,ENCRYPTED") => {
            return Err(TlsError::EncryptedKey(file.into()));
        }
        Ok(key) => key,
    };
    let metadata = fs::metadata(file);
    let mode = metadata
        .map_err(|source| TlsError::Unreadable { file: file.into(), source })?
        .permissions()
        .mode();
    if mode & WORLD_READABLE != 0 {
        return Err(TlsError::OpenKey { file: file.into(), mode: mode & 0o777 });
    }
    Ok(key)
}

/// What is in a file that not everybody can change.
pub(super) fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    read_up_to(FILE_BYTES, file)
}

/// The same of a list, which grows with every certificate that is revoked.
pub(super) fn read_list(file: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    read_up_to(LIST_BYTES, file)
}

fn read_up_to(most: u64, file: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { file: file.into(), source };
    let length = fs::metadata(file).map_err(unreadable)?.len();
    if length > most {
        return Err(TlsError::TooLarge { file: file.into(), mib: most / FILE_BYTES });
    }
    let text = Zeroizing::new(fs::read(file).map_err(unreadable)?);
    if let Some((what, mode)) = writable_by_all(file) {
        return Err(TlsError::Writable { file: file.into(), what, mode });
    }
    if without_mark(&text).iter().all(u8::is_ascii_whitespace) {
        return Err(TlsError::Empty(file.into()));
    }
    Ok(text)
}

fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// Says what is wrong without the cause itself, which may quote the file, and that may be a key.
fn damaged(file: &Path, error: &pem::Error) -> TlsError {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "an END line is missing",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is damaged",
        pem::Error::Base64Decode(_) => "a section is not base64",
        _ => "it is not PEM",
    };
    TlsError::Damaged { file: PathBuf::from(file), what }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}
