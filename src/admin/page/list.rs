//! The list of decisions, and the links that make it shorter.

use super::{html::Html, parts::with_code};
use crate::admin::decisions::{DecisionLine, Only};

/// `path`: of the page that it is on.
pub(super) fn decisions(path: &str, only: Only, decisions: &[DecisionLine]) -> String {
    let mut part = Html::default();
    part.raw("<h2>Last decisions</h2>\n<nav class=\"only\" aria-label=\"Which decisions\">");
    for one in Only::EACH {
        let current = if one == only { " aria-current=\"true\"" } else { "" };
        let label = one.label();
        part.raw(&format!("<a href=\"{path}?only={label}#decisions\"{current}>"));
        part.text(one.told()).raw("</a> ");
    }
    part.raw("</nav>\n");
    if decisions.is_empty() {
        let none =
            if only == Only::All { "None since the start." } else { "None among the last ones." };
        part.raw("<p>").text(none).raw("</p>");
        return part.done();
    }
    // Whoever has no mouse scrolls it with the arrows, so that it can have the focus.
    part.raw(
        "<div class=\"wide\" id=\"list\" tabindex=\"0\" role=\"region\" aria-label=\"Last decisions\"><table class=\"cards\"><thead>\
         <tr><th scope=\"col\">Time (UTC)</th><th scope=\"col\" class=\"client\">Client</th><th scope=\"col\">Decision</th>\
         <th scope=\"col\">Shown</th><th scope=\"col\" class=\"from\">From</th><th scope=\"col\" class=\"number\">ms</th>\
         <th scope=\"col\" class=\"because\">Why</th></tr></thead><tbody>\n",
    );
    for line in decisions {
        row(&mut part, line);
    }
    part.raw("</tbody></table></div>");
    part.done()
}

fn row(part: &mut Html, line: &DecisionLine) {
    let class = if line.decision == "dial" { "good" } else { "warning" };
    let decision = match line.decision {
        "dial" => format!("{} dial", line.status),
        _ => format!("{} {}", line.status, line.reason),
    };
    let time = line.at.get(11..23).unwrap_or(&line.at);
    part.raw("<tr><td><time>").text(time).raw("</time></td><td class=\"client\">");
    part.text(line.client.as_deref().unwrap_or("–")).raw(&format!("</td><td class=\"{class}\">"));
    let shown = line.service_number.as_deref();
    let class = if shown.is_some() { "shown" } else { "shown none" };
    part.text(&decision).raw(&format!("</td><td class=\"{class}\">"));
    part.text(shown.unwrap_or("–")).raw("</td><td class=\"from\">");
    part.text(line.source).raw("</td><td class=\"number\">");
    part.text(&format!("{:.1}", line.took_ms));
    part.raw("</td><td class=\"because\"><a href=\"/explain?call=")
        .text(&line.call)
        .raw("\">why</a> ");
    part.raw("<small>");
    with_code(part, &line.because);
    part.raw("</small></td></tr>\n");
}
