//! Limits of the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many file descriptors the process may have, and how many it might before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Descriptors {
    /// The soft limit that the process was started with.
    pub before: usize,
    /// The soft limit now.
    pub now: usize,
}

/// Raises the soft limit of file descriptors to the hard one: the soft one of 1024 is for programs
/// that use `select`, and this one does not (<https://0pointer.net/blog/file-descriptor-limits.html>).
/// Where the system does not allow it, everything stays as it is.
pub fn raise_descriptors() -> Descriptors {
    let limit = getrlimit(Resource::Nofile);
    let before = in_number(limit.current);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current == limit.maximum || setrlimit(Resource::Nofile, raised).is_err() {
        return Descriptors { before, now: before };
    }
    Descriptors { before, now: in_number(limit.maximum) }
}

/// How many file descriptors the process may have.
pub fn max_descriptors() -> usize {
    in_number(getrlimit(Resource::Nofile).current)
}

/// `None`: as many as one likes.
fn in_number(limit: Option<u64>) -> usize {
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_the_hard_one_afterwards() {
        let raised = raise_descriptors();

        assert!(raised.now >= raised.before);
        assert_eq!(raise_descriptors(), Descriptors { before: raised.now, now: raised.now });
    }
}
