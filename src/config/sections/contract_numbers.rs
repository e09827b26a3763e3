//! Contract numbers as somebody typed or pasted them: each must be one that a partner of SAP can have.

use std::collections::HashMap;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{findings::shown, number_list::Row, resolve::Place, resolve::Reading};
use crate::domain::{
    ContractNumber, CountryCode, DistributionChannel, ServiceNumber, ServiceNumbers,
};

/// The rows as a list without doubles; what is wrong, or looks so, is found in its own line.
pub(in crate::config) fn resolve(rows: &[Row], reading: &mut Reading<'_>) -> ServiceNumbers {
    let mut numbers = ServiceNumbers::default();
    let mut places = HashMap::new();
    let mut alike = HashMap::new();
    for row in rows {
        let (contract_text, contract_place) = &row.contract_number;
        let (number_text, number_place) = &row.service_number;
        let contract = contract_number(contract_text)
            .map_err(|told| reading.at_place(contract_place, told))
            .ok();
        let number = ServiceNumber::parse(number_text)
            .map_err(|error| reading.at_place(number_place, error.to_string()))
            .ok();
        if let Some(fault) = number.and_then(|number| number.plan_fault()) {
            reading.at_place(number_place, format!("`{}` {fault}", shown(number_text)));
        }
        let Some(contract) = contract else { continue };
        if let Some(first) = places.get(contract.as_str()) {
            let first = reading.line_of_place(first);
            let told = format!(
                "`{}` has a service number already, in {first}; jtel would find only one",
                shown(contract_text)
            );
            reading.at_place(contract_place, told);
            continue;
        }
        places.insert(contract.as_str().to_owned(), contract_place.clone());
        looks_like_another(contract_text, contract_place, &mut alike, reading);
        if let Some(number) = number
            && let Err(error) = numbers.add(contract, number)
        {
            reading.at_place(contract_place, error.to_string());
        }
    }
    numbers
}

/// Notes what nobody sees on a screen and everything compares: blanks that are none, letters and their
/// accents apart, and rows that differ in nothing else.
fn looks_like_another(
    text: &str,
    place: &Place,
    alike: &mut HashMap<String, Place>,
    reading: &mut Reading<'_>,
) {
    let told = shown(text);
    if let Some((at, character)) = ContractNumber::unseen(text) {
        let code = u32::from(character);
        let told = format!(
            "`{told}` has the character U+{code:04X} at position {at}, which looks like a blank or like \
             nothing; a partner matches only if SAP and jtel have it, too"
        );
        reading.note_at_place(place, told);
    } else if !is_nfc(text) {
        let told = format!(
            "`{told}` has a letter and its accent as two characters, as macOS writes them; a partner \
             matches only if SAP and jtel write it like that. As one it is `{}`",
            shown(&text.nfc().collect::<String>())
        );
        reading.note_at_place(place, told);
    }
    if let Some(first) = alike.get(&ContractNumber::likeness(text)) {
        let first = reading.line_of_place(first);
        let told = format!(
            "`{told}` differs from that in {first} only in letter case, blanks or the form of its \
             letters; SAP and jtel are compared with exactly what stands here"
        );
        reading.note_at_place(place, told);
    } else {
        alike.insert(ContractNumber::likeness(text), place.clone());
    }
}

/// Reads a contract number, or says why no partner of SAP can ever have it.
fn contract_number(text: &str) -> Result<ContractNumber, String> {
    let told = shown(text);
    if text.is_empty() {
        return Err("is empty; write channel text and country code, e.g. `Direct salesDE`".into());
    }
    if text.trim() != text {
        return Err(format!("`{told}` has a blank at its beginning or end; no text of SAP has"));
    }
    let never = "so that no partner matches";
    let country = text.len().checked_sub(2).and_then(|end| text.split_at_checked(end));
    let Some((channel, country)) = country else {
        return Err(format!("`{told}` does not end with a country code such as `DE`, {never}"));
    };
    let Ok(country) = CountryCode::parse(country) else {
        return Err(format!(
            "`{told}` does not end with two upper-case letters, a country code such as `DE`, {never}"
        ));
    };
    let Ok(channel) = DistributionChannel::parse(channel) else {
        return Err(format!(
            "`{told}` has no channel text of 1 to 60 characters before its country code, {never}"
        ));
    };
    // SAP's text and country are joined without anything between them.
    if channel.as_str().ends_with([' ', '-', '_', '/', ';', ',']) {
        return Err(format!(
            "`{told}` has a separator before its country code; jtel joins the two without one: `{}{}`",
            channel.as_str().trim_end_matches([' ', '-', '_', '/', ';', ',']),
            country.as_str(),
        ));
    }
    Ok(ContractNumber::of(&channel, country))
}
