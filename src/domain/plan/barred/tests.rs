//! What is barred, in any writing, and what only looks like it.

use proptest::prelude::*;

use crate::domain::{DialledNumber, Home, NeverDialled};

/// Whether a text of jtel is refused by either rule; what is no number is refused as well.
fn barred(text: &str, rule: &NeverDialled) -> bool {
    barred_in("DE", text, rule)
}

fn barred_in(country: &str, text: &str, rule: &NeverDialled) -> bool {
    let home = Home::parse(country).unwrap();
    DialledNumber::parse(text, home).map_or(true, |number| rule.contain(&number))
}

fn emergency() -> NeverDialled {
    NeverDialled { emergency: true, ..NeverDialled::default() }
}

fn premium() -> NeverDialled {
    NeverDialled { premium: true, ..NeverDialled::default() }
}

#[test]
fn whatever_may_reach_an_emergency_service_is_refused() {
    for text in [
        "110",
        "112",
        "911",
        "999",
        "0110",
        "0112",
        "00110",
        "0 110",
        "0-112",
        "110 1",
        "1100",
        "11012345",
        "112 9",
        "112999999",
        "49110",
        "+49110",
        "+49 110",
        "49 112 3",
        "+49 0110",
        "+49 (0)110",
        "0049 110",
        "0049112",
        "49 19222",
        "43 144",
        "+43 144",
        "41 117",
        "+41 1414",
        "999123",
        "9991234567",
        "911",
        "911 1",
        "+1 911",
        "+1 911 5551234",
        "+44 999",
        "+44 112",
        "144",
        "147",
        "19222",
    ] {
        assert!(barred(text, &emergency()), "{text}");
    }
}

#[test]
fn an_ordinary_number_with_such_digits_in_it_is_dialled() {
    for text in [
        "089 461110",
        "+49 89 461110",
        "4989461110",
        "4989110110",
        "+49 30 110110",
        "030 112112",
        "+91 11 2345 6789",
        "911123456789",
        "+1 443 555 0123",
        "14435550123",
        "+43 1 40400",
        "+43 1 1122334",
        "+41 44 1121212",
        "+44 20 7946 0999",
        "49911123456",
        "+49 911 123456",
        "0911 123456",
        "+33 1 12 34 56 78",
        "+39 06 112 345",
        "+49 999 123",
    ] {
        let home = Home::parse("DE").unwrap();
        let number = DialledNumber::parse(text, home).unwrap();
        // What the plan does not know cannot be told apart, and is none of this table's.
        if number.plan().is_ordinary() {
            assert!(!emergency().contain(&number), "{text}");
        }
    }
    for text in ["089 461110", "+91 11 2345 6789", "14435550123", "0911 123456", "+43 1 40400"] {
        assert!(!barred(text, &emergency()), "{text}");
    }
}

#[test]
fn a_premium_number_with_surplus_digits_or_zeros_is_refused() {
    for text in [
        "0900 1 234567",
        "0900 1 2345678",
        "0900 1 234567 8 9",
        "+49 900 1 234567",
        "+49 900 1234567 1",
        "+49 0900 1 234567",
        "49900123456712",
        "0137 123456",
        "0137 1234567",
        "0138 1",
        "+49 137 7 1",
        "+49 0137 123",
        "+43 900 123456",
        "+43 900 1234567 8",
        "+43 930 123456",
        "+41 900 123456",
        "+41 901 123456 7",
        "+41 906 123 456",
        "+44 909 879 0000",
        "+44 909 879 0000 1",
        "+1 900 555 0123",
        "+33 899 12 34 56",
        "+33 899 12 34 56 7",
        "+39 899 123456 7",
    ] {
        assert!(barred(text, &premium()), "{text}");
    }
}

#[test]
fn a_short_code_with_surplus_digits_or_zeros_is_refused() {
    let rule = NeverDialled { short_codes: true, ..NeverDialled::default() };
    for text in [
        "115",
        "0115",
        "115 1",
        "115 123 4567",
        "116117",
        "116 117 1",
        "0116117",
        "116117 22222",
        "11833",
        "0 11833",
        "118 33 1",
        "118 33 12345",
        "11880 7 7 7",
        "+49 11833",
        "+49 118 33 12",
        "0049 116117 5",
        "49 115 1234567",
        "+43 118 11 1",
        "+41 1811",
        "+39 116 117 9",
    ] {
        assert!(barred(text, &rule), "{text}");
    }
    for text in [
        "089 115 116",
        "030 118118",
        "+49 89 116117",
        "+49 30 11833000",
        "0911 115 116",
        "+43 1 1182222",
        "+41 44 118 11 11",
        "+44 115 911 2222",
        "+44 118 949 6000",
        "+91 11 5115 6789",
        "+1 118 555 0123",
    ] {
        let is_known = DialledNumber::parse(text, Home::parse("DE").unwrap())
            .is_ok_and(|number| number.plan().is_ordinary());
        assert!(!is_known || !barred(text, &rule), "{text}");
    }
    assert!(!barred("+44 115 911 2222", &rule) && !barred("089 115 116", &rule));
}

#[test]
fn an_ordinary_number_is_no_premium_number() {
    for text in [
        "089 900 1234",
        "+49 89 9001234",
        "+49 30 137137",
        "+43 1 9001234",
        "+41 44 900 12 34",
        "+44 20 7909 8790",
        "+1 212 900 5550",
        "0911 123456",
        "+49 172 9001234",
    ] {
        assert!(!barred(text, &premium()), "{text}");
    }
}

/// Where a call starts, how it is written, from libphonenumber's tests of `connectsToEmergencyNumber`
/// and the regulators' lists.
#[test]
fn an_emergency_number_of_the_country_of_the_call_is_refused() {
    for (country, text) in [
        ("FR", "15 15"),
        ("FR", "18 2345"),
        ("FR", "112"),
        ("FR", "01 18"),
        ("FR", "+33 15"),
        ("FR", "+33 17 17"),
        ("GB", "999"),
        ("GB", "9991"),
        ("GB", "0999"),
        ("GB", "+44 999 9"),
        ("IT", "118"),
        ("IT", "1151234"),
        ("IT", "+39 118"),
        ("DK", "112"),
        ("DK", "114"),
        ("DK", "11 21 23 45"),
        ("DK", "+45 114"),
        ("NO", "110"),
        ("NO", "113 113"),
        ("US", "911"),
        ("US", "9116666666"),
        ("US", "+1 911"),
        ("BR", "190"),
        ("BR", "911"),
        ("JP", "119"),
        ("JP", "0119"),
        ("AU", "000"),
        ("AU", "+61 000"),
        ("ZA", "10111"),
        ("SE", "90000"),
        ("HK", "992 1"),
        ("TR", "155 5"),
    ] {
        assert!(barred_in(country, text, &emergency()), "{country} {text}");
    }
}

#[test]
fn an_ordinary_number_of_the_country_of_the_call_is_dialled() {
    for (country, text) in [
        ("FR", "01 18 00 00 00"),
        ("FR", "+33 1 15 15 15 15"),
        ("GB", "020 7946 0999"),
        ("GB", "0115 911 2222"),
        ("IT", "011 234 5678"),
        ("IT", "089 234567"),
        ("DK", "33 11 21 12"),
        ("US", "(212) 911-2345"),
        ("US", "+1 919 555 0123"),
        ("JP", "03-1191-1234"),
        ("AU", "02 5550 0000"),
        ("NO", "22 11 01 12"),
        ("CH", "044 117 11 44"),
        ("AT", "01 112 112"),
    ] {
        assert!(!barred_in(country, text, &emergency()), "{country} {text}");
        assert!(!barred_in(country, text, &premium()), "{country} {text}");
    }
}

#[test]
fn an_emergency_number_of_each_country_is_refused_in_that_country_and_behind_its_code() {
    for line in include_str!("../emergency.txt").lines() {
        let (country, numbers) = line.split_once(' ').unwrap();
        let code = Home::parse(country).unwrap().calling_code();
        for number in numbers.split(' ') {
            for text in [
                number.to_owned(),
                format!("0{number}"),
                format!("{number}0"),
                format!("{number} 12"),
                format!("+{code}{number}"),
                format!("+{code} 0{number}"),
                format!("00{code} {number} 5"),
            ] {
                let home = Home::parse(country).unwrap();
                let read = DialledNumber::parse(&text, home);
                // A text of an ordinary number is one, whatever it begins with.
                let is_ordinary = read.is_ok_and(|number| number.plan().is_ordinary());
                assert!(is_ordinary || barred_in(country, &text, &emergency()), "{country} {text}");
            }
        }
    }
}

proptest! {
    #[test]
    fn an_emergency_number_with_digits_behind_and_prefixes_before_it_never_dials(
        number in prop::sample::select(vec!["110", "112"]),
        outside in prop::sample::select(vec!["", "0", "0 ", "00"]),
        code in prop::sample::select(vec!["", "+49", "0049", "49", "+49 0", "+49 (0)", "0049 0", "+49-0-"]),
        behind in "[0-9]{0,9}",
        blank in prop::sample::select(vec!["", " ", "-", "/", ".", "\u{a0}", "("]),
    ) {
        let text = format!("{outside}{code}{blank}{number}{blank}{behind}");
        // A blank at the beginning stands for a plus, as an unescaped one arrives.
        let text = text.trim_start();
        let home = Home::parse("DE").unwrap();
        if let Ok(read) = DialledNumber::parse(text, home) {
            let may_dial = read.plan().is_ordinary();
            prop_assert!(may_dial || emergency().contain(&read), "{text}");
            // No subscriber of Germany has a number that begins with 11; some have 0491 before it.
            let is_at_home = read.digits().starts_with("49") && !read.digits().starts_with("4949");
            prop_assert!(!is_at_home || emergency().contain(&read), "{text}");
        }
    }

    #[test]
    fn a_premium_number_with_digits_behind_it_never_dials(
        behind in "[0-9]{6,8}",
        code in prop::sample::select(vec!["+49", "0049", "49", "+49 0", "0", "0 0", "0 0049", "0+49", "0 49 0"]),
    ) {
        let text = format!("{code}900 1{behind}");
        prop_assert!(barred(&text, &premium()), "{text}");
    }

    #[test]
    fn a_subscriber_whose_number_contains_or_ends_in_such_digits_always_dials(
        area in prop::sample::select(vec!["30", "40", "89", "221", "69", "911", "351"]),
        subscriber in "[2-9][0-9]{3}",
        ending in prop::sample::select(vec!["110", "112", "911", "999", "900"]),
        form in prop::sample::select(vec!["0", "+49 ", "0049", "49", "+49 (0)"]),
        blank in prop::sample::select(vec!["", " ", "/", "-", "\u{a0}"]),
    ) {
        let text = format!("{form}{area}{blank}{subscriber}{ending}");
        prop_assert!(!barred(&text, &emergency()), "{text}");
        prop_assert!(!barred(&text, &premium()), "{text}");
    }
}
