// One run of wrk against one peer.
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpuMicros } from "./process.mjs";

const scripts = join(dirname(dirname(fileURLToPath(import.meta.url))), "wrk");

function wrk({ script, url, args = [], connections, seconds, cpu }) {
  const command = [
    "wrk", "--threads", "1", "--connections", String(connections), "--duration", `${seconds}s`,
    "--timeout", "10s", "--latency", "--script", join(scripts, `${script}.lua`), url, "--", ...args,
  ];
  if (cpu !== undefined) command.unshift("taskset", "-c", cpu);
  return new Promise((done, fail) => {
    execFile(command[0], command.slice(1), { encoding: "utf8" }, (error, stdout, stderr) => {
      const result = /^RESULT (.*)$/m.exec(stdout);
      if (error || !result) fail(new Error(`wrk ${url}: ${error?.message ?? ""}\n${stdout}${stderr}`));
      else done(JSON.parse(result[1]));
    });
  });
}

// { rate 1/s, cpu µs a request of all processes of the peer, p50 and p99 in ms }
export async function measure(instance, load, options) {
  const before = cpuMicros(instance.pid);
  const result = await wrk({ ...load, ...options });
  const used = cpuMicros(instance.pid) - before;
  // A peer that answers errors is fast for nothing.
  const bad = result.refused + (load.closes ? 0 : result.broken);
  if (bad > 0 || result.requests === 0) {
    throw new Error(`${load.url}: ${result.requests} requests, ${result.refused} refused, ${result.broken} broken`);
  }
  return {
    rate: result.requests / (result.us / 1e6),
    cpu: used / result.requests,
    p50: result.p50 / 1000,
    p99: result.p99 / 1000,
  };
}
