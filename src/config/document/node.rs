//! The file as it stands: a tree in which every key and every value knows its place in the text.
//!
//! Reading into structs at once would stop at the first mistake; a tree lets all of them be found.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;
use serde_saphyr::{
    Location, Spanned,
    options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy},
};

/// Containers inside containers; the deepest key of `config.yaml` has 7.
const MAX_DEPTH: usize = 24;

/// A value and its place.
#[derive(Debug)]
pub(in crate::config) struct Node {
    pub(in crate::config) value: Yaml,
    /// Bytes of the text. A container has its first byte only, see `edit.rs` for its end.
    pub(in crate::config) span: Range<usize>,
    /// The value stands elsewhere and is only named here.
    pub(in crate::config) is_alias: bool,
}

/// What a value is.
#[derive(Debug)]
pub(in crate::config) enum Yaml {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug)]
pub(in crate::config) struct Entry {
    pub(in crate::config) key: Node,
    pub(in crate::config) value: Node,
}

/// Why a text is not YAML.
#[derive(Debug)]
pub(in crate::config) struct SyntaxError {
    pub(in crate::config) message: String,
    /// Where, if the parser knows: line and column, both from 1.
    pub(in crate::config) place: Option<(usize, usize)>,
}

impl Node {
    /// Reads a text of YAML. Keys that are there twice and aliases are left to the caller to find.
    pub(in crate::config) fn parse(text: &str) -> Result<Self, SyntaxError> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_documents: 1 },
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            merge_keys: MergeKeyPolicy::AsOrdinary,
            non_finite_float_policy: NonFiniteFloatPolicy::AsString,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            strict_booleans: true,
            with_snippet: false,
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| SyntaxError {
            place: error.location().filter(|place| *place != Location::UNKNOWN).map(|place| {
                let at = |number: u64| usize::try_from(number).unwrap_or(1).max(1);
                (at(place.line()), at(place.column()))
            }),
            message: match &error {
                serde_saphyr::Error::Budget { .. } => {
                    "is too deeply nested, too long, or more than one document".to_owned()
                }
                _ => told(&error.to_string()),
            },
        })
    }

    /// The value under a key such as `clients[0].secrets`, with the key it stands under (`None`:
    /// it stands in a list). Where a key is there twice, the first one counts.
    pub(in crate::config) fn find(&self, key: &str) -> Option<(Option<&Self>, &Self)> {
        self.descend(key).filter(|found| found.rest.is_empty()).map(|found| (found.key, found.node))
    }

    /// The nearest thing to a key that is there: the value itself, or the section it is missing in.
    pub(in crate::config) fn nearest(&self, key: &str) -> (Option<&Self>, &Self) {
        self.descend(key).map_or((None, self), |found| (found.key, found.node))
    }

    fn descend<'a, 'k>(&'a self, key: &'k str) -> Option<Found<'a, 'k>> {
        let rest = key.strip_prefix('.').unwrap_or(key);
        let here = Some(Found { key: None, node: self, rest });
        if rest.is_empty() {
            return here;
        }
        let step = match &self.value {
            Yaml::List(items) => rest.strip_prefix('[').and_then(|rest| {
                let (index, rest) = rest.split_once(']')?;
                let item = items.get(index.parse::<usize>().ok()?)?;
                Some((None, item, rest))
            }),
            Yaml::Map(entries) => entries.iter().find_map(|entry| {
                let Yaml::Text(name) = &entry.key.value else { return None };
                let rest = rest.strip_prefix(name.as_str())?;
                (rest.is_empty() || rest.starts_with(['.', '['])).then_some((
                    Some(&entry.key),
                    &entry.value,
                    rest,
                ))
            }),
            _ => None,
        };
        let Some((key, value, rest)) = step else { return here };
        let found = value.descend(rest)?;
        // A list entry or section that was reached but not left keeps the key it stands under.
        Some(if std::ptr::eq(found.node, value) { Found { key, ..found } } else { found })
    }

    /// The same values under the same keys, wherever they stand.
    pub(in crate::config) fn is_same(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Yaml::Null, Yaml::Null) => true,
            (Yaml::Bool(one), Yaml::Bool(other)) => one == other,
            (Yaml::Number(one), Yaml::Number(other)) => one == other,
            (Yaml::Text(one), Yaml::Text(other)) => one == other,
            (Yaml::List(one), Yaml::List(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| one.is_same(other))
            }
            (Yaml::Map(one), Yaml::Map(other)) => {
                let is_same = |(one, other): (&Entry, &Entry)| {
                    one.key.is_same(&other.key) && one.value.is_same(&other.value)
                };
                one.len() == other.len() && one.iter().zip(other).all(is_same)
            }
            _ => false,
        }
    }

    /// Calls `see` with every value that holds no others, and with its key.
    pub(in crate::config) fn leaves(&self, key: &str, see: &mut impl FnMut(&str, &Self)) {
        match &self.value {
            Yaml::Map(entries) => entries.iter().for_each(|entry| {
                entry.value.leaves(&entry.child_key(key), see);
            }),
            Yaml::List(items) => items.iter().enumerate().for_each(|(index, item)| {
                item.leaves(&format!("{key}[{index}]"), see);
            }),
            _ => see(key, self),
        }
    }
}

impl Node {
    /// Calls `change` with every value that holds no others, and with its key.
    pub(in crate::config) fn change_leaves(
        &mut self,
        key: &str,
        change: &mut impl FnMut(&str, &mut Yaml),
    ) {
        match &mut self.value {
            Yaml::Map(entries) => {
                for entry in entries {
                    let key = entry.child_key(key);
                    entry.value.change_leaves(&key, change);
                }
            }
            Yaml::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    item.change_leaves(&format!("{key}[{index}]"), change);
                }
            }
            value => change(key, value),
        }
    }
}

impl Entry {
    /// The key in full, below that of its section.
    pub(in crate::config) fn child_key(&self, section: &str) -> String {
        let name = match &self.key.value {
            Yaml::Text(name) => name.as_str(),
            _ => "?",
        };
        if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
    }
}

/// How far a key could be followed.
struct Found<'a, 'k> {
    key: Option<&'a Node>,
    node: &'a Node,
    rest: &'k str,
}

/// The parser's sentence without the place, which a finding names itself.
fn told(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(told, _)| told).to_owned()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Yaml>::deserialize(deserializer)?;
        let place = spanned.referenced;
        let byte = |number: Option<u64>| number.and_then(|number| usize::try_from(number).ok());
        let start = byte(place.span().byte_offset()).unwrap_or(0);
        let length = byte(place.span().byte_len()).unwrap_or(0);
        Ok(Self {
            value: spanned.value,
            span: start..start.saturating_add(length),
            is_alias: place != spanned.defined,
        })
    }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = Yaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_unit<E: Error>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Yaml, E> {
        Ok(Yaml::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Yaml, D::Error> {
        Yaml::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Yaml, E> {
        Ok(Yaml::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Yaml, E> {
        Ok(Yaml::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Yaml, E> {
        Ok(Yaml::Number(value.into()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Yaml, E> {
        Ok(Yaml::Text(value.to_string()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Yaml, E> {
        Ok(Yaml::Text(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Yaml, E> {
        Ok(Number::from_f64(value).map_or_else(|| Yaml::Text(value.to_string()), Yaml::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Yaml, E> {
        Ok(Yaml::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Yaml, E> {
        Ok(Yaml::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Yaml, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Yaml::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Yaml, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry()? {
            map.push(Entry { key, value });
        }
        Ok(Yaml::Map(map))
    }
}
