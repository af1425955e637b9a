// keyd itself: parent, keeper, courier and one front, as they are shipped.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetchToken, makeClients, makeModel, startKeyd } from "../lib/keyd.mjs";

const clientCount = 100;

export const peers = [
  {
    name: "keyd",
    title: "keyd (two processes, durable, audited; tokens JWT by ES256)",
    async start(bench) {
      const keyd = await startKeyd(bench);
      const caller = await makeModel(keyd.ask);
      const clients = await makeClients(keyd.ask, clientCount);
      const tokens = [];
      for (const client of clients) tokens.push(await fetchToken(keyd, bench.pki.ca, client));
      const checks = join(bench.dir, "keyd.checks");
      const issues = join(bench.dir, "keyd.issues");
      writeFileSync(checks, tokens.map((token) => `${caller.key} ${caller.secret} ${token}\n`).join(""));
      writeFileSync(issues, clients.map(({ key, secret }) => `${key} ${secret}\n`).join(""));
      return {
        pid: keyd.pid,
        stop: keyd.stop,
        credentials: checks,
        loads: {
          introspection: { script: "introspection", url: `${keyd.base}/oauth/introspect`, args: [checks] },
          token: { script: "token", url: `${keyd.base}/oauth/token`, args: [issues] },
          connections: { script: "get", url: `${keyd.base}/oauth/jwks`, args: ["close"], closes: true },
        },
      };
    },
  },
];
