//! The file of a snapshot: written beside and put in its place as a whole, read only where nobody else could have
//! put it there, set aside where it is of no use.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{Access, Mode, OFlags};

/// The largest file that is read: what a start waits for has an end. Ten million partners have a tenth of it.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

/// Group and everybody.
const OTHERS_WRITE: u32 = 0o022;
const OTHERS_READ: u32 = 0o044;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("it is a link, or no file")]
    NoFile,
    #[error("it belongs to another user")]
    Owner,
    #[error("others may write it (mode {0:03o})")]
    Writable(u32),
    #[error("it is larger than 4 GiB")]
    TooLarge,
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] io::Error),
}

/// A file that is to be read.
pub(super) struct Opened {
    pub(super) file: File,
    /// Its mode, where others may read it.
    pub(super) readable: Option<u32>,
}

/// A file that is being written, beside the one whose place it will take.
pub(super) struct Pending {
    file: File,
    beside: PathBuf,
    path: PathBuf,
    is_over: bool,
}

/// Opens a file that only the user of this process can have written; `None`: there is none.
pub(super) fn open(path: &Path) -> Result<Option<Opened>, OpenError> {
    // A pipe must not keep the start.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => return Err(OpenError::NoFile),
        Err(error) => return Err(OpenError::Unreadable(error.into())),
    };
    let metadata = file.metadata().map_err(OpenError::Unreadable)?;
    let mode = metadata.mode() & 0o777;
    if !metadata.is_file() {
        return Err(OpenError::NoFile);
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(OpenError::Owner);
    }
    if mode & OTHERS_WRITE != 0 {
        return Err(OpenError::Writable(mode));
    }
    if metadata.len() > LARGEST {
        return Err(OpenError::TooLarge);
    }
    Ok(Some(Opened { file, readable: (mode & OTHERS_READ != 0).then_some(mode) }))
}

/// Gives a file another name, so that nothing is written over it; one that was set aside before goes.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = named(path, ".refused");
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// Whether a file can be put there; it is not touched.
pub(super) fn can_be_put(path: &Path) -> Result<(), String> {
    let folder = folder_of(path);
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!(
                "the folder {} does not exist; make it, for the user of dialgate alone (mode 0700)",
                folder.display()
            ));
        }
        Err(error) => return Err(format!("{} cannot be looked at: {error}", folder.display())),
        Ok(there) if !there.is_dir() => return Err(format!("{} is no folder", folder.display())),
        Ok(_) => {}
    }
    if path.is_dir() {
        return Err(format!("{} is a folder; write the name of a file in it", path.display()));
    }
    rustix::fs::access(folder, Access::WRITE_OK | Access::READ_OK | Access::EXEC_OK).map_err(|error| {
        let error = io::Error::from(error);
        format!(
            "the folder {} cannot be written: {error}; a file is made in it and takes the place of the one \
             before",
            folder.display()
        )
    })
}

/// Two names of one file.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    one == other || identity(one).is_some_and(|one| Some(one) == identity(other))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn named(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

impl Pending {
    /// A new file for its owner only; an error of kind `ResourceBusy`: another process writes one.
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        let beside = named(path, ".new");
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = match options.open(&beside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                remove_left_behind(&beside)?;
                options.open(&beside)
            }
            opened => opened,
        }?;
        let pending = Self { file, beside, path: path.to_owned(), is_over: false };
        lock(&pending.file, &pending.beside)?;
        Ok(pending)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Puts it in its place, so that it survives a power failure.
    pub(super) fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.beside, &self.path)?;
        self.is_over = true;
        File::open(folder_of(&self.path))?.sync_all()
    }
}

/// Takes away what a process left that was killed; it holds no lock any more.
fn remove_left_behind(beside: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::open(beside, flags, Mode::empty()) {
        Ok(file) => {
            // The lock is held until its name is gone.
            let file = File::from(file);
            lock(&file, beside)?;
            return fs::remove_file(beside);
        }
        // Somebody's link: only the link goes.
        Err(rustix::io::Errno::LOOP) => {}
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    fs::remove_file(beside)
}

/// Takes a file for this process, and makes sure that its name still leads to it.
fn lock(file: &File, named: &Path) -> io::Result<()> {
    let busy = || io::Error::new(io::ErrorKind::ResourceBusy, "another process writes it");
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(busy()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let (ours, there) = (file.metadata()?, fs::symlink_metadata(named)?);
    let is_ours = (ours.dev(), ours.ino()) == (there.dev(), there.ino());
    is_ours.then_some(()).ok_or_else(busy)
}

/// One that was not finished leaves nothing behind.
impl Drop for Pending {
    fn drop(&mut self) {
        if !self.is_over && lock(&self.file, &self.beside).is_ok() {
            // Where it cannot be removed, the next one does it.
            let _later = fs::remove_file(&self.beside);
        }
    }
}
