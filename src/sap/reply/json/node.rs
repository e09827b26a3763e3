//! A value of SAP's JSON, as it stands there.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sap) enum Node<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// As `serde_json` reads it.
    Number(Number),
    /// Without blanks at its end.
    Text(Cow<'t, str>),
    /// In SAP's order.
    List(Vec<Node<'t>>),
    /// In SAP's order, each name once.
    Object(Vec<(Cow<'t, str>, Node<'t>)>),
}

impl Node<'_> {
    /// The member of this name; `None`: there is none, or this is no object. Records have some dozen
    /// members, of which a few are looked for: looking through them costs less than sorting them.
    pub(in crate::sap) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(own, _)| own == name).map(|(_, member)| member)
    }

    /// The element at this place of a list.
    pub(in crate::sap) fn at(&self, index: usize) -> Option<&Self> {
        let Self::List(elements) = self else { return None };
        elements.get(index)
    }

    pub(in crate::sap) fn as_text(&self) -> Option<&str> {
        let Self::Text(text) = self else { return None };
        Some(text)
    }

    pub(in crate::sap) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(in crate::sap) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// A text, or a number as it is written.
    pub(in crate::sap) fn to_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => None,
        }
    }

    /// The same without the text it was read from.
    pub(in crate::sap) fn into_owned(self) -> Node<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Node::Null,
            Self::Bool(truth) => Node::Bool(truth),
            Self::Number(number) => Node::Number(number),
            Self::Text(text) => Node::Text(owned(text)),
            Self::List(list) => Node::List(list.into_iter().map(Self::into_owned).collect()),
            Self::Object(members) => Node::Object(
                members
                    .into_iter()
                    .map(|(name, member)| (owned(name), member.into_owned()))
                    .collect(),
            ),
        }
    }
}

/// For what knows `serde_json`'s values only: JSONPath.
impl From<&Node<'_>> for Value {
    fn from(node: &Node<'_>) -> Self {
        match node {
            Node::Null => Self::Null,
            Node::Bool(truth) => Self::Bool(*truth),
            Node::Number(number) => Self::Number(number.clone()),
            Node::Text(text) => Self::String(text.clone().into_owned()),
            Node::List(list) => Self::Array(list.iter().map(Self::from).collect()),
            Node::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(name, member)| (name.clone().into_owned(), member.into()))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
impl From<&Value> for Node<'static> {
    fn from(value: &Value) -> Self {
        super::read(value.to_string().as_bytes()).unwrap().into_owned().root
    }
}
