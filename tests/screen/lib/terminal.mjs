// A terminal under tmux, on a server of its own, with the console (or a shell) in it.
import { execFile, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
let servers = 0;

function run(program, args, input) {
  return new Promise((done, fail) => {
    const child = execFile(program, args, { encoding: "utf8", maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      if (error) fail(new Error(`${program} ${args.join(" ")}: ${stderr || error.message}`));
      else done(stdout);
    });
    if (input !== undefined) child.stdin.end(input);
  });
}

const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

// The process of that name at or below a process.
function descend(pid, name) {
  if (readFileSync(`/proc/${pid}/comm`, "utf8").trim() === name) return Number(pid);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  return children.map((child) => descend(child, name)).find(Boolean);
}

export class Terminal {
  constructor({ columns = 80, rows = 24, env = {} } = {}) {
    this.size = { columns, rows };
    this.dir = mkdtempSync(join(tmpdir(), "keyd-screen-"));
    chmodSync(this.dir, 0o777); // the console may run as another user
    this.server = `keyd-screen-${process.pid}-${++servers}`;
    this.env = { TERM: "tmux-256color", LC_ALL: "C.UTF-8", ...env };
  }

  tmux(...args) { return run("tmux", ["-u", "-L", this.server, ...args]); }

  async start(command) {
    const conf = join(this.dir, "tmux.conf");
    writeFileSync(conf, "set -g status off\nset -g default-terminal tmux-256color\nset -g escape-time 0\n"
      + "set -g remain-on-exit on\nset -g remain-on-exit-format ''\nset -g history-limit 5000\n");
    const env = Object.entries({
      ...this.env, ASAN_OPTIONS: `log_path=${join(this.dir, "asan")}`, UBSAN_OPTIONS: `log_path=${join(this.dir, "asan")}`,
    }).map(([name, value]) => quoted(`${name}=${value}`));
    const line = `cd ${quoted(this.dir)}; env -u NO_COLOR -u KEYD_ASCII ${env.join(" ")} ${command.map(quoted).join(" ")}`
      + " 2>stderr; echo $? >status.new; mv status.new status";
    await run("tmux", ["-u", "-L", this.server, "-f", conf, "new-session", "-d",
      "-x", String(this.size.columns), "-y", String(this.size.rows), line]);
  }

  keys(...names) { return this.tmux("send-keys", ...names); }
  type(text) { return this.tmux("send-keys", "-l", text); }
  async paste(text) {
    await run("tmux", ["-L", this.server, "load-buffer", "-"], text);
    await this.tmux("paste-buffer", "-p", "-d");
  }
  resize(columns, rows) { return this.tmux("resize-window", "-x", String(columns), "-y", String(rows)); }
  async show(format) { return (await this.tmux("display-message", "-p", format)).trim(); }
  async pid() {
    const pid = descend(await this.show("#{pane_pid}"), "admin-tui");
    if (!pid) throw new Error(`the console does not run:\n${await this.capture()}`);
    return pid;
  }
  dead() { return existsSync(join(this.dir, "status")); }

  // What moves by itself is masked.
  async capture() {
    const text = await this.tmux("capture-pane", "-p");
    return `${text.split("\n").map((line) => line.trimEnd()).join("\n").trimEnd()
      .replace(/in \d+ s\./g, "in NN s.").replace(/waiting \d+ s/g, "waiting N s")}\n`;
  }
  colours() { return this.tmux("capture-pane", "-p", "-e"); }
  scrollback() { return this.tmux("capture-pane", "-p", "-S", "-"); }

  async until(test, what, ms = 6000) {
    const end = Date.now() + ms;
    for (;;) {
      const text = await this.capture();
      if (test(text)) return text;
      if (Date.now() > end) throw new Error(`no ${what} on the screen:\n${text}`);
      await sleep(25);
    }
  }
  see(text, ms) { return this.until((screen) => screen.includes(text), JSON.stringify(text), ms); }

  // The screen when it no longer changes.
  async still(ms = 300) {
    let last = await this.capture();
    for (let quiet = 0; quiet < ms;) {
      await sleep(50);
      const now = await this.capture();
      quiet = now === last ? quiet + 50 : 0;
      last = now;
    }
    return last;
  }

  async exit(ms = 5000) {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(25)) {
      if (this.dead()) return Number(readFileSync(join(this.dir, "status"), "utf8"));
    }
    throw new Error(`it does not end:\n${await this.capture()}`);
  }

  // What the sanitizers said.
  findings() {
    return readdirSync(this.dir).filter((name) => name.startsWith("asan")).map((name) => readFileSync(join(this.dir, name), "utf8")).join("\n");
  }
  stderr() { return readFileSync(join(this.dir, "stderr"), "utf8"); }

  async close() {
    await this.tmux("kill-server").catch(() => {});
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export { run, spawn };
