// The other compiler's warnings are errors too.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { overSources, sampleDatabase } from "../lib/compile.mjs";

export const long = true;

export function run(tree, { builds }) {
  return overSources(tree, builds.release, {
    forClang: true, tests: true, fix: "clang and gcc must both be content",
    command: (flags, file) => ["clang", ...flags, "-fsyntax-only", "-fno-caret-diagnostics", file],
  });
}

export function prepare(sample, scratch) {
  writeFileSync(join(scratch, "compile_commands.json"), JSON.stringify(sampleDatabase(sample, ["bad.c"])));
  return { release: scratch };
}
