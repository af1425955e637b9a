// Goal of this test: one key's whole life, by the routes that command line and console use: what ends
// ends at once, what overlaps overlaps, what was pasted is found and not kept, what was taken away stays
// away over a restart and a restore.

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, before, describe, test } from "node:test";

import { basic, isRoot, requestKey, root, startKeyd, until } from "../support/keyd.mjs";

const DAY_MS = 86400000;

let keyd;
before(async () => {
	keyd = await startKeyd();
});
after(() => keyd?.remove());

const refuses = async (client, move, status, body = {}, options) => {
	const answer = await keyd.request("POST", `/keyd/clients/${client.id}/${move}`, body, options);
	assert.equal(answer.status, status, answer.text);
	assert.match(answer.headers["content-type"], /^application\/problem\+json/);
	return answer.json;
};
const show = (client) => keyd.must("GET", `/keyd/clients/${client.id}`);
const isRefused = async (credential) =>
	assert.equal((await keyd.askToken(credential)).json.error, "invalid_client");

describe("rotate", () => {
	test("both secrets work during the overlap, the former's tokens too, under the same key", async () => {
		const client = await keyd.client();
		const token = await keyd.token(client);
		const rotated = await keyd.act(client, "rotate", { overlap_days: 3 });
		assert.equal(rotated.key, client.key);
		assert.equal(rotated.secret_number, 2);
		const ends = Date.parse(rotated.former_ends) - Date.now();
		assert.ok(Math.abs(ends - 3 * DAY_MS) < 60000, rotated.former_ends);
		assert.equal(await keyd.isActive(token), true);
		for (const secret of [client.secret, rotated.secret])
			assert.equal(await keyd.isActive(await keyd.token({ key: client.key, secret })), true);
		const secrets = (await show(client)).secrets;
		assert.deepEqual(secrets.map((s) => s.secret_number ?? s.number).sort(), [1, 2]);
		assert.ok(secrets.some((s) => s.state === "retiring"));
	});

	test("the former secret revoked alone ends with its tokens, the new one goes on", async () => {
		const client = await keyd.client();
		const former = await keyd.token(client);
		const rotated = await keyd.act(client, "rotate");
		const token = await keyd.token(rotated);
		await keyd.act(client, "revoke", { secret_number: 1 });
		assert.equal(await keyd.isActive(former), false);
		assert.equal(await keyd.isActive(token), true);
		await isRefused(client);
	});

	test("a client without a secret has nothing to rotate, one with a secret gets no first one", async () => {
		const client = await keyd.client();
		await refuses(client, "issue", 409);
		const draft = await keyd.must("POST", "/keyd/clients", { name: "draft", application: "Acme Grand Bend" });
		await refuses(draft, "rotate", 409);
	});
});

describe("what ends a client ends its tokens at once", () => {
	for (const move of ["suspend", "quarantine", "revoke"])
		test(move, async () => {
			const client = await keyd.client();
			const bystander = await keyd.client();
			const tokens = await Promise.all([1, 2, 3].map(() => keyd.token(client)));
			const other = await keyd.token(bystander);
			await keyd.act(client, move, { reason: "the test" });
			for (const token of tokens) assert.equal(await keyd.isActive(token), false);
			await isRefused(client);
			assert.equal(await keyd.isActive(other), true);
			assert.equal((await show(client)).reason, "the test");
		});

	test("resumed after a pause the client works, its former tokens do not", async () => {
		const client = await keyd.client();
		const former = await keyd.token(client);
		await keyd.act(client, "suspend");
		await keyd.act(client, "resume");
		assert.equal(await keyd.isActive(former), false);
		assert.equal(await keyd.isActive(await keyd.token(client)), true);
	});

	test("released from quarantine it has a new secret, the former one is revoked", async () => {
		const client = await keyd.client();
		const former = await keyd.token(client);
		await keyd.act(client, "quarantine");
		const released = await keyd.act(client, "release", { reason: "not leaked after all" });
		assert.equal(await keyd.isActive(former), false);
		await isRefused(client);
		assert.equal(await keyd.isActive(await keyd.token(released)), true);
		assert.equal(await keyd.isActive(former), false);
	});

	test("revoked is final", async () => {
		const client = await keyd.client();
		await keyd.act(client, "revoke");
		for (const move of ["resume", "release", "rotate", "issue", "suspend"]) await refuses(client, move, 409);
	});

	test("one secret in quarantine stops that secret alone", async () => {
		const client = await keyd.client();
		const rotated = await keyd.act(client, "rotate");
		const [former, token] = [await keyd.token(client), await keyd.token(rotated)];
		await keyd.act(client, "quarantine", { secret_number: 2 });
		assert.equal(await keyd.isActive(token), false);
		assert.equal(await keyd.isActive(former), true);
		await isRefused(rotated);
		await keyd.token(client);
	});
});

describe("find", () => {
	const find = (ask, options) => keyd.must("POST", "/keyd/find", ask, options);
	let client;
	before(async () => {
		client = await keyd.client("Rollbook Findable");
	});

	const isIt = (found, what) => {
		const hit = found.items.find((item) => item.client_id === client.id);
		assert.ok(hit, JSON.stringify(found));
		if (what) assert.equal(hit.what, what);
		assert.equal(hit.vendor, "Acme SIS");
		assert.deepEqual(hit.education_organizations, ["Grand Bend ISD (255901)"]);
		assert.equal(hit.school_year, keyd.year);
		assert.equal(hit.may_stop, true);
		return hit;
	};

	test("by key, part of a key, name, part of a name, id", async () => {
		for (const text of [client.key, client.key.toLowerCase(), client.key.slice(5, 14), "Rollbook Findable",
			"book Find", String(client.id)])
			isIt(await find({ text }), "client");
	});

	test("by a pasted secret, alone, in a log line, without hyphens", async () => {
		const bare = client.secret.replaceAll("-", "");
		for (const pasted of [client.secret, `2026-11-24 ERROR secret="${client.secret}" refused`, bare,
			bare.toLowerCase().replace(/^kds_/, "kds_")]) {
			const hit = isIt(await find({ pasted }), "secret");
			assert.equal(hit.secret_number, 1);
			assert.equal(hit.state, "live");
		}
	});

	test("by a pasted token", async () => isIt(await find({ pasted: `Bearer ${await keyd.token(client)}` })));

	test("a typing error is told with its group, and is no hit", async () => {
		const groups = client.secret.slice(4).split("-");
		groups[6] = (groups[6][0] === "7" ? "8" : "7") + groups[6].slice(1);
		const found = await find({ pasted: `kds_${groups.join("-")}` });
		assert.equal(found.items[0].what, "typing-error");
		assert.equal(found.items[0].wrong_group, 7);
		assert.equal(found.items[0].client_id, undefined);
	});

	test("a secret in the wrong field is refused with advice", async () => {
		const answer = await keyd.request("POST", "/keyd/find", { text: client.secret });
		assert.equal(answer.status, 400);
		assert.match(answer.json.detail, /treat it as leaked/);
	});

	test("a secret of nobody is said to be one", async () => {
		const found = await find({ pasted: strangersSecret() });
		assert.deepEqual(found.items ?? [], []);
		assert.match(JSON.stringify(found.notes), /none that this keyd has ever made/);
	});

	test("whoever pastes a full secret may quarantine that secret", async () => {
		const leaked = await keyd.client();
		const token = await keyd.token(leaked);
		await keyd.must("POST", "/keyd/find/quarantine", { pasted: leaked.secret });
		assert.equal(await keyd.isActive(token), false);
		await isRefused(leaked);
		assert.equal((await show(leaked)).state, "live");
	});

	// The first line of tests/data's vectors that is a well-formed secret.
	function strangersSecret() {
		const vectors = fs.readFileSync(new URL("../data/credential-vectors.txt", import.meta.url), "utf8");
		return /kds_(?:[0-9A-Z]{5}-){12}[0-9A-Z]{5}/.exec(vectors)[0];
	}
});

describe("Idempotency-Key", () => {
	const again = (key) => ({ headers: { "idempotency-key": key } });

	for (const move of ["issue", "rotate", "release"])
		test(`${move} asked again gives the same secret, and one secret only`, async () => {
			const client = move === "issue"
				? await keyd.must("POST", "/keyd/clients", { name: "again", application: "Acme Grand Bend" })
				: await keyd.client();
			if (move === "release") await keyd.act(client, "quarantine");
			const key = requestKey();
			const first = await keyd.act(client, move, {}, again(key));
			const second = await keyd.act(client, move, {}, again(key));
			assert.equal(second.secret, first.secret);
			assert.equal(second.secret_number, first.secret_number);
			assert.equal(second.shown_again, true);
			assert.equal(first.shown_again, undefined);
			await keyd.token(first);
		});

	test("with another request it is 422, and nothing happens", async () => {
		const client = await keyd.client();
		const key = requestKey();
		await keyd.act(client, "rotate", {}, again(key));
		await refuses(client, "rotate", 422, { label: "another" }, again(key));
		await refuses(await keyd.client(), "rotate", 422, {}, again(key));
		assert.equal((await show(client)).secrets.length, 2);
	});

	test("one that is too short is refused", async () => {
		await refuses(await keyd.client(), "rotate", 400, {}, again("1234"));
	});
});

describe("delivery", () => {
	test("what was not received is shown again, by the receipt or the first token it is gone", async () => {
		const client = await keyd.client();
		const shown = await keyd.act(client, "deliver");
		assert.equal(shown.secret, client.secret);
		await keyd.act(client, "receipt", { secret_number: 1 });
		await refuses(client, "deliver", 409);
		await keyd.token(client);

		const used = await keyd.client();
		await keyd.token(used);
		await until("the delivery is closed", async () =>
			(await keyd.request("POST", `/keyd/clients/${used.id}/deliver`, {})).status === 409);
	});

	test("a lost update is noticed", async () => {
		const client = await keyd.client();
		const { version } = await show(client);
		await keyd.act(client, "suspend", {}, { headers: { "if-match": `"${version}"` } });
		await refuses(client, "resume", 412, {}, { headers: { "if-match": `"${version}"` } });
	});

	test("a dry run changes nothing and shows no secret", async () => {
		const client = await keyd.client();
		const tried = await keyd.must("POST", `/keyd/clients/${client.id}/rotate?dry_run=1`, {});
		assert.equal(tried.secret, undefined);
		assert.equal((await show(client)).secrets.length, 1);
	});
});

describe("audit", () => {
	test("each change is one record, newest first, and the chain holds", async () => {
		const client = await keyd.client("audited");
		await keyd.act(client, "suspend", { reason: "an audit" });
		const { items } = await keyd.must("GET", `/keyd/audit?limit=20&object=client&object_id=${client.id}`);
		assert.deepEqual(items.map((item) => item.action), ["client.suspend", "client.issue", "client.add"]);
		assert.match(items[0].after, /suspended/);
		assert.ok(items[0].sequence > items[1].sequence);
		const verified = await keyd.must("GET", "/keyd/audit/verify");
		assert.notEqual(verified.verdict, "broken", verified.text);
	});

	test("the exported chain passes both verifiers, and is broken by one changed letter", async () => {
		const file = keyd.file("audit.log");
		const exported = await keyd.request("GET", "/keyd/audit/export");
		assert.equal(exported.status, 200);
		fs.writeFileSync(file, exported.body);
		const good = keyd.cli(["audit", "verify", file]);
		assert.equal(good.status, 0, good.stdout + good.stderr);
		fs.writeFileSync(file, exported.text.replace("client.suspend", "client.suspemd"));
		const bad = keyd.cli(["audit", "verify", file]);
		assert.equal(bad.status, 1, bad.stdout + bad.stderr);
		fs.rmSync(file);
	});
});

test("on TCP the admin door answers 401 on every route but three", async () => {
	const document = JSON.parse(fs.readFileSync(new URL("docs/openapi.json", `file://${root}`), "utf8"));
	let walked = 0;
	for (const [template, methods] of Object.entries(document.paths)) {
		if (!template.startsWith("/keyd")) continue;
		for (const method of Object.keys(methods).filter((name) => /^(get|post|put|patch|delete)$/.test(name))) {
			const target = template.replace(/\{\w+\}/g, "1");
			const answer = await keyd.admin(target, { method: method.toUpperCase(), agent: false });
			assert.equal(answer.status, 401, `${method} ${target}: ${answer.status}`);
			walked++;
		}
	}
	assert.ok(walked > 50, String(walked));
	for (const target of ["/healthz", "/readyz", "/metrics"])
		assert.equal((await keyd.admin(target)).status, 200);
	assert.equal((await keyd.public("/metrics", { method: "GET" })).status, 404);
});

test("uid 0 may not issue, a stranger may not even look", { skip: !isRoot && "needs root" }, async () => {
	const client = await keyd.client();
	for (const as of ["root", "news"])
		for (const [method, target, body] of [["POST", `/keyd/clients/${client.id}/rotate`, {}],
			["POST", `/keyd/clients/${client.id}/revoke`, {}], ["GET", "/keyd/clients"], ["GET", "/keyd/audit"],
			["POST", "/keyd/callers", { ods: "state" }]]) {
			const answer = await keyd.request(method, target, body, { as });
			assert.equal(answer.status, 403, `${as}: ${target}: ${answer.status} ${answer.text}`);
		}
});

test("a restart keeps tokens, secrets, and what has ended", async () => {
	const [client, gone] = [await keyd.client(), await keyd.client()];
	const [token, ended, dead] = [await keyd.token(client), await keyd.token(client), await keyd.token(gone)];
	await keyd.post("/oauth/revoke", { token: ended }, { authorization: basic(client) });
	await keyd.act(gone, "revoke");
	await keyd.stop();
	await keyd.start();
	await keyd.ready();
	assert.equal(await keyd.isActive(token), true);
	assert.equal(await keyd.isActive(ended), false);
	assert.equal(await keyd.isActive(dead), false);
	await keyd.token(client);
	await isRefused(gone);
});

test("what was revoked after a backup stays revoked when the backup is restored", async () => {
	const [kept, gone] = [await keyd.client(), await keyd.client()];
	const before = [await keyd.token(kept), await keyd.token(gone)];
	const backup = await keyd.request("POST", "/keyd/backup", {});
	assert.equal(backup.status, 200, backup.text);
	fs.writeFileSync(keyd.file("backup"), backup.body);
	const checked = keyd.cli(["backup", "check", keyd.file("backup"), "-"],
		{ input: `${keyd.recovery}\n` });
	assert.equal(checked.status, 0, checked.stderr + checked.stdout);
	await keyd.act(gone, "revoke", { reason: "after the backup" });
	const ran = new Date().toISOString().replace(/\.\d+/, "");
	await keyd.stop();
	fs.rmSync(keyd.file("state"), { recursive: true });
	fs.rmSync(keyd.file("seal.key"));
	await keyd.start();
	assert.equal(keyd.status.phase, "empty");
	const restored = keyd.cli(["restore", keyd.file("backup"), "-", "--yes", "--last-ran", ran, "--key-beside-data",
		...(isRoot ? ["--owner", "games"] : [])], { input: `${keyd.recovery}\n` });
	assert.equal(restored.status, 0, restored.stderr + restored.stdout + keyd.log.slice(-2000));
	await keyd.ready();
	for (const token of before) assert.equal(await keyd.isActive(token), false);
	await isRefused(gone);
	assert.equal((await show(gone)).state, "revoked");
	assert.equal(await keyd.isActive(await keyd.token(kept)), true);
	const verified = await keyd.must("GET", "/keyd/audit/verify");
	assert.notEqual(verified.verdict, "broken", verified.text);
});
