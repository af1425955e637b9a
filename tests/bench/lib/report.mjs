// docs/performance.md: what was measured, on what, and against what.
import { readFileSync } from "node:fs";
import { cpus, totalmem, release } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { rounded } from "./figures.mjs";
import { scenarios } from "./plan.mjs";

function cpuTimes() {
  const [, user, nice, system, idle, wait, irq, soft, steal] = readFileSync("/proc/stat", "utf8").split("\n")[0].split(/\s+/).map(Number);
  return { total: user + nice + system + idle + wait + irq + soft + steal, idle: idle + wait, steal };
}

// How busy the machine is before the first measurement.
export async function machine() {
  const before = cpuTimes();
  await sleep(2000);
  const after = cpuTimes();
  const total = after.total - before.total;
  return {
    cpu: cpus()[0].model, cores: cpus().length, memory: Math.round(totalmem() / 2 ** 30), kernel: release(),
    load: readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 3).join(" "),
    busy: rounded(1 - (after.idle - before.idle) / total), steal: rounded((after.steal - before.steal) / total),
  };
}

const shown = (value) => (value === undefined || value === null ? "–" : value.toLocaleString("en", { maximumSignificantDigits: value >= 1000 ? 4 : 3 }));
const row = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

function overview(peers, results) {
  const pair = (peer, load) => [16, 64].map((n) => shown(results[peer][`${load}-${n}`]?.rate)).join(" · ");
  const used = (peer, key) => shown(results[peer][key]?.cpu);
  return table(
    ["who", "introspection /s, 16 · 64 connections", "token /s, 16 · 64", "CPU µs a check · a token", "new connections /s", "p99 ms, pinned", "peak MiB"],
    peers.map(({ name, title }) => [
      title, pair(name, "introspection"), pair(name, "token"),
      `${used(name, "introspection-64")} · ${used(name, "token-64")}`,
      shown(results[name]["connections-64"]?.rate), shown(results[name]["pinned-64"]?.p99), shown(results[name].memory?.peak),
    ]),
  );
}

const verdict = (met) => (met === null ? "" : met ? "yes" : "**no**");

export function report({ machine: m, options, peers, results, figures, skipped }) {
  const judged = figures.filter((one) => one.target !== null);
  const others = figures.filter((one) => one.target === null && one.row);
  const invalid = figures.some((one) => one.validity && !one.met);
  return `# Performance

Written by \`./bootstrap bench\`; not to be edited. Figures are ratios taken in one run on one machine: the
absolute numbers say only what order to expect.
${invalid ? "\n**This run is not valid**: the bare loop did not reach 0.95 of nginx's static file at 64 connections.\n" : ""}
Machine: ${m.cores} × ${m.cpu}, ${m.memory} GiB, Linux ${m.kernel}. Before the run: load ${m.load}, ${Math.round(m.busy * 100)} % busy,
${Math.round(m.steal * 100)} % stolen. TLS 1.3, P-256, keep-alive, Basic client authentication; wrk with one thread on the same
cores; each peer in turn, ${options.repeats} repeats of ${options.seconds} s interleaved, medians. CPU is the processes' own accounting.

## Side by side

${overview(peers, results)}
${skipped.map((text) => `\nNot measured: ${text}.\n`).join("")}
## What keyd must reach

${judged.length ? table(["figure", "value", "unit", "against", "ratio", "target", "met"], judged.map((one) => [
    one.name, shown(one.value), one.unit, one.against ?? "", shown(one.ratio), one.target, verdict(one.met),
  ])) : "Nothing was measured against a target."}
${others.length ? `\n## Other figures\n\n${table(["figure", "value", "unit", "against", "ratio"], others.map((one) => [
    one.name, shown(one.value), one.unit, one.against ?? "", shown(one.ratio),
  ]))}\n` : ""}
## How it is measured

| figure | load |
| --- | --- |
${scenarios.map((one) => `| ${one.title} | wrk, ${one.connections} connections${one.pinned ? ", server and client each on a core of its own" : ""} |`).join("\n")}

The other servers that were measured once, on a 2-core machine with the bare loop at 91,600/s: \`@jmondi/oauth2-server\`
1,950 introspections/s, django-oauth-toolkit 1,090, glewlwyd 2.7.5 with one PBKDF2 round 1,070, as packaged 99.
`;
}
