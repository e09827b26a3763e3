//! Tells the program which compiler builds it and for which kind of machine; `dialgate version` says it.
//!
//! Neither changes with a commit, so nothing is built again for them. The commit itself is not looked for
//! here: what git says changes with every edit, and cargo would have to build again for each, or the program
//! would name a commit that it is not of. Whoever builds a release says it (`deploy/build`).

use std::{env, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=DIALGATE_RUSTC={}", compiler().as_deref().unwrap_or("unknown"));
    println!(
        "cargo:rustc-env=DIALGATE_TARGET={}",
        env::var("TARGET").as_deref().unwrap_or("unknown")
    );
}

/// What it says of itself, such as `1.95.0 (59807616e 2026-04-14)`.
fn compiler() -> Option<String> {
    let said = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    let line = String::from_utf8(said.stdout).ok()?;
    line.trim().strip_prefix("rustc ").map(str::to_owned)
}
