// Goal of this test: nothing irreversible happens by a clock alone (promise 6 of the architecture): a
// step is not followed until a person says so, and after a stop whose length cannot be told, tokens of
// before are over.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { DAY, HOUR, MINUTE, startSimulated } from "./lib/clock.mjs";

const YEAR = 365 * DAY;

let keyd, clock;
before(async () => {
	keyd = await startSimulated();
	clock = keyd.clock;
});
after(() => keyd?.remove());

const untilStepped = async () => {
	assert.equal((await keyd.clockShow()).stepped, true);
	const status = await keyd.must("GET", "/keyd/status");
	assert.match(JSON.stringify(status.reasons), /the clock jumped/);
};

/** A client of which a secret is over, but for the calendar. */
async function dueClient() {
	const client = await keyd.client();
	await keyd.act(client, "rotate", { overlap_days: 0 });
	return client;
}

/** The calendar has had its time, and ended nothing. */
async function staysDue(client) {
	for (let minute = 0; minute < 2; minute++) {
		clock.pass(MINUTE);
		await new Promise((resolve) => setTimeout(resolve, 1300));
	}
	assert.equal((await keyd.secret(client)).state, "retiring");
	assert.equal((await keyd.clockShow()).calendar_runs, false);
	await keyd.isRefused(client); // its row says so, whatever the calendar does
}

describe("a step within a boot", () => {
	for (const [name, by] of [["an hour forward", HOUR], ["a year forward", YEAR], ["an hour back", -HOUR]])
		test(`${name} is not followed: tokens stay, nothing ends`, async () => {
			const client = await keyd.client();
			const token = await keyd.token(client);
			const before = clock.now;
			clock.step(by);
			const due = await dueClient();
			await untilStepped();
			assert.equal(Date.parse((await keyd.clockShow()).now) / 1000, before);
			assert.equal(await keyd.isActive(token), true);
			await keyd.token(client);
			await staysDue(due);
			assert.equal(await keyd.isActive(token), true);
			clock.step(-by);
			keyd.confirmClock();
			assert.equal((await keyd.clockShow()).stepped, false);
			clock.pass(MINUTE);
			await keyd.untilEnded(due);
			assert.equal(await keyd.isActive(token), true);
		});

	test("confirmed, it is followed, and the calendar ends what is over", async () => {
		const client = await keyd.client();
		const token = await keyd.token(client);
		const due = await dueClient();
		clock.step(HOUR);
		await untilStepped();
		assert.equal(await keyd.isActive(token), true);
		keyd.confirmClock();
		const shown = await keyd.clockShow();
		assert.equal(Date.parse(shown.now) / 1000, clock.now);
		assert.deepEqual([shown.stepped, shown.confirmed, shown.calendar_runs], [false, true, true]);
		assert.equal(await keyd.isActive(token), false); // its time is over
		await keyd.untilEnded(due);
		const [record] = await keyd.records({ action: "clock.confirm" });
		assert.notEqual(record.who, "keyd");
	});

	test("back and confirmed, time neither goes back nor stands still", async () => {
		const before = Date.parse((await keyd.clockShow()).now) / 1000;
		clock.step(-HOUR);
		await untilStepped();
		keyd.confirmClock();
		const then = Date.parse((await keyd.clockShow()).now) / 1000;
		assert.ok(then >= before);
		const token = await keyd.token(await keyd.client());
		clock.pass(10 * MINUTE);
		const later = Date.parse((await keyd.clockShow()).now) / 1000;
		assert.ok(later >= then + 4 * MINUTE && later <= then + 10 * MINUTE, String(later - then));
		assert.equal(await keyd.isActive(token), true);
		for (let look = 0; look < 20; look++) { // until the wall clock has come up
			clock.pass(10 * MINUTE);
			await keyd.clockShow();
		}
		assert.equal(Date.parse((await keyd.clockShow()).now) / 1000, clock.now);
	});
});

describe("a restart", () => {
	const down = async (away, { killed = false } = {}) => {
		if (killed) {
			keyd.parent.kill("SIGKILL");
			await keyd.ended;
		}
		await keyd.stop();
		clock.reboot(away);
		await keyd.start();
		await keyd.ready();
	};

	test("within five minutes keeps tokens", async () => {
		const client = await keyd.client();
		const token = await keyd.token(client);
		await down(4 * MINUTE);
		assert.equal(await keyd.isActive(token), true);
		await keyd.token(client);
	});

	test("after a longer stop ends those of before, not the new ones", async () => {
		const client = await keyd.client();
		const token = await keyd.token(client);
		await down(6 * MINUTE);
		assert.equal(await keyd.isActive(token), false);
		const fresh = await keyd.token(client);
		assert.equal(await keyd.isActive(fresh), true);
		await keyd.restart();
		assert.equal(await keyd.isActive(fresh), true);
	});

	test("with a wall clock an hour before the last time seen goes on from there, and asks", async () => {
		const client = await keyd.client();
		const before = clock.now;
		clock.pass(40); // less than a minute, after which the time is stored anyway
		const token = await keyd.token(client);
		const due = await dueClient();
		await down(-HOUR);
		const shown = await keyd.clockShow();
		assert.equal(shown.stepped, true);
		assert.ok(Date.parse(shown.now) / 1000 >= before);
		assert.equal(await keyd.isActive(token), false);
		assert.equal(await keyd.isActive(await keyd.token(client)), true);
		await staysDue(due);
		clock.step(HOUR);
		keyd.confirmClock();
		clock.pass(MINUTE);
		await keyd.untilEnded(due);
	});

	test("killed, with the wall clock put back, no token of before comes to life later", async () => {
		const client = await keyd.client();
		await keyd.secret(client);
		clock.pass(50);
		const token = await keyd.token(client);
		assert.equal(await keyd.isActive(token), true);
		await down(-HOUR, { killed: true });
		for (let tenth = 0; tenth < 10; tenth++) {
			assert.equal(await keyd.isActive(token), false, `after ${tenth * 10} s`);
			clock.pass(10);
		}
		clock.step(HOUR);
		keyd.confirmClock();
	});
});

test("where no time service is in sync the calendar waits for a person", async () => {
	await keyd.stop();
	clock.synchronise(false);
	await keyd.start();
	await keyd.ready();
	const due = await dueClient();
	await staysDue(due);
	const status = await keyd.must("GET", "/keyd/status");
	assert.match(JSON.stringify(status.reasons), /no time service is in sync/);
	keyd.confirmClock();
	clock.pass(MINUTE);
	await keyd.untilEnded(due);
});
