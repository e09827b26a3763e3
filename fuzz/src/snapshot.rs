//! Reading a snapshot of the memory: nothing that stands in a file breaks it, and where it is whole, one other byte has
//! all of it refused.

use base64::{Engine, prelude::BASE64_STANDARD};
use dialgate::{
    config::{SealingKeys, Secret},
    lookup::{partners_in_snapshot, partners_in_snapshot_piece},
};

/// The key of the snapshots in the corpus.
const KEY: [u8; 32] = [b'k'; 32];

/// A partner has at least so many bytes in a piece.
const LEAST: u64 = 11;

pub fn holds(data: &[u8]) {
    let secret = Secret::new(BASE64_STANDARD.encode(KEY));
    let keys = SealingKeys::new(&[secret]).unwrap();
    if partners_in_snapshot(data, &keys).is_some() {
        let place = data.iter().map(|byte| usize::from(*byte)).sum::<usize>() % data.len();
        let mut changed = data.to_vec();
        changed[place] ^= 1;
        assert_eq!(partners_in_snapshot(&changed, &keys), None, "another byte at {place}");
    }
    // What is behind the seal, for whoever has the key.
    let partners = partners_in_snapshot_piece(data).unwrap_or_default();
    assert!(partners * LEAST <= data.len() as u64, "{partners} partners in {} bytes", data.len());
}
