// What the programs are linked with, and what the archives let others write to. The linker proves the
// rooms: a front cannot open the store if it has no sqlite3_open.
import { readdirSync, existsSync, mkdirSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { basename, join, relative } from "node:path";
import { command } from "../lib/command.mjs";

const programs = {
  "keyd-front": {
    symbols: /^(?:sqlite3_\w+|curl_\w+|yaml_\w+|crypto_aead_\w+|crypto_secretbox_\w+|crypto_pwhash\w*)$/,
    libraries: /sqlite3|libcurl|libyaml|ncurses/,
    says: "a front has no database, no vault and no way out",
  },
  "keyd-keeper": {
    symbols: /^(?:socket|connect|getaddrinfo|json_\w+|yaml_\w+|llhttp_\w+|curl_\w+)$/,
    libraries: /jansson|libcurl|libyaml|libssl|ncurses/,
    says: "a keeper has no network, no HTTP, no JSON and no YAML",
  },
  "keyd-courier": {
    symbols: /^(?:sqlite3_\w+|yaml_\w+|crypto_aead_\w+|crypto_pwhash\w*)$/,
    libraries: /sqlite3|libyaml|ncurses/,
    says: "a courier has nothing at rest",
  },
  "keyd-parent": {
    symbols: /^(?:sqlite3_\w+|curl_\w+|json_\w+|llhttp_\w+|SSL_\w+|crypto_aead_\w+)$/,
    libraries: /sqlite3|libcurl|jansson|libssl|ncurses/,
    says: "a parent parses nothing from outside and holds no secret",
  },
  keyd: {
    symbols: /^(?:sqlite3_\w+|curl_\w+|crypto_aead_\w+)$/,
    libraries: /sqlite3|libcurl|ncurses/,
    says: "the command line is a client of the local socket",
  },
  "admin-tui": {
    symbols: /^(?:sqlite3_\w+|curl_\w+|yaml_\w+|crypto_aead_\w+)$/,
    libraries: /sqlite3|libcurl|libyaml/,
    says: "the console is a client of the local socket",
  },
};
const mostLibraries = 12;

function find(dir, wanted, list = []) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory() && entry.name !== "CMakeFiles") find(path, wanted, list);
    else if (entry.isFile() && wanted(entry.name)) list.push(path);
  }
  return list;
}

async function ofProgram(path, file) {
  const name = basename(path);
  const { symbols, libraries, says } = programs[name];
  const all = await command("nm", [path]);
  const dynamic = await command("nm", ["-D", path]);
  const about = await command("readelf", ["-hldW", path]);
  const names = new Set(`${all.stdout}\n${dynamic.stdout}`.split("\n")
    .map((row) => row.trim().split(/\s+/).at(-1).split("@")[0]).filter((symbol) => symbols.test(symbol)));
  const needed = [...about.stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((match) => match[1]);
  const finding = (subject, text, fix) => ({ file, line: 1, subject, text, fix });
  const findings = [
    ...[...names].map((symbol) => finding(symbol, `${name} has ${symbol}`, `${says}: move the call to the room that may`)),
    ...needed.filter((library) => libraries.test(library))
      .map((library) => finding(library, `${name} is linked with ${library}`, `${says}: take it off its CMakeLists.txt`)),
  ];
  if (needed.length > mostLibraries) {
    findings.push(finding("libraries", `${name} is linked with ${needed.length} libraries, at most ${mostLibraries}`, needed.join(" ")));
  }
  const hardened = [
    ["pie", /Type:\s+DYN/], ["relro", /GNU_RELRO/], ["now", /BIND_NOW|Flags: .*NOW/],
    ["noexecstack", /GNU_STACK\s.*\sRW\s/],
  ];
  for (const [what, pattern] of hardened) {
    if (!pattern.test(about.stdout)) findings.push(finding(what, `${name} is built without ${what}`, "declare it with keyd_target() of cmake/warnings.cmake"));
  }
  return findings;
}

// objdump rather than nm: nm counts constant tables that hold addresses (.data.rel.ro) as data.
async function ofArchive(path, file) {
  const { stdout } = await command("objdump", ["-t", path]);
  const findings = [];
  let member = "";
  for (const row of stdout.split("\n")) {
    member = /^(\S+):\s+file format/.exec(row)?.[1] ?? member;
    const match = /^[0-9a-f]+ [gu!].{5}[O ] (\S+)\s+[0-9a-f]+\s+(?:\.hidden )?(\S+)$/.exec(row);
    if (!match || !/^(?:\.(?:data|bss|tdata|tbss)(?!\.rel\.ro)|\*COM\*)/.test(match[1])) continue;
    if (/^(?:__|_?_?sanitizer|\.)/.test(match[2])) continue;
    findings.push({
      file, line: 1, subject: match[2], text: `${member.replace(/\.o$/, "")}: ${match[2]} can be written by everybody`,
      fix: "make it static behind functions, const, or a field of a struct that is passed",
    });
  }
  return findings;
}

export async function run(tree, { builds }) {
  const build = builds.release;
  if (!build || !existsSync(build)) return { findings: [], skipped: "no release build was named" };
  const shown = (path) => relative(builds.shownFrom ?? tree.root, path);
  const binaries = find(build, (name) => name in programs);
  const archives = find(build, (name) => /^lib.*\.a$/.test(name) && name !== "libllhttp.a");
  const found = await Promise.all([
    ...binaries.map((path) => ofProgram(path, shown(path))),
    ...archives.map((path) => ofArchive(path, shown(path))),
  ]);
  const missing = Object.keys(programs)
    .filter((name) => !binaries.some((path) => basename(path) === name))
    .map((name) => ({
      file: shown(build), line: 1, subject: name, text: `${name} is not built`,
      fix: "build the release preset whole; a program that has gone leaves this check's table too",
    }));
  return { findings: [...found.flat(), ...missing] };
}

// The sample's programs, and a library of the forbidden name that has what they call.
export function prepare(sample, scratch) {
  const build = join(scratch, "build");
  mkdirSync(build);
  const cc = (out, ...args) => execFileSync("cc", ["-o", join(build, out), ...args], { cwd: sample });
  const hard = ["-pie", "-fPIE", "-Wl,-z,relro,-z,now,-z,noexecstack"];
  cc("libsqlite3.so", "-shared", "-fPIC", "foreign.c");
  const foreign = ["-L", build, "-lsqlite3"];
  cc("keyd-front", ...hard, "front.c", ...foreign);
  cc("keyd-keeper", ...hard, "keeper.c", ...foreign);
  cc("keyd-parent", "-no-pie", "-Wl,-z,norelro,-z,lazy,-z,execstack", "clean.c");
  for (const name of ["keyd", "keyd-courier", "admin-tui"]) cc(name, ...hard, "clean.c");
  cc("globals.o", "-fPIE", "-c", "globals.c");
  execFileSync("ar", ["qc", join(build, "libglobals.a"), join(build, "globals.o")]);
  return { release: build, shownFrom: scratch };
}
