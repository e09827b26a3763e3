//! Members of a record that many records have alike, written once.

use std::fmt;

use super::Object;

/// Members of an object of JSON, ready to stand in a record.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Fragment(Box<[u8]>);

impl Fragment {
    /// What `write` adds to an object.
    pub fn of(write: impl FnOnce(&mut Object<'_>)) -> Self {
        let mut line = Vec::new();
        let mut object = Object::begin(&mut line);
        write(&mut object);
        object.end();
        let members = line.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}\n"));
        Self(members.unwrap_or_default().into())
    }

    pub(super) fn members(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}
