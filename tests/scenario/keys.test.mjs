// Goal of this test: a new signing key signs only when servers have had a day to fetch it, tokens of the
// former one go on until they expire, and a stolen one ends with all of its tokens.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { until } from "../support/keyd.mjs";
import { DAY, headerOf, HOUR, MINUTE, seconds, startSimulated, text } from "./lib/clock.mjs";

let keyd, clock, client;
before(async () => {
	keyd = await startSimulated();
	clock = keyd.clock;
	client = await keyd.client();
});
after(() => keyd?.remove());

const keys = async () => (await keyd.must("GET", "/keyd/signing-keys")).items;
const inState = async (state) => (await keys()).find((key) => key.state === state);
const published = async () =>
	(await keyd.public("/oauth/jwks", { method: "GET" })).json.keys.map((key) => key.kid);

test("a spare signs only a day after it was published, and the refusal names the time", async () => {
	const spare = await inState("spare");
	assert.ok((await published()).includes(spare.kid));
	const from = seconds(spare.published) + DAY;
	clock.passUntil(from - 1);
	const answer = await keyd.request("POST", "/keyd/signing-keys/rotate", {});
	assert.ok(answer.status >= 400, answer.text);
	assert.ok(answer.json.detail.includes(text(from)), answer.json.detail);
	assert.equal((await inState("spare")).kid, spare.kid);

	// The day passes on the wall clock only when a person has said so.
	const former = await inState("active");
	clock.step(HOUR);
	assert.ok((await keyd.request("POST", "/keyd/signing-keys/rotate", {})).status >= 400);
	keyd.confirmClock();
	const token = await keyd.token(client);
	assert.equal(headerOf(token).kid, former.kid);
	const rotated = await keyd.must("POST", "/keyd/signing-keys/rotate", {});
	assert.equal(rotated.kid, spare.kid);

	const fresh = await keyd.token(client);
	assert.equal(headerOf(fresh).kid, spare.kid);
	for (const one of [token, fresh]) assert.equal(await keyd.isActive(one), true);
	const set = await published();
	for (const kid of [former.kid, spare.kid, (await inState("spare")).kid])
		assert.ok(set.includes(kid), kid);
});

test("the former key is withdrawn by keyd when its last token has expired", async () => {
	const former = await inState("verifying");
	clock.passUntil(seconds(former.verifies_until) + MINUTE);
	await until("the key is withdrawn", async () =>
		(await keys()).find((key) => key.kid === former.kid).state === "withdrawn");
	assert.equal((await published()).includes(former.kid), false);
	const [record] = await keyd.records({ action: "signing-key.withdraw" });
	assert.equal(record.who, "keyd");
});

test("withdrawn, a key's tokens end at once, others of the client do not", async () => {
	const stolen = await inState("active");
	const token = await keyd.token(client);
	assert.equal(await keyd.isActive(token), true);
	await keyd.must("POST", `/keyd/signing-keys/${stolen.kid}/withdraw`, {});
	assert.equal(await keyd.isActive(token), false);
	const fresh = await keyd.token(client);
	assert.notEqual(headerOf(fresh).kid, stolen.kid);
	assert.equal(await keyd.isActive(fresh), true);
	await keyd.restart();
	assert.equal(await keyd.isActive(token), false);
	assert.equal(await keyd.isActive(fresh), true);
});
