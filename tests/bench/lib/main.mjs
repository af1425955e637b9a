// One run: each peer in turn, interleaved, medians. A peer is a module of peers/ that exports
//   peers: [{ name, title, missing?() → reason or null, start(bench) → instance }]
//   bench:    { build, dir (scratch), pki: { ca, cert, key }, options }
//   instance: { pid, stop(), credentials? (file of "user password token"), loads: { introspection?, token?,
//               connections? } }, each load { script, url, args?, closes? } for wrk.
// Figures that only keyd has are modules of rows/ that export
//   title, run(bench, results) → [figure]     (lib/figures.mjs makes one)
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { figures, medians } from "./figures.mjs";
import { post } from "./https.mjs";
import { measure } from "./load.mjs";
import { makePki } from "./pki.mjs";
import { scenarios } from "./plan.mjs";
import { memory, pin } from "./process.mjs";
import { machine, report } from "./report.mjs";

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const tell = (text) => console.error(text);

const usage = `Usage: tests/bench/run --build BUILD_RELEASE [--json] [--quick] [--only PEER,...] [--out FILE]
  --json    print one JSON object per figure
  --quick   one short repeat; docs/performance.md stays as it is
  --only    only these peers
  --out     where the report goes (docs/performance.md)`;

function readOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      build: { type: "string" }, json: { type: "boolean" }, quick: { type: "boolean" },
      only: { type: "string" }, out: { type: "string" }, help: { type: "boolean" },
    },
  });
  if (values.help || !values.build) {
    console.log(usage);
    process.exit(values.help ? 0 : 2);
  }
  // A part of the peers is no report.
  const partial = values.quick || values.only;
  return {
    build: resolve(values.build), json: values.json, only: values.only?.split(","),
    seconds: values.quick ? 1 : 3, repeats: values.quick ? 1 : 3,
    out: values.out ?? (partial ? null : join(home, "../../docs/performance.md")),
  };
}

async function modules(folder) {
  if (!existsSync(join(home, folder))) return [];
  const names = readdirSync(join(home, folder)).filter((name) => name.endsWith(".mjs")).sort();
  return Promise.all(names.map((name) => import(`../${folder}/${name}`)));
}

// Before a peer is measured it must answer rightly.
async function proven(peer, instance, pki) {
  if (!instance.credentials) return;
  const [user, password, token] = readFileSync(instance.credentials, "utf8").split("\n", 1)[0].split(" ");
  const { introspection, token: issue } = instance.loads;
  const as = { ca: pki.ca, user, password };
  const seen = await post(introspection.url, { ...as, form: { token } });
  if (seen.status !== 200 || seen.json.active !== true) {
    throw new Error(`${peer.name} does not know its own token: ${seen.status} ${JSON.stringify(seen.json)}`);
  }
  if (!issue) return;
  const [issuer, secret] = readFileSync(issue.args[0], "utf8").split("\n", 1)[0].split(" ");
  const made = await post(issue.url, {
    ca: pki.ca, user: issuer, password: secret, form: { grant_type: "client_credentials" },
  });
  if (made.status !== 200 || typeof made.json.access_token !== "string") {
    throw new Error(`${peer.name} issues no token: ${made.status} ${JSON.stringify(made.json)}`);
  }
}

async function measurePeer(peer, bench, note) {
  const instance = await peer.start(bench);
  try {
    await proven(peer, instance, bench.pki);
    const { seconds } = bench.options;
    for (const load of Object.values(instance.loads)) {
      if (!load.closes) await measure(instance, load, { connections: 16, seconds: 1 });
    }
    for (const { key, load, connections, pinned } of scenarios) {
      if (!instance.loads[load]) continue;
      if (pinned && availableParallelism() < 2) continue;
      if (pinned) pin(instance.pid, "0");
      note(key, await measure(instance, instance.loads[load], { connections, seconds, cpu: pinned ? "1" : undefined }));
    }
    note("memory", memory(instance.pid));
  } finally {
    await instance.stop();
  }
}

async function chosen(options, skipped) {
  const all = (await modules("peers")).flatMap((module) => module.peers);
  const rank = ["keyd", "floor", "floor-work", "nginx"];
  all.sort((a, b) => (rank.indexOf(a.name) + 1 || 99) - (rank.indexOf(b.name) + 1 || 99));
  return all.filter((peer) => {
    if (options.only && !options.only.includes(peer.name)) return false;
    const reason = peer.missing?.();
    if (reason) skipped.push(`${peer.name}: ${reason}`);
    return !reason;
  });
}

async function main() {
  const options = readOptions(process.argv.slice(2));
  const dir = mkdtempSync(join(tmpdir(), "keyd-bench-"));
  const bench = { build: options.build, dir, pki: makePki(dir), options };
  const samples = {};
  const skipped = [];
  try {
    const about = await machine();
    const peers = await chosen(options, skipped);
    for (let repeat = 1; repeat <= options.repeats; repeat++) {
      for (const peer of peers) {
        tell(`${repeat}/${options.repeats} ${peer.name}`);
        await measurePeer(peer, bench, (key, result) => {
          ((samples[peer.name] ??= {})[key] ??= []).push(result);
          if (result.rate) tell(`    ${key.padEnd(18)} ${result.rate.toFixed(0).padStart(8)}/s ${result.cpu.toFixed(1)} µs`);
        });
      }
    }
    const results = medians(samples);
    const list = figures(results);
    for (const { title, run } of options.only ? [] : await modules("rows")) {
      tell(title);
      try {
        list.push(...(await run(bench, results)).map((one) => ({ ...one, row: true })));
      } catch (error) {
        skipped.push(`${title}: ${error.message.split("\n", 1)[0]}`);
      }
    }
    if (options.json) {
      for (const { row, validity, ...one } of list) console.log(JSON.stringify(one));
    }
    const text = report({ machine: about, options, peers, results, figures: list, skipped });
    if (options.out) writeFileSync(options.out, text);
    else if (!options.json) console.log(text);
    for (const reason of skipped) tell(`not measured: ${reason}`);
    const missed = list.filter((one) => one.met === false);
    for (const one of missed) tell(`missed: ${one.name} ${one.ratio ?? one.value}, target ${one.target}${one.against ? ` of ${one.against}` : ""}`);
    return missed.length ? 1 : 0;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench: ${error.stack}`);
  process.exitCode = 2;
}
