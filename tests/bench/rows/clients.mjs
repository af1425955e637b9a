// One keyd with 10,000 live clients: memory, cold start, find, what a check costs among them.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { figure } from "../lib/figures.mjs";
import { fetchToken, makeClients, makeModel, startKeyd } from "../lib/keyd.mjs";
import { measure } from "../lib/load.mjs";
import { memory } from "../lib/process.mjs";

const few = 5000;
const many = 10_000;
const finds = 200;
const settled = 3000; // ms after the first answer, when keyd's start is over

export const title = "keyd with 10,000 clients";

async function timesOf(count, work) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    await work(i);
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b);
}

async function checkCost({ keyd, caller, clients, bench }) {
  const file = join(bench.dir, "keyd-many.checks");
  const tokens = [];
  for (let i = 0; i < 100; i++) {
    const token = await fetchToken(keyd, bench.pki.ca, clients[i * Math.floor(clients.length / 100)]);
    tokens.push(`${caller.key} ${caller.secret} ${token}\n`);
  }
  writeFileSync(file, tokens.join(""));
  const load = { script: "introspection", url: `${keyd.base}/oauth/introspect`, args: [file] };
  await measure(keyd, load, { connections: 16, seconds: 1 });
  return measure(keyd, load, { connections: 64, seconds: bench.options.seconds });
}

export async function run(bench, results) {
  const keyd = await startKeyd(bench, { connections: 16 });
  try {
    const caller = await makeModel(keyd.ask);
    await makeClients(keyd.ask, few, { lanes: 16, prefix: "few" });
    await keyd.restart();
    await sleep(settled);
    const before = memory(keyd.pid);
    const clients = await makeClients(keyd.ask, many - few, { lanes: 16, prefix: "many" });
    const starts = [];
    for (let i = 0; i < 3; i++) starts.push(await keyd.restart());
    await sleep(settled);
    const after = memory(keyd.pid);
    const found = await timesOf(finds, (i) => keyd.ask("POST", "/find", { text: clients[i * 20].key.slice(4, 14) }));
    const named = await timesOf(finds, (i) => keyd.ask("POST", "/find", { text: `many-${i * 20}` }));
    const cost = await checkCost({ keyd, caller, clients, bench });
    const quiet = results.keyd?.["introspection-64"];
    const list = [
      figure({ name: "memory with 10,000 clients, all processes, PSS", value: after.pss, unit: "MiB", most: 48 }),
      figure({
        name: "memory of a further live client", value: (after.pss - before.pss) * 2 ** 20 / (many - few),
        unit: "bytes", most: 350,
      }),
      figure({
        name: "cold start to the first answer, 10,000 clients", value: starts.sort((a, b) => a - b)[1], unit: "s", most: 0.2,
      }),
      figure({
        name: "client find by a part of the key among 10,000 clients, p99", value: found[finds * 99 / 100], unit: "ms", most: 100,
      }),
      figure({
        name: "client find by name among 10,000 clients, p99", value: named[finds * 99 / 100], unit: "ms", most: 100,
      }),
    ];
    if (quiet) {
      list.push(figure({
        name: "CPU of a check with 10,000 clients", value: cost.cpu, unit: "µs",
        against: "keyd with 100 clients", base: quiet.cpu, most: 1.15,
      }));
    }
    return list;
  } finally {
    await keyd.stop();
  }
}
