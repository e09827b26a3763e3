//! What is written into a request to SAP is read there as itself, and changes nothing of the request.

use std::sync::LazyLock;

use dialgate::sap::{Compiled, Step, preset_names};
use percent_encoding::percent_decode_str;

use super::dialect::of_preset;

static PRESETS: LazyLock<Vec<Compiled>> =
    LazyLock::new(|| preset_names().map(|name| of_preset(name).unwrap()).collect());

/// Stand for the values where the request is taken apart. They begin with what is not in the rest of them, so that
/// nothing in front of one is taken for its beginning.
pub const ID: &str = "Q1000000";
pub const PHONE: &str = "R1000000";

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (id, phone) = text.split_once('\n').unwrap_or((text, "498912345678"));
    for step in PRESETS.iter().flat_map(|dialect| &dialect.steps) {
        keeps_its_form(step, id, phone);
    }
}

/// The values are ones that dialgate itself would never let so far: the request holds without that.
pub fn keeps_its_form(step: &Step, id: &str, phone: &str) {
    let form = step.template.render(ID, Some(PHONE));
    let written = step.template.render(id, Some(phone));
    assert!(written.as_str().is_ascii());
    assert!(
        !written.as_str().contains(|c: char| c.is_ascii_control() || " '\"<>#".contains(c)),
        "{written}"
    );
    let (form, written) = (taken_apart(form.as_str()), taken_apart(written.as_str()));
    assert_eq!(form.len(), written.len(), "{form:?} {written:?}");
    for (form, written) in form.iter().zip(&written) {
        assert_eq!(&with(form, id, phone), written);
    }
}

/// As a server does it: by what has a meaning in a URL, then decoded.
fn taken_apart(target: &str) -> Vec<String> {
    let pieces = target.split(['/', '?', '&', '=', '+', ';', ',', '(', ')', '$', '@', '#']);
    pieces.map(|piece| percent_decode_str(piece).decode_utf8().unwrap().into_owned()).collect()
}

/// The piece of a request with values for their places: as OData wants them between quotes, as they are elsewhere.
fn with(form: &str, id: &str, phone: &str) -> String {
    let mut written = String::new();
    let (mut rest, mut quoted) = (form, false);
    while let Some(next) = rest.chars().next() {
        let value = rest.strip_prefix(ID).map(|after| (after, id));
        let phone_there = || rest.strip_prefix(PHONE).map(|after| (after, phone));
        if let Some((after, value)) = value.or_else(phone_there) {
            written += &if quoted { value.replace('\'', "''") } else { value.to_owned() };
            rest = after;
        } else {
            quoted ^= next == '\'';
            written.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    written
}
