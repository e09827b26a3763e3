//! Emergency numbers, by the country they are dialled in.

use std::sync::LazyLock;

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};

use super::MAX_CALLING_CODE;

/// A line for each country: its code and its numbers. Made of libphonenumber's short numbers (9.0.43,
/// Apache-2.0); a test makes it again and compares.
const LIBRARY: &str = include_str!("emergency.txt");

/// What the German, Austrian and Swiss regulators count as such besides: ambulance, fire and mountain
/// rescue, and the help lines that share their rules.
const REGULATORS: &str = "\
DE 19222
AT 122 128 140 141 142 147
CH 143 145 147 1414 1415";

/// Numbers that telephones know in every country: 112 and 911 by 3GPP TS 22.101, 110 and 999 because
/// they are the police in many.
pub(super) const ANYWHERE: [&str; 4] = ["110", "112", "911", "999"];

/// The countries that jtel is sold in, by calling code: their numbers count wherever the call starts,
/// because one contact centre has lines in all three.
const NEIGHBOURS: [i32; 3] = [49, 43, 41];

static BY_CODE: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
    let mut by_code = vec![Vec::new(); 10_usize.pow(MAX_CALLING_CODE)];
    for line in LIBRARY.lines().chain(REGULATORS.lines()) {
        let mut words = line.split(' ');
        let region = words.next().and_then(|region| region.parse::<Region>().ok());
        let code = region.and_then(|region| PHONE_NUMBER_UTIL.get_country_code_for_region(region));
        let place = code.and_then(|code| usize::try_from(code).ok());
        if let Some(numbers) = place.and_then(|code| by_code.get_mut(code)) {
            numbers.extend(words);
            numbers.sort_unstable();
            numbers.dedup();
        }
    }
    by_code
});

/// The numbers of the countries that share a calling code.
pub(super) fn of(code: i32) -> &'static [&'static str] {
    let place = usize::try_from(code).ok().and_then(|code| BY_CODE.get(code));
    place.map_or(&[], Vec::as_slice)
}

/// A whole number that is one in any of the countries that jtel is sold in, or anywhere.
pub(super) fn is_one(digits: &str) -> bool {
    ANYWHERE.contains(&digits) || NEIGHBOURS.iter().any(|code| of(*code).contains(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_of_the_table_is_one_of_the_numbering_plan() {
        for line in LIBRARY.lines().chain(REGULATORS.lines()) {
            let mut words = line.split(' ');
            let region: Region = words.next().unwrap().parse().unwrap();
            let code = PHONE_NUMBER_UTIL.get_country_code_for_region(region).unwrap();
            for number in words {
                assert!(of(code).contains(&number), "{line}");
                assert!((2..=6).contains(&number.len()), "{line}");
                assert!(number.bytes().all(|byte| byte.is_ascii_digit()), "{line}");
            }
        }
    }
}
