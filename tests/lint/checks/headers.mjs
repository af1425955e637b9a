// Every header compiles alone and guards itself.
import { join, normalize } from "node:path";
import { existsSync } from "node:fs";
import { command, pairwise } from "../lib/command.mjs";

const flags = [
  "-fsyntax-only", "-std=c11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-DKEYD_SANDBOX=1",
  "-DKEYD_SIM=0", "-DLLHTTP_STRICT_MODE=1", "-DKEYD_SOURCE=\".\"", "-isystem", "/usr/share/include/llhttp", "-x", "c",
];

function guard(tree, path) {
  const name = `KEYD_${path.replace(/^keyd\//, "").replace(/\W/g, "_").toUpperCase()}`;
  const [first, second] = tree.c(path, "directives").split("\n").filter((line) => line.trim());
  if (first?.trim() === `#ifndef ${name}` && second?.trim() === `#define ${name}`) return [];
  return [{
    file: path, line: 1, subject: "guard", text: "its include guard is missing or misnamed",
    fix: `begin with #ifndef ${name} and #define ${name}`,
  }];
}

async function alone(tree, path, generated) {
  const places = ["-I", tree.root, ...generated.flatMap((dir) => ["-I", dir])];
  const { code, stderr } = await command("cc", [...flags, ...places, "-include", path, "/dev/null"], { cwd: tree.root });
  if (code === 0) return [];
  const match = /^(\S+?):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$/m.exec(stderr);
  return [{
    file: path, line: match && normalize(match[1]) === path ? Number(match[2]) : 1, subject: "alone",
    text: `does not compile alone: ${match ? `${match[1]}:${match[2]}: ${match[3]}` : stderr.split("\n")[0]}`,
    fix: "include what its own lines need; for a pointer a forward declaration is enough",
  }];
}

export async function run(tree, { builds }) {
  const generated = [builds.release, builds.asan]
    .filter(Boolean).map((dir) => join(dir, "generated")).filter((dir) => existsSync(dir));
  const compiled = await pairwise(tree.headers(), (path) => alone(tree, path, generated));
  return { findings: [...tree.headers().flatMap((path) => guard(tree, path)), ...compiled.flat()] };
}
