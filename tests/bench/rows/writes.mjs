// What keyd promises to keep: durable changes beside SQLite's own commits, and revocation at once.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { figure } from "../lib/figures.mjs";
import { post } from "../lib/https.mjs";
import { fetchToken, makeClients, makeModel, startKeyd, together } from "../lib/keyd.mjs";

const callers = 64;
const rowsAnIssue = 8; // the client, its past, secret, delivery, record key and three audit records
const issues = 2000;
const revocations = 300;

export const title = "durable changes, revocation";

function sqlite(bench, rows) {
  const file = join(bench.dir, `commits-${rows}.db`);
  const args = [file, String(rows), String(bench.options.seconds)];
  return JSON.parse(execFileSync(join(bench.build, "tests/bench/bench-commits"), args, { encoding: "utf8" }));
}

async function issueRate(keyd) {
  const ids = [];
  await together(issues, callers, async (i) => {
    const { id } = await keyd.ask("POST", "/clients", { name: `write-${i}`, application: "Acme Grand Bend" });
    ids.push(id);
  });
  const began = performance.now();
  await together(issues, callers, (i) => keyd.ask("POST", `/clients/${ids[i]}/issue`, {}));
  return issues / ((performance.now() - began) / 1000);
}

// Each client: its token is active, the client is revoked, and the next check says so.
async function revokeAll(keyd, bench, caller, clients) {
  const times = [];
  let stale = 0;
  const check = async (token) => {
    const { json } = await post(`${keyd.base}/oauth/introspect`, {
      ca: bench.pki.ca, user: caller.key, password: caller.secret, form: { token },
    });
    return json.active;
  };
  for (const client of clients) {
    const token = await fetchToken(keyd, bench.pki.ca, client);
    if (await check(token) !== true) throw new Error("a new token is not active");
    const began = performance.now();
    await keyd.ask("POST", `/clients/${client.id}/revoke`, { reason: "leaked" });
    times.push(performance.now() - began);
    if (await check(token)) stale++;
  }
  times.sort((a, b) => a - b);
  return { stale, p99: times[Math.floor(times.length * 99 / 100)] };
}

export async function run(bench) {
  const keyd = await startKeyd(bench, { connections: callers });
  try {
    const caller = await makeModel(keyd.ask);
    const clients = await makeClients(keyd.ask, revocations, { lanes: 16 });
    const { stale, p99 } = await revokeAll(keyd, bench, caller, clients);
    const one = sqlite(bench, 1);
    const rate = await issueRate(keyd);
    const grouped = sqlite(bench, callers * rowsAnIssue);
    return [
      figure({ name: `checks that were stale after ${revocations} revocations`, value: stale, unit: "checks", most: 0 }),
      figure({
        name: "revoking a client, p99, over the local socket", value: p99, unit: "ms",
        against: "SQLite's commit, p99", base: one.p99, most: 3,
      }),
      figure({
        name: "issuing a secret, 64 callers, over the local socket", value: rate, unit: "1/s",
        against: `SQLite, ${callers} changes of ${rowsAnIssue} rows a commit`, base: grouped.rows / rowsAnIssue, least: 0.6,
      }),
    ];
  } finally {
    await keyd.stop();
  }
}
