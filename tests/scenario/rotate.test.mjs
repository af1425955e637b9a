// Goal of this test: a secret ends when it was said to end: by its row at the moment of use, and then by
// the calendar; earlier only when it is no longer used; its tokens never outlive it. What nobody fetched
// is forgotten.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";

import { until } from "../support/keyd.mjs";
import { claimsOf, DAY, HOUR, MINUTE, seconds, startSimulated } from "./lib/clock.mjs";

let keyd, clock;
before(async () => {
	keyd = await startSimulated();
	clock = keyd.clock;
});
after(() => keyd?.remove());

/** What was used is on record from a stop in order on. */
const keepUses = () => keyd.restart();

describe("a rotated secret", () => {
	test("works until the second before its hard end, then is refused, then ended by keyd", async () => {
		const client = await keyd.client();
		const rotated = await keyd.act(client, "rotate", { overlap_days: 3, quiet_days: 30 });
		const end = seconds(rotated.former_ends);
		assert.equal(end, clock.now + 3 * DAY);
		for (const credential of [client, rotated]) await keyd.token(credential);
		clock.passUntil(end - 1);
		const last = await keyd.token(client);
		assert.equal(claimsOf(last).exp, end);
		assert.equal(await keyd.isActive(last), true);
		clock.passUntil(end);
		await keyd.isRefused(client);
		assert.equal(await keyd.isActive(last), false);
		assert.equal((await keyd.secret(client)).state, "retiring");
		await keyd.token(rotated);
		clock.pass(MINUTE);
		await keyd.untilEnded(client);
		const [record] = await keyd.records({ action: "secret.end" });
		assert.equal(record.who, "keyd");
		assert.match(record.after, /ended/);
		await keyd.isRefused(client);
		await keyd.token(rotated);
	});

	test("ends early when unused for the quiet days while its successor is in use", async () => {
		const client = await keyd.client();
		await keyd.token(client);
		const rotated = await keyd.act(client, "rotate", { overlap_days: 30, quiet_days: 7 });
		clock.pass(2 * DAY);
		await keyd.token(rotated);
		await keyd.token(client);
		const used = clock.now;
		await keepUses();
		clock.passUntil(used + 7 * DAY - MINUTE);
		await keyd.calendarRuns();
		assert.equal((await keyd.secret(client)).state, "retiring");
		clock.passUntil(used + 7 * DAY + HOUR + MINUTE);
		await keyd.untilEnded(client);
		await keyd.isRefused(client);
		await keyd.token(rotated);
		assert.ok(clock.now < seconds(rotated.former_ends));
	});

	test("stays until its hard end when its successor is never used, or it is used itself", async () => {
		const [lazy, busy] = [await keyd.client("lazy"), await keyd.client("busy")];
		const ask = { overlap_days: 20, quiet_days: 2 };
		const former = await keyd.act(lazy, "rotate", ask);
		const rotated = await keyd.act(busy, "rotate", ask);
		const end = seconds(former.former_ends);
		for (let day = 0; day < 20; day += 2) {
			await keyd.token(rotated);
			await keyd.token(busy);
			await keepUses();
			clock.passUntil(end - (18 - day) * DAY - 10 * MINUTE);
			if (day % 6 === 0) await keyd.calendarRuns();
		}
		for (const client of [lazy, busy])
			assert.equal((await keyd.secret(client)).state, "retiring", client.name);
		clock.passUntil(end + MINUTE);
		for (const client of [lazy, busy]) await keyd.untilEnded(client);
	});
});

describe("a token", () => {
	test("is active until its exp and not at it", async () => {
		const token = await keyd.token(await keyd.client());
		const { exp, iat } = claimsOf(token);
		assert.equal(iat, clock.now);
		assert.equal((await keyd.introspect(token)).exp, exp);
		clock.passUntil(exp - 1);
		assert.equal(await keyd.isActive(token), true);
		clock.passUntil(exp);
		assert.deepEqual(await keyd.introspect(token), { active: false });
	});

	test("expires with its secret, which is refused from then on", async () => {
		const client = await keyd.must("POST", "/keyd/clients", {
			name: "short", application: "Acme Grand Bend",
		});
		const end = clock.now + DAY;
		const issued = await keyd.act(client, "issue", {
			not_after: new Date(end * 1000).toISOString().replace(".000", ""),
		});
		assert.equal(seconds(issued.not_after), end);
		clock.passUntil(end - 90);
		const token = await keyd.token(issued);
		assert.equal(claimsOf(token).exp, end);
		clock.passUntil(end - 1);
		assert.equal(await keyd.isActive(token), true);
		clock.passUntil(end);
		assert.equal(await keyd.isActive(token), false);
		await keyd.isRefused(issued);
	});
});

test("what nobody fetched in time is refused, then its record key is gone", async () => {
	const keep = 14;
	const [waiting, fetched] = [await keyd.client("waiting"), await keyd.client("fetched")];
	await keyd.act(fetched, "receipt", { secret_number: 1 });
	clock.pass(keep * DAY - MINUTE);
	assert.equal((await keyd.act(waiting, "deliver")).secret, waiting.secret);
	clock.pass(MINUTE);
	const answer = await keyd.request("POST", `/keyd/clients/${waiting.id}/deliver`, {});
	assert.equal(answer.status, 409, answer.text);
	assert.match(answer.json.detail, /keyd keeps no copy/);
	await keyd.calendarRuns();
	const closed = await keyd.records({ action: "delivery.close", who: "keyd" });
	assert.ok(closed.some((record) => /its time was over/.test(record.after)), JSON.stringify(closed));
	await keyd.stop();
	const left = readTable("SELECT count(*) FROM record_key k JOIN delivery d ON k.row_id = d.secret_id " +
		`WHERE k.place = 'delivery' AND d.client_id = ${waiting.id}`);
	const sealed = readTable(`SELECT count(sealed) FROM delivery WHERE client_id = ${waiting.id}`);
	await keyd.start();
	await keyd.ready();
	assert.deepEqual([left, sealed], ["0", "0"]);
	await keyd.token(waiting); // the secret itself works on
});

test("of many rotated secrets each is looked at, more than one round of the calendar does", async () => {
	const rotateSome = async () => {
		for (let i = 0; i < 65; i++)
			await keyd.act(await keyd.client(), "rotate", { overlap_days: 90 });
	};
	await Promise.all([1, 2, 3, 4].map(rotateSome));
	const [late, quiet] = [await keyd.client("late"), await keyd.client("quiet")];
	await keyd.act(late, "rotate", { overlap_days: 1 });
	await keyd.token(await keyd.act(quiet, "rotate", { overlap_days: 60, quiet_days: 1 }));
	clock.pass(DAY + MINUTE);
	await keyd.untilEnded(late);
	await until("the quiet one has ended", async () => {
		clock.pass(MINUTE);
		return (await keyd.secret(quiet)).state === "ended";
	}, 10000, 500);
});

// Of a copy, so that the reader does not touch keyd's journal.
function readTable(sql) {
	const copy = fs.mkdtempSync(path.join(keyd.home, "copy-"));
	fs.cpSync(keyd.file("state"), copy, { recursive: true });
	const file = fs.readdirSync(copy).find((name) => fs.readFileSync(path.join(copy, name))
		.subarray(0, 15).toString() === "SQLite format 3");
	const run = spawnSync("sqlite3", [path.join(copy, file), sql], { encoding: "utf8" });
	assert.equal(run.status, 0, run.stderr);
	return run.stdout.trim();
}
