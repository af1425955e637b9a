// allow.txt: "check path[:subject] reason…". An exception needs a reason, and goes when it is not needed.
export class Allowed {
  #entries = [];
  #bad = [];

  constructor(tree, path) {
    this.path = path;
    if (!tree.known.has(path)) return;
    tree.text(path).split("\n").forEach((row, index) => {
      const text = row.trim();
      if (!text || text.startsWith("#")) return;
      const [check, name, ...reason] = text.split(/\s+/);
      const entry = { check, name, line: index + 1, used: false };
      this.#entries.push(entry);
      if (reason.length < 3) {
        this.#bad.push({
          file: path, line: entry.line, text: `"${check} ${name}" has no reason`,
          fix: "say in a sentence why this one is right as it stands",
        });
      }
    });
  }

  takes(check, name) {
    const entry = this.#entries.find((e) => e.check === check && e.name === name);
    if (entry) entry.used = true;
    return Boolean(entry);
  }

  stale(check) {
    return this.#entries.filter((e) => e.check === check && !e.used).map((e) => ({
      file: this.path, line: e.line, text: `"${e.check} ${e.name}" excuses nothing any more`,
      fix: "delete the line",
    }));
  }

  malformed(checks) {
    const names = new Set(checks.map((check) => check.name));
    const unknown = this.#entries.filter((e) => !names.has(e.check)).map((e) => ({
      file: this.path, line: e.line, text: `there is no check "${e.check}"`,
      fix: `one of: ${[...names].join(" ")}`,
    }));
    return [...this.#bad, ...unknown];
  }
}
