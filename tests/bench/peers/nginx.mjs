// nginx and a static file of 316 bytes, the measure of whether the bare loop is a fair floor.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, startProgram } from "../lib/process.mjs";

function config({ dir, pki, port }) {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `  ${name}_temp_path ${dir}/${name};`).join("\n");
  return `
${process.getuid() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log stderr notice;
events { worker_connections 20000; }
http {
  access_log off;
  sendfile on;
  tcp_nopush off;
  open_file_cache max=16;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
${temporary}
  server {
    listen 127.0.0.1:${port} ssl backlog=4096;
    ssl_certificate ${pki.cert};
    ssl_certificate_key ${pki.key};
    ssl_protocols TLSv1.3;
    ssl_ecdh_curve prime256v1;
    ssl_session_cache off;
    root ${dir}/www;
  }
}
`;
}

export const peers = [
  {
    name: "nginx",
    title: "nginx, static 316 bytes",
    async start({ dir, pki }) {
      const port = await freePort();
      const home = join(dir, "nginx");
      mkdirSync(join(home, "www"), { recursive: true });
      writeFileSync(join(home, "www/answer"), "x".repeat(316));
      writeFileSync(join(home, "nginx.conf"), config({ dir: home, pki, port }));
      const running = await startProgram("/usr/sbin/nginx", ["-c", join(home, "nginx.conf"), "-p", home], {
        ready: /start worker process \d/,
      });
      const url = `https://127.0.0.1:${port}/answer`;
      return {
        ...running,
        loads: {
          introspection: { script: "get", url },
          connections: { script: "get", url, args: ["close"], closes: true },
        },
      };
    },
  },
];
