//! What calls would be told by another system's answers, as the page shows it.

use super::html::Html;
use crate::gateway::{ParityKind, ParityReport, ParityTold};

/// So many kinds of differences stand on the page; `/parity.json` has all.
const KINDS: usize = 10;

/// Nothing where nothing is compared.
pub(super) fn parity(reports: &[ParityReport]) -> String {
    let mut part = Html::default();
    if reports.is_empty() {
        return part.done();
    }
    part.raw("<h2>Moving house</h2>\n");
    for report in reports {
        of_pair(report, &mut part);
    }
    part.raw("<p class=\"quiet\">Nobody is answered with what the other system says. <a href=\"/parity.json\">All of it for programs</a></p>");
    part.done()
}

fn of_pair(report: &ParityReport, part: &mut Html) {
    let ParityReport { system, with, same, differing, unanswered, skipped, .. } = report;
    let told = match report.same_percent {
        None => "nothing was compared yet".to_owned(),
        Some(percent) => {
            // Never 100 where something differs.
            let percent = (percent * 100.0).floor() / 100.0;
            format!("{percent} % of {} lookups would be decided the same", same + differing)
        }
    };
    part.raw("<p>").text(&format!("{with} beside {system}: {told}"));
    part.text(&format!(
        "; {unanswered} got no answer there, {skipped} were over the budget. Since "
    ));
    part.raw("<time>").text(&report.since).raw("</time>.</p>\n");
    if report.kinds.is_empty() {
        return;
    }
    part.raw(
        "<table class=\"cards\"><thead><tr><th scope=\"col\">Calls</th><th scope=\"col\">Now</th><th scope=\"col\">\
         By the other</th><th scope=\"col\">The last of them</th></tr></thead><tbody>\n",
    );
    for kind in report.kinds.iter().take(KINDS) {
        of_kind(kind, part);
    }
    part.raw("</tbody></table>");
    let more: u64 = report.kinds.iter().skip(KINDS).map(|kind| kind.count).sum();
    let more = more + report.of_other_kinds;
    if more > 0 {
        part.raw("<p class=\"quiet\">").text(&format!("and {more} in other ways")).raw("</p>");
    }
}

fn of_kind(kind: &ParityKind, part: &mut Html) {
    part.raw("<tr><td class=\"answers\">").text(&kind.count.to_string());
    part.raw("</td><td>").text(&told(&kind.now)).raw("</td><td>").text(&told(&kind.then));
    part.raw("</td><td>");
    if let Some(call) = kind.calls.last() {
        // A call's ID is hexadecimal digits and hyphens.
        part.raw("<a href=\"/explain?call=").text(call).raw("\"><code>").text(call);
        part.raw("</code></a>");
    }
    part.raw("</td></tr>\n");
}

fn told(told: &ParityTold) -> String {
    match (&told.contract_number, &told.service_number, told.reason) {
        (Some(contract), Some(number), _) => format!("dial {number} ({contract})"),
        (Some(contract), None, _) => format!("dial without number ({contract})"),
        (None, _, reason) => format!("refuse {}", reason.unwrap_or_default()),
    }
}
