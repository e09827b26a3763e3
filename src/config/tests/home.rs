//! The country of numbers without a country code.

use super::*;

#[test]
fn digits_that_are_a_number_at_home_and_abroad_are_told_until_somebody_decides() {
    for country in ["DK", "US", "ES", "IT"] {
        let config = parsed(&with(&[("query.default_country", country)])).unwrap();
        let [note] = config.notes.as_slice() else { panic!("{:?}", config.notes) };
        assert!(note.contains("query.default_country: digits without prefix"), "{note}");
        for bare in ["unambiguous", "international"] {
            let decided = [("query.default_country", country), ("query.bare_numbers", bare)];
            assert_eq!(parsed(&with(&decided)).unwrap().notes, Vec::<String>::new(), "{country}");
        }
    }
    for country in ["DE", "AT", "CH", "FR", "GB"] {
        let config = parsed(&with(&[("query.default_country", country)])).unwrap();
        assert_eq!(config.notes, Vec::<String>::new(), "{country}");
    }
}
