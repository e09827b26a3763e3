//! Which build of dialgate this is.

use std::sync::LazyLock;

use serde::Serialize;

/// What is known of a build. The same sources, compiler and target say the same on every machine.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Program {
    /// Always `dialgate`.
    pub name: &'static str,
    /// The version in `Cargo.toml`.
    pub version: &'static str,
    /// The commit of git that it was built from, as whoever built it has said (`DIALGATE_COMMIT`);
    /// `unknown` where nobody has.
    pub commit: &'static str,
    /// The compiler's version, its commit and its day.
    pub rustc: &'static str,
    /// The kind of machine it runs on.
    pub target: &'static str,
}

/// This one.
pub const THIS: Program = Program {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    commit: said_or_unknown(option_env!("DIALGATE_COMMIT")),
    rustc: env!("DIALGATE_RUSTC"),
    target: env!("DIALGATE_TARGET"),
};

impl Program {
    /// The version with all the rest, a line each.
    pub fn described(self) -> String {
        let Self { name: _, version, commit, rustc, target } = self;
        format!("{version}\ncommit {commit}\nrustc {rustc}\ntarget {target}")
    }
}

/// [`Program::described`] of this one.
pub static DESCRIBED: LazyLock<String> = LazyLock::new(|| THIS.described());

/// A variable that is set to nothing says nothing.
const fn said_or_unknown(commit: Option<&'static str>) -> &'static str {
    match commit {
        Some(commit) if !commit.is_empty() => commit,
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_nobody_said_is_unknown() {
        assert_eq!(said_or_unknown(None), "unknown");
        assert_eq!(said_or_unknown(Some("")), "unknown");
        assert_eq!(said_or_unknown(Some("3f0a9c")), "3f0a9c");
    }

    #[test]
    fn a_build_knows_its_compiler_and_its_target() {
        assert!(THIS.rustc.starts_with("1."), "{}", THIS.rustc);
        assert!(THIS.target.contains("linux"), "{}", THIS.target);
    }
}
