// npm's oidc-provider: certified, in memory, not durable.
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { post } from "../lib/https.mjs";
import { freePort, startProgram } from "../lib/process.mjs";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
const user = "bench";
const password = "bench-secret-of-forty-three-characters-long";

export const peers = [
  {
    name: "oidc-provider",
    title: "node oidc-provider 9 (certified; in memory, not durable)",
    missing: () => (existsSync(join(here, "node_modules/oidc-provider")) ? null : "its npm package is not installed"),
    async start({ dir, pki }) {
      const port = await freePort();
      const running = await startProgram(process.execPath,
        [join(here, "lib/oidc-server.mjs"), String(port), pki.cert, pki.key],
        { ready: /^ready$/m, env: { NODE_ENV: "production" } });
      const base = `https://127.0.0.1:${port}`;
      const lines = [];
      for (let i = 0; i < 100; i++) {
        const { status, json } = await post(`${base}/token`, {
          ca: pki.ca, user, password, form: { grant_type: "client_credentials" },
        });
        if (status !== 200) throw new Error(`oidc-provider: ${status} ${JSON.stringify(json)}`);
        lines.push(`${user} ${password} ${json.access_token}`);
      }
      const file = join(dir, "oidc-provider.credentials");
      writeFileSync(file, `${lines.join("\n")}\n`);
      return {
        ...running,
        credentials: file,
        loads: {
          introspection: { script: "introspection", url: `${base}/token/introspection`, args: [file] },
          token: { script: "token", url: `${base}/token`, args: [file] },
        },
      };
    },
  },
];
