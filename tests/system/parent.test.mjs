// Goal of this test: keyd-parent alone, with stand-ins for the other processes, starts what should
// run, gives each exactly what it needs, restarts what ends, stops in order, and says in a sentence
// what it cannot do.
//
// The directory of the build comes in KEYD_BUILD (default build/asan).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, test } from "node:test";

const root = fileURLToPath(new URL("../..", import.meta.url));
const build = path.resolve(root, process.env.KEYD_BUILD ?? "build/asan");
const isRoot = process.getuid() === 0;
const IN_PARENT_AND_CHILDREN = 1 + 1 + 1 + 2 + 2; // parent, keeper, courier, fronts, local fronts

let home;
let ports;
let running;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const file = (name) => path.join(home, name);
const events = () => fs.readFileSync(file("bin/events"), "utf8").split("\n").filter(Boolean);
const matching = (pattern) => events().filter((line) => pattern.test(line));
const forget = () => fs.writeFileSync(file("bin/events"), "");
const does = (name, what) => fs.writeFileSync(file(`bin/${name}.does`), what);
const pidsOf = (name, what = "ready") =>
	matching(new RegExp(`^${name} \\d+ ${what}`)).map((line) => Number(line.split(" ")[1]));

function freePort() {
	return new Promise((resolve) => {
		const server = net.createServer().listen(0, "127.0.0.1", () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

async function until(what, condition, ms = 10000) {
	for (const end = Date.now() + ms; Date.now() < end; await pause(20)) {
		const found = condition();
		if (found) return found;
	}
	assert.fail(`never seen: ${what}\n${events().join("\n")}\n${running?.log ?? ""}`);
}

function isAlive(pid) {
	try {
		return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
	} catch {
		return false;
	}
}

function config(changes = {}) {
	const settings = {
		state_directory: file("state"),
		audit: { sink: file("sink") },
		public: { listen: `127.0.0.1:${ports[0]}`, url: "https://localhost" },
		admin: { listen: `127.0.0.1:${ports[1]}`, socket: file("run/keyd.sock") },
		tls: { certificate: file("tls.crt"), key: file("tls.key") },
		seal: { key_file: file("seal.key") },
		users: { keeper: "daemon", front: "nobody", courier: "bin" },
		fronts: 2,
		log: { level: "debug" },
		...changes,
	};
	fs.writeFileSync(file("keyd.yaml"), JSON.stringify(settings, null, "  "));
}

function start(environment = {}) {
	const child = spawn(file("bin/keyd-parent"), ["--config", file("keyd.yaml")], {
		stdio: ["ignore", "ignore", "pipe"],
		env: { HOME: "/", ...environment },
	});
	const started = { child, log: "" };
	child.stderr.on("data", (data) => (started.log += data));
	started.ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
	running = started;
	return started;
}

const serves = () => until("serving", () => /serving/.test(running.log));

async function refuses(pattern) {
	const { code } = await start().ended;
	assert.equal(code, 2, running.log);
	assert.match(running.log, pattern);
}

async function stops() {
	running.child.kill("SIGTERM");
	const { code } = await running.ended;
	assert.equal(code, 0, running.log);
	running = undefined;
}

function writeSecretly(name, text) {
	fs.writeFileSync(file(name), text, { mode: 0o600 });
}

beforeEach(async () => {
	home = fs.mkdtempSync(path.join(os.tmpdir(), "keyd-parent-"));
	ports = [await freePort(), await freePort()];
	fs.chmodSync(home, 0o755);
	fs.mkdirSync(file("bin"));
	fs.copyFileSync(path.join(build, "bin/keyd-parent"), file("bin/keyd-parent"));
	for (const name of ["keyd-keeper", "keyd-front", "keyd-courier"])
		fs.copyFileSync(path.join(build, "tests/support/fake_child"), file(`bin/${name}`));
	forget();
	fs.chmodSync(file("bin/events"), 0o666);
	fs.writeFileSync(file("tls.crt"), "first certificate\n");
	writeSecretly("tls.key", "first key\n");
	config();
});

afterEach(async () => {
	if (running && running.child.exitCode === null) {
		running.child.kill("SIGKILL");
		await running.ended;
	}
	running = undefined;
	fs.rmSync(home, { recursive: true, force: true });
});

test("each process gets what it needs and nothing else", async () => {
	start();
	await serves();
	assert.match(matching(/^keeper \d+ handed/)[0],
		/public=0 admin=0 local=1 certificate=0 key=0 state=1 sink=1 seal=1 credential=0/);
	for (const line of matching(/^front \d+ handed/))
		assert.match(line, /public=1 admin=1 local=0 certificate=1 key=1 state=0 sink=0 seal=0 credential=0/);
	for (const line of matching(/^(courier|local-front) \d+ handed/))
		assert.match(line, /public=0 admin=0 local=0 certificate=0 key=0 state=0 sink=0 seal=0 credential=0/);
	assert.equal(pidsOf("front").length, 2);
	assert.equal(pidsOf("local-front").length, 2);
	// Each reads the same files from their beginning.
	assert.equal(matching(/^front \d+ certificate first certificate$/).length, 2);
	assert.equal(matching(/^front \d+ key first key$/).length, 2);
	await until("five peers", () => matching(/^keeper \d+ peer/).length === 5);
	await stops();
});

test("each process is hardened and runs as its own user", async () => {
	start();
	await serves();
	const lines = matching(/^\S+ \d+ process/);
	assert.equal(lines.length, IN_PARENT_AND_CHILDREN - 1);
	for (const line of lines)
		assert.match(line, /umask=77 core=0 nnp=1 death=9 session=1 home=0$/);
	const uids = (name) => new Set(matching(new RegExp(`^${name} \\d+ process`)).map((l) => /uid=(\d+)/.exec(l)[1]));
	const expected = isRoot ? { keeper: "1", front: "65534", "local-front": "65534", courier: "2" } : undefined;
	for (const name of ["keeper", "front", "local-front", "courier"])
		assert.deepEqual([...uids(name)], [expected?.[name] ?? String(process.getuid())]);
	const { uid, mode } = fs.statSync(file("state"));
	assert.equal(mode & 0o777, 0o700);
	assert.equal(uid, isRoot ? 1 : process.getuid());
	assert.equal(fs.statSync(file("seal.key")).mode & 0o777, 0o600);
	assert.equal(fs.statSync(file("run/keyd.sock")).mode & 0o777, 0o600);
	await stops();
});

test("a stop ends fronts, then courier, then keeper, and leaves no socket", async () => {
	start();
	await serves();
	await stops();
	const ends = matching(/ ends$/).map((line) => line.split(" ")[0]);
	assert.equal(ends.length, IN_PARENT_AND_CHILDREN - 1);
	assert.deepEqual(ends.slice(-2), ["courier", "keeper"]);
	assert.equal(fs.existsSync(file("run/keyd.sock")), false);
});

test("a front that ends is replaced within a second", async () => {
	start();
	await serves();
	await pause(1100);
	const [pid] = pidsOf("front");
	forget();
	process.kill(pid, "SIGKILL");
	await until("a new front", () => pidsOf("front").length === 1, 1000);
	assert.equal(matching(/^keeper \d+ peer front/).length, 1);
	assert.equal(pidsOf("keeper").length, 0);
	await stops();
});

test("with the keeper everything else ends and comes back", async () => {
	start();
	await serves();
	const before = [...pidsOf("front"), ...pidsOf("courier"), ...pidsOf("local-front")];
	const [keeper] = pidsOf("keeper");
	forget();
	process.kill(keeper, "SIGKILL");
	await until("all of them again", () => pidsOf("front").length === 2 && pidsOf("courier").length === 1 &&
		pidsOf("local-front").length === 2);
	assert.notEqual(pidsOf("keeper")[0], keeper);
	await until("the end of the former ones", () => before.every((pid) => !isAlive(pid)));
	await stops();
});

test("a child that dies before it is ready is tried again more and more slowly", async () => {
	start();
	await serves();
	does("courier", "die");
	process.kill(pidsOf("courier")[0], "SIGKILL");
	const waits = () => [...running.log.matchAll(/start-delayed.*courier.*milliseconds=(\d+)/g)].map((m) => Number(m[1]));
	await until("three waits", () => waits().length >= 3);
	assert.deepEqual(waits().slice(0, 3), [100, 200, 400]);
	does("courier", "");
	forget();
	await until("the courier", () => pidsOf("courier").length === 1, 5000);
	await stops();
});

test("a role that cannot start at all ends the whole start with status 2", async () => {
	does("keeper", "hopeless");
	const { code } = await start().ended;
	assert.equal(code, 2);
	assert.equal(matching(/^keeper \d+ process/).length, 1);
});

test("a first start whose role keeps failing is given up with the role's status", async () => {
	does("front", "die");
	const { code } = await start().ended;
	assert.equal(code, 1);
	assert.doesNotMatch(running.log, /serving/);
	assert.equal(matching(/^keeper \d+ ends$/).length, 1);
	assert.equal(fs.existsSync(file("run/keyd.sock")), false);
});

test("a role that deserves no patience is killed when it will not stop", { timeout: 40000 }, async () => {
	does("courier", "deaf");
	start();
	await serves();
	running.child.kill("SIGTERM");
	await until("the courier told", () => matching(/^courier \d+ stop/).length);
	running.child.kill("SIGTERM"); // asked again, the parent does not wait
	const { code } = await running.ended;
	assert.equal(code, 0);
	assert.equal(matching(/^keeper \d+ ends$/).length, 1);
});

test("the keeper can ask for the stop", async () => {
	does("keeper", "ask-stop");
	const { code } = await start().ended;
	assert.equal(code, 0, running.log);
});

test("a front that asks for the stop is ended itself, and nothing else is", async () => {
	start();
	await serves();
	does("front", "ask-stop");
	process.kill(pidsOf("front")[0], "SIGKILL");
	await until("the refusal", () => /process-broke-protocol process=front/.test(running.log));
	does("front", "");
	forget();
	await until("an honest front", () => pidsOf("front").length >= 1);
	assert.doesNotMatch(running.log, /stopping/);
	await stops();
});

test("a role that falls silent is replaced", { skip: !process.env.KEYD_ALL, timeout: 60000 }, async () => {
	does("courier", "mute");
	start();
	await serves();
	does("courier", "");
	forget();
	await until("its successor", () => pidsOf("courier").length === 1, 45000);
	assert.match(running.log, /process-killed process=courier .*it is stuck/);
	await stops();
});

test("a killed parent takes all of its children with it", async () => {
	start();
	await serves();
	const pids = ["keeper", "front", "local-front", "courier"].flatMap((name) => pidsOf(name));
	running.child.kill("SIGKILL");
	await running.ended;
	await until("the end of all", () => pids.every((pid) => !isAlive(pid)), 3000);
	// What it left behind is no obstacle.
	forget();
	start();
	await serves();
	await stops();
});

test("people's connections find a local front waiting, one after the other", async () => {
	start();
	await serves();
	const sockets = [];
	for (let i = 0; i < 6; i++) {
		const socket = net.connect(file("run/keyd.sock"));
		sockets.push(socket);
		await new Promise((resolve, reject) => {
			socket.once("error", reject);
			socket.once("data", (data) => (assert.equal(String(data), "hello\n"), resolve()));
		});
		await until("another that waits", () => pidsOf("local-front").length === 3 + i);
	}
	assert.equal(pidsOf("local-front", "connection").length, 6);
	for (const socket of sockets) socket.destroy();
	await until("their ends", () => pidsOf("local-front", "ends").length === 6);
	await pause(200);
	assert.equal(pidsOf("local-front").length, 8);
	await stops();
});

test("SIGHUP brings new certificate and log level, and says what needs a restart", async () => {
	start();
	await serves();
	forget();
	fs.writeFileSync(file("tls.crt"), "second certificate\n");
	writeSecretly("second.key", "second key\n");
	config({
		tls: { certificate: file("tls.crt"), key: file("second.key") },
		log: { level: "info" },
		tokens: { lifetime: 120 },
	});
	running.child.kill("SIGHUP");
	await until("it", () => matching(/^front \d+ key second key$/).length === 2);
	assert.equal(matching(/^front \d+ certificate second certificate$/).length, 2);
	await until("settings", () => matching(/ settings level=info lifetime=600$/).length === IN_PARENT_AND_CHILDREN - 1);
	await until("the warning", () => /setting-needs-restart.*tokens\.lifetime/.test(running.log));
	await stops();
});

test("a configuration that is wrong on SIGHUP changes nothing", async () => {
	start();
	await serves();
	forget();
	config({ fronts: "many" });
	running.child.kill("SIGHUP");
	await until("the refusal", () => /not-reloaded.*fronts/.test(running.log));
	assert.equal(matching(/settings/).length, 0);
	await stops();
});

test("the courier itself starts, is jailed where the build jails, and stops", async () => {
	fs.copyFileSync(path.join(build, "bin/keyd-courier"), file("bin/keyd-courier"));
	start();
	await serves();
	const [, pid] = /process-ready process=courier number=\d+ pid=(\d+)/.exec(running.log);
	const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
	assert.match(status, /^NoNewPrivs:\t1$/m);
	if (!/built-without-sandbox/.test(running.log)) assert.match(status, /^Seccomp:\t2$/m);
	await stops();
});

test("systemd hears of start, reload, life and stop, and its credential reaches the keeper", async () => {
	const listener = spawn(path.join(build, "tests/support/notify_listen"), [file("notify")], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	let heard = "";
	listener.stdout.on("data", (data) => (heard += data));
	await until("the listener", () => heard.includes("listening"));
	fs.mkdirSync(file("credentials"));
	writeSecretly("credentials/keyd-seal-key", "0123456789\n");
	start({ NOTIFY_SOCKET: file("notify"), WATCHDOG_USEC: "400000", CREDENTIALS_DIRECTORY: file("credentials") });
	await serves();
	await until("READY", () => /^READY=1 STATUS=serving$/m.test(heard));
	await until("two of WATCHDOG", () => heard.match(/^WATCHDOG=1$/gm)?.length >= 2, 2000);
	assert.match(matching(/^keeper \d+ handed/)[0], /credential=1$/);
	running.child.kill("SIGHUP");
	await until("RELOADING", () => /^RELOADING=1 MONOTONIC_USEC=\d+\n(WATCHDOG=1\n)*READY=1$/m.test(heard));
	await stops();
	await until("STOPPING", () => /^STOPPING=1 STATUS=stopping$/m.test(heard));
	listener.kill();
});

test("a port in use, a missing file, a directory that is none: each a sentence, and status 2", async () => {
	const server = net.createServer().listen(ports[1], "127.0.0.1");
	await new Promise((resolve) => server.once("listening", resolve));
	await refuses(new RegExp(`admin\\.listen: 127\\.0\\.0\\.1:${ports[1]}: Address already in use; .*ss -ltnp`));
	server.close();
	fs.rmSync(file("tls.key"));
	await refuses(/tls\.key: .*tls\.key: No such file or directory; put the PEM file there/);
	writeSecretly("tls.key", "key\n");
	fs.chmodSync(file("tls.key"), 0o644);
	await refuses(/tls\.key: everybody may read .*; chmod o= /);
	fs.chmodSync(file("tls.key"), 0o600);
	fs.rmSync(file("state"), { recursive: true, force: true });
	fs.writeFileSync(file("state"), "");
	await refuses(/state_directory: .*\/state: Not a directory; /);
	fs.rmSync(file("state"));
	config({ state_directory: file("nowhere/state") });
	await refuses(/state_directory: .*No such file or directory; make the directories above it/);
	fs.rmSync(file("keyd.yaml"));
	await refuses(/keyd\.yaml is not there; .*--config/);
});

test("a state directory that others may read is refused", async () => {
	fs.mkdirSync(file("state"));
	fs.chmodSync(file("state"), 0o750);
	await refuses(/state_directory: others may read or write .*; chmod go= /);
});

test("a second parent on the same state or socket is refused while the first serves", async () => {
	const first = start();
	await serves();
	ports = [await freePort(), await freePort()];
	config({ admin: { listen: [], socket: file("run/other.sock") } });
	await refuses(/state_directory: another `keyd serve` uses .*\/state; stop that one first/);
	config({ state_directory: file("state-2") });
	await refuses(/admin\.socket: another `keyd serve` uses /);
	assert.ok(fs.existsSync(file("run/keyd.sock")));
	running = first;
	await stops();
});

test("a program that is not there ends the start with a sentence", async () => {
	fs.rmSync(file("bin/keyd-courier"));
	const { code } = await start().ended;
	assert.equal(code, 2);
	assert.match(running.log, /keyd-courier: no such file or directory; keyd's programs must lie beside each other/);
});
