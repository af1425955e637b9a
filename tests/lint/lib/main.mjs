// The runner: self-tests first (a check that cannot fail is a defect), then the checks over the tree.
import { readdirSync, writeFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Tree } from "./tree.mjs";
import { Allowed } from "./allow.mjs";

const lint = dirname(dirname(fileURLToPath(import.meta.url)));
const root = resolve(lint, "../..");

const seconds = (from) => `${((performance.now() - from) / 1000).toFixed(1)} s`;
const where = (f) => `${f.file}:${f.line}`;
const wholeName = (f) => (f.subject ? `${f.file}:${f.subject}` : f.file);

async function loadChecks(only) {
  const names = readdirSync(join(lint, "checks"))
    .filter((name) => name.endsWith(".mjs"))
    .map((name) => name.slice(0, -4))
    .sort();
  if (only && !names.includes(only)) {
    throw new Error(`no check "${only}"; there are: ${names.join(" ")}`);
  }
  const wanted = names.filter((name) => !only || name === only);
  return Promise.all(
    wanted.map(async (name) => ({ name, ...(await import(`../checks/${name}.mjs`)) })),
  );
}

// The sample tree of a check holds what it must find, and beside it what it must let pass. Its file
// `expect` lists the findings, one "file:line" or "file:line subject" a line.
async function selftest(check) {
  const sample = join(lint, "selftest", check.name);
  if (!existsSync(join(sample, "expect"))) return [`tests/lint/selftest/${check.name}/expect is missing`];
  const scratch = mkdtempSync(join(tmpdir(), "keyd-lint-"));
  try {
    const tree = new Tree(sample, { sample: true });
    const builds = check.prepare ? check.prepare(sample, scratch) : {};
    const { findings } = await check.run(tree, { builds, scratch });
    const found = findings.map((f) => `${where(f)}${f.subject ? ` ${f.subject}` : ""}`).sort();
    const wanted = tree.text("expect").split("\n").filter(Boolean).sort();
    const missed = wanted.filter((w) => !found.includes(w));
    const extra = found.filter((f) => !wanted.includes(f));
    return [
      ...(wanted.length ? [] : ["its sample holds nothing to be found"]),
      ...missed.map((m) => `does not find ${m}`),
      ...extra.map((e) => `finds ${e}, which is right as it stands`),
    ];
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

async function main(argv) {
  const args = [...argv];
  let only = null;
  if (args[0] === "--check") only = args.splice(0, 2)[1];
  const [release, asan] = args;
  const builds = { release: release && resolve(release), asan: asan && resolve(asan) };

  const started = performance.now();
  const count = { passed: 0, failed: 0, skipped: 0 };
  const report = (state, name, from, lines = []) => {
    count[state]++;
    const word = { passed: "ok  ", failed: "FAIL", skipped: "skip" }[state];
    console.log(`${word} ${name.padEnd(24)} ${from === null ? "" : seconds(from)}`.trimEnd());
    for (const line of lines) console.log(`  ${line}`);
  };

  const every = await loadChecks(only);
  const checks = every.filter((check) => only || !check.long || process.env.KEYD_ALL);
  for (const check of checks) {
    const from = performance.now();
    const wrong = await selftest(check);
    report(wrong.length ? "failed" : "passed", `selftest ${check.name}`, from, wrong);
  }

  const tree = new Tree(root);
  const allowed = new Allowed(tree, "tests/lint/allow.txt");
  for (const check of checks) {
    const from = performance.now();
    const { findings, skipped } = await check.run(tree, { builds });
    const left = findings.filter((f) => !allowed.takes(check.name, wholeName(f)));
    const stale = skipped ? [] : allowed.stale(check.name);
    const lines = [...left, ...stale].map((f) => `${where(f)}: ${f.text}\n      ${f.fix}`);
    if (lines.length) report("failed", check.name, from, lines);
    else if (skipped) report("skipped", check.name, from, [skipped]);
    else report("passed", check.name, from);
  }
  const malformed = allowed.malformed(await loadChecks(null));
  if (!only) {
    report(malformed.length ? "failed" : "passed", "allow.txt", null,
      malformed.map((f) => `${where(f)}: ${f.text}\n      ${f.fix}`));
  }

  const { passed, failed, skipped } = count;
  console.log(`lint: ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds(started)}`);
  if (process.env.KEYD_COUNTS) writeFileSync(process.env.KEYD_COUNTS, `${passed} ${failed} ${skipped}\n`);
  return failed ? 1 : 0;
}

// `lint | head` is no error
process.stdout.on("error", () => process.exit(1));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`lint: ${error.message}`);
  process.exitCode = 2;
}
