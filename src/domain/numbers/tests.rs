//! What is a telephone number and what is none.

use proptest::prelude::*;

use super::*;

fn home() -> Home {
    Home::parse("DE").unwrap()
}

#[test]
fn a_number_is_understood_in_every_form_people_and_jtel_write() {
    for text in [
        "+498912345678",
        " 498912345678",
        "498912345678",
        "00498912345678",
        "08912345678",
        "+49 89 12345678",
        "+49 (0)89 / 1234-5678",
        "0049 (0) 89 12345678",
        "089/123 456-78",
    ] {
        let number = DialledNumber::parse(text, home()).map(|n| n.digits().to_owned());
        assert_eq!(number, Ok("498912345678".to_owned()), "{text:?}");
    }
}

#[test]
fn a_country_that_keeps_its_leading_zero_keeps_it() {
    let italy = Home::parse("IT").unwrap();

    let number = DialledNumber::parse("06 698 12345", italy).unwrap();

    assert_eq!(number.digits(), "390669812345");
}

#[test]
fn a_text_that_is_no_number_is_refused() {
    for (text, error) in [
        ("", DialledNumberError::Length),
        ("+", DialledNumberError::Length),
        ("12", DialledNumberError::Length),
        ("+0123456", DialledNumberError::Length),
        ("1234567890123456", DialledNumberError::Length),
        ("anonymous", DialledNumberError::Character(0)),
        ("49;ext=5", DialledNumberError::Character(2)),
        ("49\r\n89", DialledNumberError::Character(2)),
        ("000491234567", DialledNumberError::Plan),
    ] {
        assert_eq!(DialledNumber::parse(text, home()), Err(error), "{text:?}");
    }
}

#[test]
fn a_dialled_number_shows_its_last_two_digits_only() {
    let number = DialledNumber::parse("+498912345678", home()).unwrap();

    assert_eq!(format!("{number:?}"), "…78");
}

#[test]
fn a_country_without_a_numbering_plan_is_no_home() {
    for text in ["", "XX", "Germany", "D"] {
        assert!(Home::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_service_number_in_another_form_is_told_what_to_write() {
    for (text, told) in [
        ("+498912345678", "jtel writes numbers without it: 498912345678"),
        ("08912345678", "starts with `0`"),
        ("49 89 1234", "something else than digits"),
        ("110", "has 3 digits"),
        ("1234567890123456", "has 16 digits"),
        ("", "has 0 digits"),
    ] {
        let error = ServiceNumber::parse(text).unwrap_err().to_string();
        assert!(error.contains(told), "{text:?}: {error}");
    }
}

proptest! {
    #[test]
    fn reading_a_number_never_panics_and_gives_digits_only(text in "\\PC{0,45}") {
        if let Ok(number) = DialledNumber::parse(&text, home()) {
            prop_assert!(number.digits().bytes().all(|byte| byte.is_ascii_digit()));
            prop_assert!((3..=15).contains(&number.digits().len()));
        }
    }

    #[test]
    fn digits_after_a_plus_come_out_as_they_went_in(text in "[1-9][0-9]{6,14}") {
        let number = DialledNumber::parse(&format!("+{text}"), home()).unwrap();
        prop_assert_eq!(number.digits(), text);
    }

    #[test]
    fn a_service_number_is_written_as_it_was_read(text in "[1-9][0-9]{6,14}") {
        let number = ServiceNumber::parse(&text).unwrap();
        prop_assert_eq!(number.to_string(), text);
    }
}
