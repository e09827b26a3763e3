//! Which requests are sent and how their answers are read: the built-in presets and `sap.custom`,
//! compiled once when the configuration is read.

use std::sync::Arc;

use super::{
    odata::Template,
    path::Path,
    reply::{Mark, Named, Reader},
};
use crate::config;

/// The name under which `sap.custom` is used.
const CUSTOM: &str = "custom";

/// The built-in dialects: name and text.
const PRESETS: [(&str, &str); 2] =
    [("c4c", include_str!("presets/c4c.yaml")), ("native", include_str!("presets/native.yaml"))];

/// Something in the `sap` section that cannot work; the caller knows line and column of the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DialectProblem {
    /// The key it is about: `sap.custom.steps[0].channel`, `sap.ca_file`.
    pub key: String,
    /// What is wrong, continuing a sentence that begins with the key.
    pub message: String,
}

impl DialectProblem {
    pub(super) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

/// The names `sap.preset` may have besides `custom`.
pub fn preset_names() -> impl Iterator<Item = &'static str> {
    PRESETS.into_iter().map(|(name, _)| name)
}

/// The text of a built-in dialect, to begin a `sap.custom` with.
pub fn preset_text(name: &str) -> Option<&'static str> {
    PRESETS.into_iter().find(|(preset, _)| *preset == name).map(|(_, text)| text)
}

/// One request of a dialect, ready to be sent and read.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: Arc<str>,
    pub(super) template: Template,
    pub(super) reader: Reader,
    /// Nothing in the answer proves whose it is, so nobody else's may be on the connection.
    pub(super) alone: bool,
}

/// The steps of the dialect that the section asks for; all problems at once.
pub(super) fn compile(sap: &config::Sap) -> Result<Vec<Step>, Vec<DialectProblem>> {
    let (key, dialect) = chosen(sap).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    if dialect.steps.is_empty() {
        problems
            .push(DialectProblem::new(format!("{key}.steps"), "is empty; nothing would be asked"));
    }
    let language_is_sound = (2..=5).contains(&sap.language.len())
        && sap.language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !language_is_sound {
        problems.push(DialectProblem::new("sap.language", "is no language; write for example EN"));
    }
    let prefix = sap.url.path().trim_end_matches('/');
    let steps = dialect
        .steps
        .iter()
        .enumerate()
        .filter_map(|(place, step)| {
            let mut compiler =
                Compiler { key: format!("{key}.steps[{place}]"), problems: &mut problems };
            compiler.step(step, sap, prefix)
        })
        .collect();
    if problems.is_empty() { Ok(steps) } else { Err(problems) }
}

/// The dialect and the key it stands under.
fn chosen(sap: &config::Sap) -> Result<(&'static str, config::Dialect), DialectProblem> {
    if sap.preset == CUSTOM {
        let dialect = sap.custom.clone().ok_or_else(|| {
            DialectProblem::new("sap.custom", "is missing; `sap.preset: custom` needs it")
        })?;
        return Ok(("sap.custom", dialect));
    }
    let text = preset_text(&sap.preset).ok_or_else(|| {
        let names: Vec<_> = preset_names().chain([CUSTOM]).collect();
        DialectProblem::new("sap.preset", format!("is unknown; there are {}", names.join(", ")))
    })?;
    serde_saphyr::from_str(text)
        .map(|dialect| ("sap.preset", dialect))
        .map_err(|error| DialectProblem::new("sap.preset", error.to_string()))
}

/// Compiles one step and notes what is wrong under which key.
struct Compiler<'p> {
    key: String,
    problems: &'p mut Vec<DialectProblem>,
}

impl Compiler<'_> {
    fn step(&mut self, step: &config::Step, sap: &config::Sap, prefix: &str) -> Option<Step> {
        if step.name.is_empty() {
            self.wrong("name", "is empty; logs and `explain` name the step by it");
        }
        self.statuses("unknown_statuses", &step.unknown_statuses);
        self.statuses("blocked_statuses", &step.blocked_statuses);
        if let Some(status) =
            step.unknown_statuses.iter().find(|status| step.blocked_statuses.contains(status))
        {
            self.wrong(
                "blocked_statuses",
                format!("has {status}, which is in `unknown_statuses` too"),
            );
        }
        // Every part is compiled before the first `?`, so that all problems are found.
        let template = Template::compile(prefix, &step.request, &sap.language)
            .map_err(|problems| {
                for problem in problems {
                    self.wrong("request", problem.to_string());
                }
            })
            .ok();
        let rows = self.named("rows", &step.rows);
        let id = step.id.as_ref().map(|id| self.named("id", id));
        let channel = self.named("channel", &step.channel);
        let country = self.named("country", &step.country);
        let blocked = step.blocked.as_ref().map(|flag| self.mark("blocked", flag));
        let contact_refused =
            step.contact_refused.as_ref().map(|flag| self.mark("contact_refused", flag));
        let alone = id.is_none();
        Some(Step {
            name: step.name.as_str().into(),
            template: template?,
            reader: Reader {
                rows: rows?,
                id: all(id)?,
                channel: channel?,
                country: country?,
                blocked: all(blocked)?,
                contact_refused: all(contact_refused)?,
                unknown_statuses: step.unknown_statuses.clone(),
                blocked_statuses: step.blocked_statuses.clone(),
                sales_areas: sap.sales_areas,
            },
            alone,
        })
    }

    fn named(&mut self, key: &str, text: &str) -> Option<Named> {
        Path::compile(text)
            .map(|path| Named { path, text: text.to_owned() })
            .map_err(|problem| self.wrong(key, problem.to_string()))
            .ok()
    }

    fn mark(&mut self, key: &str, flag: &config::Flag) -> Option<Mark> {
        if flag.values.is_empty() {
            self.wrong(&format!("{key}.values"), "is empty; the mark would never be set");
        }
        let path = self.named(&format!("{key}.path"), &flag.path)?.path;
        Some(Mark { path, values: flag.values.clone() })
    }

    /// A status may mean something about the partner unless HTTP or SAP uses it for something else:
    /// 401 and 407 are about us, 408 and 429 about the moment.
    fn statuses(&mut self, key: &str, statuses: &[u16]) {
        for status in statuses {
            let is_sound = matches!(status, 204 | 400 | 402..=406 | 409..=428 | 430..=499);
            if !is_sound {
                self.wrong(
                    key,
                    format!("has {status}, which says nothing about a partner; 204 and most of 400 to 499 can"),
                );
            }
        }
    }

    fn wrong(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(DialectProblem::new(format!("{}.{key}", self.key), message));
    }
}

/// Turns "there, but wrong" into nothing and leaves "not there" alone.
#[expect(clippy::option_option, reason = "the outer one is whether the key is there")]
fn all<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(part) => part.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sap::testing;

    #[test]
    fn every_preset_compiles() {
        for name in preset_names() {
            let sap = config::Sap { preset: name.to_owned(), ..testing::sap("http://localhost") };

            let steps = compile(&sap).unwrap();

            assert!(!steps.is_empty(), "{name}");
        }
    }

    #[test]
    fn every_problem_is_told_with_its_key() {
        let custom = "
steps:
  - name: ''
    request: 'x{x}'
    rows: ''
    id: a b
    channel: a[
    country: $[
    blocked: { path: '.', values: [] }
    unknown_statuses: [401, 404]
    blocked_statuses: [404, 500]
";
        let sap = config::Sap {
            preset: "custom".to_owned(),
            custom: Some(serde_saphyr::from_str(custom).unwrap()),
            language: "E\r\nX: y".to_owned(),
            ..testing::sap("http://localhost")
        };

        let problems = compile(&sap).unwrap_err();

        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        let step = |key: &str| format!("sap.custom.steps[0].{key}");
        let expected = [
            "sap.language".to_owned(),
            step("name"),
            step("unknown_statuses"),
            step("blocked_statuses"),
            step("blocked_statuses"),
            step("request"),
            step("request"),
            step("request"),
            step("rows"),
            step("id"),
            step("channel"),
            step("country"),
            step("blocked.values"),
            step("blocked.path"),
        ];
        assert_eq!(keys, expected, "{problems:#?}");
    }

    #[test]
    fn a_preset_that_does_not_exist_names_those_that_do() {
        let sap = config::Sap { preset: "s4".to_owned(), ..testing::sap("http://localhost") };

        let problems = compile(&sap).unwrap_err();

        let expected =
            DialectProblem::new("sap.preset", "is unknown; there are c4c, native, custom");
        assert_eq!(problems, [expected]);
    }
}
