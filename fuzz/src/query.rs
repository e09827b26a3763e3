//! jtel's question: what is read from it, and what is told of it.

use dialgate::gateway::Query;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::shared::{chosen, is_e164, is_partner_id, rules_of, tells_no_number_of};

pub fn holds(data: &[u8]) {
    let Some((choice, text)) = chosen(data) else { return };
    let rules = rules_of(choice);
    match Query::read(text, &rules) {
        Ok(query) => {
            is_partner_id(query.partner.as_str());
            is_e164(query.dialled.digits());
            // Whoever writes down a question by accident writes down neither.
            let shown = format!("{query:?}");
            if query.dialled.digits().len() > 4 {
                assert!(!shown.contains(query.dialled.digits()), "{shown}");
            }
            if query.partner.as_str().len() > 8 {
                assert!(!shown.contains(query.partner.as_str()), "{shown}");
            }
            // Whatever was escaped and whatever stood beside it: it is one question.
            let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let again = format!(
                "SAPPhoneNumber={}&SAPBusinessPartnerID={}",
                escaped(&format!("+{}", query.dialled.digits())),
                escaped(query.partner.as_str()),
            );
            let again = Query::read(&again, &rules).unwrap();
            assert_eq!(again.partner, query.partner);
            assert_eq!(again.dialled.digits(), query.dialled.digits());
        }
        Err(error) => tells_no_number_of(text, &error.to_string()),
    }
}
