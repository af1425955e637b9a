// Goal of this test: a secret in clear stands nowhere but where it was delivered, also when it was
// typed into the wrong field: not in the state directory, the sink, the log, a backup, a command line,
// an environment, in no spelling that a program might give it.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, test } from "node:test";

import { basic, form, startKeyd } from "../support/keyd.mjs";

let keyd;
before(async () => {
	keyd = await startKeyd({ settings: { log: { level: "debug" } } });
});
after(() => keyd?.remove());

/** Every form in which the text might have been written down. */
function spellings(text) {
	const bytes = Buffer.from(text);
	const found = new Map();
	const add = (name, value) => found.set(name, Buffer.from(value));
	add("raw", text);
	add("lower case", text.toLowerCase());
	add("canonical", text.replaceAll("-", ""));
	add("hex", bytes.toString("hex"));
	add("HEX", bytes.toString("hex").toUpperCase());
	add("percent", [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
	add("percent encoded", encodeURIComponent(text));
	add("JSON escaped", [...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""));
	add("UTF-16 LE", Buffer.from(text, "utf16le"));
	add("UTF-16 BE", Buffer.from(text, "utf16le").swap16());
	// Within a longer base64 the text may begin at each of three places; its edges depend on neighbours.
	for (const shift of [0, 1, 2]) {
		const coded = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64").replace(/=+$/, "");
		add(`base64 at ${shift}`, coded.slice(shift === 0 ? 0 : 4, -4));
		add(`base64url at ${shift}`, coded.slice(shift === 0 ? 0 : 4, -4).replaceAll("+", "-").replaceAll("/", "_"));
	}
	return found;
}

function files(directory) {
	return fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
		const name = path.join(directory, entry.name);
		return entry.isDirectory() ? files(name) : entry.isFile() ? [name] : [];
	});
}

/** Without long runs of zeros: the reserve is most of a database and its journal. */
function read(name) {
	const empty = Buffer.alloc(512);
	const bytes = fs.readFileSync(name);
	const parts = [];
	for (let at = 0; at < bytes.length;) {
		const gap = bytes.indexOf(empty, at);
		const end = gap < 0 ? bytes.length : gap;
		parts.push(bytes.subarray(at, end));
		for (at = end; at < bytes.length && bytes[at] === 0;) at++;
	}
	return Buffer.concat(parts);
}

function places() {
	const found = new Map([["the log", Buffer.from(keyd.log)]]);
	for (const directory of ["state", "sink", "run"])
		for (const name of files(keyd.file(directory))) found.set(name, read(name));
	found.set("the backup", fs.readFileSync(keyd.file("backup")));
	found.set("the audit export", fs.readFileSync(keyd.file("export")));
	for (const role of ["parent", "keeper", "front", "local-front", "courier"])
		for (const pid of keyd.pids(role))
			for (const what of ["cmdline", "environ"])
				try {
					found.set(`${what} of ${role}`, fs.readFileSync(`/proc/${pid}/${what}`));
				} catch {
					// of another user: nobody but root can read it
				}
	return found;
}

test("no secret is found anywhere, wherever it was put", { timeout: 120000 }, async () => {
	const canaries = new Map();
	const plant = (name, value = `kds_${name}${randomBytes(24).toString("hex").toUpperCase()}`) => {
		canaries.set(name, value);
		return value;
	};
	// Secrets of keyd's own making: used, undelivered, shown again, rotated, revoked.
	const client = await keyd.client();
	plant("issued and used", client.secret);
	const token = await keyd.token(client);
	plant("rotated", (await keyd.act(client, "rotate")).secret);
	plant("undelivered", (await keyd.client()).secret);
	plant("caller", keyd.caller.secret);
	plant("recovery code", keyd.recovery);
	await keyd.isActive(token);
	plant("token", token);
	// Put where it does not belong.
	const ends = (request) => request.catch(() => undefined);
	const grant = { grant_type: "client_credentials" };
	const type = { "content-type": "application/x-www-form-urlencoded" };
	const wrong = client.secret.slice(0, -1) + (client.secret.endsWith("7") ? "8" : "7");
	plant("typing error", wrong);
	await ends(keyd.askToken({ key: client.key, secret: wrong }));
	await ends(keyd.askToken({ key: plant("BASICUSER"), secret: "x" }));
	await ends(keyd.askToken({ key: client.secret, secret: client.key }));
	await ends(keyd.askToken({ key: "", secret: plant("BASICALONE") }));
	await ends(keyd.post("/oauth/token", { ...grant, client_id: plant("CLIENTID"), client_secret: "y" }));
	await ends(keyd.post("/oauth/token", { ...grant, client_id: client.key, client_secret: plant("WRONGSECRET") }));
	await ends(keyd.post("/oauth/token", { ...grant, scope: plant("SCOPE") }, { authorization: basic(client) }));
	await ends(keyd.post("/oauth/token", { ...grant, resource: plant("RESOURCE") }, { authorization: basic(client) }));
	await ends(keyd.post("/oauth/token", { grant_type: plant("GRANT") }, { authorization: basic(client) }));
	await ends(keyd.post("/oauth/token", { ...grant, [plant("PARAMETER")]: "1" }));
	await ends(keyd.post(`/oauth/token?${form({ client_secret: plant("QUERY") })}`, grant));
	await ends(keyd.post(`/oauth/${plant("PATH")}`, grant));
	await ends(keyd.public(`/${plant("PATHGET")}?${plant("QUERYGET")}`, { method: "GET" }));
	await ends(keyd.admin(`/${plant("ADMINPATH")}?x=${plant("ADMINQUERY")}`));
	await ends(keyd.public("/oauth/token", { headers: { ...type, [plant("HEADERNAME")]: "1" }, body: form(grant) }));
	await ends(keyd.public("/oauth/token", { headers: { ...type, "x-secret": plant("HEADERVALUE") }, body: "" }));
	await ends(keyd.public("/oauth/token", { headers: { authorization: `Bearer ${plant("BEARER")}` }, body: "" }));
	await ends(keyd.public("/oauth/token", { headers: { authorization: `Basic ${plant("NOBASE64")}` }, body: "" }));
	await ends(keyd.public("/oauth/token", { headers: { "content-type": plant("MEDIATYPE") }, body: "x" }));
	await ends(keyd.public("/oauth/token", { method: "GET", headers: { cookie: plant("COOKIE") } }));
	const json = { "content-type": "application/json" };
	for (const body of [`{"${plant("MEMBER")}":"x"}`, `{"client_id":"${plant("JSONID")}","grant_type":"a"}`,
		`{"client_secret":"${plant("JSONCUT")}`, `["${plant("JSONLIST")}"]`])
		await ends(keyd.public("/oauth/token", { headers: json, body }));
	const asks = (values, who = keyd.caller) => ends(keyd.post("/oauth/introspect", values,
		{ authorization: basic(who) }));
	await asks({ token: plant("TOKEN") });
	await asks({ token: client.secret });
	await asks({ token, token_type_hint: plant("HINT") });
	await asks({ token }, { key: keyd.caller.key, secret: plant("CALLERSECRET") });
	await ends(keyd.post("/oauth/revoke", { token: plant("REVOKED") }, { authorization: basic(client) }));
	await ends(keyd.post("/oauth/token_info", { token: plant("INFO") },
		{ authorization: `Bearer ${plant("INFOBEARER")}` }));
	// By the people's socket: where a person pastes it in the wrong place.
	const says = (method, target, body, headers) => ends(keyd.request(method, target, body, { headers }));
	await says("POST", "/keyd/find", { pasted: client.secret });
	await says("POST", "/keyd/find", { pasted: `log line with ${plant("PASTED")} in it` });
	await says("POST", "/keyd/find", { pasted: token });
	await says("POST", "/keyd/find", { text: client.secret });
	await says("POST", "/keyd/find/quarantine", { pasted: plant("QUARANTINED") });
	await says("GET", `/keyd/clients/${plant("REF")}`);
	await says("GET", `/keyd/clients?name=${plant("FILTER")}`);
	await says("GET", `/keyd/${plant("ROUTE")}`);
	await says("POST", "/keyd/clients", { [plant("FIELD")]: "x" });
	await says("POST", "/keyd/clients", { name: "x", application: plant("NOAPPLICATION") });
	await says("POST", "/keyd/unseal", { secret: plant("PASSPHRASE") });
	await says("POST", `/keyd/clients/${client.id}/rotate`, {}, { "idempotency-key": plant("IDEMPOTENCY") });
	plant("idempotency key", randomBytes(16).toString("hex"));
	await says("POST", `/keyd/clients/${client.id}/rotate`, {},
		{ "idempotency-key": canaries.get("idempotency key") });
	await keyd.cli(["client", "find", client.secret], { as: "games" });
	const checked = keyd.cli(["secret", "check", "-"], { input: `${wrong}\n` });
	assert.doesNotMatch(checked.stdout + checked.stderr, new RegExp(wrong.slice(4)));

	fs.writeFileSync(keyd.file("backup"), (await keyd.request("POST", "/keyd/backup", {})).body);
	fs.writeFileSync(keyd.file("export"), (await keyd.request("GET", "/keyd/audit/export")).body);
	const living = places();
	await keyd.stop();
	const stopped = places();
	const leaks = [];
	for (const [name, text] of canaries)
		for (const [spelling, needle] of spellings(text))
			for (const seen of [living, stopped])
				for (const [place, bytes] of seen)
					if (bytes.includes(needle)) leaks.push(`${name}, ${spelling}, in ${place}`);
	assert.deepEqual([...new Set(leaks)], []);
	assert.ok(living.size >= 8, [...living.keys()].join(", "));
	// The search itself finds what is there.
	assert.ok([...living.values()].some((bytes) => bytes.includes(client.key)));
});
