// The bare loop: constant answers, and the same with the work that no token service can leave out.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, startProgram } from "../lib/process.mjs";

async function start({ build, dir, pki }, options) {
  const port = await freePort();
  const program = join(build, "tests/bench/bench-floor");
  const given = ["--port", String(port), "--cert", pki.cert, "--key", pki.key, ...options];
  const running = await startProgram(program, given, { ready: /^ready$/m, cwd: dir });
  return { ...running, base: `https://127.0.0.1:${port}` };
}

export const peers = [
  {
    name: "floor",
    title: "bare C loop, epoll + OpenSSL, a constant 316-byte answer (the floor of cost)",
    async start(bench) {
      // it does not look at them, but the requests are as long as everybody's
      const file = join(bench.dir, "floor-constant.credentials");
      writeFileSync(file, `floor0000001 ${"s".repeat(43)} ${"t".repeat(43)}\n`);
      const { base, ...running } = await start(bench, []);
      return {
        ...running,
        loads: {
          introspection: { script: "introspection", url: `${base}/oauth/introspect`, args: [file] },
          connections: { script: "get", url: `${base}/`, args: ["close"], closes: true },
        },
      };
    },
  },
  {
    name: "floor-work",
    title: "the same, client authentication and a look-up among 1,000,000 tokens; JWT by ES256, not stored",
    async start(bench) {
      const file = join(bench.dir, "floor.credentials");
      const { base, ...running } = await start(bench, ["--auth-lookup", "--sign", "es256", "--dump", file]);
      return {
        ...running,
        credentials: file,
        loads: {
          introspection: { script: "introspection", url: `${base}/oauth/introspect`, args: [file] },
          token: { script: "token", url: `${base}/oauth/token`, args: [file] },
        },
      };
    },
  },
];
