// The page that is the clock of a build with KEYD_SIM (core/clock_sim.h), turned by hand, and a keyd
// that goes by it. Waiting inside keyd stays real: what it does once a second happens within one.

import assert from "node:assert/strict";
import * as fs from "node:fs";

import { Keyd, until } from "../../support/keyd.mjs";

const MAGIC = 0x4b45594431434c4bn;
const PAGE_BYTES = 32;
const WALL_AT = 8;
const BOOT_AT = 16;
const SYNCHRONISED_AT = 24;
const US = 1000000n;

export const MINUTE = 60;
export const HOUR = 3600;
export const DAY = 86400;
/** In the school year 2027, far from its ends. */
export const START = "2027-01-12T15:00:00Z";

export const seconds = (text) => Date.parse(text) / 1000;
export const text = (s) => new Date(s * 1000).toISOString().replace(".000", "");

export class Clock {
	constructor(file, start) {
		this.wall = BigInt(seconds(start));
		this.boot = 1000n * US;
		const page = Buffer.alloc(PAGE_BYTES);
		page.writeBigUInt64LE(MAGIC);
		page.writeInt32LE(1, SYNCHRONISED_AT);
		fs.writeFileSync(file, page, { mode: 0o644 });
		this.page = fs.openSync(file, "r+");
		this.#turn();
	}

	// One write, so that keyd does not see half of a move and take it for a step.
	#turn() {
		const times = Buffer.alloc(BOOT_AT + 8 - WALL_AT);
		times.writeBigInt64LE(this.wall);
		times.writeBigInt64LE(this.boot, BOOT_AT - WALL_AT);
		fs.writeSync(this.page, times, 0, times.length, WALL_AT);
	}

	get now() {
		return Number(this.wall);
	}

	/** Time passes. */
	pass(s) {
		this.wall += BigInt(s);
		this.boot += BigInt(s) * US;
		this.#turn();
	}

	passUntil(s) {
		assert.ok(s >= this.now, `${text(s)} is over: it is ${text(this.now)}`);
		this.pass(s - this.now);
	}

	/** The wall clock alone is put forward, or back. */
	step(s) {
		this.wall += BigInt(s);
		this.#turn();
	}

	/** A machine that was off: the wall clock went on, the other begins anew. Only while keyd is down. */
	reboot(s) {
		this.wall += BigInt(s);
		this.boot = 10n * US;
		this.#turn();
	}

	synchronise(is) {
		const word = Buffer.alloc(4);
		word.writeInt32LE(is ? 1 : 0);
		fs.writeSync(this.page, word, 0, word.length, SYNCHRONISED_AT);
	}
}

class SimulatedKeyd extends Keyd {
	clockShow() {
		return this.must("GET", "/keyd/clock");
	}

	confirmClock() {
		const run = this.cli(["clock", "confirm"], { as: "games" });
		assert.equal(run.status, 0, run.stderr + run.stdout);
	}

	async restart() {
		await this.stop();
		await this.start();
		await this.ready();
	}

	/** The secrets of a client by number. */
	async secrets(client) {
		const shown = await this.must("GET", `/keyd/clients/${client.id}`);
		return new Map(shown.secrets.map((secret) => [secret.number, secret]));
	}

	async secret(client, number = 1) {
		return (await this.secrets(client)).get(number);
	}

	/** Until the calendar has moved that secret; the clock must have passed a minute before. */
	untilEnded(client, number = 1) {
		return until(`secret ${number} of ${client.name} has ended`, async () =>
			(await this.secret(client, number)).state === "ended");
	}

	/** Two runs of the calendar, the second of them after all that was asked for until now. */
	async calendarRuns() {
		const { canary } = this;
		for (let run = 0; run < 2; run++) {
			const rotated = await this.act(canary, "rotate", { overlap_days: 0 });
			this.clock.pass(2 * MINUTE);
			await this.untilEnded(canary, rotated.secret_number - 1);
		}
	}

	async isRefused(credential) {
		const answer = await this.askToken(credential);
		assert.equal(answer.status, 401, answer.text);
		assert.equal(answer.json.error, "invalid_client");
	}

	/** Until the use of that secret is on record, and not in memory alone. */
	untilUseKept(client, number, since) {
		return until(`use of secret ${number} is kept`, async () => {
			const { last_use: last } = await this.secret(client, number);
			return last !== undefined && seconds(last) + HOUR > since;
		}, 90000);
	}

	async records(filter) {
		return (await this.must("GET", `/keyd/audit?limit=50&${new URLSearchParams(filter)}`)).items;
	}

	async remove() {
		if (this.clock) fs.closeSync(this.clock.page);
		this.clock = undefined;
		await super.remove();
	}
}

/** A keyd that serves a small state at START of its own clock. */
export async function startSimulated({ settings, start = START } = {}) {
	const keyd = await new SimulatedKeyd(settings).make();
	try {
		keyd.clock = new Clock(keyd.file("clock"), start);
		keyd.environment = { KEYD_SIM_CLOCK: keyd.file("clock") };
		await keyd.start();
		await keyd.init();
		await keyd.seed(new Date(keyd.clock.now * 1000));
		keyd.canary = await keyd.client("canary");
	} catch (error) {
		error.message += `\n${keyd.log.slice(-4000)}`;
		await keyd.remove();
		throw error;
	}
	return keyd;
}

/** What a token says. */
export const claimsOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
export const headerOf = (token) => JSON.parse(Buffer.from(token.split(".")[0], "base64url"));
