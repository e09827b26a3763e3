//! Findings as an operator reads them: each with its line, and without what may be a secret.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};

use super::findings::{Document, Finding, Findings, line_at};

impl Findings {
    /// All of them as an operator reads them, with their lines. The last line says how many there
    /// are and what follows from that, e.g. `nothing was started`.
    pub fn report(&self, colour: bool, consequence: &str) -> String {
        let count = match self.len() {
            1 => "1 finding".to_owned(),
            count => format!("{count} findings"),
        };
        let notes = match self.notes().count() {
            0 => String::new(),
            1 => " and 1 note".to_owned(),
            count => format!(" and {count} notes"),
        };
        format!("{}{count}{notes}; {consequence}\n", self.rendered(colour))
    }

    pub(super) fn rendered(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() }
            .decor_style(DecorStyle::Ascii);
        let mut told = String::new();
        for finding in &self.list {
            told.push_str(&finding.to_string());
            told.push('\n');
            if let Some(snippet) = self.snippet(finding, &renderer) {
                told.push_str(&snippet);
                told.push('\n');
            }
        }
        told
    }

    fn snippet(&self, finding: &Finding, renderer: &Renderer) -> Option<String> {
        let document = self.documents.get(finding.document)?;
        let line = line_at(&document.text, finding.span.start);
        let (shown, span) = veiled(document, &line, &finding.span);
        if shown.trim().is_empty() {
            return None;
        }
        let snippet = Snippet::source(shown)
            .line_start(finding.line)
            .annotation(AnnotationKind::Primary.span(span));
        let level = if finding.is_note { Level::NOTE } else { Level::ERROR };
        let group = Group::with_level(level).element(snippet);
        let group = match &finding.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        };
        Some(renderer.render(&[group]))
    }
}

/// A line as it may be shown, and the part of it that a finding is about.
fn veiled(document: &Document, line: &Range<usize>, span: &Range<usize>) -> (String, Range<usize>) {
    let mut shown = String::new();
    let (mut start, mut end) = (None, None);
    let mut was_veiled = false;
    for (offset, character) in document.text.get(line.clone()).unwrap_or_default().char_indices() {
        let byte = line.start + offset;
        if byte >= span.end && end.is_none() {
            end = Some(shown.len());
        }
        let is_veiled = document.veils.iter().any(|veil| veil.contains(&byte));
        if byte >= span.start && start.is_none() {
            start = Some(if is_veiled && was_veiled { shown.len() - 3 } else { shown.len() });
        }
        match (is_veiled, was_veiled) {
            (true, false) => shown.push_str("***"),
            (true, true) => {}
            (false, _) => shown.push(character),
        }
        was_veiled = is_veiled;
    }
    let start = start.unwrap_or(shown.len());
    let end = end.unwrap_or(shown.len()).max(start);
    (shown, start..end)
}
