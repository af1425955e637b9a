// clang-tidy with the checks of .clang-tidy.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { present } from "../lib/command.mjs";
import { overSources, sampleDatabase } from "../lib/compile.mjs";

export const long = true;

export async function run(tree, { builds }) {
  if (!await present("clang-tidy")) return { findings: [], skipped: "clang-tidy is not installed" };
  return overSources(tree, builds.release, {
    forClang: true, fix: "see clang-tidy's page of that check",
    command: (flags, file) => ["clang-tidy", "--quiet", file, "--", ...flags],
  });
}

export function prepare(sample, scratch) {
  writeFileSync(join(scratch, "compile_commands.json"), JSON.stringify(sampleDatabase(sample, ["bad.c"])));
  return { release: scratch };
}
