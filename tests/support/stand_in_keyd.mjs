// Stands in for keyd behind its local socket, for the console's screens: the same routes and forms, a fixed
// state, names that attack a terminal, and what a real keyd does seldom: it is slow, it goes away, it loses
// an answer.
import http from "node:http";
import { existsSync, unlinkSync } from "node:fs";

export const KEY_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
// A well-formed secret (tests/data/credential-vectors.txt) that the stand-in knows as secret 1 of client 3.
const HOUR = 3600;
const START = Date.UTC(2026, 10, 24, 17, 0, 0) / 1000;
const time = (t) => new Date(t * 1000).toISOString().replace(/\.\d+Z/, "Z");

const hostileNames = [
  "Aspen SIS",
  "\u001b[2J\u001b[31mred\u001b]0;title\u0007",
  "\u202Egnippohs\u202C Inc",
  "表示テスト学区システム",
  "Cafe\u0301 O\u0308rtchen",
  "line\nbreak\ttab",
  "\u{1F511}\u200D\u{1F9D1} key\uFE0F",
  "a".repeat(75),
  "=HYPERLINK(\"http://x\",\"y\")",
];
const vendors = ["Aspen Learning", "Sunrise Finance", "Grand Bend HR", "Lumen Assessment", "Zeta\u202Eatez"];

function key(id) {
  let text = "";
  for (let i = 0, n = Math.imul(id, 0x9e3779b1) >>> 0; i < 22; i++) {
    n = (Math.imul(n, 1103515245) + 12345) >>> 0;
    text += KEY_ALPHABET[n >>> 27];
  }
  return `kd${text}`;
}

const movesOf = {
  draft: ["issue", "quarantine", "revoke"],
  live: ["issue", "rotate", "suspend", "quarantine", "revoke"],
  suspended: ["resume", "quarantine", "revoke"],
  quarantined: ["release", "revoke"],
  revoked: [],
};

class State {
  constructor(clients, leaked) {
    this.clients = clients;
    this.leaked = leaked;
    this.changed = new Map();
    this.quarantinedSecrets = 0;
    this.audit = 1200;
    this.requests = new Map();
  }

  client(id) {
    if (this.changed.has(id)) return this.changed.get(id);
    const name = hostileNames[id - 1] ?? `District system ${id}`;
    const state = id === 2 ? "draft" : id % 50 === 4 ? "quarantined" : id % 50 === 5 ? "suspended" : "live";
    return {
      id, key: key(id), name, application: `Roster ${id % 7}`, application_id: 100 + id % 7,
      vendor: vendors[id % vendors.length], school_year: 2027, state, generation: 1,
      education_organizations: id % 3 ? [255901] : [255901, 255902, 255903], claimset: "SIS Vendor",
      secrets: id === 2 ? [] : [
        {
          number: 1, state: id === 3 ? "retiring" : "live", not_before: time(START - 900 * HOUR),
          not_after: time(START + 5000 * HOUR), last_use: time(START - id % 40 * HOUR),
          last_source: "192.0.2.0/24", created: time(START - 900 * HOUR),
          ...(id === 3 ? { label: "old\u001b[7m server", hard_end: time(START + 200 * HOUR), quiet_days: 7 } : {}),
        },
      ],
      ...(id === 2 ? {} : { last_use: time(START - id % 40 * HOUR) }),
      next_moves: movesOf[state], created: time(START - 1000 * HOUR), version: 1,
    };
  }

  change(client, more) {
    const next = { ...client, ...more, version: client.version + 1 };
    next.next_moves = movesOf[next.state];
    this.changed.set(client.id, next);
    this.audit++;
    return next;
  }

  status() {
    return {
      phase: "serving", ready: true, reasons: ["the automatic slot lies beside the data", "bad\u001b[31m news\u202E"],
      deployment: "d-1", release: "0.1.0", fronts: 1, started: time(START), clients: this.clients,
      live: this.clients - 4, quarantined: 3 + this.quarantinedSecrets, undelivered: 2, expiring: 1204,
      audit_sequence: this.audit, sink: "working", sink_place: "same-host", sink_lag: 0, seal_slots: 2,
      automatic_slot: "backup", disk: "ok", fenced_rows: 0,
      clock: [{
        now: time(START), wall: time(START), offset_seconds: 0, stepped: false, synchronised: true, confirmed: false,
        calendar_runs: true,
      }],
      you: "alice (owner)", last_backup: time(START - 24 * HOUR),
    };
  }

  record(sequence) {
    const actions = ["client.issue", "secret.deliver", "secret.use", "client.rotate", "search.pasted"];
    return {
      sequence, time: time(START - (this.audit - sequence) * 60), who: sequence % 9 ? "alice" : "eve\u001b[2J\u202E",
      via: "local socket", from: "uid 1000", tenant_id: 1, action: actions[sequence % 5], object: "client",
      object_id: sequence % 97 + 1, object_version: 2, act: `act-${sequence}`, result: "done", request: "0".repeat(16),
      after: "state=live",
    };
  }
}

const problem = (type, status, detail, field) => ({
  status, body: { type: `urn:keyd:problem:${type}`, title: type, status, detail, ...(field ? { field } : {}) },
});

function page(rows, url, make, total, backward) {
  const limit = Number(url.searchParams.get("limit") ?? 50);
  const from = Number(url.searchParams.get("after") ?? 0);
  const items = [];
  let at = from;
  for (; at < rows && items.length < limit; at++) items.push(make(backward ? rows - 1 - at : at));
  return { status: 200, body: { items, total, after: at < rows ? String(at) : null } };
}

function listClients(state, url) {
  const sort = url.searchParams.get("sort") ?? "";
  const wanted = url.searchParams.get("state");
  const name = url.searchParams.get("name")?.replace(/^\*|\*$/g, "");
  if (!wanted && !name) {
    return page(state.clients, url, (i) => {
      const { secrets, next_moves, ...rest } = state.client(i + 1);
      return rest;
    }, state.clients, sort.startsWith("-"));
  }
  const found = [];
  for (let id = 1; id <= Math.min(state.clients, 2000); id++) {
    const client = state.client(id);
    if ((!wanted || client.state === wanted) && (!name || client.name.includes(name))) found.push(client);
  }
  return page(found.length, url, (i) => {
    const { secrets, next_moves, ...rest } = found[i];
    return rest;
  }, found.length, sort.startsWith("-"));
}

function listAudit(state, url) {
  const id = url.searchParams.get("object_id");
  const who = url.searchParams.get("who");
  const all = [];
  for (let s = state.audit; s > 0; s--) {
    const record = state.record(s);
    if ((!id || String(record.object_id) === id) && (!who || record.who === who)) all.push(s);
  }
  return page(all.length, url, (i) => state.record(all[i]), state.audit, url.searchParams.get("sort") === "sequence");
}

function envelope(state, client, number, again) {
  return {
    client_id: client.id, key: client.key, secret: state.leaked, secret_number: number,
    not_before: time(START), not_after: time(START + 5000 * HOUR), former_ends: time(START + 700 * HOUR),
    token_url: "https://127.0.0.1:8443/oauth/token", shown_again: Boolean(again), request_id: "r-1",
  };
}

function moveSecret(state, client, number, to) {
  const secrets = client.secrets.map((s) => (s.number === number ? { ...s, state: to } : s));
  if (to === "quarantined") state.quarantinedSecrets++;
  return { status: 200, body: state.change(client, { secrets }) };
}

const acts = {
  issue: (state, client) => {
    if (client.secrets.length) return problem("conflict", 409, "it has a secret already (number 1, live): rotate puts a new one beside it", "client");
    const secrets = [{ number: 1, state: "sealed", not_before: time(START), not_after: time(START + 5000 * HOUR), created: time(START) }];
    return { status: 200, body: envelope(state, state.change(client, { state: "live", secrets }), 1) };
  },
  rotate: (state, client, body) => {
    const number = client.secrets.length + 1;
    const old = client.secrets.map((s) => ({ ...s, state: "retiring", hard_end: time(START + (body.overlap_days ?? 30) * 24 * HOUR), quiet_days: body.quiet_days ?? 7 }));
    const fresh = {
      number, state: "sealed", ...(body.label ? { label: body.label } : {}), not_before: time(START),
      not_after: time(START + 5000 * HOUR), created: time(START),
    };
    return { status: 200, body: envelope(state, state.change(client, { secrets: [fresh, ...old] }), number) };
  },
  deliver: (state, client) => {
    const sealed = client.secrets.find((s) => s.state === "sealed");
    return sealed ? { status: 200, body: envelope(state, client, sealed.number) }
      : problem("conflict", 409, "no secret of this client waits to be delivered; rotate makes a new one", "client");
  },
  receipt: (state, client, body) => moveSecret(state, client, body.secret_number, "delivered"),
  suspend: (state, client, body) => ({ status: 200, body: state.change(client, { state: "suspended", reason: body.reason }) }),
  resume: (state, client) => ({ status: 200, body: state.change(client, { state: "live" }) }),
  quarantine: (state, client, body) => (body.secret_number
    ? moveSecret(state, client, body.secret_number, "quarantined")
    : { status: 200, body: state.change(client, { state: "quarantined", reason: body.reason, generation: client.generation + 1 }) }),
  release: (state, client) => {
    const number = client.secrets.length + 1;
    const former = client.secrets.map((s) => ({ ...s, state: "revoked" }));
    const fresh = { number, state: "sealed", not_before: time(START), not_after: time(START + 5000 * HOUR), created: time(START) };
    return { status: 200, body: envelope(state, state.change(client, { state: "live", secrets: [fresh, ...former] }), number) };
  },
  revoke: (state, client, body) => (body.secret_number
    ? moveSecret(state, client, body.secret_number, "revoked")
    : { status: 200, body: state.change(client, { state: "revoked", reason: body.reason }) }),
};

function hit(state, id, what, number) {
  const client = state.client(id);
  return {
    what, client_id: id, key: client.key, name: client.name, state: client.state, vendor: client.vendor,
    school_year: client.school_year, education_organizations: ["Grand Bend ISD (255901)", "Nasty\u001b[2J ISD (255902)"],
    office: "Region 99 Education Service Center", may_stop: true,
    ...(number ? { secret_number: number, secret_state: client.secrets.find((s) => s.number === number).state } : {}),
    ...(client.last_use ? { last_use: client.last_use } : {}),
  };
}

function find(state, body) {
  if (body.pasted !== undefined) {
    if (body.pasted === state.leaked) return { items: [hit(state, 3, "secret", 1)] };
    if (body.pasted === state.foreign) {
      return { items: [{ what: "secret", may_stop: true, office: "Region 7 Education Service Center" }] };
    }
    if (/^kds_/i.test(body.pasted)) {
      return {
        items: [{ what: "typing-error", wrong_group: 4 }],
        notes: ["this has the form of a secret with a typing error in group 4 of 13"],
      };
    }
    return { items: [], notes: ["nothing in it has the form of a key, a secret or a token of keyd"] };
  }
  const items = [];
  for (let id = 1; id <= 200 && items.length < 20; id++) {
    const client = state.client(id);
    if (client.key.includes(body.text) || client.name.includes(body.text) || String(id) === body.text) {
      items.push(hit(state, id, "client"));
    }
  }
  return items.length ? { items, more: items.length === 20 }
    : { items, notes: ["nothing in your scope has that key, part of a key, name or id"] };
}

function clientOf(state, ref) {
  const id = Number(ref);
  if (Number.isInteger(id) && id > 0 && id <= state.clients) return state.client(id);
  for (let i = 1; i <= 200; i++) {
    const client = state.client(i);
    if (client.key === ref || client.name === ref) return client;
  }
  return null;
}

function answer(state, method, url, headers, body) {
  const parts = url.pathname.split("/").slice(2).map(decodeURIComponent);
  if (method === "GET" && url.pathname === "/keyd/status") return { status: 200, body: state.status() };
  if (method === "GET" && url.pathname === "/keyd/clients") return listClients(state, url);
  if (method === "GET" && url.pathname === "/keyd/audit") return listAudit(state, url);
  if (method === "GET" && url.pathname === "/keyd/audit/verify") {
    return { status: 200, body: state.broken
      ? { first: 1, last: state.audit, verdict: "broken", at: 77, text: "record 77 was changed\u001b[2J", heads: 3 }
      : { first: 1, last: state.audit, verdict: "consistent", heads: 14 } };
  }
  if (method === "POST" && url.pathname === "/keyd/find") return { status: 200, body: find(state, body) };
  if (method === "POST" && url.pathname === "/keyd/find/quarantine") {
    if (body.pasted !== state.leaked) return problem("notfound", 404, "this keyd never made that secret", "pasted");
    moveSecret(state, state.client(3), 1, "quarantined");
    return { status: 200, body: { notes: ["that secret is in quarantine"] } };
  }
  if (parts[0] === "clients") {
    const client = clientOf(state, parts[1]);
    if (!client) return problem("notfound", 404, "no client has that id, key or name");
    if (method === "GET") return { status: 200, body: client };
    const seen = headers["if-match"];
    if (seen && seen !== `"${client.version}"`) return problem("conflict", 412, "the client was changed meanwhile: look at it again", "version");
    const repeated = headers["idempotency-key"];
    if (repeated && state.requests.has(repeated)) {
      return { status: 200, body: { ...state.requests.get(repeated).body, shown_again: true } };
    }
    const reply = acts[parts[2]](state, client, body);
    if (repeated && reply.status === 200) state.requests.set(repeated, reply);
    return reply;
  }
  return problem("notfound", 404, "there is no such thing");
}

// knobs: delay (ms for every answer), lose (a path: its next answer is lost, after the act).
export async function startStandIn(path, { clients = 150000, leaked, foreign } = {}) {
  const state = new State(clients, leaked);
  state.foreign = foreign;
  const knobs = { delay: 0, lose: null, asked: [] };
  if (existsSync(path)) unlinkSync(path);
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const url = new URL(request.url, "http://localhost");
      knobs.asked.push(`${request.method} ${request.url}`);
      const reply = answer(state, request.method, url, request.headers, text ? JSON.parse(text) : {});
      if (knobs.lose && url.pathname.endsWith(knobs.lose)) {
        knobs.lose = null;
        request.socket.destroy();
        return;
      }
      const body = JSON.stringify(reply.body);
      setTimeout(() => {
        response.writeHead(reply.status, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
        response.end(body);
      }, knobs.delay);
    });
  });
  await new Promise((done) => { server.listen(path, done); });
  return {
    state, knobs,
    close: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }),
  };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await startStandIn(process.argv[2], { leaked: process.argv[3] });
}
