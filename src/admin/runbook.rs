//! The runbook of this very version, as a page.

use pulldown_cmark::{Options, Parser, html};

/// What to do about each alert: one heading for each, which is also its anchor.
const RUNBOOK: &str = include_str!("../../docs/runbook.md");

/// As HTML, without the frame of a page. Each heading is there in lower case, too, as GitHub and others
/// write it: browsers tell an `A` in a link from an `a`.
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
    for heading in headings() {
        let anchor = format!("<h2 id=\"{heading}\">");
        let both = format!("{anchor}<span id=\"{}\"></span>", heading.to_lowercase());
        page = page.replace(&anchor, &both);
    }
    page
}

fn headings() -> impl Iterator<Item = &'static str> {
    RUNBOOK.lines().filter_map(|line| line.strip_prefix("## "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_heading_can_be_linked_to() {
        let page = html();

        for heading in headings() {
            for anchor in [heading, &heading.to_lowercase()] {
                assert_eq!(page.matches(&format!(" id=\"{anchor}\"")).count(), 1, "{anchor}");
            }
        }
    }
}
