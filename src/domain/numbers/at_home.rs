//! Numbers as they are written at home, in countries with a trunk prefix and without.
//!
//! The numbers are those that the regulators have set aside for films, the examples of libphonenumber,
//! or those of authorities.

use proptest::prelude::*;
use rlibphonenumber::{PHONE_NUMBER_UTIL, get_national_significant_number_owned};

use super::*;

fn read(country: &str, text: &str) -> Result<String, DialledNumberError> {
    let home = Home::parse(country).unwrap();
    DialledNumber::parse(text, home).map(|number| number.digits().to_owned())
}

#[test]
fn a_number_of_a_country_without_a_trunk_prefix_is_read_as_at_home() {
    for (country, text, digits) in [
        ("DK", "33 12 34 56", "4533123456"),
        ("DK", "33123456", "4533123456"),
        ("DK", "4533123456", "4533123456"),
        ("DK", "+45 33 12 34 56", "4533123456"),
        ("DK", "0045 33 12 34 56", "4533123456"),
        ("DK", "32 12 34 56", "4532123456"),
        ("DK", "+33 1 99 00 12 34", "33199001234"),
        ("DK", "33199001234", "33199001234"),
        ("DK", "498912345678", "498912345678"),
        ("NO", "22 12 34 56", "4722123456"),
        ("NO", "406 12 345", "4740612345"),
        ("ES", "91 123 45 67", "34911234567"),
        ("ES", "612 34 56 78", "34612345678"),
        ("PT", "21 234 5678", "351212345678"),
        ("PT", "912 345 678", "351912345678"),
        ("IT", "02 1234 5678", "390212345678"),
        ("IT", "312 345 6789", "393123456789"),
        ("PL", "12 345 67 89", "48123456789"),
        ("PL", "512 345 678", "48512345678"),
        ("CZ", "212 345 678", "420212345678"),
        ("GR", "21 2345 6789", "302123456789"),
        ("LV", "63 123 456", "37163123456"),
        ("EE", "322 1234", "3723221234"),
        ("LU", "27 12 34 56", "35227123456"),
        ("SG", "6123 4567", "6561234567"),
        ("HK", "2123 4567", "85221234567"),
        ("MX", "200 123 4567", "522001234567"),
        ("US", "(201) 555-0123", "12015550123"),
        ("US", "1 201 555 0123", "12015550123"),
        ("US", "011 49 89 12345678", "498912345678"),
        ("US", "498912345678", "498912345678"),
        ("RU", "8 (301) 123-45-67", "73011234567"),
        ("KZ", "8 7123 456789", "77123456789"),
    ] {
        assert_eq!(read(country, text), Ok(digits.to_owned()), "{country} {text}");
    }
}

#[test]
fn a_number_of_a_country_with_a_trunk_prefix_is_read_as_ever() {
    for (country, text, digits) in [
        ("DE", "089 12345678", "498912345678"),
        ("DE", "33 12 34 56", "33123456"),
        ("AT", "01 234567890", "431234567890"),
        ("CH", "021 234 56 78", "41212345678"),
        ("FR", "01 99 00 12 34", "33199001234"),
        ("GB", "020 7946 0000", "442079460000"),
        ("HU", "06 1 234 5678", "3612345678"),
        ("HU", "3612345678", "3612345678"),
        ("AU", "02 5550 1234", "61255501234"),
        ("AU", "0011 49 89 12345678", "498912345678"),
        ("AU", "0049 89 12345678", "498912345678"),
        ("JP", "010 49 89 12345678", "498912345678"),
        ("JP", "03-1234-5678", "81312345678"),
    ] {
        assert_eq!(read(country, text), Ok(digits.to_owned()), "{country} {text}");
    }
}

#[test]
fn what_is_a_number_at_home_and_another_one_abroad_is_read_as_the_configuration_says() {
    // Washington State or Budapest; Denmark or the Cook Islands.
    for (country, text, at_home, abroad) in [
        ("US", "361 234 5678", "13612345678", "3612345678"),
        ("DK", "68 22 12 34", "4568221234", "68221234"),
    ] {
        let home = Home::parse(country).unwrap();
        let read = |home| DialledNumber::parse(text, home).map(|number| number.digits().to_owned());

        assert_eq!(read(home), Ok(at_home.to_owned()), "{text}");
        let unambiguous = home.reading(BareNumbers::Unambiguous);
        assert_eq!(read(unambiguous), Err(DialledNumberError::Ambiguous), "{text}");
        assert_eq!(read(home.reading(BareNumbers::International)), Ok(abroad.to_owned()), "{text}");
    }
}

#[test]
fn what_is_too_short_for_any_country_but_this_one_rings_here() {
    for (country, text) in [
        ("DE", "110"),
        ("DE", "112"),
        ("DE", "115"),
        ("DE", "116117"),
        ("DK", "1813"),
        ("US", "911"),
    ] {
        let number = DialledNumber::parse(text, Home::parse(country).unwrap()).unwrap();
        assert_eq!(number.country(), CountryCode::parse(country).ok(), "{country} {text}");
    }
}

/// Every country of the numbering plan, with an example of a number at home.
fn examples() -> Vec<(Home, String, String)> {
    let regions = PHONE_NUMBER_UTIL.get_supported_regions();
    let example = |region: rlibphonenumber::Region| {
        let home = Home::parse(&region.to_string()).ok()?;
        let number = PHONE_NUMBER_UTIL.get_example_number(region).ok()?;
        let national = get_national_significant_number_owned(&number);
        Some((home, national.clone(), digits_of(&number)?.as_str().to_owned()))
    };
    regions.filter_map(example).collect()
}

#[test]
fn in_every_country_a_number_at_home_is_one_with_its_country_code_or_its_plus() {
    let examples = examples();
    assert!(examples.len() > 240);
    for (home, national, digits) in examples {
        let read = |text: &str| DialledNumber::parse(text, home).map(|n| n.digits().to_owned());
        let country = home.country();

        assert_eq!(read(&format!("+{digits}")), Ok(digits.clone()), "{country:?}");
        if home.writes_without_prefix() && !national.starts_with("00") {
            assert_eq!(read(&national), Ok(digits.clone()), "{country:?}");
        }
        if home.leaves_by_00() {
            assert_eq!(read(&format!("00{digits}")), Ok(digits.clone()), "{country:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_digits_make_any_country_panic_and_none_get_lost(
        digits in "[0-9]{1,18}", country in prop::sample::select(vec!["DK", "US", "IT", "DE", "RU", "NO"]),
    ) {
        let home = Home::parse(country).unwrap();
        if let Ok(number) = DialledNumber::parse(&digits, home) {
            // Only prefixes are put before digits or taken away.
            let tail = digits.trim_start_matches('0');
            let ends = number.digits().ends_with(tail) || tail.ends_with(number.digits())
                || tail.get(1..).is_some_and(|tail| number.digits().ends_with(tail))
                || tail.get(2..).is_some_and(|tail| number.digits().ends_with(tail));
            prop_assert!(ends, "{digits} {number:?}");
        }
    }
}
