// Goal of this test: what a newcomer sees. ./bootstrap run makes a state, starts keyd and shows one
// key's whole life with requests that anybody can repeat; again it starts what is there; stop and
// reset do what they say. Of bootstrap everything runs but installing packages and compiling: the
// build is copied from KEYD_RELEASE (default build/release).

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";

const root = fileURLToPath(new URL("../..", import.meta.url));
const release = path.resolve(root, process.env.KEYD_RELEASE ?? "build/release");
const isRoot = process.getuid() === 0;
const users = ["keyd-demo", "keyd-keeper", "keyd-front", "keyd-courier"];
const exists = (user) => spawnSync("id", [user]).status === 0;

let home;
let made = []; // users that were not there before

const inHome = (name) => path.join(home, name);
const state = (name = "") => path.join(home, "state", name);

before(() => {
	home = fs.mkdtempSync(path.join(os.tmpdir(), "keyd-demo-"));
	fs.chmodSync(home, 0o755);
	made = isRoot ? users.filter((user) => !exists(user)) : [];
	for (const name of ["tests/support/demo.sh", "tests/support/demo-state", "keyd/parent/systemd/keyd.sysusers"]) {
		fs.mkdirSync(path.dirname(inHome(name)), { recursive: true });
		fs.copyFileSync(path.join(root, name), inHome(name));
	}
	fs.cpSync(path.join(release, "bin"), inHome("build/release/bin"), { recursive: true });
	const script = fs.readFileSync(path.join(root, "bootstrap"), "utf8");
	const cut = script.replace(/^main "\$@"$/m, "install_packages() { :; }\nbuild_preset() { :; }\nmain \"$@\"");
	assert.notEqual(cut, script);
	fs.writeFileSync(inHome("bootstrap"), cut, { mode: 0o755 });
});

after(() => {
	run("reset", "--yes");
	fs.rmSync(home, { recursive: true, force: true });
	for (const user of made) spawnSync("userdel", [user]);
});

const environment = () => ({ PATH: process.env.PATH, HOME: home, LANG: "C.UTF-8" });

function run(...args) {
	const options = { cwd: home, encoding: "utf8", env: environment(), input: "", timeout: 120000 };
	const done = spawnSync(inHome("bootstrap"), args, options);
	return { status: done.status, text: done.stdout + done.stderr };
}

function says(result, ...patterns) {
	assert.equal(result.status, 0, result.text);
	for (const pattern of patterns) assert.match(result.text, pattern);
}

function keyd(...args) {
	const command = [inHome("build/release/bin/keyd"), "--config", state("keyd.yaml"), ...args];
	if (isRoot) command.unshift("runuser", "-u", "keyd-demo", "--");
	return spawnSync(command[0], command.slice(1), { encoding: "utf8" });
}

const owner = (file) => fs.statSync(file).uid;
const idOf = (user) => Number(spawnSync("id", ["-u", user], { encoding: "utf8" }).stdout);

test("run makes a state and shows one key's whole life", () => {
	const shown = run("run");

	says(shown, /"active": true/, /"active": false/, /client issue \d+ --to/, /client rotate \d+/, /client revoke \d+/,
		/"error": "invalid_client"/, /admin-tui/, /\.\/bootstrap stop/, /state directory +\S+\/state/);
	assert.ok(shown.text.indexOf('"active": true') < shown.text.indexOf('"active": false'));
	assert.equal(shown.text.match(/"access_token"/g).length, 3);
	assert.doesNotMatch(shown.text, /\x1b/, "colour in a pipe");
	assert.doesNotMatch(shown.text, /kds_/i, "a secret on the screen");
});

test("the state is a state agency, two hubs, twelve districts, five vendors, two school years", () => {
	const items = (...args) => JSON.parse(keyd(...args, "--json", "--limit", "100").stdout).items;
	const organizations = items("edorg", "list");
	const kinds = (kind) => organizations.filter((one) => one.kind === kind);

	assert.equal(kinds("state").length, 1);
	assert.equal(kinds("esa").length, 2);
	assert.equal(kinds("lea").length, 12);
	for (const { number } of kinds("lea")) assert.match(String(number), /^2559\d\d$/);
	assert.equal(new Set(items("vendor", "list").map((vendor) => vendor.kind)).size, 5);
	assert.equal(items("year", "list").length, 2);
	const states = new Set(items("client", "list").map((client) => client.state));
	assert.deepEqual([...states].sort(), ["draft", "live", "quarantined", "revoked", "suspended"]);
});

test("everything belongs to an unprivileged user, and each process to one of its own", { skip: !isRoot }, () => {
	const demo = idOf("keyd-demo");
	const keeper = idOf("keyd-keeper");

	for (const name of ["", "credentials", "credentials/first.txt", "tls/keyd.pem", "recovery-code.txt"])
		assert.equal(owner(state(name)), demo, name);
	for (const name of ["data", "sink", "key/seal.key"]) assert.equal(owner(state(name)), keeper, name);
	const parent = fs.readFileSync(state("run/keyd.pid"), "utf8").trim();
	const children = spawnSync("ps", ["-o", "user:20=,args=", "--ppid", parent], { encoding: "utf8" }).stdout;
	for (const [user, program] of [["keyd-keeper", "keyd-keeper"], ["keyd-front", "keyd-front"], ["keyd-courier", "keyd-courier"]])
		assert.match(children, new RegExp(`^${user} +${program}$`, "m"));
});

test("the credentials are for their owner alone, and the CA's key is gone", () => {
	for (const name of fs.readdirSync(state("credentials")))
		assert.equal(fs.statSync(state(`credentials/${name}`)).mode & 0o077, 0, name);
	assert.deepEqual(fs.readdirSync(state("tls")).sort(), ["ca.pem", "keyd-key.pem", "keyd.pem"]);
});

test("run again says that it runs, and does not show it again", () => {
	const again = run("run");
	says(again, /runs already/, /admin-tui/);
	assert.doesNotMatch(again.text, /"active"/);
});

test("stop stops it; run starts what is there, on the next port where the former one is taken", async () => {
	const port = Number(/url: "https:\/\/localhost:(\d+)"/.exec(fs.readFileSync(state("keyd.yaml"), "utf8"))[1]);

	says(run("stop"), /stopped/);
	says(run("stop"), /does not run/);
	const taken = net.createServer();
	await new Promise((resolve) => taken.listen(port, "127.0.0.1", resolve));
	const started = run("run");
	taken.close();
	says(started, /Starting the keyd that is there/, new RegExp(`Port ${port} is taken`));
	assert.match(keyd("status").stdout, /ready: +yes/);
	says(run("run", "--show"), /runs already/, /"active": false/);
	says(run("stop"), /stopped/);
});

test("--foreground serves until Ctrl-C", { timeout: 60000 }, async () => {
	const child = spawn(inHome("bootstrap"), ["run", "--foreground"], { cwd: home, env: environment() });
	let text = "";
	const ready = new Promise((resolve) => {
		child.stdout.on("data", (chunk) => {
			text += chunk;
			if (/remove it all/.test(text)) resolve();
		});
	});
	const ended = new Promise((resolve) => child.on("close", resolve));

	await ready;
	assert.match(text, /Ctrl-C/);
	assert.equal(keyd("status").status, 0);
	await new Promise((resolve) => setTimeout(resolve, 300)); // it waits by now
	child.kill("SIGINT");
	assert.equal(await ended, 0, text);
	assert.match(text, /stopped/);
	assert.notEqual(keyd("status").status, 0);
});

test("a state that was never completed is made anew", () => {
	fs.rmSync(state("complete"));
	says(run("run"), /never completed/, /"active": false/);
});

test("reset asks, and removes it all", () => {
	const asked = run("reset");
	assert.notEqual(asked.status, 0);
	assert.ok(fs.existsSync(state("keyd.yaml")));
	says(run("reset", "--yes"), /removed/);
	assert.ok(!fs.existsSync(state()));
	says(run("reset"), /there is no state/);
});
