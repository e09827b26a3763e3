//! No byte of a snapshot can be changed, moved or taken away unnoticed.

use proptest::prelude::*;

use super::{
    super::form::{ReadError, Writer},
    super::piece::Packing,
    *,
};
use crate::{lookup::said::Said, sap::SystemId};

/// A snapshot of these partners, so many in a piece; and where its pieces begin and end.
fn written(partners: &[(PartnerId, Lookup, u32)], in_a_piece: usize) -> (Vec<u8>, Vec<usize>) {
    let (keys, system) = (keys(&[1]), SystemId::of_bytes([7; 16]));
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    let mut writer = Writer::begin(&mut bytes, &keys, 1_000).unwrap();
    for piece in partners.chunks(in_a_piece.max(1)) {
        let mut packing = Packing::default();
        for (partner, lookup, age) in piece {
            let said = Arc::new(Said::new(lookup.clone().into(), &[].into()));
            let key = Key { system, partner: *partner };
            assert!(packing.add(&key, &said, Duration::from_millis(u64::from(*age))));
        }
        writer.piece(&packing.take()).unwrap();
    }
    writer.end(partners.len() as u64).unwrap();
    // head, then "kind, length, sealed" until the end
    let mut at = 42;
    while at < bytes.len() {
        ends.push(at);
        let length = u32::from_be_bytes(bytes[at + 1..at + 5].try_into().unwrap());
        at += 5 + length as usize;
    }
    ends.push(at);
    (bytes, ends)
}

fn read(bytes: &[u8], with: &[u8]) -> Result<Vec<(PartnerId, Lookup, u32)>, ReadError> {
    let mut partners = Vec::new();
    load::read(bytes, &keys(with), |written_at, piece| {
        assert_eq!(written_at, 1_000);
        for entry in piece.entries {
            let age = u32::try_from(entry.age.as_millis()).unwrap();
            partners.push((entry.key.partner, piece.said[entry.said].lookup.clone(), age));
        }
    })?;
    Ok(partners)
}

fn partners() -> impl Strategy<Value = Vec<(PartnerId, Lookup, u32)>> {
    let lookup =
        prop_oneof![Just(Lookup::Unknown), "[a-zA-Z ü]{1,20}".prop_map(|text| found(&text)),];
    let id = "[A-Za-z0-9_-]{1,20}".prop_map(|text| PartnerId::parse(&text).unwrap());
    prop::collection::vec((id, lookup, any::<u32>()), 0..20)
}

proptest! {
    #[test]
    fn partners_come_back_as_they_were_written(partners in partners(), in_a_piece in 1..9_usize) {
        let (bytes, _) = written(&partners, in_a_piece);
        prop_assert_eq!(read(&bytes, &[1]).unwrap(), partners.clone());
        // The key that is being replaced is the second one.
        prop_assert_eq!(read(&bytes, &[2, 1]).unwrap(), partners);
    }

    #[test]
    fn a_changed_byte_wherever_it_is_has_all_of_it_refused(
        partners in partners(), place: prop::sample::Index, change in 1..=255_u8
    ) {
        let (mut bytes, _) = written(&partners, 3);
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        prop_assert!(read(&bytes, &[1]).is_err(), "byte {}", place);
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused(partners in partners(), place: prop::sample::Index) {
        let (bytes, _) = written(&partners, 3);
        prop_assert!(read(&bytes[..place.index(bytes.len())], &[1]).is_err());
    }

    #[test]
    fn bytes_from_elsewhere_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes, &[1]).is_err());
        let mut begun = written(&[], 1).0[..42].to_vec();
        begun.extend(bytes);
        prop_assert!(read(&begun, &[1]).is_err());
    }
}

#[test]
fn pieces_in_another_order_left_out_said_twice_or_of_another_snapshot_are_noticed() {
    let partners: Vec<_> = (0..9).map(|number| (partner(number), found("a"), 5)).collect();
    let (bytes, ends) = written(&partners, 3);
    let (other, other_ends) = written(&partners, 3);
    let part = |place: usize| &bytes[ends[place]..ends[place + 1]];
    let of_other = &other[other_ends[1]..other_ends[2]];
    let head = &bytes[..42];
    assert_eq!([head, part(0), part(1), part(2), part(3)].concat(), bytes);

    for (what, changed) in [
        ("another order", vec![head, part(1), part(0), part(2), part(3)]),
        ("one left out", vec![head, part(0), part(2), part(3)]),
        ("the last one left out", vec![head, part(0), part(1), part(3)]),
        ("said twice", vec![head, part(0), part(0), part(1), part(2), part(3)]),
        ("of another snapshot", vec![head, part(0), of_other, part(2), part(3)]),
        ("another head", vec![&other[..42], part(0), part(1), part(2), part(3)]),
        ("no end", vec![head, part(0), part(1), part(2)]),
        ("something behind the end", vec![&bytes, b"p"]),
        ("twice", vec![&bytes, &bytes]),
    ] {
        assert!(matches!(read(&changed.concat(), &[1]), Err(ReadError::Damaged)), "{what}");
    }
}

#[test]
fn why_it_is_refused_is_told_apart() {
    let (bytes, _) = written(&[(partner(1), found("a"), 5)], 1);
    let mut newer = bytes.clone();
    newer[17] = 2;

    assert!(matches!(read(&bytes, &[2]), Err(ReadError::Key)));
    assert!(matches!(read(&newer, &[1]), Err(ReadError::Version)));
    assert!(matches!(read(b"", &[1]), Err(ReadError::Foreign)));
    assert!(matches!(read(&[b'x'; 100], &[1]), Err(ReadError::Foreign)));
    // No memory is taken for a length that no piece has.
    let huge = [&bytes[..42], b"p\xff\xff\xff\xff"].concat();
    assert!(matches!(read(&huge, &[1]), Err(ReadError::Damaged)));
}

#[test]
fn nothing_of_a_partner_can_be_read_in_the_bytes() {
    let (bytes, _) =
        written(&[(PartnerId::parse("PARTNER-1001910").unwrap(), found("Direct sales"), 5)], 1);

    for part in ["PARTNER", "1001910", "Direct", "DE\"", "channel"] {
        assert!(!bytes.windows(part.len()).any(|window| window == part.as_bytes()), "{part}");
    }
}
