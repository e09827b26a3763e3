//! Changed values in a text that otherwise stays as it is.

use super::*;

fn edited(text: &str, key: &str, value: &str) -> Result<String, Findings> {
    edit(text, &[(key, value.to_owned())])
}

#[test]
fn a_change_keeps_everything_else() {
    for (text, key, value, expected) in [
        ("a: 1 # why\nb: 2\n", "a", "x y", "a: x y # why\nb: 2\n"),
        ("a: \"ü\" # why\n", "a", "'z'", "a: 'z' # why\n"),
        ("a:\n  b: # why\n  c: 1\n", "a.b", "5", "a:\n  b: 5 # why\n  c: 1\n"),
        ("a: { b: [1, 2], c: {d: 'x]'} } # }\n", "a.c", "~", "a: { b: [1, 2], c: ~ } # }\n"),
        ("a: { b: [1, 2 ] } # }\n", "a.b", "[]", "a: { b: [] } # }\n"),
        ("a: { b: [1, 2], } # }\n", "a", "{ }", "a: { } # }\n"),
        (
            "a:\n  - b: 1 # b\n    c: 2 # c\n  - d\n",
            "a[0].c",
            "3",
            "a:\n  - b: 1 # b\n    c: 3 # c\n  - d\n",
        ),
        ("a:\n  - b: 1\n  - d # d\ne: 1\n", "a", "[x]", "a:\n  [x] # d\ne: 1\n"),
        ("\u{feff}a: 1\r\nb: 2\r\n", "b", "3", "\u{feff}a: 1\r\nb: 3\r\n"),
    ] {
        assert_eq!(edited(text, key, value).unwrap(), expected);
    }
}

#[test]
fn several_changes_are_made_at_once() {
    let changes = [("c", "3".to_owned()), ("a", "\"long text\"".to_owned())];

    assert_eq!(edit("a: 1\nb: 2\nc: 1\n", &changes).unwrap(), "a: \"long text\"\nb: 2\nc: 3\n");
}

#[test]
fn what_cannot_be_changed_is_a_finding() {
    for (text, key, value, told) in [
        ("a: 1\n", "b", "1", "b: is not in the text"),
        ("a: 1\n", "a.b", "1", "a.b: is not in the text"),
        ("a: 1\n", "a", "[", "a: the new value is not YAML"),
        ("a: 1\n", "a", "b: 1\nc: 2", "a: the new value has more than one line"),
        ("a: 1\n", "a", "b: 1", "a: cannot be changed where it stands"),
        ("a: |\n  x\n  y\n", "a", "z", "a: cannot be changed where it stands"),
        ("a: [\n", "a", "z", "is not YAML"),
    ] {
        let findings = edited(text, key, value).unwrap_err();
        assert!(findings.to_string().contains(told), "{text:?}: {findings}");
    }
    let meet = [("a", "1".to_owned()), ("a.b", "2".to_owned())];
    assert!(edit("a: { b: 1 }\n", &meet).unwrap_err().to_string().contains("stands within `a`"));
}

#[test]
fn the_shipped_file_can_be_pointed_elsewhere_and_keeps_its_comments() {
    let text = with(&[
        ("listen.address", "127.0.0.1:0"),
        ("listen.tls.certificate", "/tmp/it's a.pem"),
        ("admin.address", "\"127.0.0.1:0\""),
        ("sap.url", "http://127.0.0.1:9"),
        ("sap.login.basic", "{ user: demo, password: { env: SAP_PASSWORD } }"),
        ("log.access", "{ file: access.log }"),
    ]);

    let config = parsed(&text).unwrap();

    assert_eq!(config.listen.address.port(), 0);
    assert_eq!(config.listen.tls.unwrap().certificate, Path::new("/tmp/it's a.pem"));
    assert_eq!(config.log.access, AccessLog::File("/nowhere/access.log".into()));
    let comments = |text: &str| text.lines().filter(|line| line.trim().starts_with('#')).count();
    assert_eq!(comments(&text), comments(EXAMPLE));
}
