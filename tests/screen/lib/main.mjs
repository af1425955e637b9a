// Runs the scripts at each of their sizes, then the tests, three at a time; compares the captures that the
// documents show.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { readScript, runScript, update } from "./script.mjs";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const root = resolve(here, "../..");
const [release, asan, ...only] = process.argv.slice(2);
const golden = join(here, "golden");
const AT_ONCE = 3;

const vectors = readFileSync(join(root, "tests/data/credential-vectors.txt"), "utf8")
  .split("\n").filter((line) => line.startsWith("secret kds_")).map((line) => line.split(/[ |]/)[1]);
const secrets = { leaked: vectors[2], foreign: vectors[1] };

process.env.KEYD_BUILD = resolve(release);
const programs = { release: join(resolve(release), "bin/admin-tui"), asan: join(resolve(asan), "bin/admin-tui") };
const counts = { passed: 0, failed: 0, skipped: 0 };

function report(name, started, error) {
  const skipped = error?.skip;
  counts[error ? (skipped ? "skipped" : "failed") : "passed"]++;
  const word = error ? (skipped ? "skip" : "FAIL") : "ok  ";
  console.log(`${word} ${name.padEnd(48)} ${((performance.now() - started) / 1000).toFixed(1)} s`);
  if (error) console.log((error.skip ?? error.message).replace(/^/gm, "  "));
}

async function jobsOfScripts() {
  return readdirSync(here).filter((file) => file.endsWith(".keys")).sort().flatMap((file) => {
    const name = file.slice(0, -5);
    const path = join(here, file);
    return readScript(path).sizes.map((size) => ({
      name: `${name} ${size}`,
      run: () => runScript({ name, path, size, program: programs.asan, golden, secrets }),
    }));
  });
}

async function jobsOfTests() {
  const files = readdirSync(here).filter((file) => file.endsWith(".test.mjs")).sort();
  const modules = await Promise.all(files.map(async (file) => {
    const { tests, alone } = await import(pathToFileURL(join(here, file)));
    return Object.entries(tests).map(([name, test]) => ({
      name: `${file.slice(0, -9)}: ${name}`, alone, run: () => test({ programs, secrets, root, release: resolve(release) }),
    }));
  }));
  return modules.flat();
}

// <!-- screen NAME --> and the block behind it, in docs/console.md.
function checkDocument() {
  const path = join(root, "docs/console.md");
  const text = readFileSync(path, "utf8");
  const wrong = [];
  const fresh = text.replace(/(<!-- screen (\S+) -->\n```text\n)([^]*?)(```\n)/g, (all, before, name, shown, after) => {
    const screen = readFileSync(join(golden, `${name}.txt`), "utf8");
    if (screen !== shown) wrong.push(name);
    return before + screen + after;
  });
  if (update) writeFileSync(path, fresh);
  else if (wrong.length) throw new Error(`docs/console.md shows other screens than the tests see: ${wrong.join(" ")} (KEYD_UPDATE=1 puts them in)`);
}

async function one(job) {
  const started = performance.now();
  await job.run().then(() => report(job.name, started), (error) => report(job.name, started, error));
}

async function main() {
  const all = [...await jobsOfScripts(), ...await jobsOfTests()]
    .filter((job) => !only.length || only.some((word) => job.name.includes(word)));
  const together = all.filter((job) => !job.alone);
  const worker = async () => { for (let job = together.shift(); job; job = together.shift()) await one(job); };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const job of all.filter((each) => each.alone)) await one(job);
  if (!only.length) await one({ name: "docs/console.md", run: async () => checkDocument() });
  console.log(`screen: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  if (process.env.KEYD_COUNTS) writeFileSync(process.env.KEYD_COUNTS, `${counts.passed} ${counts.failed} ${counts.skipped}\n`);
  process.exitCode = counts.failed ? 1 : 0;
}

await main();
