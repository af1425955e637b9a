// npm's certified oidc-provider with its own in-memory adapter. Arguments: port, certificate, key.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import Provider from "oidc-provider";

const [port, cert, key] = process.argv.slice(2);
const provider = new Provider(`https://127.0.0.1:${port}`, {
  clients: [{
    client_id: "bench",
    client_secret: "bench-secret-of-forty-three-characters-long",
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: "client_secret_basic",
  }],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    devInteractions: { enabled: false },
  },
  ttl: { ClientCredentials: 3600 },
});
const server = createServer({
  cert: readFileSync(cert), key: readFileSync(key), minVersion: "TLSv1.3", ecdhCurve: "P-256",
}, provider.callback());
server.keepAliveTimeout = 600_000;
server.maxRequestsPerSocket = 0;
server.listen(Number(port), "127.0.0.1", 4096, () => console.log("ready"));
