//! SAP's answers: none is that of two partners, and no message repeats what stands in it.

use std::sync::LazyLock;

use dialgate::{
    domain::{ContractNumber, CountryCode, Lookup, PartnerId},
    sap::{Compiled, Read, ReplyProblem, Sought, Step, preset_names},
};

use super::{dialect::of_preset, shared::tells_no_number_of};

static PRESETS: LazyLock<Vec<(&str, Compiled)>> =
    LazyLock::new(|| preset_names().map(|name| (name, of_preset(name).unwrap())).collect());

const ONE: (&str, &str) = ("1001910", "498946149500");
const OTHER: (&str, &str) = ("1001911", "498946149501");

pub fn holds(data: &[u8]) {
    // Longer than any position in it has digits of a telephone number.
    let body = data.get(..data.len().min(99_999)).unwrap_or_default();
    for (name, dialect) in PRESETS.iter() {
        for step in &dialect.steps {
            let one = read(step, ONE, body);
            let other = read(step, OTHER, body);
            // An endpoint that answers onClickToDial itself repeats no ID; its answers have a connection of their own.
            if *name != "native" {
                let both = is_about_somebody(&one) && is_about_somebody(&other);
                assert!(!both, "{name}: {one:?} is as well {other:?}");
            }
        }
    }
}

fn read(step: &Step, (id, phone): (&str, &str), body: &[u8]) -> Result<Read, ReplyProblem> {
    let read =
        step.reader.body(Sought { id: PartnerId::parse(id).unwrap(), phone: Some(phone) }, body);
    match &read {
        Ok(Read::Known(Lookup::Found(partner))) => {
            let number = partner.channel().zip(partner.country()).map(|(channel, country)| {
                assert_eq!(CountryCode::parse(country.as_str()), Ok(country));
                ContractNumber::of(channel, country)
            });
            assert_eq!(partner.contract_number(), number.as_ref());
        }
        Ok(_) => {}
        Err(problem) => {
            if let ReplyProblem::NotJson { position } = problem {
                assert!(*position <= body.len());
            }
            tells_no_number_of(&String::from_utf8_lossy(body), &problem.to_string());
        }
    }
    read
}

fn is_about_somebody(read: &Result<Read, ReplyProblem>) -> bool {
    matches!(read, Ok(Read::Known(Lookup::Found(_) | Lookup::Ambiguous(_)) | Read::LeadsOn { .. }))
}
