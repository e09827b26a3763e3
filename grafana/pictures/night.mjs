// A quarter of an hour in the life of a gateway, watched by a real Prometheus: calls of every kind, SAP getting slow,
// falling silent and coming back, and a row that somebody adds to the configuration.
import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

/** How often Prometheus scrapes and evaluates, in seconds. */
export const EVERY = 5;

const here = import.meta.dirname;

/** What happens when, in parts of the whole time. `slower`: how many times as long SAP takes. */
const WEATHER = [
  { until: 0.45, slower: 1 },
  { until: 0.53, slower: 6 },
  { until: 0.67, slower: 1, fault: "status_503_html" },
  { until: 1, slower: 1 },
];
const LOOKED_AT = 0.65;
const ROW_ADDED = 0.84;
const ROW = '    - { contract_number: PartnerCH, service_number: "41440000003" }\n';

/** Calls a second, on average. */
const CALLS = 14;

/** Starts a program that ends with us. */
function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"], ...options });
  child.once("error", (error) => { throw new Error(`${command}: ${error.message}`); });
  process.once("exit", () => child.kill("SIGKILL"));
  return child;
}

async function stop(child) {
  child.kill("SIGTERM");
  await once(child, "exit");
}

async function listen(server) {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server.address().port;
}

async function freePort() {
  const server = http.createServer();
  const port = await listen(server);
  await once(server.close(), "close");
  return port;
}

/** Something that comes near a normal distribution around 0. */
const bell = () => Math.random() + Math.random() + Math.random() + Math.random() - 2;

/** The simulator behind it answers at once; a SAP takes its time, mostly some 70 ms. */
async function slowWay(simulator) {
  const way = { slower: 1 };
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((asked, answer) => {
    const delay = 70 * Math.exp(bell() * 0.7) * way.slower;
    const timer = setTimeout(() => {
      const { method, url, headers } = asked;
      const on = http.request(simulator, { agent, method, path: url, headers }, (got) => {
        answer.writeHead(got.statusCode, got.headers);
        got.pipe(answer);
      });
      on.once("error", () => answer.destroy());
      answer.once("close", () => on.destroy());
      asked.pipe(on);
    }, delay);
    answer.once("close", () => clearTimeout(timer));
  });
  server.keepAliveTimeout = 60_000; // The gateway ends idle connections, not SAP.
  way.url = `http://127.0.0.1:${await listen(server)}`;
  way.server = server;
  return way;
}

/** A partner as agents click on them: some often, most seldom, a few of the special ones. */
function partner() {
  const kind = Math.random();
  if (kind < 0.55) return 5_000_000 + Math.floor(Math.random() ** 3 * 600);
  if (kind < 0.95) return 5_100_000 + Math.floor(Math.random() * 800_000);
  const special = [1001910, 1001912, 1001913, 1001914, 1001915, 2000001, 4040404, 4040405];
  return special[Math.floor(Math.random() * special.length)];
}

/** Calls until `until`: more and fewer of them, as the day goes. */
async function load(url, ca, clients, began, until) {
  const agent = new https.Agent({ ca, keepAlive: true, maxSockets: 40 });
  const underWay = new Set();
  const ask = (query, login) => {
    const call = new Promise((over) => {
      const request = https.get(`${url}?${query}`, { agent, auth: login }, (got) => got.resume().once("close", over));
      request.once("error", over);
    });
    underWay.add(call);
    call.finally(() => underWay.delete(call));
  };
  while (Date.now() < until) {
    const tide = 1 + 0.35 * Math.sin(((Date.now() - began) / (until - began)) * 7);
    await sleep((-Math.log(1 - Math.random()) * 1000) / (CALLS * tide));
    const phone = `SAPPhoneNumber=49${2_000_000_000 + Math.floor(Math.random() * 1_000_000_000)}`;
    const login = clients[Math.random() < 0.8 ? 0 : 1];
    const odd = Math.random();
    if (odd < 0.004) ask(`SAPBusinessPartnerID=1001910&${phone}`, "jtel:wrong");
    else if (odd < 0.01) ask("SAPBusinessPartnerID=1001910", login);
    else ask(`SAPBusinessPartnerID=${partner()}&${phone}`, login);
  }
  await Promise.all(underWay);
  agent.destroy();
}

function prometheus(folder, port, target) {
  const rules = path.resolve(here, "../alerts");
  fs.writeFileSync(path.join(folder, "prometheus.yml"), `
global: { scrape_interval: ${EVERY}s, scrape_timeout: ${EVERY}s, evaluation_interval: ${EVERY}s }
rule_files: [${rules}/recording.yaml]
scrape_configs:
  - job_name: dialgate
    static_configs: [{ targets: ["${target}"], labels: { instance: gateway-1 } }]
`);
  const args = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", `--web.listen-address=127.0.0.1:${port}`];
  return start("prometheus", args, { cwd: folder });
}

/**
 * Lets it happen. Calls `look` with the admin listener's address late in the outage, and in the end `draw` with the
 * Prometheus that saw it all and its first and last second.
 */
export async function night(dialgate, minutes, look, draw) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dialgate-pictures-"));
  process.once("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
  const demo = start(dialgate, ["demo", "--json", "--port", "0", "--admin-port", "0", "--sim-port", "0"], {
    env: { ...process.env, TMPDIR: folder },
  });
  const [line] = await once(createInterface(demo.stdout), "line");
  const facts = JSON.parse(line);

  const way = await slowWay(facts.sim_url);
  const second = randomBytes(24).toString("base64url");
  const hash = createHash("sha256").update(second).digest("hex");
  const change = async (...changes) => {
    let text = fs.readFileSync(facts.config_file, "utf8");
    for (const [from, to] of changes) {
      if (!text.includes(from)) throw new Error(`the demo's configuration has no ${from}`);
      text = text.replace(from, to);
    }
    fs.writeFileSync(facts.config_file, text);
    const reloaded = await fetch(`${facts.admin_url}/reload`, { method: "POST" });
    if (!reloaded.ok) throw new Error(`not reloaded: ${await reloaded.text()}`);
  };
  await change(
    [`url: ${facts.sim_url}`, `url: ${way.url}`],
    ['"] }]\n', `"] }, { name: jtel-test, secrets: ["sha256:${hash}"] }]\n`],
    // What takes an hour otherwise is to be seen in a quarter of one.
    ["found_ttl: 1h", "found_ttl: 3m"],
    ["  max_in_flight: 5\n", "  max_in_flight: 5\n  daily_requests: 60000\n"],
    [ROW, ""],
  );

  const port = await freePort();
  const watching = prometheus(folder, port, facts.admin_url.replace("http://", ""));
  const began = Date.now();
  const until = began + minutes * 60_000;
  const at = (part) => sleep(began + (until - began) * part - Date.now());
  const clients = [`jtel:${facts.password}`, `jtel-test:${second}`];
  const calls = load(facts.url, fs.readFileSync(facts.ca_file), clients, began, until);
  const weather = (async () => {
    for (const { until: end, slower, fault } of WEATHER) {
      way.slower = slower;
      const url = `${facts.sim_url}/_sim/fault`;
      await (fault ? fetch(`${url}?kind=${fault}`, { method: "PUT" }) : fetch(url, { method: "DELETE" }));
      await at(end);
    }
  })();
  const row = at(ROW_ADDED).then(() => change(["  service_numbers:\n", `  service_numbers:\n${ROW}`]));
  await Promise.all([calls, weather, row, at(LOOKED_AT).then(() => look(facts.admin_url))]);

  await draw(`http://127.0.0.1:${port}`, began / 1000, Date.now() / 1000);
  await Promise.all([stop(watching), stop(demo)]);
  way.server.close();
  way.server.closeAllConnections();
}
