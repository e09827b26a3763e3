//! How `serde_json` makes a [`Node`] of a text.

use std::{borrow::Cow, cell::Cell, collections::HashSet, fmt};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Deserializer, Number, de::Read};

use super::{Json, Node};

/// Reads one value and nothing behind it.
pub(super) fn read<'t, R: Read<'t>>(
    text: &mut Deserializer<R>,
) -> Result<Json<'t>, serde_json::Error> {
    let goes_on = Cell::new(false);
    let root = Reading(&goes_on).deserialize(&mut *text)?;
    text.end()?;
    Ok(Json { root, goes_on: goes_on.get() })
}

/// Notes on the way whether a list goes on elsewhere.
#[derive(Clone, Copy)]
struct Reading<'r>(&'r Cell<bool>);

impl<'t> DeserializeSeed<'t> for Reading<'_> {
    type Value = Node<'t>;

    fn deserialize<D: serde::Deserializer<'t>>(self, value: D) -> Result<Node<'t>, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for Reading<'_> {
    type Value = Node<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Node<'t>, E> {
        Ok(Node::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node<'t>, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node<'t>, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node<'t>, E> {
        Ok(Number::from_f64(number).map_or(Node::Null, Node::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Node<'t>, E> {
        Ok(Node::Text(Cow::Borrowed(without_blanks(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'t>, E> {
        Ok(Node::Text(Cow::Owned(without_blanks(text).to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Node<'t>, E> {
        Ok(Node::Null)
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<Node<'t>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element_seed(self)? {
            elements.push(element);
        }
        Ok(Node::List(elements))
    }

    fn visit_map<A: MapAccess<'t>>(self, mut object: A) -> Result<Node<'t>, A::Error> {
        // Records of Cloud for Customer have some fifty members, what is inside them has three.
        let mut members: Vec<(Cow<'t, str>, Node<'t>)> = Vec::with_capacity(8);
        let mut names = Names::default();
        while let Some(Name(name)) = object.next_key()? {
            if names.has(name.clone(), &members) {
                // The name is not repeated: it may be anything.
                return Err(A::Error::custom("a member that is there twice"));
            }
            let is_link = name == "__next" || name.ends_with("@odata.nextLink");
            let member = object.next_value_seed(self)?;
            if is_link && !member.is_null() {
                self.0.set(true);
            }
            members.push((name, member));
        }
        Ok(Node::Object(members))
    }
}

/// The names of an object so far.
#[derive(Default)]
struct Names<'t> {
    /// A bit for those that are alike, see [`likeness`].
    alike: [u64; 4],
    /// All of them, where they are many.
    all: Option<HashSet<Cow<'t, str>>>,
}

impl<'t> Names<'t> {
    /// Whether a name is among those of `members`; from now on it is.
    fn has(&mut self, name: Cow<'t, str>, members: &[(Cow<'t, str>, Node<'t>)]) -> bool {
        if members.len() >= FEW {
            let names = || members.iter().map(|(name, _)| name.clone()).collect();
            return !self.all.get_or_insert_with(names).insert(name);
        }
        let (word, bit) = likeness(name.as_bytes());
        let Some(word) = self.alike.get_mut(word) else { return false };
        let has_one_alike = *word & bit != 0;
        *word |= bit;
        has_one_alike && members.iter().any(|(other, _)| *other == name)
    }
}

/// More names than these are kept sorted by their hashes: the time for an answer must not grow with the
/// square of its members.
const FEW: usize = 64;

/// One of 256 bits, the same for names that are the same: what most names differ in.
fn likeness(name: &[u8]) -> (usize, u64) {
    let at = |place: usize| usize::from(name.get(place).copied().unwrap_or_default());
    let (middle, last) = (name.len() / 2, name.len().saturating_sub(1));
    let mixed = name.len() * 7 + at(0) * 31 + at(middle) * 17 + at(last) * 13;
    (mixed / 64 % 4, 1 << (mixed % 64))
}

/// ABAP's CHAR fields are filled with blanks up to their length, and some interfaces send them so:
/// blanks at the end are no part of a value.
fn without_blanks(text: &str) -> &str {
    text.trim_end_matches(' ')
}

/// A member's name, as it is written.
struct Name<'t>(Cow<'t, str>);

impl<'t> Deserialize<'t> for Name<'t> {
    fn deserialize<D: serde::Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'t> Visitor<'t> for Text {
            type Value = Name<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'t str) -> Result<Name<'t>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'t>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}
