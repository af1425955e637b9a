// A keyd of its own with a small state, as a stand-in is to a script: names as hostile as keyd lets in.
import { masked } from "./script.mjs";

const names = [
  "Rollbook", "\u8868\u793a\u30c6\u30b9\u30c8\u5b66\u533a", "Cafe\u0301 O\u0308rtchen", "=1+1|cmd", "x".repeat(75), "\u0420ollbook",
];

export async function startReal() {
  const { isRoot, person, startKeyd } = await import("../../support/keyd.mjs");
  const keyd = await startKeyd();
  const clients = new Map();
  const secrets = {};
  try {
    for (const name of names) {
      const client = await keyd.client(name);
      clients.set(client.id, client);
      secrets.leaked ??= client.secret;
    }
    const draft = await keyd.must("POST", "/keyd/clients", { name: "Not yet issued", application: "Acme Grand Bend" });
    clients.set(draft.id, draft);
    // No token: when its use reaches the disk is a matter of time.
    await keyd.act([...clients.values()][2], "quarantine", { reason: "seen in a log" });
  } catch (error) {
    await keyd.remove();
    throw error;
  }
  const { uid, gid } = person("games");
  return {
    as: isRoot ? ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"] : [],
    socket: keyd.file("run/keyd.sock"), mask: masked, secrets, keyd,
    state: { client: (id) => clients.get(id) },
    close: () => keyd.remove(),
  };
}
