//! Where findings point, also in files that hardly are YAML.

use super::*;

#[test]
fn a_key_that_is_there_twice_is_told_where_it_was_first() {
    let text = format!("{}\nanswers: http\n", filled_in());

    let line = text.lines().position(|line| line == "answers: jtel").unwrap() + 1;
    assert_eq!(only(&text), format!("answers: is here twice, first in config.yaml:{line}"));
}

#[test]
fn an_alias_is_not_followed() {
    let text = with(&[("shutdown.drain_timeout", "&time 10s")]);
    let text = text.replace("drain_delay: 0s", "drain_delay: *time");

    assert!(only(&text).contains("shutdown.drain_delay: aliases are not read here"));
}

#[test]
fn what_is_no_yaml_is_the_only_finding() {
    for (text, place, told) in [
        ("listen:\n\taddress: x\n", "2:2", "tabs"),
        ("answers: jtel\n  path: x\n", "2:7", "mapping values"),
        ("answers: [jtel\n", "1:10", "unclosed"),
        ("answers: \"jtel\n", "1:10", "unclosed quote"),
        ("answers: *jtel\n", "1:10", "unknown anchor"),
        ("answers: jtel\n---\nanswers: jtel\n", "2:1", "more than one document"),
    ] {
        let told_here = told_once(text);
        assert!(
            told_here.starts_with(&format!("config.yaml:{place}: is not YAML: ")),
            "{told_here}"
        );
        assert!(told_here.contains(told), "{told_here}");
    }
}

fn told_once(text: &str) -> String {
    let told = told(text);
    let [only] = told.as_slice() else { panic!("{told:?}") };
    only.clone()
}

#[test]
fn deep_nesting_is_a_finding_and_no_crash() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        assert!(told_once(&text).contains("is not YAML"));
    }
}

#[test]
fn a_byte_order_mark_and_line_ends_of_windows_change_nothing() {
    let text = format!("\u{feff}{}", filled_in().replace('\n', "\r\n"));
    assert!(parsed(&text).is_ok());

    let wrong = text.replace("answers: jtel", "answers: jtell");
    let plain = filled_in().replace("answers: jtel", "answers: jtell");
    assert_eq!(parsed(&wrong).unwrap_err().to_string(), parsed(&plain).unwrap_err().to_string());
}

#[test]
fn a_text_from_the_file_cannot_steer_the_terminal() {
    let text = "\"a\\e[31m\": 1\nanswers: \"j\\e]0;x\\a\"\n";

    let report = parsed(text).unwrap_err().report(false, "nothing was started");

    assert!(!report.contains(['\u{1b}', '\u{7}']), "{report:?}");
}

#[test]
fn colour_comes_only_when_asked_for() {
    let findings = parsed("answers: jtell\n").unwrap_err();

    assert!(!findings.report(false, "x").contains('\u{1b}'));
    assert!(findings.report(true, "x").contains('\u{1b}'));
}

#[test]
fn sections_whose_keys_are_all_commented_out_have_their_defaults() {
    let text = "sap: { url: https://sap.example }\nanybody_may_ask: true\ncache:\nclients:\n\
                listen: { plaintext_behind_a_tls_load_balancer: true }\n\
                rules: { without_service_number: dial_without_number }\n";

    assert_eq!(parsed(text).unwrap().cache.max_entries, 100_000);
}
