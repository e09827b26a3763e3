//! The table in docs/security.md: each row names tests, and each test here is in a row. That the tests
//! which it names are there is held by `evidence`, as for all documents for auditors.

use std::collections::BTreeSet;

use crate::evidence::{all_tests, root, tests_below};

const SECURITY: &str = include_str!("../../../docs/security.md");

/// The cells of all rows of the section's tables, without their heads.
fn rows(section: &str) -> Vec<Vec<String>> {
    let (_, section) = SECURITY.split_once(&format!("\n## {section}\n")).expect(section);
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let rows = section.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
        .filter(|row| row[0] != "Attack" && !row[0].starts_with("--"))
        .collect()
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn each_attack_in_the_table_names_what_was_expected_what_was_seen_and_tests() {
    let there_are = all_tests();
    let rows = rows("Attacks tried");
    assert!(rows.len() > 30, "the table is there");

    for row in rows {
        let [attack, expected, seen, by] = &row[..] else { panic!("four cells: {row:?}") };
        assert!(!expected.is_empty() && !seen.is_empty(), "{attack}");
        let named = quoted(by);
        assert!(!named.is_empty(), "{attack}: no test");
        // Also those whose names are too short for `evidence` to know them as such.
        assert!(named.iter().all(|test| there_are.contains(test)), "{attack}: {named:?}");
    }
}

#[test]
fn each_test_of_an_attack_is_in_the_table() {
    let named: BTreeSet<_> = rows("Attacks tried").iter().flat_map(|row| quoted(&row[3])).collect();
    let mut all = BTreeSet::new();
    tests_below(&root().join("tests/it/security"), &mut all);
    all.retain(|name| !name.contains("in_the_table"));

    let missing: Vec<_> = all.difference(&named).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
