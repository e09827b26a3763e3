// What a dashboard shows of a Prometheus: its queries asked as Grafana asks them.
import { EVERY } from "./night.mjs";

/** Grafana's steps, in seconds: as many points as a panel has pixels, never closer than they are scraped. */
const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** Pixels of a panel that spans half of the width. */
const POINTS = 600;

/** `job` and `instance` stand at "All", which is `.*` in these dashboards. */
function concrete(expression, dashboard, step, range) {
  const values = new Map([
    ["__rate_interval", `${Math.max(step + EVERY, 4 * EVERY)}s`],
    ["__interval", `${step}s`],
    ["__range", `${Math.round(range)}s`],
  ]);
  for (const { name, includeAll, allValue } of dashboard.templating.list) if (includeAll) values.set(name, allValue);
  return expression.replace(/\$(\w+)|\$\{(\w+)\}/g, (all, bare, braced) => {
    const value = values.get(bare ?? braced);
    if (value === undefined) throw new Error(`nothing to put in for ${all} in ${expression}`);
    return value;
  });
}

async function range(prometheus, expression, times) {
  const parameters = { query: expression, start: times[0], end: times.at(-1), step: times[1] - times[0] };
  const answer = await fetch(`${prometheus}/api/v1/query_range?${new URLSearchParams(parameters)}`);
  const { status, error, data } = await answer.json();
  if (status !== "success") throw new Error(`${expression}: ${error}`);
  const place = new Map(times.map((time, at) => [time, at]));
  return data.result.map(({ metric, values }) => {
    const column = Array(times.length).fill(null);
    for (const [time, text] of values) {
      const value = Number(text); // "NaN" and "+Inf" are no points.
      if (Number.isFinite(value)) column[place.get(time)] = value;
    }
    return { labels: metric, values: column };
  });
}

const legend = (format, labels) => format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? "").trim();

/** The dashboard's panels with their series, and its annotations, between two times. */
export async function seen(prometheus, dashboard, from, to) {
  const step = STEPS.find((step) => step >= EVERY && (to - from) / step <= POINTS);
  const times = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) times.push(time);
  const ask = (expression, at) => range(prometheus, concrete(expression, dashboard, step, to - from), at);

  const panels = await Promise.all(dashboard.panels.map(async (panel) => {
    const answers = await Promise.all(panel.targets.map(async ({ expr, legendFormat }) =>
      (await ask(expr, times)).map(({ labels, values }) => ({ name: legend(legendFormat, labels), values }))));
    const series = answers.flat();
    if (!series.some(({ values }) => values.some((value) => value !== null)))
      throw new Error(`${dashboard.title} / ${panel.title} shows nothing`);
    return { ...panel, series };
  }));
  const notes = await Promise.all(dashboard.annotations.list.map(async ({ name, iconColor, target }) => {
    const happened = new Set();
    for (const { values } of await ask(target.expr, times))
      values.forEach((value, at) => value !== null && happened.add(at));
    // What goes on from point to point is one event, from its first to its last.
    const events = [...happened].filter((at) => !happened.has(at - 1)).map((at) => {
      let end = at;
      while (happened.has(end + 1)) end += 1;
      return [times[at], times[end]];
    });
    return { name, color: iconColor, events };
  }));
  return { title: dashboard.title, links: dashboard.links, variables: dashboard.templating.list, times, panels, notes };
}
