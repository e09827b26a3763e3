//! Why the shared memory gave no answer.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::domain::words;

words! {
    /// Why a question to the shared memory has no answer.
    pub enum Trouble {
        /// It was not asked: it is left alone, or not connected yet.
        LeftAlone = "left_alone",
        /// It did not answer in time.
        Timeout = "timeout",
        /// The connection broke, or could not be made.
        Lost = "lost",
        /// It does not let us in, or does not allow a command.
        Refused = "refused",
        /// It has no memory left and is told to keep what it has.
        Full = "full",
        /// It takes no writes: a replica, or a master that lost its replicas.
        ReadOnly = "read_only",
        /// It is starting, or a part of the cluster is down.
        NotReady = "not_ready",
        /// Something else stands under the key, or it answered something else than was asked.
        Unexpected = "unexpected",
    }
}

impl Trouble {
    pub(super) fn of(error: &RedisError) -> Self {
        // Codes that the crate has no kinds for.
        match error.code() {
            Some("OOM") => return Self::Full,
            Some("NOAUTH" | "WRONGPASS" | "NOPERM") => return Self::Refused,
            Some("MISCONF" | "NOREPLICAS") => return Self::ReadOnly,
            _ => {}
        }
        match error.kind() {
            ErrorKind::Io | ErrorKind::ClusterConnectionNotFound | ErrorKind::Client
                if error.is_timeout() =>
            {
                Self::Timeout
            }
            ErrorKind::Io | ErrorKind::ClusterConnectionNotFound => Self::Lost,
            ErrorKind::AuthenticationFailed => Self::Refused,
            ErrorKind::Server(kind) => match kind {
                ServerErrorKind::NoPerm => Self::Refused,
                ServerErrorKind::ReadOnly => Self::ReadOnly,
                ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::TryAgain
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask => Self::NotReady,
                // A script that ran into it says so in its own words.
                _ if error.detail().is_some_and(|told| told.contains("OOM")) => Self::Full,
                _ => Self::Unexpected,
            },
            _ => Self::Unexpected,
        }
    }

    /// The next question would fare no better: it is left alone at once.
    pub(super) fn is_of_the_server(self) -> bool {
        matches!(self, Self::Lost | Self::ReadOnly | Self::NotReady)
    }

    /// In a sentence that goes on from "the shared memory".
    pub fn told(self) -> &'static str {
        match self {
            Self::LeftAlone => "is left alone",
            Self::Timeout => "does not answer in time",
            Self::Lost => "cannot be reached",
            Self::Refused => "refuses our login, or a command (see cache.shared.login)",
            Self::Full => "has no memory left",
            Self::ReadOnly => "takes no writes",
            Self::NotReady => "is starting, or a part of it is down",
            Self::Unexpected => "answers something that was not asked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_told_apart() {
        let of = |code: &str, told: &str| {
            let line = format!("-{code} {told}\r\n");
            let value = redis::parse_redis_value(line.as_bytes()).unwrap();
            Trouble::of(&value.extract_error().unwrap_err())
        };
        for (code, told, trouble) in [
            ("OOM", "command not allowed when used memory > 'maxmemory'.", Trouble::Full),
            ("ERR", "Error running script: OOM command not allowed", Trouble::Full),
            ("NOAUTH", "Authentication required.", Trouble::Refused),
            ("NOPERM", "this user has no permissions", Trouble::Refused),
            ("READONLY", "You can't write against a read only replica.", Trouble::ReadOnly),
            ("MISCONF", "Redis is configured to save RDB snapshots", Trouble::ReadOnly),
            ("LOADING", "Redis is loading the dataset in memory", Trouble::NotReady),
            ("CLUSTERDOWN", "The cluster is down", Trouble::NotReady),
            ("WRONGTYPE", "Operation against a key", Trouble::Unexpected),
            ("ERR", "unknown command", Trouble::Unexpected),
        ] {
            assert_eq!(of(code, told), trouble, "{code} {told}");
        }
    }
}
