//! The built-in dialects. Each is a text in the very form that `sap.custom` takes.

use crate::config;

/// The built-in dialects: name and text.
const PRESETS: [(&str, &str); 9] = [
    ("c4c", include_str!("presets/c4c.yaml")),
    ("c4c-account", include_str!("presets/c4c-account.yaml")),
    ("c4c-individual", include_str!("presets/c4c-individual.yaml")),
    ("c4c-phone", include_str!("presets/c4c-phone.yaml")),
    ("native", include_str!("presets/native.yaml")),
    ("s4-bupa-v2", include_str!("presets/s4-bupa-v2.yaml")),
    ("s4-bupa-v4", include_str!("presets/s4-bupa-v4.yaml")),
    ("s4-sandbox", include_str!("presets/s4-sandbox.yaml")),
    ("sales-cloud-v2", include_str!("presets/sales-cloud-v2.yaml")),
];

/// The name under which `sap.custom` is used.
pub(in crate::sap) const CUSTOM: &str = "custom";

/// Not a preset: shows every key of a dialect.
const EXAMPLE: &str = include_str!("presets/custom.yaml");

/// The names `sap.preset` may have besides `custom`.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    PRESETS.into_iter().map(|(name, _)| name)
}

/// The text of a built-in dialect, to begin a `sap.custom` with; for `custom` an example.
pub fn preset_text(name: &str) -> Option<&'static str> {
    let known = || PRESETS.into_iter().find(|(preset, _)| *preset == name).map(|(_, text)| text);
    if name == CUSTOM { Some(EXAMPLE) } else { known() }
}

/// The same as lines for the section `sap` of `config.yaml`, ready to be pasted and changed.
pub fn preset_as_custom(name: &str) -> Option<String> {
    let mut lines = String::from("sap:\n  preset: custom\n  custom:\n");
    for line in preset_text(name)?.lines() {
        let indent = if line.is_empty() { "" } else { "    " };
        lines.extend([indent, line, "\n"]);
    }
    Some(lines)
}

/// What a preset is for, in one line.
pub fn preset_summary(name: &str) -> Option<&'static str> {
    Some(match name {
        "c4c" => "SAP Cloud for Customer: individual customers, accounts, contacts (the default)",
        "c4c-account" => "SAP Cloud for Customer: corporate accounts only",
        "c4c-individual" => "SAP Cloud for Customer: individual customers only",
        "c4c-phone" => "SAP Cloud for Customer: individual customers by the dialled number",
        "native" => "an endpoint in your SAP that answers onClickToDial itself",
        "s4-bupa-v2" => "S/4HANA, API_BUSINESS_PARTNER in OData v2",
        "s4-bupa-v4" => "S/4HANA, API_BUSINESS_PARTNER in OData v4",
        "s4-sandbox" => "SAP's public sandbox of S/4HANA Cloud",
        "sales-cloud-v2" => "SAP Sales Cloud and Service Cloud Version 2",
        CUSTOM => "what sap.custom says",
        _ => return None,
    })
}

/// A built-in dialect; `None`: there is no such preset.
pub(in crate::sap) fn built_in(name: &str) -> Option<Result<config::Dialect, serde_saphyr::Error>> {
    let is_built_in = name != CUSTOM;
    preset_text(name).filter(|_| is_built_in).map(serde_saphyr::from_str)
}
