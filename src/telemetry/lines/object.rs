//! A line that is one object of JSON, written member by member into a batch.

use std::{fmt::Display, io::Write, net::Ipv4Addr};

use serde::Serialize;

use super::Fragment;
use crate::telemetry::clock::Moment;

/// An object that is being written.
pub struct Object<'b> {
    batch: &'b mut Vec<u8>,
    /// What stands before the next member.
    before: u8,
}

impl<'b> Object<'b> {
    /// Begins one at the end of a batch.
    pub fn begin(batch: &'b mut Vec<u8>) -> Self {
        Self { batch, before: b'{' }
    }

    /// A text; `null` where there is none.
    #[inline]
    pub fn text(&mut self, name: &'static str, value: Option<&str>) {
        self.name(name);
        match value {
            Some(text) if is_plain(text.as_bytes()) => {
                self.batch.push(b'"');
                self.batch.extend_from_slice(text.as_bytes());
                self.batch.push(b'"');
            }
            // Writing to memory: nothing here can fail.
            Some(text) => serde_json::to_writer(&mut *self.batch, text).unwrap_or_default(),
            None => self.batch.extend_from_slice(b"null"),
        }
    }

    /// Words and digits of our own: there is nothing in them to be escaped.
    #[inline]
    pub fn plain(&mut self, name: &'static str, value: impl AsRef<[u8]>) {
        debug_assert!(is_plain(value.as_ref()), "{name} has to be escaped");
        self.name(name);
        self.batch.push(b'"');
        self.batch.extend_from_slice(value.as_ref());
        self.batch.push(b'"');
    }

    /// What a value shows of itself, as a text.
    pub fn shown(&mut self, name: &'static str, value: Option<impl Display>) {
        let Some(value) = value else { return self.text(name, None) };
        self.name(name);
        self.batch.push(b'"');
        let begin = self.batch.len();
        write!(self.batch, "{value}").unwrap_or_default();
        let shown = self.batch.get(begin..).unwrap_or_default();
        if is_plain(shown) {
            self.batch.push(b'"');
        } else {
            let shown = String::from_utf8_lossy(shown).into_owned();
            self.batch.truncate(begin - 1);
            serde_json::to_writer(&mut *self.batch, &shown).unwrap_or_default();
        }
    }

    /// A number; `null` where there is none.
    #[inline]
    pub fn number(&mut self, name: &'static str, value: Option<u64>) {
        self.name(name);
        match value {
            Some(number) => {
                self.batch.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            None => self.batch.extend_from_slice(b"null"),
        }
    }

    /// Yes or no.
    pub fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.batch.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// A list of texts.
    pub fn texts(&mut self, name: &'static str, values: impl Iterator<Item = impl AsRef<str>>) {
        self.name(name);
        let mut before = b'[';
        for value in values {
            self.batch.push(before);
            serde_json::to_writer(&mut *self.batch, value.as_ref()).unwrap_or_default();
            before = b',';
        }
        let begun = if before == b'[' { b"[]".as_slice() } else { b"]" };
        self.batch.extend_from_slice(begun);
    }

    /// What serde makes of a value.
    pub fn json(&mut self, name: &'static str, value: &impl Serialize) {
        self.name(name);
        serde_json::to_writer(&mut *self.batch, value).unwrap_or_default();
    }

    /// Members that were written before.
    #[inline]
    pub fn members(&mut self, fragment: &Fragment) {
        if !fragment.members().is_empty() {
            self.batch.push(self.before);
            self.batch.extend_from_slice(fragment.members());
            self.before = b',';
        }
    }

    /// An address of IPv4.
    pub fn address(&mut self, name: &'static str, value: Ipv4Addr) {
        self.name(name);
        let mut before = b'"';
        for octet in value.octets() {
            self.batch.push(before);
            self.batch.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            before = b'.';
        }
        self.batch.push(b'"');
    }

    /// A moment, with milliseconds.
    pub fn moment(&mut self, name: &'static str, value: Moment) {
        self.name(name);
        self.batch.push(b'"');
        value.write_to(self.batch);
        self.batch.push(b'"');
    }

    /// Ends the object and the line.
    pub fn end(self) {
        let begun = if self.before == b'{' { b"{}\n".as_slice() } else { b"}\n" };
        self.batch.extend_from_slice(begun);
    }

    #[inline]
    fn name(&mut self, name: &'static str) {
        self.batch.extend_from_slice(&[self.before, b'"']);
        self.batch.extend_from_slice(name.as_bytes());
        self.batch.extend_from_slice(b"\":");
        self.before = b',';
    }
}

/// Whether a text stands in JSON as it is (RFC 8259 section 7).
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| *byte >= b' ' && !matches!(byte, b'"' | b'\\'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn written(write: impl FnOnce(&mut Object<'_>)) -> String {
        let mut batch = b"before\n".to_vec();
        let mut object = Object::begin(&mut batch);
        write(&mut object);
        object.end();
        let text = String::from_utf8(batch).unwrap();
        text.strip_prefix("before\n").unwrap().to_owned()
    }

    #[test]
    fn members_stand_in_their_order_on_one_line() {
        let line = written(|object| {
            object.text("a", Some("x"));
            object.text("b", None);
            object.number("c", Some(u64::MAX));
            object.number("d", None);
            object.shown("e", Some(7));
            object.shown("f", None::<u8>);
            object.members(&Fragment::of(|_nothing| ()));
            object.members(&Fragment::of(|object| {
                object.flag("g", true);
                object.texts("h", ["x", "\""].iter());
                object.texts("i", [""; 0].iter());
                object.json("j", &[Some("\n"), None]);
            }));
        });

        assert_eq!(
            line,
            concat!(
                r#"{"a":"x","b":null,"c":18446744073709551615,"d":null,"e":"7","f":null,"#,
                r#""g":true,"h":["x","\""],"i":[],"j":["\n",null]}"#,
                "\n"
            )
        );
        assert_eq!(written(|_nothing| ()), "{}\n");
    }

    #[test]
    fn a_moment_has_milliseconds() {
        let now = Moment::now();

        assert_eq!(written(|object| object.moment("at", now)), format!("{{\"at\":\"{now}\"}}\n"));
    }

    proptest! {
        #[test]
        fn any_text_is_one_line_and_is_read_as_it_was(text in any::<String>(), number in any::<u64>(), address in any::<[u8; 4]>()) {
            let line = written(|object| {
                object.text("text", Some(&text));
                object.shown("shown", Some(&text));
                object.number("number", Some(number));
                object.address("address", address.into());
            });

            prop_assert_eq!(line.matches('\n').count(), 1);
            let read: Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read, json!({
                "text": text, "shown": text, "number": number, "address": Ipv4Addr::from(address),
            }));
        }
    }
}
