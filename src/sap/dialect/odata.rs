//! From a readable template to a request line that cannot be bent.
//!
//! A value inside quotes is an OData literal: its quotes are doubled, so that it cannot end the
//! text, and then everything but letters, digits and `-._~` is percent-encoded, so that it cannot
//! end the parameter. Static text is escaped once, when the configuration is read.

use std::fmt::Write as _;

use http::uri::PathAndQuery;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Static text outside quotes keeps what gives a URL its structure. `+` is not kept: in a query it
/// would mean a blank. Neither is `#`: nothing after it would be sent.
const STATIC: &AsciiSet = &VALUE
    .remove(b'/')
    .remove(b'?')
    .remove(b'&')
    .remove(b'=')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b':')
    .remove(b';')
    .remove(b'@')
    .remove(b'!')
    .remove(b'*');

/// The longest template. `http` reads request lines of up to 65,534 bytes; with every character
/// escaped (up to 12 bytes) and with values in it, a template of this length stays below.
const MAX_TEMPLATE: usize = 4_000;

/// What a template may name.
const PLACEHOLDERS: &str = "`{id}`, `{phone}` and `{language}`";

/// Path and query of a request, with places for the values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    /// Escaped already.
    Text(String),
    Id {
        quoted: bool,
    },
    Phone {
        quoted: bool,
    },
}

/// What a request asks by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// The partner's ID.
    Id,
    /// The dialled number.
    Phone,
}

/// Why a text is not a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(in crate::sap) enum TemplateProblem {
    #[error("must begin with one `/`; scheme and host stand in `sap.url`")]
    Slash,
    #[error("does not contain `{{id}}`, so every partner would get the same answer")]
    NoId,
    #[error(
        "asks by `{{phone}}`, but not for the record with that number: with `phone` there must be `{{phone}}` and no `{{id}}`"
    )]
    NoPhone,
    #[error("has the unknown placeholder `{0}`; there are {PLACEHOLDERS}")]
    Placeholder(String),
    #[error("has a `{0}` without its partner; there are {PLACEHOLDERS}")]
    Brace(char),
    #[error("has a quote (') without its partner")]
    Quote,
    #[error("has a `%` at position {0}; write the character itself, dialgate escapes it")]
    Percent(usize),
    #[error("has more than {MAX_TEMPLATE} bytes")]
    Length,
    #[error("has a control character at position {0}")]
    Control(usize),
}

impl Template {
    /// The partner's ID and the dialled number are both in it.
    pub(in crate::sap) fn asks_by_both(&self) -> bool {
        let has = |is: fn(&Part) -> bool| self.0.iter().any(is);
        has(|part| matches!(part, Part::Id { .. }))
            && has(|part| matches!(part, Part::Phone { .. }))
    }

    /// Reads a template; all problems at once. `prefix` is the path of `sap.url`, escaped already.
    pub(in crate::sap) fn compile(
        prefix: &str,
        text: &str,
        language: &str,
        by: By,
    ) -> Result<Self, Vec<TemplateProblem>> {
        let mut problems = Vec::new();
        if !text.starts_with('/') || text.starts_with("//") {
            problems.push(TemplateProblem::Slash);
        }
        if prefix.len() + text.len() > MAX_TEMPLATE {
            return Err(vec![TemplateProblem::Length]);
        }
        let mut writer = Writer { parts: Vec::new(), text: prefix.to_owned(), quoted: false };
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let position = text.len() - rest.len();
            if c == '{' {
                let Some((name, after)) = rest.get(1..).and_then(|rest| rest.split_once('}'))
                else {
                    problems.push(TemplateProblem::Brace('{'));
                    break;
                };
                match name {
                    "id" => writer.place(Part::Id { quoted: writer.quoted }),
                    "phone" => writer.place(Part::Phone { quoted: writer.quoted }),
                    "language" => writer.value(language),
                    _ => problems.push(TemplateProblem::Placeholder(name.to_owned())),
                }
                rest = after;
                continue;
            }
            match c {
                '}' => problems.push(TemplateProblem::Brace('}')),
                '%' => problems.push(TemplateProblem::Percent(position)),
                c if c.is_control() => problems.push(TemplateProblem::Control(position)),
                c => writer.character(c),
            }
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        if writer.quoted {
            problems.push(TemplateProblem::Quote);
        }
        let parts = writer.finish();
        let has_id = parts.iter().any(|part| matches!(part, Part::Id { .. }));
        let has_phone = parts.iter().any(|part| matches!(part, Part::Phone { .. }));
        match by {
            By::Id if !has_id => problems.push(TemplateProblem::NoId),
            By::Phone if has_id || !has_phone => problems.push(TemplateProblem::NoPhone),
            By::Id | By::Phone => {}
        }
        if problems.is_empty() { Ok(Self(parts)) } else { Err(problems) }
    }

    /// Path and query for one partner. Without a dialled number its place stays empty.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "begins with `/` and has unreserved characters, `%` and kept ones only: \
                  `any_text_is_a_template_or_has_problems`"
    )]
    pub fn render(&self, id: &str, phone: Option<&str>) -> PathAndQuery {
        let mut target = String::with_capacity(256);
        for part in &self.0 {
            match part {
                Part::Text(text) => target.push_str(text),
                Part::Id { quoted } => push_value(&mut target, id, *quoted),
                Part::Phone { quoted } => {
                    push_value(&mut target, phone.unwrap_or_default(), *quoted);
                }
            }
        }
        PathAndQuery::try_from(target).expect("a request line made of kept and escaped characters")
    }
}

/// A value, as OData (inside quotes) and URL want it.
fn push_value(target: &mut String, value: &str, quoted: bool) {
    for (place, piece) in value.split('\'').enumerate() {
        if place > 0 {
            target.push_str(if quoted { "%27%27" } else { "%27" });
        }
        // Writing to a String cannot fail.
        let _written = write!(target, "{}", utf8_percent_encode(piece, VALUE));
    }
}

/// Collects the parts of a template.
struct Writer {
    parts: Vec<Part>,
    text: String,
    quoted: bool,
}

impl Writer {
    fn character(&mut self, c: char) {
        if c == '\'' {
            self.quoted = !self.quoted;
        }
        let kept = if self.quoted { VALUE } else { STATIC };
        let mut buffer = [0; 4];
        self.text.extend(utf8_percent_encode(c.encode_utf8(&mut buffer), kept));
    }

    fn value(&mut self, value: &str) {
        push_value(&mut self.text, value, self.quoted);
    }

    fn place(&mut self, part: Part) {
        self.parts.push(Part::Text(std::mem::take(&mut self.text)));
        self.parts.push(part);
    }

    fn finish(mut self) -> Vec<Part> {
        self.parts.push(Part::Text(self.text));
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::PartnerId;

    const C4C: &str = "/c4c/IndividualCustomerCollection?$filter=CustomerID eq '{id}'&$top=2&sap-language={language}";

    fn template(text: &str) -> Template {
        Template::compile("", text, "EN", By::Id).unwrap()
    }

    /// Takes a request line apart as a server does: path, then decoded parameters.
    fn taken_apart(target: &str) -> (String, Vec<(String, String)>) {
        let decoded = |text: &str| {
            percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned()
        };
        let (path, query) = target.split_once('?').unwrap();
        let parameters = query
            .split('&')
            .map(|parameter| parameter.split_once('=').unwrap())
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect();
        (decoded(path), parameters)
    }

    #[test]
    fn a_readable_template_becomes_a_proper_request_line() {
        for (text, expected) in [
            (
                C4C,
                "/c4c/IndividualCustomerCollection?$filter=CustomerID%20eq%20%271001910%27&$top=2&sap-language=EN",
            ),
            (
                "/onClickToDial?SAPBusinessPartnerID={id}&SAPPhoneNumber={phone}",
                "/onClickToDial?SAPBusinessPartnerID=1001910&SAPPhoneNumber=4989",
            ),
            (
                "/x?$filter=Phone eq '+{phone}'&i={id}",
                "/x?$filter=Phone%20eq%20%27%2B4989%27&i=1001910",
            ),
            (
                "/A_BusinessPartner('{id}')?$expand=a/b,c",
                "/A_BusinessPartner(%271001910%27)?$expand=a/b,c",
            ),
            ("/x?q='a&b=c'&i={id}", "/x?q=%27a%26b%3Dc%27&i=1001910"),
            ("/ü#?i={id}", "/%C3%BC%23?i=1001910"),
        ] {
            assert_eq!(template(text).render("1001910", Some("4989")), expected, "{text}");
        }
    }

    #[test]
    fn the_path_of_the_url_stays_in_front() {
        let template = Template::compile("/proxy", "/x?i={id}", "EN", By::Id).unwrap();

        assert_eq!(template.render("1", None), "/proxy/x?i=1");
    }

    #[test]
    fn a_template_with_problems_tells_all_of_them() {
        use TemplateProblem::{Brace, Control, Length, NoId, Percent, Placeholder, Quote, Slash};
        for (text, problems) in [
            ("x?i={id}", vec![Slash]),
            ("//host/x?i={id}", vec![Slash]),
            ("/x", vec![NoId]),
            ("/x?i={ID}", vec![Placeholder("ID".to_owned()), NoId]),
            ("/x?i={id", vec![Brace('{'), NoId]),
            ("/x?i={id}}", vec![Brace('}')]),
            ("/x?f=a eq '{id}", vec![Quote]),
            ("/x?f=%27{id}", vec![Percent(5)]),
            ("/x?f=\n{id}", vec![Control(5)]),
            (&format!("/x?i={{id}}{}", "ü".repeat(2_000)), vec![Length]),
            ("http://sap/{x}%", vec![Slash, Placeholder("x".to_owned()), Percent(14), NoId]),
        ] {
            assert_eq!(Template::compile("", text, "EN", By::Id), Err(problems), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_can_leave_its_literal(text in any::<String>()) {
            let target = template(C4C).render(&text, None);

            let (path, parameters) = taken_apart(target.as_str());
            prop_assert!(target.as_str().is_ascii());
            prop_assert_eq!(path, "/c4c/IndividualCustomerCollection");
            prop_assert_eq!(parameters.len(), 3);
            let literal = parameters[0].1.strip_prefix("CustomerID eq '").unwrap().strip_suffix('\'').unwrap();
            prop_assert!(literal.split("''").all(|piece| !piece.contains('\'')));
            prop_assert_eq!(literal.replace("''", "'"), text);
            prop_assert_eq!(&parameters[1].1, "2");
        }

        #[test]
        fn no_text_can_leave_its_parameter(id in any::<String>(), phone in any::<String>()) {
            let target = template("/onClickToDial?i={id}&p={phone}").render(&id, Some(&phone));

            let (path, parameters) = taken_apart(target.as_str());
            prop_assert_eq!(path, "/onClickToDial");
            prop_assert_eq!(parameters, vec![("i".to_owned(), id), ("p".to_owned(), phone)]);
        }

        #[test]
        fn a_partner_id_arrives_as_it_is(text in "[0-9A-Za-z_-]{1,20}") {
            let id = PartnerId::parse(&text).unwrap();

            let target = template(C4C).render(id.as_str(), None);

            let literal = format!("%27{text}%27");
            prop_assert!(target.as_str().contains(&literal));
        }

        #[test]
        fn any_text_is_a_template_or_has_problems(text in any::<String>()) {
            if let Ok(template) = Template::compile("", &text, "EN", By::Id) {
                prop_assert!(template.render("1", None).as_str().starts_with('/'));
            }
        }
    }
}
