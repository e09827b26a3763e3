//! Any one change is found, and nothing that stands in a file breaks anything.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_one_change_to_a_trail_is_found(
        byte in any::<prop::sample::Index>(),
        to in any::<u8>(),
        line in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        let place = Place::new();
        place.written(3);
        let file = place.files()[0].clone();
        let whole = fs::read(&file).unwrap();
        let lines = lines(&file);
        prop_assert_eq!(place.found(&whole), vec![]);

        let mut changed = whole.clone();
        let at = byte.index(changed.len());
        prop_assume!(changed[at] != to);
        changed[at] = to;
        prop_assert!(!place.found(&changed).is_empty(), "byte {at} became {to}");

        // All but the last: that one is what a second place is for.
        let at = line.index(lines.len() - 1);
        let mut less = lines.clone();
        less.remove(at);
        prop_assert!(!place.found(less.concat().as_bytes()).is_empty(), "line {at} left out");

        let mut twice = lines.clone();
        twice.insert(at, lines[at].clone());
        prop_assert!(!place.found(twice.concat().as_bytes()).is_empty(), "line {at} doubled");

        let with = other.index(lines.len());
        prop_assume!(at != with);
        let mut moved = lines.clone();
        moved.swap(at, with);
        prop_assert!(!place.found(moved.concat().as_bytes()).is_empty(), "{at} and {with} exchanged");
    }

    #[test]
    fn whatever_stands_in_files_nothing_breaks(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        text in "(\\{\"seq\":[0-9]{1,20},\"at\":\"[0-9T:.Z-]{24}\",\"kind\":\"(file|checkpoint|removed|gap)\"[^\n]{0,60},\"mac\":\"[0-9a-f]{64}\",\"hash\":\"[0-9a-f]{64}\"\\}\n?){0,3}",
    ) {
        let public = PublicKey::parse(&"a".repeat(64));
        for input in [bytes.as_slice(), text.as_bytes()] {
            let anchors = Anchors::read(Cursor::new(input), public.unwrap()).unwrap();
            let mut verifier = Verifier::new(public, first_mac_key(&"a".repeat(64)), anchors);
            verifier.file("any", Cursor::new(input)).unwrap();
            prop_assert!(!verifier.finish().findings.is_empty());
        }
    }
}
