// The files that lint reads, each read and scanned once.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, lstatSync } from "node:fs";
import { join, relative } from "node:path";
import { withoutComments, withoutLiterals, withoutDirectives } from "./c.mjs";

// Not ours: bad on purpose, or data.
const outside = [/^tests\/lint\/selftest\//, /^tests\/data\//, /(^|\/)node_modules\//, /^build\//];

function walk(dir, base, list) {
  for (const entry of readdirSync(dir)) {
    const path = join(dir, entry);
    if (lstatSync(path).isDirectory()) walk(path, base, list);
    else list.push(relative(base, path));
  }
  return list;
}

function inGit(root) {
  const list = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
    cwd: root, encoding: "utf8", maxBuffer: 1 << 26,
  });
  return list.split("\0").filter((path) => path && existsSync(join(root, path)));
}

export class Tree {
  #texts = new Map();
  #views = new Map();

  constructor(root, { sample = false } = {}) {
    this.root = root;
    // What is not committed yet is held to the same rules.
    const all = sample || !existsSync(join(root, ".git")) ? walk(root, root, []) : inGit(root);
    this.files = all
      .filter((path) => sample || !outside.some((pattern) => pattern.test(path)))
      .filter((path) => lstatSync(join(root, path)).isFile())
      .sort();
    this.known = new Set(this.files);
  }

  text(path) {
    if (!this.#texts.has(path)) this.#texts.set(path, readFileSync(join(this.root, path), "utf8"));
    return this.#texts.get(path);
  }

  // C text with the same lines and columns: "code" has comments and the insides of strings blanked,
  // "statements" the preprocessor's lines too, "directives" comments only.
  c(path, kind) {
    const key = `${kind} ${path}`;
    if (!this.#views.has(key)) {
      const bare = withoutComments(this.text(path));
      const view = {
        directives: () => bare,
        code: () => withoutLiterals(bare),
        statements: () => withoutDirectives(withoutLiterals(bare)),
      }[kind];
      this.#views.set(key, view());
    }
    return this.#views.get(key);
  }

  sources() { return this.files.filter((path) => path.endsWith(".c")); }
  headers() { return this.files.filter((path) => path.endsWith(".h")); }
  cFiles() { return this.files.filter((path) => /\.[ch]$/.test(path)); }
}

export function lineOf(text, offset) {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
