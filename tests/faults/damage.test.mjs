// Goal of this test: what was put back, changed or taken away on disk is noticed at the start, said in
// a sentence, and never makes keyd answer what is not so.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as net from "node:net";
import { afterEach, beforeEach, test } from "node:test";

import { pause, startKeyd, until } from "../support/keyd.mjs";

const ROUNDS = process.env.KEYD_ALL ? 200 : 6;
const DATABASE = ["keyd.db", "keyd.db-wal"];

let keyd;
beforeEach(async () => {
	keyd = await startKeyd();
});
afterEach(() => keyd?.remove());

const status = async () => (await keyd.request("GET", "/keyd/status")).json;

function copyDatabase(from, to) {
	fs.rmSync(keyd.file(`${to}/keyd.db-wal`), { force: true });
	for (const name of DATABASE)
		if (fs.existsSync(keyd.file(`${from}/${name}`))) {
			const into = keyd.file(`${to}/${name}`);
			const { uid, gid } = fs.statSync(keyd.file(`${from}/${name}`));
			fs.copyFileSync(keyd.file(`${from}/${name}`), into);
			fs.chownSync(into, uid, gid);
			fs.chmodSync(into, 0o600);
		}
}

async function looksAt(token) {
	try {
		return await keyd.isActive(token);
	} catch {
		return false;
	}
}

test("an old database put back: nothing is active, nothing issued, revoking works, the owner may accept", async () => {
	const client = await keyd.client();
	const gone = await keyd.client();
	const [token, dead] = [await keyd.token(client), await keyd.token(gone)];
	await keyd.stop();
	fs.mkdirSync(keyd.file("old"));
	copyDatabase("state", "old");
	await keyd.start();
	await keyd.ready();
	await keyd.act(gone, "revoke");
	await pause(1500); // the sink has it
	await keyd.stop();
	copyDatabase("old", "state");
	await keyd.start();
	const now = await until("keyd says why", async () => {
		const said = await status();
		return said.phase === "serving" && said;
	});
	assert.equal(now.ready, false, JSON.stringify(now));
	assert.equal(now.sink, "ahead");
	assert.match(now.reasons.join("\n"), /sink/);
	for (const one of [token, dead]) assert.equal(await looksAt(one), false);
	for (const one of [client, gone]) assert.notEqual((await keyd.askToken(one)).status, 200);
	assert.ok((await keyd.request("POST", `/keyd/clients/${client.id}/rotate`, {})).status >= 400);
	await keyd.act(gone, "revoke");
	assert.equal(await looksAt(token), false);
	await keyd.must("POST", "/keyd/damage/accept");
	await keyd.ready();
	await keyd.token(client);
	assert.notEqual((await keyd.askToken(gone)).status, 200);
	assert.equal(await looksAt(dead), false);
});

test("another key file: sealed, with a sentence, and serving again with the right one", async () => {
	const token = await keyd.token(await keyd.client());
	const file = keyd.file("seal.key");
	const kept = fs.readFileSync(file);
	await keyd.stop();
	fs.writeFileSync(file, randomBytes(kept.length));
	await keyd.start();
	const wrong = await status();
	assert.equal(wrong.phase, "sealed");
	assert.ok(wrong.reasons.length > 0);
	assert.notEqual((await keyd.post("/oauth/token", {})).status, 200);
	await keyd.stop();
	fs.writeFileSync(file, kept);
	await keyd.start();
	await keyd.ready();
	assert.equal(await keyd.isActive(token), true);
});

test("flipped bytes of the database never make a dead token live or a wrong row served", async () => {
	const [client, gone] = [await keyd.client("whole"), await keyd.client("gone")];
	const dead = await keyd.token(gone);
	await keyd.act(gone, "revoke");
	await keyd.stop();
	fs.mkdirSync(keyd.file("old"));
	copyDatabase("state", "old");
	for (let round = 0; round < ROUNDS; round++) {
		copyDatabase("old", "state");
		const file = keyd.file("state/keyd.db");
		const bytes = fs.readFileSync(file);
		const at = bytes.indexOf(round % 2 ? client.key : gone.key);
		assert.ok(at > 0, "the row is in the database");
		bytes[at + Math.floor(Math.random() * 60) - 20] ^= 1 << Math.floor(Math.random() * 8);
		fs.writeFileSync(file, bytes);
		keyd.spawn();
		await Promise.race([keyd.ended, keyd.answers().catch(() => undefined)]);
		await pause(300);
		assert.equal(await looksAt(dead), false);
		const answer = await keyd.askToken(gone).catch(() => ({ status: 0 }));
		assert.notEqual(answer.status, 200);
		const shown = await keyd.request("GET", `/keyd/clients/${client.id}`).catch(() => ({ status: 0 }));
		if (shown.status === 200) {
			assert.equal(shown.json.key, client.key);
			assert.equal(shown.json.name, "whole");
		}
		await keyd.stop();
	}
});

test("a newer schema is refused with a sentence", async () => {
	await keyd.stop();
	const run = spawnSync("sqlite3", [keyd.file("state/keyd.db"), "PRAGMA user_version = 999"], { encoding: "utf8" });
	assert.equal(run.status, 0, run.stderr);
	const from = keyd.log.length;
	keyd.spawn();
	await until("a sentence about the newer schema", () => /newer/.test(keyd.log.slice(from)), 15000);
	assert.notEqual((await keyd.admin("/readyz").catch(() => ({ status: 0 }))).status, 200);
});

test("a port in use ends the start with a sentence", async () => {
	await keyd.stop();
	const server = net.createServer().listen(keyd.port, "127.0.0.1");
	await new Promise((resolve) => server.once("listening", resolve));
	keyd.spawn();
	const { code, log } = await keyd.ended;
	server.close();
	assert.equal(code, 2);
	assert.match(log, /public\.listen: .*Address already in use; /);
});
