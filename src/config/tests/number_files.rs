//! Service numbers from a CSV file.

use std::fs;

use super::*;

/// The findings, or how many service numbers there are, with `content` beside one inline row.
fn listed(content: &[u8]) -> Result<usize, Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("numbers.csv"), content).unwrap();
    let row = "[{ contract_number: Direct salesDE, service_number: '4922147100000' }]";
    let text = with(&[("rules.service_numbers", row)]).replace(
        "  # service_numbers_file: service-numbers.csv",
        "  service_numbers_file: numbers.csv",
    );
    let place = format!("{}/", directory.path().display());
    match parsed_in(&text, directory.path()) {
        Ok(config) => Ok(config.rules.service_numbers.len()),
        Err(found) => Err(found.iter().map(|f| f.to_string().replace(&place, "")).collect()),
    }
}

#[test]
fn rows_of_the_file_are_added_to_those_of_the_list() {
    for content in [
        "contract_number;service_number\nDirect salesAT;43100000001\nPartnerAT;43100000002\n",
        "contract_number,service_number\nDirect salesAT,43100000001\nPartnerAT,43100000002",
        "\u{feff}Contract_Number;Service_Number\r\n\"Direct salesAT\";\"43100000001\"\r\n\r\nPartnerAT; 43100000002 \r\n",
        "service_number;name;contract_number\n43100000001;x;Direct salesAT\n43100000002;;PartnerAT\n;;\n",
        "contract_number;service_number\n\"Direct; \"\"sales\"\"AT\";43100000001\n\"Part\nner, AT\nAT\";43100000002\n",
    ] {
        match listed(content.as_bytes()) {
            Ok(count) => assert_eq!(count, 3, "{content:?}"),
            // A line break is no part of a channel text, and is told so.
            Err(told) => assert!(content.contains("Part\nner"), "{told:?}"),
        }
    }
}

#[test]
fn a_hundred_thousand_rows_are_read_and_a_file_longer_than_any_list_is_a_finding() {
    let rows = |count: usize| {
        let rows = (0..count).map(|row| format!("Channel {row}DE;4922147{row:06}\n"));
        ["contract_number;service_number\n".to_owned()].into_iter().chain(rows).collect::<String>()
    };

    assert_eq!(listed(rows(100_000).as_bytes()), Ok(100_001));
    let too_long = listed(rows(300_000).as_bytes()).unwrap_err();
    assert!(too_long[0].contains("is longer than 8 MiB"), "{too_long:?}");
}

#[test]
fn findings_carry_the_lines_of_the_file() {
    let content = "contract_number;service_number\n\
                   Direct salesDE;498912345678\n\
                   Direct salesAT;+43100000001\n\
                   PartnerAT;43100000002\n\
                   ;43100000003\n\
                   PartnerAT;43100000004\n\
                   PartnerCH\n";

    let told = listed(content.as_bytes()).unwrap_err();

    let starts = [
        "numbers.csv:2:1: `Direct salesDE` has a service number already, in config.yaml:",
        "numbers.csv:3:16: `+43100000001` starts with `+`",
        "numbers.csv:5:1: is empty",
        "numbers.csv:6:1: `PartnerAT` has a service number already, in ",
        "numbers.csv:7:1: has fewer columns than the first line",
    ];
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told}");
    }
}

#[test]
fn a_file_that_is_no_such_table_is_a_finding() {
    for (content, expected) in [
        (&b""[..], "numbers.csv:1:1: the first line is not `contract_number;service_number`"),
        (b"Direct salesAT;43100000001\n", "the first line is not"),
        (b"contract_number;service_number\n\"x;1\n", "numbers.csv:2:1: this quote is never closed"),
        (b"contract_number;service_number\nDirekt\xe4AT;1\n", "is not UTF-8; in Excel"),
    ] {
        let told = listed(content).unwrap_err();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(expected), "{told:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_finding_at_its_key() {
    let text = filled_in().replace("# service_numbers_file: s", "service_numbers_file: s");

    let told = only(&text);

    assert_eq!(
        told,
        "rules.service_numbers_file: cannot be read: no such file or directory (os error 2)"
    );
}

/// The notes for rows of a file.
fn noted(rows: &[&str]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let content = format!("contract_number;service_number\n{}", rows.join("\n"));
    fs::write(directory.path().join("numbers.csv"), content).unwrap();
    let text = with(&[("rules.service_numbers", "[]")]).replace(
        "  # service_numbers_file: service-numbers.csv",
        "  service_numbers_file: numbers.csv",
    );
    let place = format!("{}/", directory.path().display());
    let config = parsed_in(&text, directory.path()).unwrap();
    config.notes.iter().map(|note| note.replace(&place, "")).collect()
}

#[test]
fn rows_that_only_look_the_same_are_told_and_count() {
    let a = "Direct salesDE;4922147100000";
    let b = |contract: &str| format!("{contract};4922147100000");
    for other in [
        "direct salesDE",
        "DIRECT SALESDE",
        "Direct  salesDE",
        "DirectsalesDE",
        "Direct\u{a0}salesDE",
        "Direct\u{2009}salesDE",
        "Direct sales\u{200b}DE",
        "Direct sales\u{ad}DE",
    ] {
        let told = noted(&[a, &b(other)]);
        let twin = told.iter().find(|note| note.contains("numbers.csv:3:1: note: "));
        assert!(twin.is_some(), "{other:?}: {told:?}");
        assert!(told.iter().any(|note| note.contains("that in numbers.csv:2")), "{told:?}");
        let has_unseen = !other.is_ascii();
        assert_eq!(told.len(), 1 + usize::from(has_unseen), "{other:?}: {told:?}");
    }
    for (one, about) in [
        ("Ha\u{308}ndlerDE", "as one it is `HändlerDE`"),
        ("Cafe\u{301}DE", "as one it is `CaféDE`"),
        ("Direct\u{a0}salesDE", "U+00A0 at position 6"),
        ("\u{200b}PartnerDE", "U+200B at position 0"),
        ("Direct\u{3000}salesDE", "U+3000 at position 6"),
    ] {
        let told = noted(&[&b(one)]);
        let [note] = told.as_slice() else { panic!("{one:?}: {told:?}") };
        assert!(note.to_lowercase().contains(&about.to_lowercase()), "{one:?}: {note}");
    }
    let plain = [
        "HändlerDE",
        "CaféDE",
        "GroßhandelAT",
        "Direct salesDE",
        "direct-salesDE",
        "A & BDE",
        "Ł-KanalPL",
    ];
    assert_eq!(noted(&plain.map(b).each_ref().map(String::as_str)), Vec::<String>::new());
}

#[test]
fn a_number_in_another_form_is_told_in_the_form_that_is_accepted() {
    for text in ["+49 221 47110001", "49 221 47110001", "49-221-47110001", "+49(221)47110001"] {
        let told = listed(format!("contract_number;service_number\nPartnerAT;{text}\n").as_bytes());
        let told = told.unwrap_err().join("\n");
        assert!(told.ends_with("4922147110001"), "{told}");
    }
}
