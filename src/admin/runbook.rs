//! The runbook of this very version, as a page.

use pulldown_cmark::{Options, Parser, html};

/// What to do about each alert: one heading for each, which is also its anchor.
const RUNBOOK: &str = include_str!("../../docs/runbook.md");

/// As HTML, without the frame of a page.
pub(super) fn html() -> String {
    let marked: String = RUNBOOK
        .lines()
        .map(|line| match line.strip_prefix("## ") {
            Some(heading) => format!("{line} {{#{heading}}}\n"),
            None => format!("{line}\n"),
        })
        .collect();
    let mut page = String::with_capacity(marked.len() * 2);
    html::push_html(&mut page, Parser::new_ext(&marked, Options::ENABLE_HEADING_ATTRIBUTES));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_heading_can_be_linked_to() {
        let page = html();

        for heading in RUNBOOK.lines().filter_map(|line| line.strip_prefix("## ")) {
            assert!(page.contains(&format!("<h2 id=\"{heading}\">")), "{heading}");
        }
    }
}
