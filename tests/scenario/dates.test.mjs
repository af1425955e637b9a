// Goal of this test: an agreement's last day is a day of the state's own time zone: in winter and in
// summer time, on a leap day, and where the night is an hour shorter.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { claimsOf, DAY, MINUTE, seconds, startSimulated } from "./lib/clock.mjs";

let keyd, clock;
before(async () => {
	keyd = await startSimulated({
		settings: { time_zone: "America/New_York" }, start: "2028-02-28T12:00:00Z",
	});
	clock = keyd.clock;
});
after(() => keyd?.remove());

async function clientOf(ends) {
	const name = `Until ${ends}`;
	await keyd.must("POST", "/keyd/applications", {
		name, vendor: "Acme SIS", school_year: keyd.year, claimset: "SIS Vendor",
		education_organizations: [255901], ods: ["state"], ends,
	});
	const added = await keyd.must("POST", "/keyd/clients", { name, application: name });
	return { ...(await keyd.act(added, "issue")), id: added.id, name };
}

// The last day, and the moment after it, in UTC.
for (const [what, last, end] of [
	["a leap day", "2028-02-29", "2028-03-01T05:00:00Z"],
	["the day before summer time begins", "2028-03-11", "2028-03-12T05:00:00Z"],
	["the day of 23 hours", "2028-03-12", "2028-03-13T04:00:00Z"],
])
	test(`${what} is worked to its midnight`, async () => {
		const client = await clientOf(last);
		assert.equal(client.not_after, end);
		clock.passUntil(seconds(end) - 2 * MINUTE);
		const token = await keyd.token(client);
		assert.equal(claimsOf(token).exp, seconds(end));
		clock.passUntil(seconds(end) - 1);
		await keyd.token(client);
		assert.equal(await keyd.isActive(token), true);
		clock.passUntil(seconds(end));
		assert.equal(await keyd.isActive(token), false);
		await keyd.isRefused(client);
		clock.pass(MINUTE);
		await keyd.untilEnded(client);
	});

test("an agreement cut short ends secrets and tokens that were given for longer", async () => {
	const client = await clientOf("2028-05-31");
	const token = await keyd.token(client);
	await keyd.must("PATCH", `/keyd/applications/${encodeURIComponent(client.name)}`, { ends: "2028-03-13" });
	const end = seconds("2028-03-14T04:00:00Z");
	clock.passUntil(end - 60);
	const last = await keyd.token(client);
	assert.equal(claimsOf(last).exp, end);
	clock.passUntil(end);
	for (const one of [token, last]) assert.equal(await keyd.isActive(one), false);
	await keyd.isRefused(client);
	clock.pass(DAY);
	await keyd.isRefused(client);
});
