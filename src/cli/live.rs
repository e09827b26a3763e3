//! What a running gateway tells as server-sent events, for `top` and `tail`.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::{Failure, reach::Gateway};
use crate::telemetry::visible;

/// A longer event is none of ours, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// The events of one topic.
pub(super) struct Live {
    body: Incoming,
    text: Vec<u8>,
}

/// One of them.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) data: Value,
}

impl Live {
    /// Listens. `wanted`: which of them, by parameters whose words need no escapes.
    pub(super) async fn to(
        gateway: &Gateway,
        topic: &str,
        wanted: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let words = wanted.iter().flat_map(|(name, word)| ["&", name, "=", word]);
        let path: String = ["/events?of=", topic].into_iter().chain(words).collect();
        let response = gateway.open(&path).await?;
        Ok(Self { body: response.into_body(), text: Vec::new() })
    }

    /// The next event; an error where the gateway ends or is gone.
    pub(super) async fn next(&mut self) -> anyhow::Result<Event> {
        loop {
            while let Some(block) = block(&mut self.text) {
                if let Some(event) = event(&String::from_utf8_lossy(&block)) {
                    return Ok(event);
                }
            }
            anyhow::ensure!(self.text.len() < LONGEST, "what comes are no events of a gateway");
            let frame = self.body.frame().await;
            let Some(frame) = frame else { anyhow::bail!("the gateway has ended the connection") };
            let data: Bytes = frame?.into_data().unwrap_or_default();
            self.text.extend_from_slice(&data);
        }
    }
}

/// The text up to the next empty line.
fn block(text: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = text.windows(2).position(|pair| pair == b"\n\n")?;
    Some(text.drain(..end + 2).collect())
}

/// Comments and what is no JSON are none.
fn event(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let data = serde_json::from_str(field("data: ")?).ok()?;
    Some(Event { name: field("event: ")?.to_owned(), data })
}

/// A text of the gateway without what would make a terminal do something, or hides or turns around.
pub(super) fn harmless(text: &str) -> String {
    let seen = visible(text);
    seen.chars().map(|character| if character.is_control() { '·' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_one_by_one_and_comments_are_none() {
        let mut text = b": nothing new\n\nevent: a\ndata: 1\n\nevent: b\ndata: {\"x\"".to_vec();

        let blocks: Vec<_> = std::iter::from_fn(|| block(&mut text)).collect();
        let events: Vec<_> =
            blocks.iter().filter_map(|block| event(&String::from_utf8_lossy(block))).collect();

        assert_eq!(events, [Event { name: "a".to_owned(), data: 1.into() }]);
        assert_eq!(text, b"event: b\ndata: {\"x\"");
    }

    #[test]
    fn nothing_of_a_text_moves_the_cursor() {
        assert_eq!(harmless("\u{202e}a\u{200b}"), "\\u202ea\\u200b");
        assert_eq!(harmless("Partner\u{1b}[2J\r\nDE ä"), "Partner·[2J··DE ä");
    }

    proptest::proptest! {
        #[test]
        fn any_block_is_read(text in "(?s).{0,200}") {
            let _none_or_one = event(&text);
        }
    }
}
