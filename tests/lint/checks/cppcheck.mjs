// cppcheck, without suppressions but those in allow.txt.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { present } from "../lib/command.mjs";
import { overSources, sampleDatabase } from "../lib/compile.mjs";

export const long = true;

const kept = (flag) => /^-[DIU]/.test(flag);

export async function run(tree, { builds }) {
  if (!await present("cppcheck")) return { findings: [], skipped: "cppcheck is not installed" };
  return overSources(tree, builds.release, {
    fix: "handle it, or rewrite it so that a reader sees that it cannot happen",
    command: (flags, file) => [
      "cppcheck", "--quiet", "--std=c11", "--enable=warning,performance,portability", "--library=posix",
      "--template={file}:{line}: {severity}: {message} [{id}]", ...flags.filter(kept), file,
    ],
  });
}

export function prepare(sample, scratch) {
  writeFileSync(join(scratch, "compile_commands.json"), JSON.stringify(sampleDatabase(sample, ["bad.c"])));
  return { release: scratch };
}
