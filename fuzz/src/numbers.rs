//! Telephone numbers, partners' IDs, channels and countries: what texts become, and that they come out as they went in.

use dialgate::domain::{
    ContractNumber, CountryCode, DialledNumber, DistributionChannel, IdForm, NeverDialled,
    PartnerId, ServiceNumber,
};

use super::shared::{chosen, home_of, is_e164, is_partner_id, tells_no_number_of};

pub fn holds(data: &[u8]) {
    let Some((choice, text)) = chosen(data) else { return };
    dialled(choice, text);
    shown(text);
    partner(text);
    contract(text);
}

fn dialled(choice: u8, text: &str) {
    let home = home_of(choice);
    let number = match DialledNumber::parse(text, home) {
        Ok(number) => number,
        Err(error) => return tells_no_number_of(text, &error.to_string()),
    };
    is_e164(number.digits());
    assert!(text.len() <= DialledNumber::LONGEST, "{text:?} is longer than what is read");
    // With a plus before it nothing depends on where it is dialled from.
    let again = DialledNumber::parse(&format!("+{}", number.digits()), home).unwrap();
    assert_eq!(again.digits(), number.digits(), "{text:?}");
    if let Some(country) = number.country() {
        assert_eq!(CountryCode::parse(country.as_str()), Ok(country));
    }
    let never = NeverDialled {
        emergency: true,
        premium: true,
        short_codes: true,
        ..NeverDialled::default()
    };
    assert_eq!(never.contain(&number), never.rule_for(&number).is_some());
    assert!(!NeverDialled::default().contain(&number), "nothing is barred where no rule says so");
}

fn shown(text: &str) {
    match ServiceNumber::parse(text) {
        Ok(number) => {
            assert_eq!(number.as_str(), text);
            assert!((7..=15).contains(&text.len()) && !text.starts_with('0'));
            let (_country, _fault) = (number.country(), number.plan_fault());
        }
        // It is the operator's own number, and the message may show it; not all of a whole file, though.
        Err(error) => assert!(error.to_string().len() < 1_000, "{error}"),
    }
}

fn partner(text: &str) {
    match PartnerId::parse(text) {
        Ok(id) => {
            is_partner_id(id.as_str());
            assert_eq!(id.as_str(), text);
            for form in [IdForm::AsIs, IdForm::Pad10, IdForm::StripZeros] {
                let sent = form.of(id);
                is_partner_id(sent.as_str());
                assert_eq!(form.of(sent), sent, "a form is one");
                let bare = |id: &PartnerId| id.as_str().trim_start_matches('0').to_owned();
                assert_eq!(bare(&sent), bare(&id), "{form:?} changes more than zeros");
            }
        }
        Err(error) => tells_no_number_of(text, &error.to_string()),
    }
}

fn contract(text: &str) {
    let (channel, country) = text.split_at(text.floor_char_boundary(text.len().saturating_sub(2)));
    if let (Ok(channel), Ok(country)) =
        (DistributionChannel::parse(channel), CountryCode::parse(country))
    {
        assert_eq!(ContractNumber::of(&channel, country).as_str(), text);
    }
    let likeness = ContractNumber::likeness(text);
    assert_eq!(ContractNumber::likeness(&likeness), likeness, "{text:?}");
}
