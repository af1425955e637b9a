// Idle TLS connections: what one takes, and whether checks notice a thousand of them.
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:tls";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { figure } from "../lib/figures.mjs";
import { fetchToken, makeClients, makeModel, startKeyd, together } from "../lib/keyd.mjs";
import { measure } from "../lib/load.mjs";
import { memory } from "../lib/process.mjs";

const idle = 2000;
const settled = 12_000; // ms after which keyd has given back what idle connections do not need

export const title = `${idle} idle connections`;

function openOne(port, ca) {
  return new Promise((done, fail) => {
    const socket = connect({ port, host: "127.0.0.1", ca, ALPNProtocols: ["http/1.1"] }, () => done(socket));
    socket.on("error", fail);
  });
}

export async function run(bench) {
  const keyd = await startKeyd(bench);
  const sockets = [];
  try {
    const caller = await makeModel(keyd.ask);
    const [client] = await makeClients(keyd.ask, 1);
    const file = join(bench.dir, "keyd-idle.checks");
    writeFileSync(file, `${caller.key} ${caller.secret} ${await fetchToken(keyd, bench.pki.ca, client)}\n`);
    const load = { script: "introspection", url: `${keyd.base}/oauth/introspect`, args: [file] };
    const check = (seconds) => measure(keyd, load, { connections: 64, seconds });
    await check(1);
    const quiet = await check(bench.options.seconds);
    await sleep(settled);
    const before = memory(keyd.pid);
    const ca = readFileSync(bench.pki.ca);
    const { port } = new URL(keyd.base);
    await together(idle, 32, async () => sockets.push(await openOne(Number(port), ca)));
    await sleep(settled);
    const after = memory(keyd.pid);
    const beside = await check(bench.options.seconds);
    return [
      figure({
        name: "memory of an idle TLS connection, PSS", value: (after.pss - before.pss) * 1024 / idle, unit: "KiB", most: 20,
      }),
      figure({
        name: `introspection beside ${idle} idle connections, rate`, value: beside.rate, unit: "1/s",
        against: "keyd without them", base: quiet.rate, least: 0.9,
      }),
    ];
  } finally {
    for (const socket of sockets) socket.destroy();
    await keyd.stop();
  }
}
