//! `traces:` where spans go.

use super::*;

fn otlp(otlp: &str) -> String {
    format!("{}\ntraces: {{ otlp: {otlp} }}\n", before_traces())
}

/// The shipped file up to the section.
fn before_traces() -> String {
    let text = filled_in();
    let (before, after) = text.split_once("\ntraces:\n").unwrap();
    format!("{before}\n{}", &after[after.find("\nshutdown:").unwrap()..])
}

#[test]
fn without_a_collector_nothing_is_recorded() {
    for text in [filled_in(), before_traces()] {
        let traces = parsed(&text).unwrap().traces;
        assert_eq!((traces.sample_percent, traces.otlp), (100, None));
    }
}

#[test]
fn a_collector_has_a_url_and_may_have_secrets_and_a_ca() {
    let text = otlp(
        "{ url: 'https://o.example:4318/x', headers: { a: { env: OTLP_KEY } }, ca_file: ca.pem }",
    );

    let otlp = parsed(&text).unwrap().traces.otlp.unwrap();

    assert_eq!(otlp.url, "https://o.example:4318/x");
    assert_eq!(otlp.ca_file.as_deref(), Some(Path::new("/nowhere/ca.pem")));
    let [(name, secret)] = otlp.headers.as_slice() else { panic!("{otlp:?}") };
    assert_eq!((name.as_str(), secret.expose()), ("a", "key"));
    assert!(!format!("{otlp:?}").contains("\"key\""), "{otlp:?}");
}

#[test]
fn a_collector_that_cannot_be_one_is_a_finding_at_its_key() {
    for (section, told) in [
        ("{ url: 'http://a b/x' }", "traces.otlp.url: is not a URL"),
        ("{ url: nowhere }", "traces.otlp.url: does not begin with `https://` or `http://`"),
        ("{ url: 'grpc://o.example:4317/x' }", "traces.otlp.url: does not begin with"),
        ("{ url: 'http://:4318/v1/traces' }", "traces.otlp.url: names no host"),
        ("{ url: 'http://127.0.0.1:4318' }", "traces.otlp.url: has no path"),
        ("{ url: 'http://127.0.0.1:4318/' }", "traces.otlp.url: has no path"),
        ("{ url: 'https://o.example/x?key=hunter2' }", "traces.otlp.url: goes on after the path"),
        ("{ url: 'https://a:hunter2@o.example/x' }", "traces.otlp.url: carries a user or password"),
        ("{ headers: {} }", "traces.otlp.url: is missing"),
        (
            "{ url: 'http://o.example/x', headers: { a: { env: OTLP_KEY } } }",
            "traces.otlp.url: would carry traces.otlp.headers in plain text",
        ),
        (
            "{ url: 'http://127.0.0.1/x', ca_file: ca.pem }",
            "traces.otlp.ca_file: is not used, because traces.otlp.url begins with `http://`",
        ),
        (
            "{ url: 'https://o.example/x', headers: { Content-Type: { env: OTLP_KEY } } }",
            "traces.otlp.headers.Content-Type: is a header that dialgate sets itself",
        ),
        (
            "{ url: 'https://o.example/x', headers: { 'a b': { env: OTLP_KEY } } }",
            "is not the name of a header",
        ),
        (
            "{ url: 'https://o.example/x', headers: { a: { env: NOT_SET } } }",
            "traces.otlp.headers.a.env: the environment variable NOT_SET is not set",
        ),
        (
            "{ url: 'https://o.example/x', headers: { a: hunter2 } }",
            "traces.otlp.headers.a: a secret does not stand in this file",
        ),
    ] {
        let finding = only(&otlp(section));
        assert!(finding.contains(told), "{section}\n{finding}");
        assert!(!finding.contains("hunter"), "{finding}");
    }
    let finding = only(&with(&[("traces.sample_percent", "101")]));
    assert!(finding.contains("`101` is not a whole number from 0 to 100"), "{finding}");
}
