//! The question to Cloud for Customer, as drop-in mode reads it.

use dialgate::gateway::Wanted;

use super::shared::{chosen, is_e164, is_partner_id, rules_of, tells_no_number_of};

pub fn holds(data: &[u8]) {
    let Some((choice, text)) = chosen(data) else { return };
    let rules = rules_of(choice);
    match Wanted::read(text, &rules) {
        Ok(Wanted::Customer(partner)) => {
            is_partner_id(partner.as_str());
            let plain = format!("$filter=CustomerID%20eq%20'{}'", partner.as_str());
            assert_eq!(Wanted::read(&plain, &rules), Ok(Wanted::Customer(partner)));
        }
        Ok(Wanted::Phone(number)) => {
            is_e164(number.digits());
            let plain = format!("$filter=NormalisedPhone%20eq%20'%2B{}'", number.digits());
            let Ok(Wanted::Phone(again)) = Wanted::read(&plain, &rules) else {
                panic!("{plain} is not read as a number")
            };
            assert_eq!(again.digits(), number.digits());
        }
        Err(error) => tells_no_number_of(text, &error.to_string()),
    }
}
