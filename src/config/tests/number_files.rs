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
