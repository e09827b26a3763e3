//! Stdout and stderr as outputs of writers.
//!
//! Not those of the standard library: whoever is stuck in one of them holds a lock that `println!`,
//! a panic and the end of the process wait for.

use std::{
    fs::File,
    io::{self, Write},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::MetadataExt,
    },
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A batch is longer than what a pipe or socket takes in one piece, so writers to the same file
/// take turns: lines would be torn otherwise.
static OF_STDOUT: Mutex<()> = Mutex::new(());
static OF_STDERR: Mutex<()> = Mutex::new(());

/// Stdout or stderr.
pub struct Standard {
    file: File,
    turns: &'static Mutex<()>,
}

impl Standard {
    /// Standard output. Under systemd and in most containers it is the same file as stderr.
    ///
    /// # Errors
    ///
    /// No descriptor is left.
    pub fn output() -> io::Result<Self> {
        let file = duplicate(io::stdout().as_fd())?;
        let error = duplicate(io::stderr().as_fd())?;
        let turns = if is_same(&file, &error)? { &OF_STDERR } else { &OF_STDOUT };
        Ok(Self { file, turns })
    }

    /// Standard error.
    ///
    /// # Errors
    ///
    /// No descriptor is left.
    pub fn error() -> io::Result<Self> {
        Ok(Self { file: duplicate(io::stderr().as_fd())?, turns: &OF_STDERR })
    }

    fn turn(&self) -> MutexGuard<'static, ()> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn duplicate(stream: BorrowedFd<'_>) -> io::Result<File> {
    Ok(stream.try_clone_to_owned()?.into())
}

fn is_same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _turn = self.turn();
        self.file.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _turn = self.turn();
        self.file.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ends_of_one_pipe_are_the_same_and_two_pipes_are_not() {
        let (_one, end) = io::pipe().unwrap();
        let (_other, other) = io::pipe().unwrap();
        let (end, again, other) = (
            duplicate(end.as_fd()).unwrap(),
            duplicate(end.as_fd()).unwrap(),
            duplicate(other.as_fd()).unwrap(),
        );

        assert!(is_same(&end, &again).unwrap());
        assert!(!is_same(&end, &other).unwrap());
    }
}
