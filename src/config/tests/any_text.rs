//! Whatever stands in the file, dialgate says something sensible about it.

use proptest::prelude::*;

use super::*;

/// Everything that has to be true of the findings in a text.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Err(findings) = parsed(text) else { return Ok(()) };
    let lines = text.lines().count().max(1);
    prop_assert!(!findings.is_empty());
    for finding in findings.iter() {
        prop_assert!((1..=lines).contains(&finding.line), "{finding} of {lines} lines");
        prop_assert!(finding.column >= 1);
        prop_assert!(!finding.message.contains("please report it"), "{finding}");
    }
    let report = findings.report(false, "nothing was started");
    prop_assert!(report.lines().count() > findings.len());
    Ok(())
}

/// A piece of YAML to put somewhere.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[\\-\\[\\]{}:,#&*!|>'\"%@`?~ \t\n\r]{1,6}",
        "[a-z_]{1,12}: [a-z0-9]{0,5}\n?",
        "\\PC{1,8}",
        Just("\u{0}".to_owned()),
        Just("\n- a\n- b\n".to_owned()),
        Just("{ env: A }".to_owned()),
        Just("~".to_owned()),
        Just("12345678901234567890123".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_has_findings_in_its_lines(text in "(\\PC|[\n\r\t:\\-{}\\[\\]]){0,80}") {
        check(&text)?;
    }

    #[test]
    fn a_damaged_file_is_read_or_has_findings_in_its_lines(
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0..20_usize, piece()), 1..4),
    ) {
        let mut text = filled_in();
        for (place, length, piece) in damages {
            let start = text.floor_char_boundary(place.index(text.len()));
            let end = text.floor_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &piece);
        }
        check(&text)?;
    }

    #[test]
    fn a_password_in_a_damaged_file_is_never_shown(
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0..30_usize, piece()), 1..5),
        near in any::<bool>(),
    ) {
        let mut text = filled_in().replace("{ env: SAP_PASSWORD }", "hunter2");
        for (place, length, piece) in damages {
            // Every second time around the password itself, where damage does most.
            let secret = text.find(SECRET).unwrap_or(0);
            let (from, to) = if near { (secret.saturating_sub(300), secret) } else { (0, text.len()) };
            let start = text.floor_char_boundary(from + place.index((to - from).max(1)));
            let end = text.floor_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &piece);
        }
        // Behind another key's value nobody could tell that it is a password.
        if text.contains("password: hunter2") && let Err(findings) = parsed(&text) {
            prop_assert!(!findings.to_string().contains(SECRET), "{}", findings);
        }
    }

    #[test]
    fn a_file_with_other_values_never_needs_an_excuse(
        place in any::<prop::sample::Index>(),
        value in prop_oneof![
            Just("5"), Just("-5"), Just("1.5"), Just("true"), Just("~"), Just("x"), Just("[]"),
            Just("[~]"), Just("[[]]"), Just("{}"), Just("{ a: b }"), Just("{ env: X }"),
            Just("{ file: /nowhere }"), Just("\"\""), Just("99999999999"), Just("{ ~: 1, 2: 3 }"),
        ],
    ) {
        let text = filled_in();
        let mut keys = Vec::new();
        let tree = document::node::Node::parse(&text).unwrap();
        tree.leaves("", &mut |key, _| {
            // A leaf and every section around it.
            let ends = key.match_indices(['.', '[']).map(|(end, _)| end).chain([key.len()]);
            keys.extend(ends.map(|end| key[..end].to_owned()));
        });
        let key = place.get(&keys);

        check(&edit(&text, &[(key, value.to_owned())]).unwrap())?;
    }

    #[test]
    fn a_table_of_numbers_is_read_or_has_findings(text in "(contract_number;service_number\n)?(\\PC|[\n\r\";,]){0,60}") {
        let environment = environment();
        let findings = Findings::new("config.yaml", "");
        let mut reading =
            document::resolve::Reading::new(findings, &environment, Path::new(""));

        sections::number_list::table("numbers.csv", &text, &mut reading);

        let lines = text.lines().count().max(1);
        prop_assert!(reading.findings.iter().all(|finding| finding.line <= lines), "{:?}", reading.findings);
    }

    #[test]
    fn durations_and_sizes_are_read_as_they_are_written(millis in 0..10_000_000_u64, bytes in any::<u32>()) {
        use crate::config::document::units::{duration, duration_text, size, size_text};

        let time = Duration::from_millis(millis);
        prop_assert_eq!(duration(&duration_text(time)), Some(time));
        prop_assert_eq!(size(&size_text(bytes as usize)), Some(bytes as usize));
    }
}
