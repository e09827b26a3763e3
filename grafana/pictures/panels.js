// The kinds of panels that the dashboards have, each drawn into an element of its size.

/* global uPlot, COLORS, PALETTE, REDUCED, UNITS, clock, faded, ofThreshold, shown, text, written */

const GRID = "#ccccdc12";
const SMALL = "12px Inter";

/** What no plot has here, and the room around those with axes. */
const BARE = { legend: { show: false }, cursor: { show: false } };
const PADDING = [8, 26, 0, 0];

/** Pixels of a text in small letters. */
function widthOf(words) {
  widthOf.pen ??= document.createElement("canvas").getContext("2d");
  widthOf.pen.font = SMALL;
  return widthOf.pen.measureText(words).width;
}

function element(parent, name, className, content = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = content;
  parent.append(made);
  return made;
}

/** Annotations: dashed lines where something began and ended, and what lies between them shaded. */
function notes(plot) {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  for (const { color, events } of shown.notes) {
    for (const event of events) {
      const [from, to] = event.map((time) => Math.round(plot.valToPos(time, "x", true)));
      ctx.fillStyle = faded(COLORS[color], 0.1);
      ctx.fillRect(from, top, to - from, height);
      ctx.strokeStyle = COLORS[color];
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([5, 5]);
      for (const x of new Set([from, to])) {
        ctx.beginPath();
        ctx.moveTo(x, top);
        ctx.lineTo(x, top + height);
        ctx.stroke();
      }
    }
  }
  ctx.restore();
}

/** Each series on top of those before it. */
function stacked(columns) {
  const sums = Array(shown.times.length).fill(0);
  return columns.map((column) => column.map((value, at) => (value === null ? null : (sums[at] += value))));
}

/** Distances of marks on the time axis, in seconds; those of uPlot have no two minutes. */
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];

function timeAxis() {
  return {
    stroke: COLORS.text, font: SMALL, size: 28, gap: 8, space: 70, incrs: TIMES,
    grid: { stroke: GRID, width: 1 }, ticks: { show: false },
    values: (_plot, splits) => splits.map((time) => clock(time, splits[1] - splits[0] < 60)),
  };
}

/** Distances of marks where bytes are counted. */
const BINARY = Array.from({ length: 40 }, (_, power) => 2 ** power);

function valueAxis(defaults) {
  // Marks are round numbers: 0.4 rather than 0.400.
  const mark = (value) => text(value, defaults).replace(/\.(\d*?)0+(?=\D|$)/, ".$1").replace(/\.(?=\D|$)/, "");
  return {
    stroke: COLORS.text, font: SMALL, gap: 6, space: 30,
    grid: { stroke: GRID, width: 1 }, ticks: { show: false },
    ...(defaults.unit === "bytes" && { incrs: BINARY }),
    values: (_plot, splits) => splits.map(mark),
    size: (_plot, marks) => 16 + Math.max(0, ...(marks ?? []).map(widthOf)),
  };
}

function timeseries(body, { series, fieldConfig: { defaults }, options }) {
  const { custom } = defaults;
  const isStacked = custom.stacking.mode === "normal";
  const legendHeight = legend(body, series, defaults, options.legend);
  const columns = series.map(({ values }) => values);
  const soft = { pad: 0.1, soft: 0, mode: 3 };
  const range = (_plot, min, max) => uPlot.rangeNum(min ?? 0, max ?? 0, { min: soft, max: soft });
  new uPlot({
    ...BARE, padding: PADDING, width: body.clientWidth, height: body.clientHeight - legendHeight,
    hooks: { draw: [notes] },
    scales: { x: { time: true }, y: { range } },
    axes: [timeAxis(), valueAxis(defaults)],
    bands: isStacked ? columns.slice(1).map((_, at) => ({ series: [at + 2, at + 1] })) : [],
    series: [{}, ...series.map((_, at) => ({
      stroke: PALETTE[at % PALETTE.length], width: custom.lineWidth, spanGaps: custom.spanNulls,
      fill: faded(PALETTE[at % PALETTE.length], custom.fillOpacity / 100), points: { show: false },
    }))],
  }, [shown.times, ...(isStacked ? stacked(columns) : columns)], body).root.classList.add("first");
}

/** A table below the plot. As in Grafana it takes a part of the panel only, and the rest is there by scrolling. */
function legend(body, series, defaults, { displayMode, calcs, sortBy, sortDesc }) {
  if (displayMode !== "table") throw new Error(`legends of the kind ${displayMode} cannot be drawn yet`);
  const columns = calcs.map((calc) => [calc[0].toUpperCase() + calc.slice(1), REDUCED[calc]]);
  const rows = series.map(({ name, values }, at) => ({
    name, color: PALETTE[at % PALETTE.length], numbers: columns.map(([, reduced]) => reduced(values)),
  }));
  const by = columns.findIndex(([title]) => title === sortBy);
  if (by >= 0) rows.sort((a, b) => (sortDesc ? -1 : 1) * (a.numbers[by] - b.numbers[by]));
  const ROW = 22; // See page.css; the head is as high.
  const fit = Math.max(2, Math.floor((body.clientHeight * 0.4) / ROW) - 1);
  const frame = element(body, "div", `legend ${displayMode}`);
  const table = element(frame, "table", "");
  const head = element(table, "tr", "");
  element(head, "th", "name", "Name");
  const arrow = sortDesc ? " ▾" : " ▴";
  for (const [title] of columns) element(head, "th", "", title + (title === sortBy ? arrow : ""));
  for (const { name, color, numbers } of rows.slice(0, fit)) {
    const row = element(table, "tr", "");
    const cell = element(row, "td", "name");
    element(cell, "i", "line").style.background = color;
    cell.append(name);
    for (const number of numbers) element(row, "td", "", text(number, defaults));
  }
  if (rows.length > fit) {
    const bar = element(frame, "div", "scrollbar");
    bar.style.top = `${ROW}px`;
    bar.style.height = `${(fit * ROW * fit) / rows.length}px`;
  }
  return (1 + Math.min(fit, rows.length)) * ROW + 4;
}

function stat(body, { series, fieldConfig: { defaults }, options }) {
  if (series.length !== 1) throw new Error("a number of several series cannot be drawn yet");
  const [{ values }] = series;
  const value = REDUCED[options.reduceOptions.calcs[0]](values);
  const color = ofThreshold(value, defaults.thresholds);
  const isFilled = options.colorMode === "background";
  if (isFilled) {
    const { style, classList } = body.parentElement;
    style.background = `linear-gradient(120deg, color-mix(in srgb, ${color} 72%, black), ${color})`;
    classList.add("filled");
  }
  const [number, unit] = written(value, defaults);
  const big = element(body, "div", "big", number);
  const spark = Math.round(body.clientHeight * 0.36);
  body.style.paddingBottom = `${spark}px`;
  const letters = number.length + unit.length * 0.6;
  const size = Math.min((body.clientHeight - spark) * 0.65, (body.clientWidth - 24) / (letters * 0.62));
  big.style.fontSize = `${size}px`;
  big.style.color = isFilled ? "#fff" : color;
  element(big, "span", "unit", unit === "%" ? unit : unit && ` ${unit}`).style.fontSize = `${size * 0.6}px`;
  if (options.graphMode !== "area" || values.filter((one) => one !== null).length < 2) return;
  const line = isFilled ? "#ffffff" : color;
  const range = (_plot, min, max) => (min === max ? [min - 1, max + 1] : [min - (max - min) * 0.1, max]);
  new uPlot({
    ...BARE, padding: [2, 0, 0, 0], width: body.clientWidth, height: spark,
    scales: { x: { time: true }, y: { range } },
    axes: [{ show: false }, { show: false }],
    series: [{}, { stroke: faded(line, 0.8), fill: faded(line, 0.2), width: 1, points: { show: false } }],
  }, [shown.times, values], body).root.classList.add("spark");
}

function stateTimeline(body, { series, fieldConfig: { defaults }, options }) {
  const { thresholds, unit, mappings } = defaults;
  const list = element(body, "div", "legend list");
  thresholds.steps.forEach(({ color, value }, at) => {
    const item = element(list, "span", "item");
    element(item, "i", "line").style.background = COLORS[color];
    const limit = (number) => UNITS[unit](number).join("");
    item.append(at === 0 ? `< ${limit(thresholds.steps[1].value)}` : `${limit(value)}+`);
  });
  const columns = series.map(({ values }) => values);
  const rows = (plot) => {
    const { ctx } = plot;
    const { left, top, width, height } = plot.bbox;
    const rowHeight = height / series.length;
    ctx.save();
    ctx.textBaseline = "middle";
    columns.forEach((values, row) => {
      const middle = top + rowHeight * (row + 0.5);
      const thick = rowHeight * options.rowHeight;
      ctx.font = `${12 * devicePixelRatio}px Inter`;
      ctx.fillStyle = COLORS.text;
      ctx.textAlign = "right";
      ctx.fillText(series[row].name, left - 10 * devicePixelRatio, middle);
      ctx.textAlign = "left";
      for (let from = 0; from < values.length;) {
        let to = from + 1;
        while (to < values.length && values[to] === values[from]) to += 1;
        const value = values[from];
        const x = Math.max(left, plot.valToPos(shown.times[from], "x", true));
        const end = Math.min(left + width, plot.valToPos(shown.times[Math.min(to, values.length - 1)], "x", true));
        if (value !== null) {
          ctx.fillStyle = faded(ofThreshold(value, thresholds), defaults.custom.fillOpacity / 100);
          ctx.fillRect(x, middle - thick / 2, end - x, thick);
          const word = text(value, { unit, mappings });
          ctx.fillStyle = "#fff";
          if (ctx.measureText(word).width + 12 < end - x) ctx.fillText(word, x + 6 * devicePixelRatio, middle);
        }
        from = to;
      }
    });
    ctx.restore();
    notes(plot);
  };
  const widest = Math.max(...series.map(({ name }) => widthOf(name)));
  new uPlot({
    ...BARE, padding: PADDING, width: body.clientWidth, height: body.clientHeight - 28,
    hooks: { draw: [rows] },
    scales: { x: { time: true }, y: { range: [0, 1] } },
    axes: [timeAxis(), { size: widest + 18, values: () => [], grid: { show: false }, ticks: { show: false } }],
    series: [{}, ...series.map(() => ({ show: false }))],
  }, [shown.times, ...columns], body).root.classList.add("first");
}

const KINDS = { stat, timeseries, "state-timeline": stateTimeline };

function draw() {
  const head = document.querySelector("header");
  element(head, "h1", "", shown.title);
  for (const { label, includeAll } of shown.variables) {
    const box = element(head, "span", "variable");
    element(box, "b", "", label);
    box.append(includeAll ? "All" : "Prometheus");
  }
  element(head, "span", "time", `${clock(shown.times[0])} to ${clock(shown.times.at(-1))}`);
  const main = document.querySelector("main");
  for (const panel of shown.panels) {
    if (!KINDS[panel.type]) throw new Error(`panels of the kind ${panel.type} cannot be drawn yet`);
    const { x, y, w, h } = panel.gridPos;
    if (panel.fieldConfig.overrides.length > 0) throw new Error("overrides cannot be drawn yet");
    const frame = element(main, "section", panel.type);
    const column = (main.clientWidth + 8) / 24;
    const place = { left: x * column, top: y * 38, width: w * column - 8, height: h * 38 - 8 };
    for (const [side, pixels] of Object.entries(place)) frame.style[side] = `${pixels}px`;
    element(frame, "h2", "", panel.title);
    KINDS[panel.type](element(frame, "div", "body"), panel);
  }
  return "drawn";
}

// draw.mjs looks at the title, so that half of a dashboard is no picture.
document.fonts.load(SMALL).then(draw).catch((error) => error.stack).then((word) => { document.title = word; });
