//! What comes along when people paste a number: blanks of Word and of web pages, marks of writing direction
//! of contact lists, dashes of every length (Unicode, "General Punctuation"), and the plus that is a blank
//! of HTML forms (URL Standard, application/x-www-form-urlencoded).

use proptest::prelude::*;

use super::*;

fn home() -> Home {
    Home::parse("DE").unwrap()
}

#[test]
fn what_people_paste_along_with_a_number_is_ignored() {
    for text in [
        "+49\u{a0}89\u{a0}461495000",
        "\u{a0}+49 89 461495000",
        " +49 89 461495000",
        "  +49 89 461495000",
        " 49 89 461495000",
        "(+49) 89 461495000",
        "+49+89+461495000",
        "49+89+461495000",
        "+49\u{202f}89\u{202f}461\u{2009}495\u{2009}000",
        "\u{202a}+49 89 461495000\u{202c}",
        "\u{200e}+498946\u{200b}1495000",
        "\u{feff}+49 89 461495000",
        "+49\u{2011}89\u{2013}461495000",
        "+49 89 4614\u{ad}95000",
        "\u{ff0b}49 89 461495000",
        "+49\t89\t461495000",
        "+49\u{3000}89 461495000",
        "+49 (0)\u{a0}89 461495000",
        "089\u{a0}461495000",
        "089+461495000",
        "0049\u{a0}89 461495000",
        "00\u{a0}49 89 461495000",
        "+49 89 461495000 ",
        "+49 89 461495000\u{a0}",
    ] {
        let number = DialledNumber::parse(text, home());
        assert_eq!(number.as_ref().map(DialledNumber::digits), Ok("4989461495000"), "{text:?}");
    }
}

#[test]
fn what_is_neither_blank_nor_mark_is_no_part_of_a_number() {
    for text in [
        "+49 89 4614950o0",
        "+49 89 461495#00",
        "+49 89 461495*00",
        "+49,89 461495000",
        "+49;89461495000",
        "tel:+4989461495000",
        "+49 89 461495000 ext 5",
        "+49\n89 461495000",
        "+49\r89 461495000",
        "+49\u{2028}89 461495000",
        "+49\u{0}89 461495000",
        "\u{0664}\u{0669}89461495000",
        "\u{ff14}\u{ff19}89461495000",
        "+49~89 461495000",
        "+49_89_461495000",
        "+49 89 461495000\u{2020}",
        "☎ +49 89 461495000",
        "+49 89 461495000 (mobil)",
        "0x49",
        "4.9e10",
    ] {
        assert!(DialledNumber::parse(text, home()).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn decoration_anywhere_changes_no_number(
        marks in prop::collection::vec(
            prop::sample::select(vec![" ", "-", "/", ".", "\u{a0}", "\u{202f}", "\u{2011}", "\u{200b}", "\t"]),
            11,
        ),
    ) {
        let digits = "49894614950";
        let mut text = String::new();
        for (digit, mark) in digits.chars().zip(&marks) {
            text.push(digit);
            text.push_str(mark);
        }
        let number = DialledNumber::parse(&format!("+{text}"), home());
        prop_assert_eq!(number.map(|number| number.digits().to_owned()), Ok(digits.to_owned()));
    }
}
