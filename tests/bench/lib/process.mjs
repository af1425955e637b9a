// Programs under measurement: start, what they cost, stop.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const tickMicros = 1e6 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

export function freePort() {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

// Starts a program and waits until a line of its output matches `ready`.
export function startProgram(program, args, { ready, cwd, env, uid, gid, seconds = 60 } = {}) {
  const child = spawn(program, args, {
    cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"], uid, gid,
  });
  let output = "";
  const exited = new Promise((done) => { child.once("exit", (code, signal) => done(code ?? signal)); });
  const stop = async () => {
    child.kill("SIGTERM");
    const late = sleep(10_000, "late", { ref: false });
    if (await Promise.race([exited, late]) === "late") child.kill("SIGKILL");
    await exited;
  };
  return new Promise((done, fail) => {
    const said = (how) => new Error(`${program} ${how}:\n${output.slice(-2000)}`);
    const timer = setTimeout(() => { stop(); fail(said(`did not get ready in ${seconds} s`)); }, seconds * 1000);
    const hear = (data) => {
      output = (output + data).slice(-20_000);
      if (!ready.test(output)) return;
      clearTimeout(timer);
      done({ pid: child.pid, stop, output: () => output });
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", (error) => { clearTimeout(timer); fail(error); });
    exited.then((how) => { clearTimeout(timer); fail(said(`ended (${how}) before it was ready`)); });
  });
}

function stat(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

const gone = (error) => ["ENOENT", "ESRCH", "EACCES"].includes(error.code);

function attempt(work, otherwise) {
  try {
    return work();
  } catch (error) {
    if (gone(error)) return otherwise;
    throw error;
  }
}

// The process and all below it.
export function family(pid) {
  const parents = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const about = attempt(() => stat(name), null);
    if (about) parents.set(Number(name), about.parent);
  }
  const belongs = (one) => one === pid || (parents.has(one) && parents.get(one) !== 0 && belongs(parents.get(one)));
  return [...parents.keys()].filter(belongs);
}

export function cpuMicros(pid) {
  return family(pid).reduce((sum, one) => sum + attempt(() => stat(one).ticks, 0), 0) * tickMicros;
}

function kib(file, field) {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(attempt(() => readFileSync(file, "utf8"), ""));
  return match ? Number(match[1]) : 0;
}

// Sum of the highest resident sizes, and of the proportional sizes now, in MiB.
export function memory(pid) {
  const sum = (read) => family(pid).reduce((total, one) => total + read(one), 0) / 1024;
  return {
    peak: sum((one) => kib(`/proc/${one}/status`, "VmHWM")),
    pss: sum((one) => kib(`/proc/${one}/smaps_rollup`, "Pss")),
  };
}

export function pin(pid, cpus) {
  for (const one of family(pid)) execFileSync("taskset", ["-acp", cpus, String(one)], { stdio: "ignore" });
}
