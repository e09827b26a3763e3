//! The countries that ISO 3166 has given a code to.

/// ISO 3166-1 alpha-2, officially assigned (249, as published by the ISO 3166 Maintenance Agency),
/// sorted; and `XK` for Kosovo, which ISO leaves to its users and which the European Union, SAP and
/// numbering plans use.
const ASSIGNED: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH \
ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT \
HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS \
LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI \
NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// By the first letter: a bit for each second one.
#[expect(clippy::indexing_slicing, reason = "indexed while this program is built")]
const SECOND_LETTERS: [u32; 26] = {
    let codes = ASSIGNED.as_bytes();
    let mut letters = [0; 26];
    let mut at = 0;
    while at < codes.len() {
        letters[(codes[at] - b'A') as usize] |= 1 << (codes[at + 1] - b'A');
        at += 3;
    }
    letters
};

/// Whether two letters are the code of a country.
pub(super) fn is_assigned(code: &str) -> bool {
    let [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] = *code.as_bytes() else { return false };
    let letters = SECOND_LETTERS.get(usize::from(first - b'A'));
    letters.is_some_and(|letters| letters & (1 << (second - b'A')) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_countries_as_iso_has_and_kosovo() {
        let codes: Vec<_> = ASSIGNED.split(' ').collect();

        assert_eq!(codes.len(), 249 + 1);
        assert!(codes.is_sorted() && codes.iter().all(|code| code.len() == 2));
        let letters = || (b'A'..=b'Z').map(char::from);
        for code in
            letters().flat_map(|first| letters().map(move |second| format!("{first}{second}")))
        {
            assert_eq!(is_assigned(&code), codes.contains(&code.as_str()), "{code}");
        }
    }

    #[test]
    fn what_only_looks_like_a_country_is_none() {
        for code in ["XX", "ZZ", "UK", "EU", "EN", "AN", "DD", "D ", "", "DE AT"] {
            assert!(!is_assigned(code), "{code}");
        }
    }
}
