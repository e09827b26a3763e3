//! What a document for auditors names as evidence is there: each test and each file.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Where they are named.
const DOCUMENTS: [&str; 4] = ["SECURITY.md", "docs/asvs.md", "docs/security.md", "src/lib.rs"];

/// Where a file stands that is named by its path.
const FOLDERS: [&str; 9] =
    ["src/", "tests/", "docs/", "fuzz/", "benches/", "grafana/", "certs/", ".ci/", ".cargo/"];

/// Names of fewer words are keys, fields and labels.
const FEWEST_WORDS: usize = 3;

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The names of all tests of a text in Rust.
fn tests_in(text: &str, names: &mut BTreeSet<String>) {
    let mut is_test = false;
    for line in text.lines().map(str::trim_start) {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if let Some((name, _)) = function.filter(|_| is_test).and_then(|rest| rest.split_once('('))
        {
            names.insert(name.to_owned());
            is_test = false;
        }
    }
}

pub(crate) fn tests_below(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            tests_in(&fs::read_to_string(&path).unwrap(), names);
        }
    }
}

pub(crate) fn all_tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests_below(&root().join(folder), &mut names);
    }
    names
}

/// What a text has between single backticks.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// What a document names and what is not there.
fn missing(text: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let keys = include_str!("../../config.yaml");
    let is_name = |name: &str| {
        name.split('_').filter(|word| !word.is_empty()).count() >= FEWEST_WORDS
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let is_key = |name: &str| keys.contains(&format!("{name}:")) || name.starts_with("dialgate_");
    let is_missing = |name: &&str| {
        let is_path = FOLDERS.iter().any(|folder| name.starts_with(folder)) && !name.contains(' ');
        let lacks_file = is_path && !root().join(name).exists();
        let lacks_test = is_name(name) && !is_key(name) && !tests.contains(*name);
        lacks_file || lacks_test
    };
    named(text).filter(is_missing).map(str::to_owned).collect()
}

#[test]
fn whatever_a_document_for_auditors_names_is_there() {
    let tests = all_tests();
    let mut read = 0;
    for document in DOCUMENTS {
        let Ok(text) = fs::read_to_string(root().join(document)) else { continue };
        let missing = missing(&text, &tests);
        assert!(missing.is_empty(), "{document} names what is not there: {missing:#?}");
        read += 1;
    }
    assert!(read >= 3, "only {read} documents were read");
}

#[test]
fn a_test_or_a_file_that_is_not_there_is_seen() {
    let tests = all_tests();
    let text = "`whatever_a_document_for_auditors_names_is_there`, `no_such_test_is_there` and `src/nowhere.rs`,
        `src/lib.rs`, `max_in_flight`, `dialgate_sap_up`, `cargo deny check`";

    assert_eq!(missing(text, &tests), ["no_such_test_is_there", "src/nowhere.rs"]);
}

#[test]
fn each_requirement_that_is_claimed_to_be_met_has_a_row_with_its_evidence() {
    let text = fs::read_to_string(root().join("docs/asvs.md")).unwrap();
    // Those of whole sections have no number of their own.
    let is_row = |line: &&str| {
        line.starts_with("| V")
            && line.split(' ').nth(1).is_some_and(|n| n.matches('.').count() == 2)
    };
    let rows = text.lines().filter(is_row);
    let mut seen = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [number, about, verdict, how] = cells.as_slice() else { panic!("{row}") };
        assert!(seen.insert((*number).to_owned()), "{number} is there twice");
        assert!(!about.is_empty(), "{row}");
        assert!(["met", "partly", "not met", "n/a"].contains(verdict), "{row}");
        assert!(how.len() > 5, "{number} says nothing of how or why");
    }
    assert!(seen.len() > 100, "only {} rows", seen.len());
}
