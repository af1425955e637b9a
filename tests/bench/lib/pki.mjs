// A certificate authority and one server certificate, P-256, for a day.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export function makePki(dir) {
  const path = (name) => join(dir, name);
  const openssl = (...args) => execFileSync("openssl", args, { stdio: ["ignore", "pipe", "pipe"] });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

  openssl("req", "-x509", ...curve, "-days", "2", "-subj", "/CN=bench CA",
    "-keyout", path("ca.key"), "-out", path("ca.pem"));
  writeFileSync(path("server.ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n");
  openssl("req", ...curve, "-subj", "/CN=127.0.0.1", "-keyout", path("server.key"), "-out", path("server.csr"));
  openssl("x509", "-req", "-in", path("server.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
    "-CAcreateserial", "-days", "2", "-extfile", path("server.ext"), "-out", path("server.pem"));
  return { ca: path("ca.pem"), cert: path("server.pem"), key: path("server.key") };
}
