//! The parts of the status page.

use std::time::Duration;

use super::{html::Html, word};
use crate::{
    admin::{
        problems::Problem,
        pulse::Arrow,
        status::{CertificateState, MissingNumber, Status},
        story::RuleLine,
        systems::SapState,
    },
    telemetry::{logging::Warning, rounded},
};

/// Warnings that the page shows.
const WARNINGS: usize = 10;

/// Size of the curve, in its own units.
const CURVE: (f64, f64) = (300.0, 40.0);

/// A certificate with fewer days left is marked.
const FEW_DAYS: i64 = 14;

pub(super) fn state(status: &Status) -> String {
    let word = word(status.condition);
    let mut part = Html::default();
    part.raw(&format!("<p class=\"state {word}\"><strong>"))
        .text(word)
        .raw("</strong> <span>")
        .text(&status.sentence)
        .raw("</span></p>");
    part.done()
}

pub(super) fn flow(status: &Status) -> String {
    let flow = &status.flow;
    let sap = match status.sap.health {
        "answering" | "not_asked" => "",
        _ => " class=\"bad\"",
    };
    let mut part = Html::default();
    part.raw("<h2>Last minute</h2>\n<ol class=\"flow\">\n<li>jtel</li>\n");
    arrow(&mut part, &flow.calls, "calls", "failed");
    part.raw("<li>dialgate</li>\n");
    arrow(&mut part, &flow.memory, "lookups", "not in memory");
    part.raw("<li>memory<small>")
        .text(&format!("{:.0} of {:.0}", status.memory.entries, status.memory.entries_limit))
        .raw("</small></li>\n");
    arrow(&mut part, &flow.sap, "requests", "failed");
    part.raw(&format!("<li{sap}>SAP<small>")).text(&status.sap.host).raw("</small></li>\n</ol>\n");
    curve(&mut part, &flow.calls_per_second);
    part.done()
}

fn arrow(part: &mut Html, arrow: &Arrow, what: &str, failed: &str) {
    let percent =
        arrow.failed_percent.map_or("–".to_owned(), |percent| format!("{percent:.1} %"));
    let p95 = arrow.p95_ms.map_or("–".to_owned(), |p95| format!("{p95:.1} ms"));
    part.raw("<li class=\"arrow\"><span><b>")
        .text(&format!("{:.1}", arrow.per_second))
        .raw(&format!("</b> {what}/s</span> <span>"))
        .text(&format!("{percent} {failed}"))
        .raw("</span> <span>p95 ")
        .text(&p95)
        .raw("</span></li>\n");
}

/// Calls a second as a line.
fn curve(part: &mut Html, points: &[f64]) {
    let most = points.iter().copied().fold(0.0, f64::max);
    if points.len() < 2 || most <= 0.0 {
        return;
    }
    let (width, height) = CURVE;
    #[expect(clippy::cast_precision_loss, reason = "sixty points")]
    let at = |place: usize| width * place as f64 / (points.len() - 1) as f64;
    let line: Vec<_> = points
        .iter()
        .enumerate()
        .map(|(place, value)| {
            format!("{:.1},{:.1}", at(place), height - 1.0 - value / most * (height - 2.0))
        })
        .collect();
    let line = line.join(" ");
    part.raw(&format!(
        "<figure><svg viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"calls a second in the last five minutes, {most:.1} at most\">\
         <polygon points=\"0,{height} {line} {width},{height}\"/><polyline points=\"{line}\"/></svg><figcaption>Calls a \
         second in the last five minutes, {most:.1} at most</figcaption></figure>"
    ));
}

pub(super) fn problems(problems: &[Problem]) -> String {
    let mut part = Html::default();
    part.raw("<h2>What is wrong now</h2>\n");
    if problems.is_empty() {
        part.raw("<p>Nothing that dialgate knows of.</p>");
        return part.done();
    }
    part.raw("<ul class=\"problems\">\n");
    for problem in problems {
        let class = if problem.is_urgent { "bad" } else { "warning" };
        part.raw(&format!("<li class=\"{class}\"><strong>"))
            .text(&problem.what)
            .raw("</strong> <span>");
        with_code(&mut part, &problem.todo);
        part.raw(&format!(
            " <a href=\"/runbook#{0}\">Runbook: {0}</a></span></li>\n",
            problem.runbook
        ));
    }
    part.raw("</ul>");
    part.done()
}

/// A text of ours; between backticks are commands, and what others have written.
pub(super) fn with_code(part: &mut Html, text: &str) {
    for (place, piece) in text.split('`').enumerate() {
        if place % 2 == 1 {
            part.raw("<code>").text(piece).raw("</code>");
        } else {
            part.text(piece);
        }
    }
}

/// What part each rule had in a decision.
pub(super) fn rules(part: &mut Html, rules: &[RuleLine]) {
    part.raw("<ul class=\"rules\">");
    for RuleLine { rule, part: had } in rules {
        let tag = if *had == "decided" { "strong" } else { "span" };
        part.raw("<li><code>").text(rule).raw(&format!("</code> <{tag}>")).text(had);
        part.raw(&format!("</{tag}></li>"));
    }
    part.raw("</ul>");
}

pub(super) fn sap(status: &Status) -> String {
    let mut part = Html::default();
    part.raw("<h2>SAP and certificates</h2>\n<table class=\"facts\">\n");
    for sap in &status.systems {
        let is_one_of_several = status.systems.len() > 1;
        of_system(sap, is_one_of_several.then(|| sap.name.to_string()), &mut part);
    }
    if let Some(shared) = &status.memory.shared {
        row(&mut part, "Memory shared with other replicas", &shared.told(), false);
    }
    if let Some(snapshot) = &status.memory.snapshot {
        row(&mut part, "Snapshot of the memory", &snapshot.told(), snapshot.failing.is_some());
    }
    for certificate in &status.certificates {
        let CertificateState { role, ends, days_left } = certificate;
        let name = match *role {
            "server" => "Certificate for jtel",
            "admin" => "Certificate of this page",
            "sap_client" => "Our certificate for SAP",
            "token_client" => "Our certificate for the token server",
            _ => "SAP's certificate",
        };
        row(&mut part, name, &format!("ends {ends}, {days_left} days left"), *days_left < FEW_DAYS);
    }
    part.raw("</table>");
    part.done()
}

/// `name`: of one of several.
fn of_system(sap: &SapState, name: Option<String>, part: &mut Html) {
    if let Some(name) = name {
        row(part, "System", &format!("{name} at {}", sap.host), false);
    }
    let time = |seconds: u64| rounded(Duration::from_secs(seconds)).to_string();
    let mut rows = vec![
        (
            "SAP",
            match (sap.health, sap.kind, sap.silent_seconds) {
                ("silent", Some(kind), Some(since)) => {
                    format!("silent ({kind}) for {}", time(since))
                }
                (health, ..) => health.replace('_', " "),
            },
        ),
        ("Breaker", sap.breaker.replace('_', " ")),
        ("Requests under way", format!("{:.0} of {:.0}", sap.in_flight, sap.in_flight_limit)),
        ("Lookups waiting for a place", format!("{:.0}", sap.queue)),
        (
            "Requests today",
            match sap.daily_limit {
                Some(limit) => format!(
                    "{:.0} of {limit:.0}; {:.0} by midnight (UTC)",
                    sap.daily_requests, sap.daily_forecast
                ),
                None => format!("{:.0}; no limit is configured", sap.daily_requests),
            },
        ),
        ("Connections kept", format!("{:.0}", sap.connections_idle)),
    ];
    if let Some(common) = &sap.in_common {
        let told = match (common.replicas, common.daily_requests) {
            (1, _) => "no other replica".to_owned(),
            (replicas, day) => {
                let day =
                    if day > 0.0 { format!("; {day:.0} requests today") } else { String::new() };
                format!(
                    "{} of {:.0} places taken by {replicas} replicas{day}",
                    common.in_flight, sap.in_flight_limit
                )
            }
        };
        rows.push(("In common with other replicas", told));
    }
    if let Some(left) = sap.pause_seconds {
        rows.push(("Left alone for", time(left)));
    }
    if sap.token_left_seconds > 0.0 {
        let left = Duration::from_secs_f64(sap.token_left_seconds.max(0.0));
        rows.push(("Token usable for", rounded(left).to_string()));
    }
    for (name, what) in rows {
        row(part, name, &what, false);
    }
}

fn row(part: &mut Html, name: &str, what: &str, is_bad: bool) {
    let class = if is_bad { " class=\"bad\"" } else { "" };
    part.raw("<tr><th scope=\"row\">").text(name).raw(&format!("</th><td{class}>")).text(what);
    part.raw("</td></tr>\n");
}

pub(super) fn missing(missing: &[MissingNumber]) -> String {
    let mut part = Html::default();
    part.raw("<h2>Contract numbers without a service number</h2>\n");
    if missing.is_empty() {
        part.raw("<p>None among SAP's answers since the start.</p>");
        return part.done();
    }
    part.raw(
        "<p>Fill in the number, paste the line into <code>rules.service_numbers</code>, and add the same to \
         jtel's list.</p>\n<table class=\"cards\"><thead><tr><th scope=\"col\">Contract number</th><th scope=\"col\">Answers of \
         SAP</th><th scope=\"col\">Line to paste</th></tr></thead><tbody>\n",
    );
    for number in missing {
        part.raw("<tr><td>").text(&number.contract_number).raw("</td><td class=\"answers\">");
        part.text(&number.answers.to_string()).raw("</td><td><code>").text(&number.line);
        part.raw("</code></td></tr>\n");
    }
    part.raw("</tbody></table>");
    part.done()
}

pub(super) fn warnings(warnings: &[Warning]) -> String {
    let mut part = Html::default();
    part.raw("<h2>Last warnings of the log</h2>\n");
    if warnings.is_empty() {
        part.raw("<p>None since the start.</p>");
        return part.done();
    }
    part.raw("<ul class=\"log\">\n");
    for warning in warnings.iter().take(WARNINGS) {
        let class = if warning.is_error { "bad" } else { "warning" };
        part.raw(&format!("<li class=\"{class}\"><time>")).text(&warning.at.to_the_second());
        part.raw("</time> ");
        with_code(&mut part, &warning.text);
        part.raw("</li>\n");
    }
    part.raw("</ul>");
    if warnings.len() > WARNINGS {
        part.raw(
            "<p class=\"quiet\">Older ones: <a href=\"/warnings.json\">all that are kept</a></p>",
        );
    }
    part.done()
}

pub(super) fn foot(status: &Status) -> String {
    let up = rounded(Duration::from_secs(status.up_seconds)).to_string();
    let hash = Some(status.config.hash.as_str()).filter(|hash| !hash.is_empty()).unwrap_or("–");
    let ready = if status.ready { "ready" } else { "not ready" };
    let mut part = Html::default();
    part.raw("<p>").text(&format!(
        "dialgate {}, up {up}, {ready}; configuration {hash} of {}; {} decisions since the start; as of {}",
        status.version, status.config.loaded_at, status.decisions, status.at
    ));
    part.raw("</p>");
    part.done()
}

/// The buttons. Plain forms, so that they work without a script, too.
pub(super) fn actions(token: Option<&str>) -> String {
    let Some(token) = token else { return String::new() };
    let mut part = Html::default();
    part.raw("<section id=\"actions\"><h2>Do something</h2>\n<div class=\"actions\">\n");
    for (path, fields, button) in [
        ("/reload", "", "Reload configuration"),
        ("/sap/retry-login", "", "Retry login"),
        ("/sap/reset-breaker", "", "Reset breaker"),
        (
            "/log",
            "<label>Log level for ten minutes <select name=\"level\"><option>debug</option><option>info</option>\
         <option>warn</option><option>error</option><option value=\"configured\">as configured</option>\
         </select></label> ",
            "Set",
        ),
        (
            "/memory/forget",
            "<label>Partner ID <input name=\"partner\" required maxlength=\"60\" autocomplete=\"off\"></label> ",
            "Forget partner",
        ),
    ] {
        part.raw(&form(token, path, fields, button));
    }
    part.raw("<details><summary>Drain…</summary><p>Not ready from now on; calls in progress are answered, then the process ends.</p>\n");
    part.raw(&form(token, "/drain", "", "Drain and end this process"));
    part.raw("</details></div>\n<output id=\"told\" role=\"status\"></output></section>\n");
    part.done()
}

fn form(token: &str, path: &str, fields: &str, button: &str) -> String {
    let class = if path == "/drain" { " class=\"bad\"" } else { "" };
    let mut part = Html::default();
    part.raw(&format!(
        "<form method=\"post\" action=\"{path}\"><input type=\"hidden\" name=\"token\" value=\""
    ))
    .text(token)
    .raw(&format!("\">{fields}<button{class}>{button}</button></form>\n"));
    part.done()
}
