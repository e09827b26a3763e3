//! The map in `lib.rs` is true: a room uses only rooms before it.

use std::{fs, path::Path};

/// The rooms in the order in which they may use each other.
const ROOMS: [&str; 10] =
    ["domain", "config", "telemetry", "net", "sap", "lookup", "gateway", "admin", "app", "cli"];

fn source_files(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn files_of(room: &str) -> Vec<(String, String)> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&sources.join(room), &mut files);
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&sources).unwrap().display().to_string();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The part of a file that is in the program: what follows `#[cfg(test)]` may look anywhere, and
/// files named `tests` are tests.
fn without_tests(name: &str, text: &str) -> String {
    if name.contains("tests") {
        return String::new();
    }
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// The rooms that a text names after `crate::` or `super::super::`, in a path or in a group.
fn rooms_used(text: &str) -> Vec<&'static str> {
    let mut named = Vec::new();
    for (_, rest) in ["crate::", "super::super::"]
        .into_iter()
        .flat_map(|root| text.match_indices(root).map(|(at, root)| (at, &text[at + root.len()..])))
    {
        match rest.strip_prefix('{') {
            Some(group) => named.extend(first_words_of_group(group)),
            None => named.extend(first_word(rest)),
        }
    }
    let mut all = ROOMS.to_vec();
    all.push("simulator");
    all.retain(|room| named.iter().any(|name| name == room));
    all
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The first word of each member of a group such as `{app, config::{self, Environment}}`.
fn first_words_of_group(group: &str) -> Vec<String> {
    let (mut depth, mut begins, mut words) = (0, true, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            character if begins && !character.is_whitespace() => {
                words.extend(first_word(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    words
}

#[test]
fn a_room_uses_only_rooms_before_it() {
    for (place, room) in ROOMS.iter().enumerate() {
        for (name, text) in files_of(room) {
            for used in rooms_used(&without_tests(&name, &text)) {
                let used_place = ROOMS.iter().position(|room| *room == used);
                let allowed = match used_place {
                    Some(used_place) => used_place <= place,
                    None => *room == "cli",
                };
                assert!(allowed, "src/{name} uses {used}");
            }
        }
    }
}

#[test]
fn the_simulator_uses_only_words_and_sockets() {
    for (name, text) in files_of("simulator") {
        for used in rooms_used(&without_tests(&name, &text)) {
            let allowed = ["domain", "config", "telemetry", "net", "simulator"];
            assert!(allowed.contains(&used), "src/{name} uses {used}");
        }
    }
}

#[test]
fn the_domain_does_no_input_or_output_reads_no_clock_and_awaits_nothing() {
    for (name, text) in files_of("domain") {
        let text = without_tests(&name, &text);
        for word in ["std::fs", "std::net", "std::io", "std::time", "tokio", ".await", "serde"] {
            assert!(!text.contains(word), "src/{name} has {word}");
        }
    }
}

#[test]
fn the_rules_of_this_test_see_a_forbidden_use() {
    let grouped = "use crate::{\n    domain::Lookup,\n    gateway::Gateway,\n};\n";

    assert_eq!(rooms_used("fn f() -> crate::cli::X {}"), ["cli"]);
    assert_eq!(rooms_used(grouped), ["domain", "gateway"]);
    assert_eq!(rooms_used("use crate::gateway;"), ["gateway"]);
    assert_eq!(rooms_used("use crate::{app, config::{self, Environment}};"), ["config", "app"]);
    assert_eq!(rooms_used("use super::super::admin::Admin;"), ["admin"]);
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let mut files = Vec::new();
    source_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    source_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"), &mut files);
    source_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/src"), &mut files);

    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} has no opening line", file.display());
    }
}

#[test]
fn no_file_is_longer_than_350_lines() {
    let mut files = Vec::new();
    for folder in ["src", "benches", "fuzz/src", "tests/it"] {
        source_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 350, "{} has {lines} lines", file.display());
    }
}
