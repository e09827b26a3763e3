// Colours, and values with their units, as Grafana writes them.

const COLORS = {
  text: "#ccccdc",
  green: "#73bf69", yellow: "#fade2a", red: "#f2495c", blue: "#5794f2", purple: "#b877d9", orange: "#ff9830",
};

/** Grafana's classic palette. */
const PALETTE = [
  "#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0",
  "#37872d", "#fade2a", "#447ebc", "#c15c17", "#890f02", "#0a437c", "#6d1f62", "#584477",
  "#b7dbab", "#f4d598", "#70dbed", "#f9ba8f", "#f29191", "#82b5d8", "#e5a8e2", "#aea2e0",
  "#629e51", "#e5ac0e", "#64b0c8", "#e0752d", "#bf1b00", "#0a50a1", "#962d82", "#614d93",
];

/** About three digits that count. */
function short(value) {
  if (value === 0 || value % 1 === 0) return String(value);
  const digits = 1 - Math.floor(Math.log10(Math.abs(value)));
  const isFine = Math.abs(value) / 10 ** -digits > 2.25;
  return value.toFixed(Math.max(0, digits + (isFine ? 1 : 0)));
}

/** The first of `[limit, divisor, word]` whose limit is not reached. */
function scaled(value, scales) {
  const [, divisor, word] = scales.find(([limit]) => Math.abs(value) < limit);
  return [short(value / divisor), word];
}

const MINUTE = 60, HOUR = 3600, DAY = 86400, WEEK = 604800, YEAR = 31536000;
const SECONDS = [
  [1e-6, 1e-9, "ns"], [1e-3, 1e-6, "µs"], [1, 1e-3, "ms"], [MINUTE, 1, "s"], [HOUR, MINUTE, "mins"],
  [DAY, HOUR, "hours"], [WEEK, DAY, "days"], [YEAR, WEEK, "weeks"], [Infinity, YEAR, "years"],
];
const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"].map((word, at, all) =>
  [at === all.length - 1 ? Infinity : 1024 ** (at + 1), 1024 ** at, word]);
const COUNTS = [[1e3, 1, ""], [1e6, 1e3, "K"], [Infinity, 1e6, "Mil"]];

/** A number and its unit, apart. */
const UNITS = {
  none: (value) => [short(value), ""],
  s: (value) => (value === 0 ? ["0", "s"] : scaled(value, SECONDS)),
  reqps: (value) => { const [number, word] = scaled(value, COUNTS); return [number + word, "req/s"]; },
  percentunit: (value) => [short(value * 100), "%"],
  bytes: (value) => scaled(value, BYTES),
  dateTimeAsIso: (value) => {
    const pad = (number) => String(number).padStart(2, "0");
    const at = new Date(value);
    return [`${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ` +
      `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`, ""];
  },
};

/** `[text, unit]` of a value in a panel. */
function written(value, { unit, mappings }) {
  if (value === null) return ["-", ""];
  for (const { type, options } of mappings) {
    if (type !== "value") throw new Error(`mappings of the kind ${type} cannot be drawn yet`);
    if (options[value]) return [options[value].text, ""];
  }
  if (!UNITS[unit]) throw new Error(`the unit ${unit} cannot be drawn yet`);
  return UNITS[unit](value);
}

/** The same in one; Grafana sets "%" straight behind the number. */
function text(value, defaults) {
  const [number, unit] = written(value, defaults);
  return unit === "" || unit === "%" ? number + unit : `${number} ${unit}`;
}

/** The colour of the last threshold that a value has reached. */
function ofThreshold(value, { mode, steps }) {
  if (mode !== "absolute") throw new Error(`thresholds of the mode ${mode} cannot be drawn yet`);
  const reached = steps.filter((step) => step.value === null || value >= step.value);
  return COLORS[reached.at(-1).color];
}

const faded = (color, alpha) => color + Math.round(alpha * 255).toString(16).padStart(2, "0");

const there = (values) => values.filter((value) => value !== null);

/** What a column of values comes to; nothing where there are none. */
const REDUCED = {
  lastNotNull: (values) => there(values).at(-1) ?? null,
  max: (values) => there(values).reduce((max, value) => (max > value ? max : value), null),
  mean: (values) => there(values).reduce((mean, value, at) => mean + (value - mean) / (at + 1), null),
};

function clock(seconds, withSeconds) {
  const shape = { hour: "2-digit", minute: "2-digit", ...(withSeconds && { second: "2-digit" }) };
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", shape);
}
