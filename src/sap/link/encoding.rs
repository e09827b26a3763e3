//! Compressed answers, unpacked no further than an answer may be long.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

use crate::sap::error::ReplyProblem;

/// What SAP may use.
pub(in crate::sap) const ASKED_FOR: &str = "gzip, deflate";

/// How a body is packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sap) enum Encoding {
    Plain,
    Gzip,
    Deflate,
}

impl Encoding {
    /// What the headers say. Several layers, or one that nobody asked for, are a problem.
    pub(in crate::sap) fn of(headers: &HeaderMap) -> Result<Self, ReplyProblem> {
        let mut found = Self::Plain;
        for value in headers.get_all(header::CONTENT_ENCODING) {
            let value = value.as_bytes().trim_ascii().to_ascii_lowercase();
            let this = match value.as_slice() {
                b"" | b"identity" => continue,
                b"gzip" | b"x-gzip" => Self::Gzip,
                b"deflate" => Self::Deflate,
                _ => return Err(ReplyProblem::ContentEncoding),
            };
            if found != Self::Plain {
                return Err(ReplyProblem::ContentEncoding);
            }
            found = this;
        }
        Ok(found)
    }

    /// The body as it was before it was packed; at most `limit` bytes.
    pub(in crate::sap) fn unpack(
        self,
        body: Vec<u8>,
        limit: usize,
    ) -> Result<Vec<u8>, ReplyProblem> {
        match self {
            Self::Plain => Ok(body),
            Self::Gzip => read(MultiGzDecoder::new(body.as_slice()), limit),
            // The standard means zlib's format; some servers send it without zlib's frame.
            Self::Deflate => match read(ZlibDecoder::new(body.as_slice()), limit) {
                Err(ReplyProblem::Packed) => read(DeflateDecoder::new(body.as_slice()), limit),
                done => done,
            },
        }
    }
}

fn read(packed: impl Read, limit: usize) -> Result<Vec<u8>, ReplyProblem> {
    let mut body = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    packed
        .take(one_more)
        .read_to_end(&mut body)
        .map_err(|_what_flate_says: io::Error| ReplyProblem::Packed)?;
    if body.len() > limit { Err(ReplyProblem::TooLarge { limit }) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::*;

    fn packed(text: &[u8]) -> [(Encoding, Vec<u8>); 3] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(text).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::best());
        raw.write_all(text).unwrap();
        [
            (Encoding::Gzip, gzip.finish().unwrap()),
            (Encoding::Deflate, zlib.finish().unwrap()),
            (Encoding::Deflate, raw.finish().unwrap()),
        ]
    }

    #[test]
    fn what_is_packed_is_unpacked_up_to_the_limit() {
        let text = "Direct sales ".repeat(100);
        for (encoding, body) in packed(text.as_bytes()) {
            assert_eq!(encoding.unpack(body.clone(), 1300).unwrap(), text.as_bytes());
            let limit = 1299;
            assert_eq!(encoding.unpack(body.clone(), limit), Err(ReplyProblem::TooLarge { limit }));
            let cut = body[..body.len() / 2].to_vec();
            assert_eq!(encoding.unpack(cut, 1300), Err(ReplyProblem::Packed), "{encoding:?}");
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = vec![b' '; 50 * 1024 * 1024];
        for (encoding, body) in packed(&bomb) {
            assert!(body.len() < 64 * 1024);
            let limit = 256 * 1024;
            assert_eq!(encoding.unpack(body, limit), Err(ReplyProblem::TooLarge { limit }));
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_said_to_be_packed_ends(body: Vec<u8>) {
            for encoding in [Encoding::Plain, Encoding::Gzip, Encoding::Deflate] {
                if let Ok(unpacked) = encoding.unpack(body.clone(), 4096) {
                    assert!(unpacked.len() <= 4096 || encoding == Encoding::Plain);
                }
            }
        }
    }
}
