//! `cache.snapshot` as operators write it, and what is wrong with it.

use super::*;

const KEYS: (&str, &str) = ("cache.keys", "[{ env: MEMORY_KEY }]");

#[test]
fn there_is_none_until_it_is_written_and_then_every_five_minutes() {
    assert_eq!(parsed(&filled_in()).unwrap().cache.snapshot, None);

    let text = with(&[KEYS, ("cache.snapshot", "{ path: /var/lib/dialgate/memory.snapshot }")]);
    let snapshot = parsed(&text).unwrap().cache.snapshot.unwrap();
    assert_eq!(snapshot.path.to_str(), Some("/var/lib/dialgate/memory.snapshot"));
    assert_eq!(snapshot.every, Duration::from_mins(5));
}

#[test]
fn without_a_key_nothing_is_written_to_a_disk() {
    let text = with(&[("cache.snapshot", "{ path: memory.snapshot }")]);

    assert!(only(&text).starts_with("cache.snapshot: needs cache.keys"), "{}", only(&text));
}

#[test]
fn what_is_wrong_is_told_at_its_key() {
    for (section, expected) in [
        ("{}", "cache.snapshot.path: is missing"),
        ("{ path: \"\" }", "cache.snapshot.path: is empty"),
        ("{ path: x, every: 1 }", "cache.snapshot.every: `1` has no unit"),
        ("{ path: x, every: 100ms }", "cache.snapshot.every: `100ms` is out of range"),
        ("{ path: x, every: 2d }", "cache.snapshot.every: `2d` is "),
        ("{ path: x, evry: 5m }", "cache.snapshot.evry: "),
    ] {
        let told = only(&with(&[KEYS, ("cache.snapshot", section)]));
        assert!(told.starts_with(expected), "{section}: {told}");
    }
}
