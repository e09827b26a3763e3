// node make.mjs DIALGATE MINUTES NAME...: see `make`. A name is a dashboard's, or `status` for the status page.
import fs from "node:fs";
import path from "node:path";
import { draw, photograph } from "./draw.mjs";
import { night } from "./night.mjs";

const [dialgate, minutes, ...names] = process.argv.slice(2);
// Programs that were started end with us, also when somebody interrupts.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

const folder = path.join(import.meta.dirname, "../../docs/pictures");
fs.mkdirSync(folder, { recursive: true });

const dashboards = names.filter((name) => name !== "status");
const made = (name) => console.log(`docs/pictures/${name}.png`);

async function look(admin) {
  if (dashboards.length === names.length) return;
  await photograph(`${admin}/`, path.join(folder, "status.png"));
  made("status");
}

await night(path.resolve(dialgate), Number(minutes), look, async (prometheus, from, to) => {
  for (const name of dashboards) {
    await draw(prometheus, name, from, to, folder);
    made(name);
  }
});
