//! The status page as HTML: one rendering for the first look, without a script, and for the parts
//! that are sent when they have changed.

mod html;
mod list;
mod parity;
mod parts;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    decisions::{DecisionLine, Only},
    runbook,
    status::{Condition, Status},
    story::Story,
};
use crate::{gateway::ParityReport, telemetry::logging::Warning};
use html::Html;

pub(super) const STYLE: &str = include_str!("page.css");
pub(super) const SCRIPT: &str = include_str!("page.js");

/// A line of the log for programs.
#[derive(JsonSchema, Serialize)]
pub(super) struct WarningLine {
    #[schemars(extend("format" = "date-time"))]
    at: String,
    #[schemars(extend("enum" = ["error", "warn"]))]
    level: &'static str,
    text: String,
}

/// The log's lines for programs.
pub(super) fn told(warnings: &[Warning]) -> Vec<WarningLine> {
    let line = |warning: &Warning| WarningLine {
        at: warning.at.to_string(),
        level: if warning.is_error { "error" } else { "warn" },
        text: warning.text.clone(),
    };
    warnings.iter().map(line).collect()
}

/// The parts that change, by their names in the page.
pub(super) fn parts(
    status: &Status,
    (only, decisions): (Only, &[DecisionLine]),
    reports: &[ParityReport],
    warnings: &[Warning],
) -> Vec<(&'static str, String)> {
    vec![
        ("state", parts::state(status)),
        ("flow", parts::flow(status)),
        ("problems", parts::problems(&status.problems)),
        ("sap", parts::sap(status)),
        ("missing", parts::missing(&status.missing)),
        ("parity", parity::parity(reports)),
        ("warnings", parts::warnings(warnings)),
        ("decisions", list::decisions("/", only, decisions)),
        ("foot", parts::foot(status)),
    ]
}

/// The status page. `token`: what its forms have to know; without one there are no forms.
pub(super) fn status(parts: &[(&'static str, String)], token: Option<&str>) -> String {
    let mut page = Html::default();
    for (id, part) in parts {
        let tag = if *id == "foot" { "footer" } else { "section" };
        page.raw(&format!("<{tag} id=\"{id}\">{part}</{tag}>\n"));
        if *id == "sap" {
            page.raw(&parts::actions(token));
        }
    }
    whole("Status", page.as_str())
}

/// A longer list of decisions.
pub(super) fn list(only: Only, decisions: &[DecisionLine]) -> String {
    let list = list::decisions("/decisions", only, decisions);
    whole("Decisions", &format!("<section id=\"decisions\">{list}</section>"))
}

/// The story of one call.
pub(super) fn story(story: &Story) -> String {
    let mut page = Html::default();
    page.raw("<section><h2>Call <code>")
        .text(&story.line.call)
        .raw("</code></h2>\n<table class=\"facts\">");
    // A line without a name is one more rule; here they are a list.
    for (name, what) in story.lines().into_iter().filter(|(name, _)| !name.is_empty()) {
        page.raw("<tr><th scope=\"row\">").text(name).raw("</th><td>");
        match name {
            "rule by rule" => parts::rules(&mut page, &story.rules),
            _ => parts::with_code(&mut page, &what),
        }
        page.raw("</td></tr>\n");
    }
    page.raw("</table></section>");
    whole("Why", page.as_str())
}

/// The runbook.
pub(super) fn runbook() -> String {
    whole("Runbook", &format!("<article>{}</article>", runbook::html()))
}

/// An arrow through a gate. Written into the page: without one, browsers ask for `/favicon.ico`.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Crect width='16' height='16' rx='3' fill='%230550ae'/%3E\
    %3Cpath d='M3 8h9M9 5l3 3-3 3' fill='none' stroke='white' stroke-width='1.6'/%3E%3C/svg%3E";

/// A page around this content.
fn whole(title: &str, content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>dialgate: {title}</title>\n<link rel=\"icon\" href=\"{ICON}\">\n\
         <link rel=\"stylesheet\" href=\"/page.css\">\n<script src=\"/page.js\" defer></script>\n</head>\n<body>\n\
         <header><h1><a href=\"/\">dialgate</a></h1>\n<nav><a href=\"/decisions\">Decisions</a> \
         <a href=\"/runbook\">Runbook</a> <a href=\"/metrics\">Metrics</a> <a href=\"/status.json\">JSON</a>\
         </nav></header>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
    )
}

/// The class of a condition, which is also what somebody reads who sees no colours.
fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Good => "good",
        Condition::Warning => "warning",
        Condition::Bad => "bad",
        Condition::Leaving => "leaving",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_text_and_never_markup() {
        let mut page = Html::default();

        page.raw("<p title=\"").text("\"><script>alert('&')</script>\u{202e}").raw("\">");

        assert_eq!(
            page.as_str(),
            "<p title=\"&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;\\u202e\">"
        );
    }

    #[test]
    fn no_page_has_a_script_or_a_style_in_itself() {
        for page in [whole("Status", ""), list(Only::All, &[])] {
            assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" on"));
            assert_eq!(page.matches("<script").count(), 1);
        }
    }
}
