//! `CHANGELOG.md` goes along.

use std::fs;

use super::project;

#[test]
fn this_version_has_a_chapter_among_the_changes() {
    let changes = fs::read_to_string(project("CHANGELOG.md")).unwrap();
    let headings: Vec<_> = changes.lines().filter(|line| line.starts_with("## ")).collect();

    assert_eq!(headings.first(), Some(&"## [Unreleased]"), "{headings:?}");
    let this = concat!("## [", env!("CARGO_PKG_VERSION"), "] - ");
    assert!(headings.iter().any(|heading| heading.starts_with(this)), "{headings:?}");
}
