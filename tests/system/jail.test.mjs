// Goal of this test: the jail holds where it is built in. The unit suites run under sanitizers, whose
// builds are without it, so its suite is run from the release build here.
//
// The directory of that build comes in KEYD_RELEASE (default build/release).

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const root = fileURLToPath(new URL("../..", import.meta.url));
const release = path.resolve(root, process.env.KEYD_RELEASE ?? "build/release");

test("every jailed act of tests/unit/test_sandbox.c ends as its role's table says", () => {
	const run = spawnSync(path.join(release, "tests/unit/test_sandbox"), { encoding: "utf8" });
	assert.equal(run.status, 0, run.stdout + run.stderr);
	assert.doesNotMatch(run.stdout, /built without the sandbox/);
});

test("systemd rates the unit's exposure at 2.3 or less", (t) => {
	const unit = path.join(root, "keyd/parent/systemd/keyd.service");
	const run = spawnSync("systemd-analyze", ["security", "--offline=true", unit], { encoding: "utf8" });
	if (run.error) return t.skip("systemd-analyze is not installed");
	const [, exposure] = /Overall exposure level for keyd\.service: ([\d.]+)/.exec(run.stdout);
	assert.ok(Number(exposure) <= 2.3, run.stdout);
});
