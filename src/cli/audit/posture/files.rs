//! The files: who else could read or change them, and which keys lie about that nobody needs.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{Seen, Severity};
use crate::config::{AccessLog, Config, Login, Tls};

/// More files than this in the folder of a key are not looked through.
const MOST: usize = 1000;

/// A larger file is no key.
const LARGEST: u64 = 64 * 1024;

/// Others may write; the directory's sticky bit, which keeps them from replacing what is not theirs.
const WORLD_WRITABLE: u32 = 0o002;
const GROUP_WRITABLE: u32 = 0o020;
const WORLD_READABLE: u32 = 0o004;
const STICKY: u32 = 0o1000;

pub(super) fn look(config: &Config, file: &Path, seen: &mut Seen) {
    let keys = keys(config);
    let named: BTreeSet<PathBuf> = [file.to_path_buf()]
        .into_iter()
        .chain(config.files.iter().cloned())
        .chain(config.systems.iter().filter_map(|sap| sap.ca_file.clone()))
        .chain(keys.iter().cloned())
        .collect();
    let mut folders = BTreeSet::new();
    for path in &named {
        let Ok(metadata) = fs::metadata(path) else { continue };
        let (told, mode) = (path.display().to_string(), metadata.mode());
        if mode & WORLD_WRITABLE != 0 {
            seen.note(
                Severity::High,
                &*told,
                format!("everybody on this machine can change it (mode {:03o})", mode & 0o777),
                format!("run `chmod o-w {told}`, and look whether it is what you wrote"),
            );
        } else if mode & GROUP_WRITABLE != 0 {
            seen.note(
                Severity::Low,
                &*told,
                format!("its group can change it (mode {:03o})", mode & 0o777),
                format!("run `chmod g-w {told}` where the group is more than the operators"),
            );
        }
        folders
            .extend(path.canonicalize().ok().and_then(|path| Some(path.parent()?.to_path_buf())));
    }
    for folder in &folders {
        let Ok(metadata) = fs::metadata(folder) else { continue };
        if metadata.mode() & WORLD_WRITABLE != 0 && metadata.mode() & STICKY == 0 {
            let told = folder.display().to_string();
            seen.note(
                Severity::High,
                &*told,
                "everybody on this machine can put other files in the place of those of the configuration",
                format!("run `chmod o-w {told}`"),
            );
        }
    }
    unused_keys(&keys, seen);
    if let Some(snapshot) = &config.cache.snapshot {
        of_the_snapshot(&snapshot.path, seen);
    }
    if let AccessLog::File(path) = &config.log.access
        && let Ok(metadata) = fs::metadata(path)
        && metadata.mode() & WORLD_READABLE != 0
    {
        let told = path.display().to_string();
        seen.note(
            Severity::Low,
            "log.access.file",
            format!("everybody on this machine can read {told}"),
            format!("run `chmod o= {told}`"),
        );
    }
}

/// What is remembered of partners, encrypted. Whoever may write there can put an older one in its place, with whom an
/// operator has had forgotten since.
fn of_the_snapshot(path: &Path, seen: &mut Seen) {
    let key = "cache.snapshot.path";
    let told = path.display();
    if let Ok(metadata) = fs::symlink_metadata(path) {
        let mode = metadata.mode() & 0o777;
        if !metadata.is_file() {
            seen.note(
                Severity::High,
                key,
                format!("{told} is a link or no file, and is not read"),
                format!("see who may write in its folder, and remove {told}"),
            );
        } else if mode & (WORLD_WRITABLE | GROUP_WRITABLE) != 0 {
            seen.note(
                Severity::High,
                key,
                format!(
                    "others on this machine can change {told} (mode {mode:03o}), so it is not read"
                ),
                format!("run `chmod 600 {told}`, and see who may write in its folder"),
            );
        } else if mode & 0o044 != 0 {
            seen.note(
                Severity::Low,
                key,
                format!(
                    "others on this machine can read {told} (mode {mode:03o}); it is encrypted"
                ),
                format!("run `chmod 600 {told}`"),
            );
        }
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder
        && let Ok(metadata) = fs::metadata(folder)
        && metadata.mode() & (WORLD_WRITABLE | GROUP_WRITABLE) != 0
    {
        let (folder, mode) = (folder.display(), metadata.mode() & 0o7777);
        seen.note(
            Severity::Medium,
            key,
            format!("others on this machine can put files into {folder} (mode {mode:03o}), also an older snapshot"),
            format!("run `chmod 700 {folder}`, or give the snapshot a folder of its own"),
        );
    }
}

/// The private keys that the configuration names.
fn keys(config: &Config) -> Vec<PathBuf> {
    let listeners = config.listen.tls.iter().chain(&config.admin.tls);
    let logins = config.systems.iter().filter_map(|sap| match &sap.login {
        Login::Certificate(files) => Some(files.key.clone()),
        _ => None,
    });
    let keys = listeners.flat_map(Tls::certificates).map(|files| files.key);
    keys.chain(logins).collect()
}

/// Private keys that lie beside those of the configuration.
fn unused_keys(used: &[PathBuf], seen: &mut Seen) {
    let used: BTreeSet<_> = used.iter().filter_map(|key| key.canonicalize().ok()).collect();
    let folders: BTreeSet<_> = used.iter().filter_map(|key| key.parent()).collect();
    for folder in folders {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let mut paths: Vec<_> = entries.take(MOST).flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if used.contains(&path) || !metadata.is_file() || metadata.len() > LARGEST {
                continue;
            }
            let Ok(text) = fs::read(&path) else { continue };
            if !is_key(&text) {
                continue;
            }
            let told = path.display().to_string();
            let (severity, who) = if metadata.mode() & WORLD_READABLE == 0 {
                (Severity::Low, "")
            } else {
                (Severity::Medium, ", and everybody on this machine can read it")
            };
            seen.note(
                severity,
                &*told,
                format!("a private key that the configuration does not use{who}"),
                "remove it from this machine where nothing else needs it",
            );
        }
    }
}

/// Whether a text has a private key in it. Nothing of it is kept.
fn is_key(text: &[u8]) -> bool {
    text.windows(b"PRIVATE KEY-----".len()).any(|window| window == b"PRIVATE KEY-----")
}
