//! Who else on the machine could put something else into a file.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Everybody on the machine may write.
const WORLD_WRITABLE: u32 = 0o002;

/// In a folder: only its owner may remove a file (as in /tmp).
const STICKY: u32 = 0o1000;

/// The file, or the folder that it or what it links to is in, if everybody on this machine could put
/// something else there; with its permissions.
pub fn writable_by_all(file: &Path) -> Option<(PathBuf, u32)> {
    let mode_of = |path: &Path| Some(fs::metadata(path).ok()?.permissions().mode());
    if let Some(mode) = mode_of(file)
        && mode & WORLD_WRITABLE != 0
    {
        return Some((file.to_owned(), mode & 0o777));
    }
    let real = fs::canonicalize(file).ok();
    let folders = [Some(file), real.as_deref()].into_iter().flatten().filter_map(Path::parent);
    for folder in folders {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if let Some(mode) = mode_of(folder)
            && mode & WORLD_WRITABLE != 0
            && mode & STICKY == 0
        {
            return Some((folder.to_owned(), mode & 0o777));
        }
    }
    None
}
