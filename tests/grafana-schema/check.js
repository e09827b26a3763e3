// node check.js DASHBOARD.json...: says where a dashboard does not fit Grafana's types, and ends with 1 if one does not.
//
// JSON is read as a TypeScript literal, in memory: only of a literal does TypeScript say that a word is none of an
// enum's and that a field does not exist. An `import` of JSON would widen every word to `string`.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import ts from "typescript";

const options = {
  strict: true,
  noEmit: true,
  // A field that is there has a value.
  exactOptionalPropertyTypes: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  // What Grafana's own declarations import is not ours to mend.
  skipLibCheck: true,
  types: [],
};

const types = join(import.meta.dirname, "dashboard.ts");
// In one line with the JSON's first, so that a finding has the line of the JSON.
const literals = new Map(process.argv.slice(2).map((file) => {
  const text = `export const it: import(${JSON.stringify(types)}).Dashboard = ${readFileSync(file, "utf8")}`;
  return [`${resolve(file)}.ts`, { file, text }];
}));
if (literals.size === 0) throw new Error("no dashboard to check");

const host = ts.createCompilerHost(options);
const { fileExists, readFile, getSourceFile } = host;
host.fileExists = (name) => literals.has(name) || fileExists(name);
host.readFile = (name) => literals.get(name)?.text ?? readFile(name);
host.getSourceFile = (name, version, ...rest) => {
  const literal = literals.get(name);
  return literal ? ts.createSourceFile(name, literal.text, version) : getSourceFile(name, version, ...rest);
};

const program = ts.createProgram([types, ...literals.keys()], { ...options, allowImportingTsExtensions: true }, host);
const findings = ts.getPreEmitDiagnostics(program);
for (const { file, start, messageText } of findings) {
  const message = ts.flattenDiagnosticMessageText(messageText, "\n");
  if (!file) {
    console.log(message);
    continue;
  }
  const { line } = file.getLineAndCharacterOfPosition(start);
  console.log(`${literals.get(file.fileName)?.file ?? file.fileName}:${line + 1}: ${message}`);
}
process.exitCode = findings.length === 0 ? 0 : 1;
