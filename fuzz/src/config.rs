//! `config.yaml`: a configuration or findings in its lines, and no secret in any of them.

use std::path::Path;

use dialgate::config::{Environment, parse, show};

/// Stands for a secret that somebody wrote where a place to find it belongs.
const SECRET: &str = "hunter2";

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let environment = Environment::of([("SAP_PASSWORD", "simulated")]);
    let read = parse(text, "config.yaml", Path::new("/nowhere"), &environment, |_, _| {});
    let lines = text.lines().count().max(1) + 1;
    let mut told = match &read {
        Ok(config) => {
            assert!(!config.clients.is_empty() || config.anybody_may_ask);
            format!("{config:?}")
        }
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a finding");
            for finding in findings.iter() {
                assert!((1..=lines).contains(&finding.line), "{finding} in {lines} lines");
            }
            findings.to_string()
        }
    };
    if let Ok(shown) = show(text, "config.yaml") {
        told += &shown;
        let again = show(&shown, "config.yaml");
        assert_eq!(again.ok().as_ref(), Some(&shown), "what is shown can be read, and is the same");
    }
    // Behind the key of a secret, and nowhere else, anybody can tell that it is one.
    let is_secret = |line: &str| {
        line.trim_start().starts_with("password: hunter2") && line.trim_end().ends_with(SECRET)
    };
    let (secrets, others): (Vec<_>, Vec<_>) =
        text.lines().filter(|line| line.contains(SECRET)).partition(|line| is_secret(line));
    if !secrets.is_empty() && others.is_empty() {
        assert!(!told.contains(SECRET), "{told}");
    }
}
