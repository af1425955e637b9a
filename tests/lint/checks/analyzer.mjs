// gcc -fanalyzer: paths that leak, free twice or use what is gone.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { overSources, sampleDatabase } from "../lib/compile.mjs";

export const long = true;

export function run(tree, { builds }) {
  return overSources(tree, builds.release, {
    only: /^(?:-Wanalyzer|error)/,
    fix: "make the path impossible or handle it; `gcc -fanalyzer` on the file shows it step by step",
    command: (flags, file) => [
      "gcc", ...flags, "-fanalyzer", "-Wno-error", "-fdiagnostics-plain-output", "-c", "-o", "/dev/null", file,
    ],
  });
}

export function prepare(sample, scratch) {
  writeFileSync(join(scratch, "compile_commands.json"), JSON.stringify(sampleDatabase(sample, ["bad.c"])));
  return { release: scratch };
}
