// Budgets of style.md §8.
import { cyclomatic, functions, nesting } from "../lib/c.mjs";

const most = { length: 80, nesting: 4, cyclomatic: 20, params: 6, file: 600, columns: 90 };

function columns(line) {
  let at = 0;
  for (const char of line) at = char === "\t" ? (at >> 3 << 3) + 8 : at + 1;
  return at;
}

function ofFunction(path, fn) {
  const at = { file: path, line: fn.line, subject: fn.name };
  const findings = [];
  const limit = (value, max, what, fix) => {
    if (value > max) findings.push({ ...at, text: `${fn.name}: ${what} ${value}, at most ${max}`, fix });
  };
  limit(fn.length, most.length, "lines", "give a step of it a name and a function");
  limit(nesting(fn.body), most.nesting, "nesting", "return early, or move the inner loop out");
  limit(cyclomatic(fn.body), most.cyclomatic, "paths", "turn the cases into a table, or split it");
  limit(fn.params, most.params, "parameters", "pass a struct of options with designated initialisers");
  return findings;
}

export async function run(tree) {
  const findings = [];
  for (const path of tree.files.filter((p) => /\.([ch]|def)$/.test(p))) {
    const lines = tree.text(path).replace(/\n$/, "").split("\n");
    if (lines.length > most.file) {
      findings.push({
        file: path, line: most.file + 1, subject: "file", text: `${lines.length} lines, at most ${most.file}`,
        fix: "split it by what changes together",
      });
    }
    lines.forEach((line, index) => {
      const width = columns(line);
      if (width <= most.columns) return;
      findings.push({
        file: path, line: index + 1, subject: "columns", text: `${width} columns, at most ${most.columns}`,
        fix: "break the line (clang-format does it for code)",
      });
    });
    if (path.endsWith(".def")) continue;
    const { found, unbalanced } = functions(tree.c(path, "statements"));
    if (unbalanced) {
      findings.push({
        file: path, line: unbalanced, subject: "braces", text: "a brace that is never closed",
        fix: "let each branch of an #if be balanced in itself",
      });
    }
    findings.push(...found.flatMap((fn) => ofFunction(path, fn)));
  }
  return { findings };
}
