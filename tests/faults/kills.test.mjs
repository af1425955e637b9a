// Goal of this test: kill -9 of any of keyd's processes at any moment, under load, loses no
// acknowledged change, issues nothing twice, and keyd is ready again within a second.
//
// 100 kills; with KEYD_ALL=1 2,000. A round in which fewer than half of the kills broke off a request
// says nothing, and fails.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";

import { basic, isRoot, pause, requestKey, startKeyd, until } from "../support/keyd.mjs";

const KILLS = process.env.KEYD_ALL ? 2000 : 100;
const CLIENTS = 4 * KILLS;
const CHANGING = 4;
const USING = 6;
const READY_MS = 1000;
const SLOW_OF_100 = 5; // on a busy machine so many restarts may take longer
const PATIENCE_MS = 30000;
const SECRETS_EACH = 4;
const ENDED_TOKENS_EACH = 10;
const ROLES = [
	["keeper", 55], ["front", 20], ["local-front", 10], ["courier", 3], ["parent", 12],
];

const chance = (n) => Math.floor(Math.random() * n);
const oneOf = (list) => list[chance(list.length)];

function oneRole() {
	let left = chance(100);
	return ROLES.find(([, weight]) => (left -= weight) < 0)[0];
}

/** Not an answer to the request: keyd is not back yet, or its automatic slot is just being opened. */
const isAway = (answer) => answer === undefined || answer.status >= 500 ||
	answer.json?.type === "urn:keyd:problem:phase";

/** Clients, and what of them was acknowledged. */
class Load {
	constructor(keyd) {
		this.keyd = keyd;
		this.clients = [];
		this.tokens = [];
		this.open = new Set();
		this.counts = { changes: 0, answers: 0 };
		this.stopped = false;
	}

	async add(count) {
		for (let i = 0; i < count; i++) {
			const { id, key } = await this.keyd.must("POST", "/keyd/clients",
				{ name: `client ${i}`, application: "Acme Grand Bend" });
			this.clients.push({ id, key, secrets: [], revoking: false, revoked: false, ended: 0 });
		}
	}

	/** Asks until there is an answer that is no fault of the moment. */
	async asks(request) {
		for (let tries = 1; ; tries++) {
			const one = { broken: false };
			this.open.add(one);
			let answer;
			try {
				answer = await request();
			} catch {
				answer = undefined;
			}
			this.open.delete(one);
			if (!isAway(answer)) return { ...answer, tries };
			one.broken = true;
			await pause(5 + chance(10));
		}
	}

	async changes(own) {
		for (let at = 0; !this.stopped && at < own.length;) {
			const client = own[at];
			if (client.secrets.length < SECRETS_EACH) {
				await this.makesSecret(client);
			} else {
				await this.revokes(client);
				at++;
			}
			this.counts.changes++;
		}
	}

	async makesSecret(client) {
		const move = client.secrets.length === 0 ? "issue" : "rotate";
		const headers = { "idempotency-key": requestKey() };
		const answer = await this.asks(() =>
			this.keyd.request("POST", `/keyd/clients/${client.id}/${move}`, {}, { headers }));
		assert.equal(answer.status, 200, `${move}, try ${answer.tries}: ${answer.text}`);
		assert.equal(answer.json.secret_number, client.secrets.length + 1, `${move} happened twice`);
		client.secrets.push(answer.json.secret);
	}

	async revokes(client) {
		client.revoking = true;
		const answer = await this.asks(() => this.keyd.request("POST", `/keyd/clients/${client.id}/revoke`, {}));
		assert.ok(answer.status === 200 || (answer.status === 409 && answer.tries > 1), answer.text);
		client.revoked = true;
	}

	async uses() {
		while (!this.stopped) {
			const client = oneOf(this.clients.filter((one) => one.secrets.length > 0)) ?? {};
			if (client.secrets === undefined) {
				await pause(10);
				continue;
			}
			await this.fetches(client);
			if (this.tokens.length > 0) await this.looksAt(oneOf(this.tokens));
			if (this.tokens.length > 0 && chance(4) === 0) await this.ends(oneOf(this.tokens));
			this.counts.answers++;
		}
	}

	async fetches(client) {
		const wasRevoked = client.revoked;
		const secret = oneOf(client.secrets);
		const answer = await this.asks(() => this.keyd.askToken({ key: client.key, secret }));
		if (answer.status === 200) {
			assert.equal(wasRevoked, false, "a revoked client was given a token");
			this.tokens.push({ client, secret, text: answer.json.access_token, ending: false, ended: false });
		} else {
			assert.ok(client.revoking, `an acknowledged secret was refused: ${answer.status} ${answer.text}`);
		}
	}

	async looksAt(token) {
		const isDead = token.client.revoked || token.ended;
		const { status, json, text } = await this.asks(() => this.keyd.post("/oauth/introspect",
			{ token: token.text }, { authorization: basic(this.keyd.caller) }));
		assert.equal(status, 200, text);
		if (isDead) assert.equal(json.active, false, "what was ended lives again");
		else if (!token.client.revoking && !token.ending) assert.equal(json.active, true, "a good token was lost");
	}

	async ends(token) {
		if (token.client.revoking || token.client.ended === ENDED_TOKENS_EACH) return;
		token.client.ended++;
		token.ending = true;
		const answer = await this.asks(() => this.keyd.post("/oauth/revoke", { token: token.text },
			{ authorization: basic({ key: token.client.key, secret: token.secret }) }));
		if (answer.status === 200) token.ended = true;
		else assert.ok(token.client.revoking, answer.text);
	}

	/** Nothing that was acknowledged is missing, nothing is there twice. */
	async check() {
		for (const client of this.clients) {
			const { json } = await this.asks(() => this.keyd.request("GET", `/keyd/clients/${client.id}`));
			assert.equal(json.secrets?.length ?? 0, client.secrets.length, `secrets of client ${client.id}`);
			assert.equal(json.state === "revoked", client.revoked, `client ${client.id}: ${json.state}`);
			const { json: audit } = await this.asks(() => this.keyd.request("GET",
				`/keyd/audit?limit=100&object=client&object_id=${client.id}`));
			const times = (action) => audit.items.filter((item) => item.action === action).length;
			assert.equal(times("client.issue"), Math.min(client.secrets.length, 1));
			assert.equal(times("client.revoke"), client.revoked ? 1 : 0);
			for (const secret of client.revoked ? [] : client.secrets)
				await this.keyd.token({ key: client.key, secret });
		}
		for (let i = 0; i < 200 && this.tokens.length > 0; i++) await this.looksAt(oneOf(this.tokens));
		const { json: verified } = await this.asks(() => this.keyd.request("GET", "/keyd/audit/verify"));
		assert.notEqual(verified.verdict, "broken", verified.text);
	}
}

/** Kills one process; gives what it broke off and how long keyd was away. */
async function killOne(keyd, load, probe) {
	const role = oneRole();
	const started = performance.now();
	const open = [...load.open];
	if (!keyd.kill(role)) return undefined;
	if (role === "parent") {
		await keyd.ended;
		for (;;) {
			keyd.spawn();
			const ended = await Promise.race([keyd.ended, pause(50)]);
			if (!ended) break;
			assert.match(ended.log, /another `keyd serve` uses/, ended.log);
		}
	}
	await until(`keyd ready after the end of its ${role}\n${keyd.log.slice(-3000)}`, async () => {
		try {
			return (await keyd.askToken(probe)).status === 200;
		} catch {
			return false;
		}
	}, PATIENCE_MS, 5);
	const away = performance.now() - started;
	await until(`an answer to what was asked before the ${role} ended`, () => open.every((one) =>
		one.broken || !load.open.has(one)), PATIENCE_MS, 5);
	return { role, away, hit: open.some((one) => one.broken) };
}

describe("under load", () => {
	let keyd;
	before(async () => {
		keyd = await startKeyd({ settings: { fronts: 2 } });
	});
	after(() => keyd?.remove());

	test(`${KILLS} kills lose nothing and double nothing`, { timeout: KILLS * 15000 }, async () => {
		const probe = await keyd.client("probe");
		const load = new Load(keyd);
		await load.add(CLIENTS);
		const share = CLIENTS / CHANGING;
		const workers = [];
		for (let n = 0; n < CHANGING; n++)
			workers.push(load.changes(load.clients.slice(n * share, (n + 1) * share)));
		for (let n = 0; n < USING; n++) workers.push(load.uses());
		let wrong;
		const watched = Promise.all(workers).catch((error) => {
			wrong = error;
			load.stopped = true;
		});
		const kills = [];
		while (kills.length < KILLS && !load.stopped) {
			await pause(chance(250));
			const kill = await killOne(keyd, load, probe);
			if (kill) kills.push(kill);
		}
		load.stopped = true;
		await watched;
		if (wrong) throw wrong;
		await load.check();
		const hits = kills.filter((kill) => kill.hit).length;
		const slow = kills.filter((kill) => kill.away > READY_MS);
		const longest = Math.max(...kills.map((kill) => kill.away));
		console.log(`${kills.length} kills, ${hits} hit a request; ${load.counts.changes} changes, ` +
			`${load.counts.answers} rounds of tokens; away ${Math.round(longest)} ms at most`);
		assert.ok(hits * 2 >= kills.length, `only ${hits} of ${kills.length} kills hit a request in flight`);
		assert.ok(slow.length * 100 <= SLOW_OF_100 * kills.length,
			`longer than a second away: ${JSON.stringify(slow)}`);
	});
});

const strace = spawnSync("strace", ["--version"]).status === 0;
const noStrace = (!strace && "strace is not installed") || (!isRoot && "strace cannot attach without root");

describe("killed at each step", { skip: noStrace }, () => {
	const CALLS = ["pwrite64", "fdatasync", "write", "sendmsg"];
	const STEPS_MAX = process.env.KEYD_ALL ? 200 : 8;
	const END = performance.now() + (process.env.KEYD_ALL ? 3600000 : 60000);
	let keyd;
	before(async () => {
		keyd = await startKeyd({ settings: { fronts: 1 } });
	});
	after(() => keyd?.remove());

	/** The keeper ends at its n-th such call. False: strace could not attach. */
	async function arm(call, n) {
		const [pid] = await until("a keeper", () => keyd.pids("keeper").length === 1 && keyd.pids("keeper"));
		const tracer = spawn("strace", ["-f", "-p", String(pid), "-e", `trace=${call}`, "-e",
			`inject=${call}:signal=KILL:when=${n}`], { stdio: ["ignore", "ignore", "pipe"] });
		let said = "";
		tracer.stderr.on("data", (data) => (said += data));
		const ended = new Promise((resolve) => tracer.on("close", resolve));
		await until(`strace attached: ${said}`, () => /attached/.test(said) || tracer.exitCode !== null);
		assert.match(said, /attached/);
		return { pid, ended, disarm: () => tracer.kill("SIGINT") };
	}

	async function asksUntilAnswered(request) {
		for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(10)) {
			try {
				const answer = await request();
				if (!isAway(answer)) return answer;
			} catch {
				// broken off: asked again
			}
		}
		return assert.fail("never answered");
	}

	const moves = {
		issue: async (client) => {
			assert.equal((await keyd.must("GET", `/keyd/clients/${client.id}`)).secrets.length, 1);
			await keyd.token(client);
		},
		rotate: async (client, answer, token) => {
			assert.equal((await keyd.must("GET", `/keyd/clients/${client.id}`)).secrets.length, 2);
			await keyd.token(answer.json);
			await keyd.token(client);
			assert.equal(await keyd.isActive(token), true);
		},
		revoke: async (client, answer, token) => {
			assert.equal((await keyd.must("GET", `/keyd/clients/${client.id}`)).state, "revoked");
			assert.equal(await keyd.isActive(token), false);
			assert.equal((await keyd.askToken(client)).status, 401);
		},
	};

	for (const [move, holds] of Object.entries(moves))
		test(move, { timeout: 3600000 }, async () => {
			let killed = 0;
			for (const call of CALLS)
				for (let n = 1; n <= STEPS_MAX && performance.now() < END; n++) {
					const client = move === "issue"
						? await keyd.must("POST", "/keyd/clients", { name: "x", application: "Acme Grand Bend" })
						: await keyd.client();
					const token = move === "issue" ? undefined : await keyd.token(client);
					const armed = await arm(call, n);
					const headers = { "idempotency-key": requestKey() };
					const answer = await asksUntilAnswered(() =>
						keyd.request("POST", `/keyd/clients/${client.id}/${move}`, {}, { headers }));
					armed.disarm();
					await armed.ended;
					const hit = !keyd.pids("keeper").includes(armed.pid);
					await keyd.ready();
					assert.ok(answer.status === 200 || (move === "revoke" && answer.status === 409), answer.text);
					if (move === "issue") Object.assign(client, { key: answer.json.key, secret: answer.json.secret });
					await holds(client, answer, token);
					if (!hit) break;
					killed++;
				}
			const { verdict, text } = await keyd.must("GET", "/keyd/audit/verify");
			assert.notEqual(verdict, "broken", text);
			console.log(`${move}: killed at ${killed} steps`);
			assert.ok(killed >= 3 || performance.now() >= END, `only ${killed} steps`);
		});
});
