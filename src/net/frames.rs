//! Sees where the frames of an HTTP/2 connection begin, so that they can be counted.
//!
//! Any frame costs work, also one that asks for nothing: pings, settings, priorities, windows, resets,
//! empty data. h2 (0.4.20) bounds some of these kinds and not others, so `watch` bounds all of them in
//! one number. And h2 answers a client that begins with something other than SETTINGS, which
//! RFC 9113 3.4 calls an error of the connection.

use std::io;

/// `PRI * HTTP/2.0`, two empty lines and `SM` between them; h2 compares it.
const PREFACE_BYTES: usize = 24;

/// Length (three bytes), type, flags, stream.
const HEAD_BYTES: u8 = 9;

const SETTINGS: u8 = 4;

/// Where in a connection's bytes we are.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes to come before the next frame's head.
    skip: usize,
    /// Bytes of that head that came.
    head: u8,
    /// What they say of the frame's length.
    length: usize,
    has_settings: bool,
}

/// The first frame is something other than SETTINGS.
#[derive(Debug, thiserror::Error)]
#[error("an HTTP/2 client has to begin with SETTINGS")]
pub(super) struct NoSettings;

impl From<NoSettings> for io::Error {
    fn from(fault: NoSettings) -> Self {
        Self::new(io::ErrorKind::InvalidData, fault)
    }
}

impl Frames {
    /// A connection whose preface is still to come.
    pub(super) fn new() -> Self {
        Self { skip: PREFACE_BYTES, head: 0, length: 0, has_settings: false }
    }

    /// How many frames begin in the `bytes` that came next: those whose head is complete.
    pub(super) fn begun_in(&mut self, mut bytes: &[u8]) -> Result<u32, NoSettings> {
        let mut begun = 0;
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            let Some((byte, rest)) = bytes.get(skipped..).and_then(<[u8]>::split_first) else {
                return Ok(begun);
            };
            bytes = rest;
            match self.head {
                0..=2 => self.length = self.length << 8 | usize::from(*byte),
                3 if !self.has_settings => {
                    if *byte != SETTINGS {
                        return Err(NoSettings);
                    }
                    self.has_settings = true;
                }
                _ => {}
            }
            self.head += 1;
            if self.head == HEAD_BYTES {
                begun += 1;
                *self = Self { skip: self.length, head: 0, length: 0, ..*self };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        bytes.resize(bytes.len() + payload, 0xff);
        bytes
    }

    #[test]
    fn a_frame_counts_once_its_head_is_there_and_its_payload_counts_for_nothing() {
        let mut frames = Frames::new();
        let ping = frame(6, 8);
        let (most_of_its_head, rest) = ping.split_at(8);

        assert_eq!(frames.begun_in(PREFACE).unwrap(), 0);
        assert_eq!(frames.begun_in(&frame(SETTINGS, 0)).unwrap(), 1);
        assert_eq!(frames.begun_in(most_of_its_head).unwrap(), 0);
        assert_eq!(frames.begun_in(rest).unwrap(), 1);
        assert_eq!(
            frames.begun_in(&[frame(0, 0), frame(0, 70_000), frame(1, 3)].concat()).unwrap(),
            3
        );
    }

    #[test]
    fn whoever_begins_with_another_frame_than_settings_is_in_error() {
        for kind in [0, 1, 2, 3, 6, 8, 9, 99] {
            let bytes = [PREFACE, &frame(kind, 4)].concat();
            assert!(Frames::new().begun_in(&bytes).is_err(), "{kind}");
        }
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_bytes_are_cut(
            payloads in proptest::collection::vec((0_u8..12, 0_usize..300), 0..40),
            cut in 1_usize..400,
        ) {
            let mut bytes = [PREFACE, &frame(SETTINGS, 6)].concat();
            for (kind, payload) in &payloads {
                bytes.extend(frame(*kind, *payload));
            }
            let mut frames = Frames::new();

            let begun: u32 = bytes.chunks(cut).map(|part| frames.begun_in(part).unwrap()).sum();

            prop_assert_eq!(begun as usize, 1 + payloads.len());
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut frames = Frames { has_settings: true, ..Frames::new() };
            let begun = frames.begun_in(&bytes).unwrap();
            prop_assert!(begun as usize * usize::from(HEAD_BYTES) <= bytes.len());
        }
    }
}
