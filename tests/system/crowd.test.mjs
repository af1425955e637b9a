// Goal of this test: many people at the local socket at once wait their turn; none is turned away.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startKeyd } from "../support/keyd.mjs";

let keyd;
before(async () => {
	keyd = await startKeyd({ seed: false });
});
after(() => keyd?.remove());

test("two hundred requests at once on the local socket are all answered", async () => {
	const answers = await Promise.all(
		Array.from({ length: 200 }, () => keyd.request("GET", "/keyd/status")));
	assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
});
