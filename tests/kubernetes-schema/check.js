// node check.js MANIFEST.json...: says where a resource of the Prometheus operator does not fit its schema, and ends with 1
// if one does not.
//
// The schema says what a value may be, and lets unknown keys pass; TypeScript says of a literal that a key does not exist.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as models from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import ts from "typescript";

const options = {
  strict: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  skipLibCheck: true,
  types: [],
};
const findings = [];
const literals = new Map(process.argv.slice(2).map((file) => {
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  const Model = models[manifest.kind];
  if (!Model) throw new Error(`${file}: there is no ${manifest.kind}`);
  try {
    new Model(manifest).validate();
  } catch (error) {
    findings.push(`${file}: ${error.message}`);
  }
  const from = "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
  const text = `export const it: import("${from}").I${manifest.kind} = ${JSON.stringify(manifest, null, 1)}`;
  // Beside this file, so that the import finds its package.
  return [join(import.meta.dirname, `${resolve(file).replaceAll("/", "_")}.ts`), { file, text }];
}));
if (literals.size === 0) throw new Error("no manifest to check");

const host = ts.createCompilerHost(options);
const { fileExists, readFile, getSourceFile } = host;
host.fileExists = (name) => literals.has(name) || fileExists(name);
host.readFile = (name) => literals.get(name)?.text ?? readFile(name);
host.getSourceFile = (name, version, ...rest) => {
  const literal = literals.get(name);
  return literal ? ts.createSourceFile(name, literal.text, version) : getSourceFile(name, version, ...rest);
};
const program = ts.createProgram([...literals.keys()], options, host);
for (const { file, messageText } of ts.getPreEmitDiagnostics(program)) {
  findings.push(`${literals.get(file?.fileName)?.file ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
}
for (const finding of findings) console.log(finding);
process.exitCode = findings.length === 0 ? 0 : 1;
