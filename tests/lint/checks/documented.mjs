// Every public function says what it promises: directly above it, beside it, or once above a block of
// prototypes that no blank line parts.
import { pastBracket, tokens } from "../lib/c.mjs";

const skipped = new Set(["_Static_assert", "__attribute__"]);

// Prototypes and inline functions: at the outer level, a name and a bracket.
function prototypes(statements) {
  const list = tokens(statements);
  const found = [];
  for (let i = 0; i < list.length;) {
    const first = i;
    let open = -1;
    let plain = true;
    let last = first;
    while (i < list.length && list[i].text !== ";") {
      if (list[i].text === "(" && open < 0 && !skipped.has(list[i - 1]?.text)) open = i;
      if (list[i].text === "=" || (list[i].text === "typedef" && i === first)) plain = false;
      const body = list[i].text === "{";
      i = "({[".includes(list[i].text) ? pastBracket(list, i) : i + 1;
      last = i - 1;
      if (body && open > 0) break;
    }
    const named = open > first && /^[A-Za-z_]/.test(list[open - 1].text) && !skipped.has(list[open - 1].text);
    // a lone macro call is no prototype: it has no type before its name
    if (named && plain && open - first >= 2) {
      found.push({ name: list[open - 1].text, from: list[first].line, to: list[last].line });
    }
    if (list[i]?.text === ";") i++;
  }
  return found;
}

export async function run(tree) {
  const findings = [];
  for (const path of tree.headers().filter((p) => !p.startsWith("tests/"))) {
    const lines = tree.text(path).split("\n");
    const bare = tree.c(path, "directives").split("\n");
    const commented = lines.map((line, i) => line.trimEnd() !== bare[i].trimEnd());
    const onlyComment = (i) => i >= 0 && commented[i] && bare[i].trim() === "";
    let block = { end: -2, told: false };
    for (const fn of prototypes(tree.c(path, "statements"))) {
      const first = fn.from - 1;
      const beside = commented.slice(first, fn.to).some(Boolean);
      const above = onlyComment(first - 1);
      const joined = first === block.end + 1 && block.told;
      block = { end: fn.to - 1, told: above || joined };
      if (beside || block.told) continue;
      findings.push({
        file: path, line: fn.from, subject: fn.name, text: `${fn.name}() has no contract`,
        fix: "say above or beside it: meaning, units, who owns what, which errors, which thread",
      });
    }
  }
  return { findings };
}
