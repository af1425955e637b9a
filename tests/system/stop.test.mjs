// Goal of this test: an owner stops keyd and nobody else does; without its automatic key it starts sealed
// and the recovery code opens it.

import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, before, test } from "node:test";

import { isRoot, startKeyd } from "../support/keyd.mjs";

let keyd;
before(async () => {
	keyd = await startKeyd({ seed: false });
});
after(() => keyd?.remove());

test("who is no operator is refused", { skip: !isRoot && "needs a second user" }, async () => {
	const answer = await keyd.request("POST", "/keyd/stop", undefined, { as: "news" });
	assert.equal(answer.status, 403, answer.text);
	assert.match(answer.text, /operator/);
});

test("the owner stops it", async () => {
	const answer = await keyd.request("POST", "/keyd/stop", undefined).catch(() => undefined);
	if (answer !== undefined) assert.equal(answer.status, 200, answer.text);
	const { code } = await keyd.ended;
	assert.equal(code, 0, keyd.log.slice(-2000));
	await keyd.stop();
});

test("without its key it is sealed; a wrong code does not open it, the recovery code does", async () => {
	fs.rmSync(keyd.file("seal.key"));
	await keyd.start();
	assert.equal(keyd.status.phase, "sealed");
	const wrong = await keyd.request("POST", "/keyd/unseal", { secret: "not the code at all" });
	assert.ok(wrong.status >= 400 && wrong.status < 500, `${wrong.status} ${wrong.text}`);
	const opened = await keyd.request("POST", "/keyd/unseal", { secret: keyd.recovery });
	assert.equal(opened.status, 200, opened.text);
	await keyd.ready();
});
