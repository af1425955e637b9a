// A real keyd for measuring: its own state directory, limits out of the way, and a model with live clients.
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { post } from "./https.mjs";
import { freePort, startProgram } from "./process.mjs";

const root = process.getuid() === 0;
const programs = ["keyd-parent", "keyd-keeper", "keyd-front", "keyd-courier"];

// Root neither owns a keyd nor asks one: Debian's "daemon" does it.
export const person = root ? { name: "daemon", uid: 1, gid: 1 } : null;

function own(path) {
  if (person) chownSync(path, person.uid, person.gid);
  return path;
}

// Who connects is who asks. Nothing else runs between the two lines.
class OwnersAgent extends Agent {
  createConnection(options, done) {
    if (person) process.seteuid(person.uid);
    try {
      return createConnection({ path: options.socketPath }, done);
    } finally {
      if (person) process.seteuid(0);
    }
  }
}

// keyd's API over its Unix socket; ask() gives the answer's body, or throws what keyd says.
function asker(socketPath, connections) {
  const agent = new OwnersAgent({ keepAlive: true, maxSockets: connections });
  const ask = (method, path, body) => new Promise((done, fail) => {
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = { "Content-Length": Buffer.byteLength(text) };
    if (text) headers["Content-Type"] = "application/json";
    const sent = request({ socketPath, method, path: `/keyd${path}`, headers, agent }, (answer) => {
      let heard = "";
      answer.setEncoding("utf8").on("data", (part) => { heard += part; }).on("end", () => {
        if (answer.statusCode < 300) done(heard ? JSON.parse(heard) : {});
        else fail(new Error(`${method} ${path}: ${answer.statusCode} ${heard.slice(0, 300)}`));
      });
    });
    sent.on("error", fail);
    sent.end(text);
  });
  return { ask, close: () => agent.destroy() };
}

// work(i) for i below count, so many at once.
export async function together(count, lanes, work) {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, lane));
}

function writeConfig({ dir, port, pki }, settings) {
  const all = { fronts: "1", ...settings };
  const file = join(dir, "keyd.yaml");
  const extra = Object.entries(all).map(([name, value]) => `${name}: ${value}\n`).join("");
  writeFileSync(file, `state_directory: ${dir}/data
audit:
  sink: ${dir}/sink
seal:
  key_file: ${dir}/key/seal.key
public:
  listen: ["127.0.0.1:${port}"]
  url: https://127.0.0.1:${port}
admin:
  listen: ["127.0.0.1:${port + 1 < 65536 ? port + 1 : port - 1}"]
  socket: ${dir}/run/keyd.sock
tls:
  certificate: ${pki.cert}
  key: ${pki.key}
limits:
  tokens_per_key: 1000000
  requests_per_source: 100000000
  usual_factor: 1000
  connections: 100000
  connections_per_source: 100000
${extra}`);
  return own(file);
}

// The programs, key and certificate where the person who runs keyd can read them.
function prepare(bench) {
  const dir = own(mkdtempSync(join(bench.dir, "keyd-")));
  chmodSync(bench.dir, 0o711);
  for (const name of ["run", "key", "bin", "tls"]) {
    mkdirSync(join(dir, name), { mode: 0o700 });
    own(join(dir, name));
  }
  for (const name of programs) cpSync(join(bench.build, "bin", name), join(dir, "bin", name));
  const pki = { cert: join(dir, "tls/cert.pem"), key: join(dir, "tls/key.pem") };
  for (const [what, path] of Object.entries(pki)) {
    writeFileSync(path, readFileSync(bench.pki[what]), { mode: 0o600 });
    own(path);
  }
  return { dir, pki };
}

// expected: the status that the public door gives a caller whom nobody knows, in the phase that is waited for.
async function run({ dir, port, ca, expected }) {
  const began = performance.now();
  const running = await startProgram(join(dir, "bin/keyd-parent"), ["--config", join(dir, "keyd.yaml"), "--foreground"],
    { cwd: dir, ready: /./, uid: person?.uid, gid: person?.gid });
  const base = `https://127.0.0.1:${port}`;
  for (;;) {
    const answered = await post(`${base}/oauth/introspect`, { ca, user: "nobody", password: "none", form: { token: "x" } })
      .then(({ status }) => status === expected, () => false);
    if (answered) return { ...running, base, seconds: (performance.now() - began) / 1000 };
    if (performance.now() - began > 60_000) throw new Error(`keyd did not answer:\n${running.output()}`);
    await sleep(5);
  }
}

// Starts an empty keyd, makes its keys, owner and tenant. Returns
//   { pid, base, ask(method, path, body), stop(), restart() → seconds to the first answer, dir }
export async function startKeyd(bench, { settings, connections = 4 } = {}) {
  const { dir, pki } = prepare(bench);
  const port = await freePort();
  writeConfig({ dir, port, pki }, settings);
  let running = await run({ dir, port, ca: bench.pki.ca, expected: 503 });
  const { ask, close } = asker(join(dir, "run/keyd.sock"), connections);
  const { recovery_code: code } = await ask("POST", "/init", { key_beside_data: true, tenant: "Bench" });
  await ask("POST", "/init/confirm", { recovery_code: code });
  return {
    get pid() { return running.pid; },
    base: running.base, dir, ask,
    async stop() {
      close();
      await running.stop();
    },
    async restart() {
      await running.stop();
      running = await run({ dir, port, ca: bench.pki.ca, expected: 401 });
      return running.seconds;
    },
  };
}

// One state, district, vendor, ODS and its caller, and an application for clients to come.
export async function makeModel(ask) {
  const now = new Date();
  const year = now.getUTCFullYear() + (now.getUTCMonth() >= 6 ? 1 : 0);
  await ask("POST", "/years", { year, starts: `${year - 1}-07-01`, ends: `${year}-06-30` });
  await ask("POST", "/education-organizations", { number: 1, name: "State", kind: "state" });
  await ask("POST", "/education-organizations", { number: 255901, name: "Grand Bend ISD", kind: "lea", parent: 1 });
  await ask("POST", "/vendors", { name: "Acme SIS", kind: "sis", namespace_prefixes: ["uri://acme.example.org"] });
  await ask("POST", "/ods-instances", {
    name: "state", stage: "production", school_year: year, check_mode: "introspect", api_url: "https://localhost:9999/data",
  });
  await ask("POST", "/applications", {
    name: "Acme Grand Bend", vendor: "Acme SIS", school_year: year, claimset: "SIS Vendor",
    education_organizations: [255901], ods: ["state"],
  });
  return ask("POST", "/callers", { ods: "state" });
}

// [{ id, key, secret }]
export async function makeClients(ask, count, { lanes = 4, prefix = "client" } = {}) {
  const clients = new Array(count);
  await together(count, lanes, async (i) => {
    const { id } = await ask("POST", "/clients", { name: `${prefix}-${i}`, application: "Acme Grand Bend" });
    const { key, secret } = await ask("POST", `/clients/${id}/issue`, {});
    clients[i] = { id, key, secret };
  });
  return clients;
}

export async function fetchToken(keyd, ca, { key, secret }) {
  const { status, json } = await post(`${keyd.base}/oauth/token`, {
    ca, user: key, password: secret, form: { grant_type: "client_credentials" },
  });
  if (status !== 200) throw new Error(`keyd issues no token: ${status} ${JSON.stringify(json)}`);
  return json.access_token;
}
