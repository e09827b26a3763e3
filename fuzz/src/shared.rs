//! What several of them ask.

use dialgate::{
    config::{Query, UnknownParameters},
    domain::{BareNumbers, Home},
};

/// Countries with a trunk prefix and without one, with a prefix to leave other than `00`, and one that keeps its zero.
const HOMES: [&str; 6] = ["DE", "DK", "US", "IT", "AU", "CH"];

/// A run of so many digits is somebody's number; positions and lengths in messages are shorter.
const A_NUMBER: usize = 6;

/// The rules for questions that some byte stands for.
pub fn rules_of(choice: u8) -> Query {
    Query {
        home: home_of(choice),
        unknown_parameters: if choice & 0x80 == 0 {
            UnknownParameters::Ignore
        } else {
            UnknownParameters::Refuse
        },
    }
}

/// The home that some byte stands for.
pub fn home_of(choice: u8) -> Home {
    let bare = [BareNumbers::Home, BareNumbers::Unambiguous, BareNumbers::International];
    let home = Home::parse(HOMES[usize::from(choice & 0x0f) % HOMES.len()]).unwrap();
    home.reading(bare[usize::from(choice >> 4 & 0x07) % bare.len()])
}

/// The first byte, which chooses, and the text behind it; `None`: there is no text.
pub fn chosen(data: &[u8]) -> Option<(u8, &str)> {
    let (choice, text) = data.split_first()?;
    Some((*choice, std::str::from_utf8(text).ok()?))
}

/// A message must not repeat a number that stands in what came in.
pub fn tells_no_number_of(came_in: &str, message: &str) {
    let runs = came_in.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() >= A_NUMBER);
    for run in runs {
        assert!(!message.contains(run), "{message:?} has {run:?} of {came_in:?}");
    }
    assert!(message.len() < 400, "{message:?} is too long");
    assert!(!message.chars().any(char::is_control), "{message:?} has a control character");
}

/// A number to be dialled is what E.164 allows.
pub fn is_e164(digits: &str) {
    assert!((3..=15).contains(&digits.len()), "{digits:?}");
    assert!(
        digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0'),
        "{digits:?}"
    );
}

/// A partner's ID is what may stand in a filter.
pub fn is_partner_id(id: &str) {
    assert!((1..=20).contains(&id.len()), "{id:?}");
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{id:?}");
}
