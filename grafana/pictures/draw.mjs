// A dashboard as a picture: a page with what it shows, photographed by Chromium.
import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import UPNG from "upng-js";
import { seen } from "./seen.mjs";

const here = import.meta.dirname;
const link = (file) => pathToFileURL(path.join(here, file)).href;

const STYLES = ["node_modules/uplot/dist/uPlot.min.css", "page.css"];
const SCRIPTS = ["node_modules/uplot/dist/uPlot.iife.min.js", "values.js", "panels.js"];

function page(shown) {
  const font = (weight) => {
    const url = link(`node_modules/@fontsource/inter/files/inter-latin-${weight}-normal.woff2`);
    return `@font-face { font-family: Inter; font-weight: ${weight}; src: url(${url}) }`;
  };
  const data = JSON.stringify(shown).replaceAll("<", "\\u003c");
  return [
    '<!doctype html><meta charset="utf-8">',
    ...STYLES.map((file) => `<link rel="stylesheet" href="${link(file)}">`),
    `<style>${[400, 500].map(font).join("\n")}</style>`,
    "<header></header><main></main>",
    `<script>const shown = ${data};</script>`,
    ...SCRIPTS.map((file) => `<script src="${link(file)}"></script>`),
  ].join("\n");
}

/** For drawing. Time that waits for open connections, as the status page has one, would never pass. */
const LONG_ENOUGH = "--virtual-time-budget=5000";

async function chromium(profile, url, ...what) {
  const { stdout } = await promisify(execFile)("chromium", [
    "--headless", "--disable-gpu", "--allow-file-access-from-files",
    `--user-data-dir=${profile}`,
    // Root has no sandbox to be in; the page is ours.
    ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
    ...what, url,
  ]);
  return stdout;
}

/** The same picture with a palette: a third of Chromium's size. */
function smaller(png) {
  const { width, height, ...picture } = UPNG.decode(png);
  return Buffer.from(UPNG.encode(UPNG.toRGBA8({ width, height, ...picture }), width, height, 256));
}

/** Draws grafana/dashboards/NAME.json into the folder. */
export async function draw(prometheus, name, from, to, folder) {
  const file = path.join(here, `../dashboards/${name}.json`);
  const shown = await seen(prometheus, JSON.parse(fs.readFileSync(file, "utf8")), from, to);
  const box = fs.mkdtempSync(path.join(os.tmpdir(), "dialgate-picture-"));
  try {
    const file = path.join(box, "page.html");
    fs.writeFileSync(file, page(shown));
    const html = pathToFileURL(file).href;
    const rows = Math.max(...shown.panels.map(({ gridPos: { y, h } }) => y + h));
    const size = `--window-size=1280,${rows * 38 + 56}`;
    const [, title] = (await chromium(box, html, LONG_ENOUGH, "--dump-dom")).match(/<title>([^<]*)/) ?? [];
    if (title !== "drawn") throw new Error(`${name} is not drawn: ${title}`);
    const png = path.join(box, "page.png");
    await chromium(box, html, LONG_ENOUGH, "--hide-scrollbars", size, `--screenshot=${png}`);
    fs.writeFileSync(path.join(folder, `${name}.png`), smaller(fs.readFileSync(png)));
  } finally {
    fs.rmSync(box, { recursive: true, force: true });
  }
}

/** The status page as it is now: what there is above the list of decisions, and the first of them. */
export async function photograph(url, png) {
  const box = fs.mkdtempSync(path.join(os.tmpdir(), "dialgate-picture-"));
  try {
    const taken = path.join(box, "page.png");
    await chromium(box, url, "--hide-scrollbars", "--window-size=1280,1180", `--screenshot=${taken}`);
    fs.writeFileSync(png, smaller(fs.readFileSync(taken)));
  } finally {
    fs.rmSync(box, { recursive: true, force: true });
  }
}
