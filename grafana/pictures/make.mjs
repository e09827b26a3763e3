// node make.mjs DIALGATE MINUTES DASHBOARD...: see `make`.
import fs from "node:fs";
import path from "node:path";
import { draw } from "./draw.mjs";
import { night } from "./night.mjs";

const [dialgate, minutes, ...names] = process.argv.slice(2);
// Programs that were started end with us, also when somebody interrupts.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

const folder = path.join(import.meta.dirname, "../../docs/pictures");
fs.mkdirSync(folder, { recursive: true });

await night(path.resolve(dialgate), Number(minutes), async (prometheus, from, to) => {
  for (const name of names) {
    await draw(prometheus, name, from, to, folder);
    console.log(`docs/pictures/${name}.png`);
  }
});
