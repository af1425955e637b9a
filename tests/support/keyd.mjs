// A real keyd on loopback in a directory of its own, for the tests of system/, scenario/ and faults/.
//
// Started as root the roles drop to users, and people are users of the base system (games, news);
// else everything is the user who runs the tests. The build comes in KEYD_BUILD (default
// build/release), the number of network fronts in KEYD_FRONTS.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as https from "node:https";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const build = path.resolve(root, process.env.KEYD_BUILD ?? "build/release");
export const isRoot = process.getuid() === 0;

const READY_MS = 30000;
const REQUEST_MS = 30000;
const GROUP_OF_PEOPLE = "users";
const running = new Set();

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const form = (values) => new URLSearchParams(values).toString();
export const basic = ({ key, secret }) => `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`;
export const requestKey = () => randomBytes(16).toString("hex");

export async function until(what, condition, ms = 10000, step = 20) {
	for (const end = Date.now() + ms; Date.now() < end; await pause(step)) {
		const found = await condition();
		if (found) return found;
	}
	return assert.fail(`never seen: ${what}`);
}

export function freePort() {
	return new Promise((resolve) => {
		const server = net.createServer().listen(0, "127.0.0.1", () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

function numberOf(file, name) {
	const row = fs.readFileSync(file, "utf8").split("\n").find((line) => line.startsWith(`${name}:`));
	return Number(row?.split(":")[2]);
}

/** The user ids under which a person's requests are made. */
export function person(name) {
	if (!isRoot) return {};
	return { uid: numberOf("/etc/passwd", name), gid: numberOf("/etc/group", GROUP_OF_PEOPLE) };
}

function openssl(directory, ...args) {
	const run = spawnSync("openssl", args, { cwd: directory, encoding: "utf8" });
	assert.equal(run.status, 0, run.stderr);
}

function makeCertificates(directory) {
	const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
	openssl(directory, "req", "-x509", ...key, "-subj", "/CN=test CA", "-keyout", "ca.key", "-out", "ca.crt");
	openssl(directory, "req", "-x509", ...key, "-subj", "/CN=localhost", "-CA", "ca.crt", "-CAkey", "ca.key",
		"-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
		"-keyout", "tls.key", "-out", "tls.crt");
	fs.chmodSync(path.join(directory, "tls.key"), 0o600);
}

// Runs as the person: one connection of the local socket for each request.
const AGENT = `
const http = require("node:http");
const [socketPath, patience] = process.argv.slice(1);
process.on("message", ({ n, method, target, headers, body }) => {
	let answered = false;
	const answer = (fields) => {
		if (!answered) process.send({ n, ...fields });
		answered = true;
	};
	const request = http.request({ socketPath, method, path: target, headers, agent: false }, (response) => {
		const chunks = [];
		response.on("data", (chunk) => chunks.push(chunk));
		response.on("error", (error) => answer({ error: String(error) }));
		response.on("end", () =>
			answer({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }));
	});
	request.setTimeout(Number(patience), () => request.destroy(new Error("no answer in time")));
	request.on("error", (error) => answer({ error: String(error) }));
	request.end(body);
});
process.on("disconnect", () => process.exit(0));
`;

class Person {
	constructor(socket, name) {
		this.waiting = new Map();
		this.count = 0;
		this.child = spawn(process.execPath, ["-e", AGENT, socket, String(REQUEST_MS)], {
			...person(name),
			cwd: "/",
			env: {},
			stdio: ["ignore", "inherit", "inherit", "ipc"],
			serialization: "advanced",
		});
		this.child.on("message", (answer) => {
			this.waiting.get(answer.n)(answer);
			this.waiting.delete(answer.n);
		});
	}

	ask(method, target, headers, body) {
		const n = ++this.count;
		return new Promise((resolve, reject) => {
			this.waiting.set(n, (answer) =>
				answer.error ? reject(new Error(answer.error)) : resolve(withJson(answer)));
			this.child.send({ n, method, target, headers, body });
		});
	}

	end() {
		if (this.child.connected) this.child.disconnect();
	}
}

function withJson(answer) {
	const text = Buffer.from(answer.body).toString("utf8");
	let json;
	try {
		json = JSON.parse(text);
	} catch {
		json = undefined;
	}
	return { status: answer.status, headers: answer.headers, body: Buffer.from(answer.body), text, json };
}

export class Keyd {
	constructor(settings = {}) {
		this.settings = settings;
		this.environment = {};
		this.log = "";
		this.people = new Map();
	}

	file(name) {
		return path.join(this.home, name);
	}

	async make() {
		this.home = fs.mkdtempSync(path.join(os.tmpdir(), "keyd-test-"));
		fs.chmodSync(this.home, 0o755);
		makeCertificates(this.home);
		this.ca = fs.readFileSync(this.file("ca.crt"));
		this.port = await freePort();
		this.adminPort = await freePort();
		this.issuer = `https://localhost:${this.port}`;
		this.agent = new https.Agent({ keepAlive: true, ca: this.ca });
		this.configure();
		return this;
	}

	configure(changes = {}) {
		const settings = {
			state_directory: this.file("state"),
			audit: { sink: this.file("sink") },
			seal: { key_file: this.file("seal.key") },
			public: { listen: `127.0.0.1:${this.port}`, url: this.issuer },
			admin: { listen: `127.0.0.1:${this.adminPort}`, socket: this.file("run/keyd.sock") },
			tls: { certificate: this.file("tls.crt"), key: this.file("tls.key") },
			users: { keeper: "daemon", front: "bin", courier: "sys" },
			fronts: Number(process.env.KEYD_FRONTS ?? 1),
			limits: { tokens_per_key: 1000000, requests_per_source: 100000000 },
			...this.settings,
			...changes,
		};
		if (isRoot) settings.admin.socket_group = GROUP_OF_PEOPLE;
		fs.writeFileSync(this.file("keyd.yaml"), JSON.stringify(settings, null, "  "));
	}

	/** Starts the parent and waits until the local socket answers. */
	async start() {
		this.spawn();
		await this.answers();
		return this;
	}

	spawn() {
		const from = this.log.length;
		this.parent = spawn(path.join(build, "bin/keyd-parent"), ["--config", this.file("keyd.yaml")], {
			stdio: ["ignore", "ignore", "pipe"],
			env: { HOME: "/", ...this.environment },
		});
		this.parent.stderr.on("data", (data) => (this.log += data));
		this.ended = new Promise((resolve) =>
			this.parent.on("close", (code, signal) => resolve({ code, signal, log: this.log.slice(from) })));
		running.add(this);
	}

	async answers(ms = READY_MS) {
		await until(`keyd answers\n${this.log.slice(-4000)}`, async () => {
			if (this.parent.exitCode !== null) assert.fail(`keyd ended:\n${this.log.slice(-4000)}`);
			try {
				this.status = (await this.request("GET", "/keyd/status")).json;
				return this.status?.phase !== undefined && this.status.phase !== "";
			} catch {
				return false;
			}
		}, ms);
	}

	/** Until the public door issues and answers. */
	async ready(ms = READY_MS) {
		await until(`keyd is ready\n${this.log.slice(-4000)}`, async () => {
			try {
				return (await this.admin("/readyz")).status === 200;
			} catch {
				return false;
			}
		}, ms, 10);
	}

	/** A command of `keyd` as root or the user of the tests, or as somebody. */
	cli(args, { as, input = "" } = {}) {
		return spawnSync(path.join(build, "bin/keyd"), [...args, "--config", this.file("keyd.yaml")], {
			encoding: "utf8",
			input,
			env: { HOME: "/", PATH: process.env.PATH },
			cwd: this.home,
			...(as ? person(as) : {}),
		});
	}

	/** Makes owner (games, or who runs the tests), tenant and keys. */
	async init() {
		const owner = isRoot ? ["--owner", "games"] : [];
		const run = this.cli(["init", ...owner, "--tenant", "Test State", "--key-beside-data",
			"--recovery-code-to", this.file("recovery")]);
		assert.equal(run.status, 0, run.stderr + run.stdout + this.log);
		this.recovery = fs.readFileSync(this.file("recovery"), "utf8").trim();
		fs.rmSync(this.file("recovery"));
		await this.ready();
	}

	/** A request over the local socket as that user of the system; an object goes as JSON. */
	request(method, target, body, { as = "games", headers = {} } = {}) {
		if (!this.people.has(as)) this.people.set(as, new Person(this.file("run/keyd.sock"), as));
		const fields = { host: "keyd", ...headers };
		let bytes = body;
		if (body !== undefined && !Buffer.isBuffer(body)) {
			bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
			fields["content-type"] ??= "application/json";
		}
		if (method !== "GET") fields["content-length"] = bytes?.length ?? 0;
		return this.people.get(as).ask(method, target, fields, bytes);
	}

	/** The same; anything but success fails the test. */
	async must(method, target, body, options) {
		const answer = await this.request(method, target, body, options);
		assert.ok(answer.status < 300, `${method} ${target}: ${answer.status} ${answer.text}`);
		return answer.json;
	}

	act(client, move, body = {}, options) {
		return this.must("POST", `/keyd/clients/${client.id}/${move}`, body, options);
	}

	/** A request over TLS, as a vendor's system or an ODS sends it. */
	public(target, { method = "POST", headers = {}, body, port = this.port, agent = this.agent } = {}) {
		return new Promise((resolve, reject) => {
			const request = https.request({
				host: "127.0.0.1", servername: "localhost", port, path: target, method, headers, agent,
				ca: this.ca,
			}, (response) => {
				const chunks = [];
				response.on("data", (chunk) => chunks.push(chunk));
				response.on("error", reject);
				response.on("end", () => resolve(withJson({
					status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks),
				})));
			});
			request.setTimeout(REQUEST_MS, () => request.destroy(new Error("no answer in time")));
			request.on("error", reject);
			request.end(body);
		});
	}

	admin(target, options = {}) {
		return this.public(target, { method: "GET", port: this.adminPort, ...options });
	}

	post(target, values, headers = {}, options = {}) {
		return this.public(target, {
			body: typeof values === "string" || Buffer.isBuffer(values) ? values : form(values),
			headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
			...options,
		});
	}

	askToken(credential, more = {}) {
		return this.post("/oauth/token", { grant_type: "client_credentials", ...more },
			{ authorization: basic(credential) });
	}

	async token(credential, more) {
		const answer = await this.askToken(credential, more);
		assert.equal(answer.status, 200, answer.text);
		return answer.json.access_token;
	}

	async introspect(token, caller = this.caller) {
		const answer = await this.post("/oauth/introspect", { token }, { authorization: basic(caller) });
		assert.equal(answer.status, 200, answer.text);
		return answer.json;
	}

	async isActive(token, caller) {
		return (await this.introspect(token, caller)).active;
	}

	/** What OAuth libraries take in the place of fetch: it trusts the test CA. */
	get fetch() {
		return async (target, options = {}) => {
			const { pathname, search } = new URL(target);
			const answer = await this.public(pathname + search, {
				method: options.method ?? "GET",
				headers: Object.fromEntries(new Headers(options.headers)),
				body: options.body === undefined || options.body === null ? undefined : String(options.body),
			});
			return new Response(answer.body, { status: answer.status, headers: answer.headers });
		};
	}

	/** A small state: two ODS instances, one vendor, one application on the first of them. */
	async seed(now = new Date()) {
		const add = (kind, body) => this.must("POST", `/keyd/${kind}`, body);
		const year = now.getUTCMonth() >= 6 ? now.getUTCFullYear() + 1 : now.getUTCFullYear();
		await add("years", { year, starts: `${year - 1}-07-01`, ends: `${year}-07-15` });
		await add("education-organizations", { number: 1, name: "State Agency", kind: "state" });
		await add("education-organizations", { number: 255950, name: "Region 99", kind: "esa", parent: 1 });
		await add("education-organizations",
			{ number: 255901, name: "Grand Bend ISD", kind: "lea", parent: 255950 });
		await add("vendors", { name: "Acme SIS", kind: "sis", namespace_prefixes: ["uri://acme.example.org"] });
		for (const name of ["state", "other"])
			await add("ods-instances", {
				name, stage: "production", school_year: year, check_mode: "introspect",
				api_url: `https://${name}.ods.example/data`,
			});
		await add("applications", {
			name: "Acme Grand Bend", vendor: "Acme SIS", school_year: year, claimset: "SIS Vendor",
			education_organizations: [255901], ods: ["state"],
		});
		this.year = year;
		this.caller = await add("callers", { ods: "state" });
		this.otherCaller = await add("callers", { ods: "other" });
		return this;
	}

	/** A client with its first secret: id, key, secret. */
	async client(name = `client ${randomBytes(4).toString("hex")}`) {
		const added = await this.must("POST", "/keyd/clients", { name, application: "Acme Grand Bend" });
		const issued = await this.act(added, "issue");
		return { id: added.id, name, key: issued.key, secret: issued.secret };
	}

	/** The living processes of a role: parent, keeper, front, local-front, courier. */
	pids(role) {
		if (role === "parent") return this.parent.exitCode === null ? [this.parent.pid] : [];
		const { pid } = this.parent;
		let children = [];
		try {
			children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
		} catch {
			return [];
		}
		return children.map(Number).filter((child) => roleOf(child) === role);
	}

	/** kill -9 of one process of that role; undefined when there is none just now. */
	kill(role) {
		const [pid] = this.pids(role);
		try {
			if (pid) process.kill(pid, "SIGKILL");
			return pid;
		} catch {
			return undefined;
		}
	}

	async stop() {
		if (this.parent?.exitCode === null && this.parent.signalCode === null) {
			this.parent.kill("SIGTERM");
			const forced = setTimeout(() => this.parent.kill("SIGKILL"), 20000);
			await this.ended;
			clearTimeout(forced);
		}
		running.delete(this);
		for (const one of this.people.values()) one.end();
		this.people.clear();
		this.agent?.destroy();
		this.agent = new https.Agent({ keepAlive: true, ca: this.ca });
	}

	async remove() {
		await this.stop();
		this.agent.destroy();
		fs.rmSync(this.home, { recursive: true, force: true });
	}
}

function roleOf(pid) {
	try {
		if (/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"))) return undefined;
		const args = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
		const name = path.basename(args[0]).replace(/^keyd-/, "");
		return name === "front" && args.includes("--local") ? "local-front" : name;
	} catch {
		return undefined;
	}
}

/** A keyd that serves, with its owner and, unless told otherwise, a small state in it. */
export async function startKeyd({ settings, seed = true } = {}) {
	const keyd = await new Keyd(settings).make();
	try {
		await keyd.start();
		await keyd.init();
		if (seed) await keyd.seed();
	} catch (error) {
		error.message += `\n${keyd.log.slice(-4000)}`;
		await keyd.remove();
		throw error;
	}
	return keyd;
}

process.on("exit", () => {
	for (const keyd of running) {
		keyd.parent?.kill("SIGKILL");
		fs.rmSync(keyd.home, { recursive: true, force: true });
	}
});
