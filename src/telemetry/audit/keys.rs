//! The keys of a trail: a pair that signs checkpoints, and the key of the MACs, which is replaced by the
//! next one at each checkpoint. Files that nobody but their owner may read or write.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    rand,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use zeroize::Zeroizing;

use super::chain::{BEGINNING, Hash, MacKey, hash_of_hex, hex};

const SIGNS: &str = "sign.key";
const MACS: &str = "mac.key";

/// A longer file is none of ours, in bytes.
const LONGEST: u64 = 256;

/// What is signed begins with this, so that no signature means something elsewhere.
const CONTEXT: &[u8] = b"dialgate audit checkpoint 1\n";

/// A signature of Ed25519.
type Signature = [u8; 64];

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not there.
    #[error(
        "{} cannot be read; `dialgate audit keys {}` makes the keys of a trail",
        .0.display(),
        .0.parent().unwrap_or(Path::new("FOLDER")).display()
    )]
    Read(PathBuf, #[source] io::Error),
    /// Others may read or write it.
    #[error("{told} is open to others (mode {mode:03o}); run `chmod {least} {told}`", told = path.display())]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// As it is.
        mode: u32,
        /// As it may be.
        least: &'static str,
    },
    /// It is none.
    #[error("{} is no key of a trail", .0.display())]
    Form(PathBuf),
    /// It cannot be made.
    #[error("{} cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    /// There is one.
    #[error("{} is there already, and a trail needs it; take another folder", .0.display())]
    Exists(PathBuf),
    /// The system gives none.
    #[error("the operating system gives no randomness")]
    Randomness,
}

/// The keys of a trail that is being written.
pub struct Keys {
    folder: PathBuf,
    pair: Ed25519KeyPair,
}

/// What checks signatures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PublicKey(Hash);

/// What was made: the public key, and the first key of the MACs, which stays nowhere else.
pub struct Made {
    /// Checks signatures.
    pub public: PublicKey,
    /// Checks MACs.
    pub first_mac_key: Zeroizing<String>,
}

impl Keys {
    /// Makes keys in a folder, which is made as well.
    ///
    /// # Errors
    ///
    /// They are there, or cannot be written.
    pub fn make(folder: &Path) -> Result<Made, KeyError> {
        let cannot = |error| KeyError::Write(folder.to_owned(), error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(cannot)?;
        for name in [SIGNS, MACS] {
            let file = folder.join(name);
            if file.exists() {
                return Err(KeyError::Exists(file));
            }
        }
        let (seed, mac) = (random()?, random()?);
        let first_mac_key = Zeroizing::new(hex(&*mac));
        write_secret(&folder.join(SIGNS), &Zeroizing::new(format!("{}\n", hex(&*seed))))?;
        write_secret(&folder.join(MACS), &mac_text(&MacKey::new(0, mac)))?;
        let keys = Self::open(folder)?;
        Ok(Made { public: keys.public(), first_mac_key })
    }

    /// Reads what signs.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub fn open(folder: &Path) -> Result<Self, KeyError> {
        let file = folder.join(SIGNS);
        if folder.exists() {
            closed(folder, 0o700, "700")?;
        }
        let text = read_secret(&file)?;
        let seed = hash_of_hex(text.trim_end().as_bytes()).map(Zeroizing::new);
        let pair = seed.and_then(|seed| Ed25519KeyPair::from_seed_unchecked(&*seed).ok());
        Ok(Self { folder: folder.to_owned(), pair: pair.ok_or(KeyError::Form(file))? })
    }

    /// The key of the MACs, as it is now.
    ///
    /// # Errors
    ///
    /// See [`KeyError`].
    pub fn mac_key(&self) -> Result<MacKey, KeyError> {
        let file = self.folder.join(MACS);
        let text = read_secret(&file)?;
        let read = text.trim_end().split_once(' ').and_then(|(epoch, digits)| {
            let secret = hash_of_hex(digits.as_bytes()).map(Zeroizing::new)?;
            Some(MacKey::new(epoch.parse().ok()?, secret))
        });
        read.ok_or(KeyError::Form(file))
    }

    /// Keeps this key of the MACs instead of the one before.
    ///
    /// # Errors
    ///
    /// It cannot be written; the one before is still there.
    pub(super) fn keep(&self, key: &MacKey) -> Result<(), KeyError> {
        let file = self.folder.join(MACS);
        let new = self.folder.join("mac.key.new");
        // What is left of an attempt that ended in the middle.
        let _was_none = fs::remove_file(&new);
        write_secret(&new, &mac_text(key))?;
        let exchanged = fs::rename(&new, &file).and_then(|()| sync_folder(&self.folder));
        exchanged.map_err(|error| KeyError::Write(file, error))
    }

    /// The folder they are in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What checks their signatures.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.pair.public_key().as_ref().try_into().unwrap_or(BEGINNING))
    }

    /// Signs a checkpoint.
    pub(super) fn sign(&self, text: &[u8]) -> Signature {
        let signature = self.pair.sign(&[CONTEXT, text].concat());
        // Ed25519's are 64 bytes.
        signature.as_ref().try_into().unwrap_or([0; 64])
    }
}

impl PublicKey {
    /// Reads the text form: 64 digits.
    pub fn parse(text: &str) -> Option<Self> {
        hash_of_hex(text.trim().as_bytes()).map(Self)
    }

    /// The text form.
    pub fn text(self) -> String {
        hex(&self.0)
    }

    /// Whether the pair has signed this.
    pub fn has_signed(self, text: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        key.verify(&[CONTEXT, text].concat(), signature).is_ok()
    }
}

/// Reads the first key of the MACs: 64 digits.
pub fn first_mac_key(text: &str) -> Option<MacKey> {
    let secret = hash_of_hex(text.trim().as_bytes())?;
    Some(MacKey::new(0, Zeroizing::new(secret)))
}

fn mac_text(key: &MacKey) -> Zeroizing<String> {
    let digits = Zeroizing::new(hex(key.secret()));
    Zeroizing::new(format!("{} {}\n", key.epoch(), *digits))
}

/// 32 random bytes.
pub(super) fn random() -> Result<Zeroizing<Hash>, KeyError> {
    let mut bytes = Zeroizing::new(BEGINNING);
    rand::fill(&mut *bytes).map_err(|_unspecified| KeyError::Randomness)?;
    Ok(bytes)
}

/// Writes a new file that only its owner may read, so that it is there after a power failure.
pub(super) fn write_secret(file: &Path, text: &str) -> Result<(), KeyError> {
    let written = || {
        let mut options = OpenOptions::new();
        let mut open = options.write(true).create_new(true).mode(0o600).open(file)?;
        open.write_all(text.as_bytes())?;
        open.sync_all()?;
        sync_folder(file.parent().unwrap_or(Path::new(".")))
    };
    written().map_err(|error| KeyError::Write(file.to_owned(), error))
}

/// Reads a file that only its owner may read or write.
pub(super) fn read_secret(file: &Path) -> Result<Zeroizing<String>, KeyError> {
    closed(file, 0o600, "600")?;
    let cannot = |error| KeyError::Read(file.to_owned(), error);
    if fs::metadata(file).map_err(cannot)?.len() > LONGEST {
        return Err(KeyError::Form(file.to_owned()));
    }
    fs::read_to_string(file).map(Zeroizing::new).map_err(cannot)
}

/// Nobody but the owner may do anything with it.
fn closed(path: &Path, least: u32, told: &'static str) -> Result<(), KeyError> {
    let metadata = fs::metadata(path).map_err(|error| KeyError::Read(path.to_owned(), error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & !least != 0 {
        return Err(KeyError::Open { path: path.to_owned(), mode, least: told });
    }
    Ok(())
}

/// Has the names in a folder there after a power failure.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_were_made_can_be_used_by_their_owner_only_and_are_not_made_twice() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("keys");

        let made = Keys::make(&folder).unwrap();

        let keys = Keys::open(&folder).unwrap();
        assert_eq!(keys.public(), made.public);
        assert_eq!(PublicKey::parse(&made.public.text()), Some(made.public));
        let signature = keys.sign(b"text");
        assert!(made.public.has_signed(b"text", &signature));
        assert!(!made.public.has_signed(b"texT", &signature));
        assert!(matches!(Keys::make(&folder), Err(KeyError::Exists(_))));
        for name in [SIGNS, MACS] {
            let permissions = fs::metadata(folder.join(name)).unwrap().permissions();
            assert_eq!(permissions.mode() & 0o777, 0o600);
        }
        fs::set_permissions(folder.join(SIGNS), fs::Permissions::from_mode(0o640)).unwrap();
        let error = Keys::open(&folder).err().unwrap().to_string();
        assert!(error.contains("is open to others (mode 640); run `chmod 600 "), "{error}");
    }

    #[test]
    fn the_key_that_is_kept_is_the_one_of_the_next_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("keys");
        let made = Keys::make(&folder).unwrap();
        let keys = Keys::open(&folder).unwrap();

        let mut key = keys.mac_key().unwrap();
        key.evolve();
        keys.keep(&key).unwrap();

        let kept = keys.mac_key().unwrap();
        assert_eq!(kept.epoch(), 1);
        let first = first_mac_key(&made.first_mac_key).unwrap();
        assert_eq!(kept.secret(), first.at(1).unwrap().secret());
    }
}
