//! `audit:` and `privacy:` the trail, and what it says of persons.

use super::*;

fn audited(audit: &str) -> String {
    format!("{}\naudit: {audit}\n", filled_in())
}

#[test]
fn there_is_no_trail_unless_somebody_wants_one() {
    let config = parsed(&filled_in()).unwrap();

    assert_eq!(config.audit, None);
    let Privacy { partner, number, rotate_days, keep_epochs } = config.privacy;
    assert_eq!((partner, number), (PersonalData::Pseudonym, PersonalData::Absent));
    assert_eq!((rotate_days, keep_epochs), (30, 12));
}

#[test]
fn folder_keys_and_what_happens_without_it_are_enough() {
    let text = audited("{ folder: trail, keys: keys, when_unwritable: continue }");

    let audit = parsed(&text).unwrap().audit.unwrap();

    assert_eq!(audit.folder, Path::new("/nowhere/trail"));
    assert_eq!(audit.when_unwritable, WhenUnwritable::Continue);
    assert_eq!(audit.checkpoint_every, Duration::from_secs(10));
    assert_eq!((audit.keep_days, audit.anchors), (None, vec![]));
}

#[test]
fn each_mistake_is_told_with_its_key() {
    let with = |more: &str| format!("{{ folder: a, keys: b, when_unwritable: refuse, {more} }}");
    for (audit, told) in [
        ("{ folder: a, keys: b }".to_owned(), "audit.when_unwritable: is missing"),
        ("{ keys: b, when_unwritable: refuse }".to_owned(), "audit.folder: is missing"),
        (
            "{ folder: a, keys: a, when_unwritable: refuse }".to_owned(),
            "audit.keys: is audit.folder",
        ),
        ("{ folder: '', keys: a, when_unwritable: refuse }".to_owned(), "audit.folder: is empty"),
        (with("checkpoint_every: 10m"), "audit.checkpoint_every: `10m` is out of range"),
        (with("rotate_size: 1KiB"), "audit.rotate_size: `1KiB` is out of range"),
        (with("keep_days: 0"), "audit.keep_days"),
        (with("anchors: [{ file: '' }]"), "audit.anchors[0].file: is empty"),
        (
            with("anchors: [{ syslog_udp: host }]"),
            "audit.anchors[0].syslog_udp: `host` is not an IP",
        ),
        (
            with("anchors: [{ http: { url: 'ftp://a/b' } }]"),
            "audit.anchors[0].http.url: does not begin",
        ),
        (
            with("anchors: [{ http: { url: 'http://a.example/b' } }]"),
            "audit.anchors[0].http.url: begins with `http://`",
        ),
        (
            with("anchors: [{ http: { url: 'https://u:hunter2@a.example/b' } }]"),
            "audit.anchors[0].http.url: carries a user",
        ),
    ] {
        let findings = parsed(&audited(&audit)).unwrap_err().to_string();
        assert!(findings.contains(told), "{audit}: {findings}");
        assert!(!findings.contains("hunter2"), "{findings}");
    }
}
