// Checks that run a compiler or analyser over every source with the flags of the release build.
import { existsSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { command, pairwise } from "./command.mjs";

// What only gcc 12 knows, and what would write files.
const gccOnly = new Set(["-fstack-clash-protection", "-ftrivial-auto-var-init=zero"]);

function flags(entry, { forClang }) {
  const words = entry.command.match(/(?:[^\s"\\]|\\.|"(?:[^"\\]|\\.)*")+/g).slice(1)
    .map((word) => word.replace(/\\(.)/g, "$1"));
  const kept = [];
  for (let i = 0; i < words.length; i++) {
    if (["-o", "-MF", "-MT", "-MQ"].includes(words[i])) i++;
    else if (!["-c", "-MD", "-MMD", entry.file].includes(words[i])) kept.push(words[i]);
  }
  return forClang ? kept.filter((word) => !gccOnly.has(word)) : kept;
}

const pattern = /^(?<file>[^\s:]+):(?<line>\d+):(?:\d+:)? (?:fatal )?(?:error|warning|style|performance|portability): (?<text>.*?)(?: \[(?<code>[\w.,=+-]+)\])?$/gm;

// options: { forClang, tests (look at them too), only (codes that count), fix, command(flags, file) → argv }
export async function overSources(tree, build, options) {
  const database = build && join(build, "compile_commands.json");
  if (!database || !existsSync(database)) return { findings: [], skipped: "no release build was named" };
  const entries = JSON.parse(readFileSync(database, "utf8"))
    .map((entry) => ({ ...entry, path: relative(tree.root, resolve(entry.directory, entry.file)) }))
    .filter(({ path }) => tree.known.has(path) && (options.tests || !path.startsWith("tests/")));
  const outputs = await pairwise(entries, async (entry) => {
    const [program, ...args] = options.command(flags(entry, options), entry.file);
    const { stdout, stderr } = await command(program, args, { cwd: entry.directory });
    return `${stdout}\n${stderr}`;
  });
  const seen = new Map();
  outputs.forEach((output, index) => {
    for (const { groups } of output.matchAll(pattern)) {
      const file = relative(tree.root, resolve(entries[index].directory, groups.file));
      const code = (groups.code ?? "error").replace(/,?-(?:warnings-as-errors|Werror)\b,?/g, "");
      if (!tree.known.has(file) || !(options.only ?? /./).test(code)) continue;
      seen.set(`${file}:${groups.line} ${code}`, {
        file, line: Number(groups.line), subject: code, text: `${groups.text} (${code})`, fix: options.fix,
      });
    }
  });
  return { findings: [...seen.values()] };
}

// A sample's own compile_commands.json.
export function sampleDatabase(sample, files) {
  return files.map((file) => ({ directory: sample, file: join(sample, file), command: `cc -std=c11 -Wall -c ${join(sample, file)}` }));
}
