// Goal of this test: the OAuth clients that vendors and ODS builders use, and the requests that
// broken or hostile ones send, get from keyd over TLS what the RFCs say.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as crypto from "node:crypto";
import { after, before, describe, test } from "node:test";
import * as jose from "jose";
import * as oauth from "oauth4webapi";
import * as openid from "openid-client";

import { basic, form, startKeyd } from "../support/keyd.mjs";

const ALLOWED = { [oauth.customFetch]: undefined };
const GRANT = "client_credentials";

let keyd;
let client;

before(async () => {
	keyd = await startKeyd();
	client = await keyd.client();
	ALLOWED[oauth.customFetch] = keyd.fetch;
});
after(() => keyd?.remove());

function isUncacheable(answer) {
	assert.match(answer.headers["cache-control"], /no-store/);
	assert.equal(answer.headers.pragma, "no-cache");
}

function isError(answer, status, error) {
	assert.equal(answer.status, status, answer.text);
	assert.equal(answer.json?.error, error, answer.text);
	assert.match(answer.headers["content-type"], /^application\/json/);
	isUncacheable(answer);
	if (status === 401) assert.match(answer.headers["www-authenticate"], /^(Basic|Bearer) /);
}

const asClient = (more) => ({ authorization: basic(client), ...more });
const tokenFor = (values, headers = asClient()) => keyd.post("/oauth/token", values, headers);
const asksJson = (body, headers) =>
	keyd.post("/oauth/token", JSON.stringify(body), { "content-type": "application/json", ...headers });

describe("oauth4webapi", () => {
	let server;
	const discovers = (algorithm) => async () => {
		const issuer = new URL(keyd.issuer);
		const response = await oauth.discoveryRequest(issuer, { algorithm, ...ALLOWED });
		server = await oauth.processDiscoveryResponse(issuer, response);
		assert.equal(server.issuer, keyd.issuer);
		assert.ok(server.grant_types_supported.includes(GRANT));
	};

	test("discovers by RFC 8414", discovers("oauth2"));
	test("discovers by OpenID Connect", discovers("oidc"));

	for (const [name, method] of [["Basic", oauth.ClientSecretBasic], ["the form body", oauth.ClientSecretPost]])
		test(`fetches, introspects and revokes with credentials by ${name}`, async () => {
			const who = { client_id: client.key };
			const granted = await oauth.processClientCredentialsResponse(server, who,
				await oauth.clientCredentialsGrantRequest(server, who, method(client.secret), {}, ALLOWED));
			assert.equal(granted.token_type, "bearer");
			assert.equal(granted.expires_in, 1800);
			assert.equal(granted.scope, "SISVendor");
			const caller = { client_id: keyd.caller.key };
			const introspects = async () => oauth.processIntrospectionResponse(server, caller,
				await oauth.introspectionRequest(server, caller, method(keyd.caller.secret),
					granted.access_token, ALLOWED));
			const active = await introspects();
			assert.equal(active.active, true);
			assert.equal(active.client_id, client.key);
			assert.equal(active.iss, keyd.issuer);
			assert.equal(active.exp - active.iat, 1800);
			assert.equal(active.educationOrganizationIds, "255901");
			await oauth.processRevocationResponse(await oauth.revocationRequest(server, who,
				method(client.secret), granted.access_token, ALLOWED));
			assert.deepEqual(await introspects(), { active: false });
		});
});

describe("openid-client", () => {
	for (const [name, method] of [["Basic", openid.ClientSecretBasic], ["the form body", openid.ClientSecretPost]])
		test(`discovers, fetches, introspects and revokes with credentials by ${name}`, async () => {
			const configure = (who) => openid.discovery(new URL(keyd.issuer), who.key, {}, method(who.secret),
				{ [openid.customFetch]: keyd.fetch });
			const asks = await configure(client);
			const caller = await configure(keyd.caller);
			const granted = await openid.clientCredentialsGrant(asks, { scope: "SISVendor" });
			assert.equal(granted.expiresIn(), 1800);
			const active = await openid.tokenIntrospection(caller, granted.access_token);
			assert.equal(active.active, true);
			assert.equal(active.sub, client.key);
			await openid.tokenRevocation(asks, granted.access_token);
			assert.equal((await openid.tokenIntrospection(caller, granted.access_token)).active, false);
		});
});

describe("jose", () => {
	let keys;
	before(() => {
		keys = jose.createRemoteJWKSet(new URL(`${keyd.issuer}/oauth/jwks`), { [jose.customFetch]: keyd.fetch });
	});

	test("verifies a token as RFC 9068 says, and finds the claims of both RFC and Ed-Fi", async () => {
		const { payload, protectedHeader } = await jose.jwtVerify(await keyd.token(client), keys, {
			issuer: keyd.issuer, audience: keyd.issuer, typ: "at+jwt", algorithms: ["ES256"],
			requiredClaims: ["exp", "iat", "sub", "client_id", "jti"],
		});
		assert.match(protectedHeader.kid, /^[\w-]{43}$/);
		assert.equal(payload.client_id, client.key);
		assert.equal(payload.sub, client.key);
		assert.equal(payload.scope, "SISVendor");
		assert.equal(payload.claimset, "SIS Vendor");
		assert.equal(payload.school_year, keyd.year);
		assert.equal(payload.namespacePrefixes, "uri://acme.example.org");
		assert.equal(payload.educationOrganizationIds, "255901");
		assert.equal(typeof payload.exp, "number");
	});

	test("each key's kid is its RFC 7638 thumbprint, a spare is published, and no private part", async () => {
		const answer = await keyd.public("/oauth/jwks", { method: "GET" });
		assert.ok(answer.json.keys.length >= 2);
		for (const key of answer.json.keys) {
			assert.equal(key.kid, await jose.calculateJwkThumbprint(key));
			assert.equal(key.alg, "ES256");
			assert.equal(key.use, "sig");
			assert.equal(key.d, undefined);
		}
	});

	test("with resource a token is for that ODS, and an unknown one is refused", async () => {
		const token = await keyd.token(client, { resource: "https://state.ods.example/data" });
		const { payload } = await jose.jwtVerify(token, keys, { audience: "https://state.ods.example/data" });
		assert.deepEqual(payload.ods_ids, [keyd.caller.ods_id]);
		assert.equal(await keyd.isActive(token), true);
		isError(await tokenFor({ grant_type: GRANT, resource: "https://nowhere.example/" }), 400, "invalid_target");
		isError(await tokenFor({ grant_type: GRANT, resource: "https://other.ods.example/data" }), 400,
			"invalid_target");
	});
});

describe("curl", () => {
	const curl = (args, input) => {
		const run = spawnSync("curl", ["--silent", "--show-error", "--max-time", "15", "--cacert",
			keyd.file("ca.crt"), ...args], { encoding: "utf8", input });
		assert.equal(run.status, 0, run.stderr);
		return run.stdout;
	};
	const config = (who) => `user = "${who.key}:${who.secret}"\n`;

	for (const version of ["--tlsv1.3", "--tls-max 1.2"])
		test(`as docs/oauth.md shows, with ${version}`, () => {
			const tls = version.split(" ");
			const granted = JSON.parse(curl([...tls, "--config", "-", "--data", `grant_type=${GRANT}`,
				`${keyd.issuer}/oauth/token`], config(client)));
			assert.equal(granted.token_type, "Bearer");
			const asked = curl([...tls, "--config", "-", "--data-urlencode", `token=${granted.access_token}`,
				`${keyd.issuer}/oauth/introspect`], config(keyd.caller));
			assert.equal(JSON.parse(asked).active, true);
		});

	test("TLS 1.1 is refused", () => {
		const run = spawnSync("curl", ["--silent", "--max-time", "15", "--insecure", "--tls-max", "1.1",
			"--tlsv1.0", "--ciphers", "DEFAULT@SECLEVEL=0", `${keyd.issuer}/oauth/jwks`]);
		assert.notEqual(run.status, 0);
	});
});

describe("a token is given as Ed-Fi's clients ask", () => {
	test("with credentials in a JSON body, its members in any case", async () => {
		const answer = await asksJson({ Grant_Type: GRANT, client_id: client.key, Client_Secret: client.secret });
		assert.equal(answer.status, 200, answer.text);
		isUncacheable(answer);
	});

	test("with a JSON body and Basic", async () => {
		assert.equal((await asksJson({ grant_type: GRANT }, asClient())).status, 200);
	});

	test("with grant_type in any case", async () => {
		for (const grant of ["Client_Credentials", "CLIENT_CREDENTIALS"])
			assert.equal((await tokenFor({ grant_type: grant })).status, 200);
	});

	test("with scope left out, empty, or the claimset in either spelling", async () => {
		for (const scope of [undefined, "", "SISVendor", "SIS Vendor", "sis vendor", "sisvendor"]) {
			const answer = await tokenFor({ grant_type: GRANT, ...(scope === undefined ? {} : { scope }) });
			assert.equal(answer.status, 200, `${scope}: ${answer.text}`);
			assert.equal(answer.json.scope, "SISVendor");
		}
	});

	test("with the same client_id beside Basic, and unknown parameters", async () => {
		const answer = await tokenFor({ grant_type: GRANT, client_id: client.key, audience: "x", foo: "bar" });
		assert.equal(answer.status, 200, answer.text);
	});

	test("with the secret typed in small letters and without its hyphens", async () => {
		const typed = client.secret.slice(4).replaceAll("-", "").toLowerCase();
		await keyd.token({ key: client.key, secret: `kds_${typed}` });
	});
});

describe("what is wrong gets its standard error", () => {
	const broken = [
		["an unknown key", { grant_type: GRANT }, { authorization: basic({ key: `kd${"0".repeat(22)}`, secret: "x" }) },
			401, "invalid_client"],
		["no credentials", { grant_type: GRANT }, {}, 401, "invalid_client"],
		["a scheme that is not Basic", { grant_type: GRANT }, { authorization: "Bearer x" }, 401, "invalid_client"],
		["Basic that is no base64", { grant_type: GRANT }, { authorization: "Basic !!" }, 400, "invalid_request"],
		["Basic without a colon", { grant_type: GRANT }, { authorization: "Basic YWJj" }, 401, "invalid_client"],
		["another grant", { grant_type: "password" }, undefined, 400, "unsupported_grant_type"],
		["no grant", { scope: "x" }, undefined, 400, "invalid_request"],
		["a scope that is not the claimset", { grant_type: GRANT, scope: "255901" }, undefined, 400, "invalid_scope"],
		["a parameter twice", `grant_type=${GRANT}&scope=&scope=SISVendor&scope=SISVendor`, undefined, 400,
			"invalid_request"],
		["the grant twice", `grant_type=${GRANT}&grant_type=${GRANT}`, undefined, 400, "invalid_request"],
		["another client_id beside Basic", { grant_type: GRANT, client_id: `kd${"1".repeat(22)}` }, undefined, 400,
			"invalid_request"],
		["invalid UTF-8", `grant_type=${GRANT}&scope=%ff%fe`, undefined, 400, "invalid_request"],
		["a NUL", `grant_type=${GRANT}&scope=a%00b`, undefined, 400, "invalid_request"],
	];
	for (const [name, body, headers, status, error] of broken)
		test(name, async () => isError(await tokenFor(body, headers), status, error));

	test("a wrong secret, of its own form and of none", async () => {
		const other = await keyd.client();
		for (const secret of [other.secret, "wrong", client.secret.slice(0, -1)])
			isError(await keyd.askToken({ key: client.key, secret }), 401, "invalid_client");
	});

	test("credentials twice", async () => isError(
		await tokenFor({ grant_type: GRANT, client_id: client.key, client_secret: client.secret }),
		400, "invalid_request"));

	test("credentials in the query, which reach no log", async () => {
		const query = form({ client_id: client.key, client_secret: client.secret });
		isError(await keyd.post(`/oauth/token?${query}`, { grant_type: GRANT }), 400, "invalid_request");
		assert.ok(!keyd.log.includes(client.secret));
	});

	test("a JSON member twice, JSON that is cut, JSON that is no object", async () => {
		const sends = (text) => keyd.post("/oauth/token", text,
			{ "content-type": "application/json", authorization: basic(client) });
		isError(await sends(`{"grant_type":"${GRANT}","Grant_type":"${GRANT}"}`), 400, "invalid_request");
		isError(await sends(`{"grant_type":"${GRANT}"`), 400, "invalid_request");
		isError(await sends(`["${GRANT}"]`), 400, "invalid_request");
		isError(await sends(`{"grant_type":["${GRANT}"]}`), 400, "invalid_request");
		isError(await sends(`${"[".repeat(2000)}`), 400, "invalid_request");
	});

	test("raw bytes that are no UTF-8 in JSON", async () => isError(
		await keyd.post("/oauth/token", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
			{ "content-type": "application/json", authorization: basic(client) }), 400, "invalid_request"));

	test("another media type, or none", async () => {
		isError(await keyd.post("/oauth/token", `grant_type=${GRANT}`,
			asClient({ "content-type": "text/plain" })), 400, "invalid_request");
		isError(await keyd.public("/oauth/token", { body: `grant_type=${GRANT}`, headers: asClient() }), 400,
			"invalid_request");
	});

	test("a body over its limit, and the connection's neighbours are served", async () => {
		const answer = await keyd.post("/oauth/token", `grant_type=${GRANT}&scope=${"x".repeat(200000)}`, asClient())
			.catch((error) => ({ status: error.code }));
		assert.ok([413, "EPIPE", "ECONNRESET"].includes(answer.status), String(answer.status));
		await keyd.token(client);
	});

	test("another method, another path", async () => {
		const wrong = await keyd.public("/oauth/token", { method: "GET" });
		assert.equal(wrong.status, 405);
		assert.match(wrong.headers.allow, /POST/);
		assert.equal((await keyd.public("/oauth/nothing", { method: "GET" })).status, 404);
		assert.equal((await keyd.public("/keyd/status", { method: "GET" })).status, 404);
	});

	test("introspection without credentials, with a client's, without a token, with a query", async () => {
		const asks = (values, headers, target = "/oauth/introspect") => keyd.post(target, values, headers);
		const token = await keyd.token(client);
		const caller = { authorization: basic(keyd.caller) };
		isError(await asks({ token }, {}), 401, "invalid_client");
		isError(await asks({ token }, asClient()), 401, "invalid_client");
		isError(await asks({}, caller), 400, "invalid_request");
		isError(await asks(`token=${token}&token=${token}`, caller), 400, "invalid_request");
		isError(await asks({ token }, caller, `/oauth/introspect?token=${token}`), 400, "invalid_request");
	});

	test("a caller's credential fetches no token", async () =>
		isError(await keyd.askToken(keyd.caller), 401, "invalid_client"));
});

describe("a token that is not good is not active, without a reason", () => {
	const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
	const isDead = async (token) => assert.deepEqual(await keyd.introspect(token), { active: false });
	let token;
	let header;
	let payload;
	before(async () => {
		token = await keyd.token(client);
		header = jose.decodeProtectedHeader(token);
		payload = jose.decodeJwt(token);
	});

	test("alg none", async () => {
		for (const alg of ["none", "None", "NONE"])
			await isDead(`${part({ ...header, alg })}.${part(payload)}.`);
	});

	test("HS256 with the public key for its secret", async () => {
		const set = (await keyd.public("/oauth/jwks", { method: "GET" })).json;
		const jwk = set.keys.find((key) => key.kid === header.kid);
		const pem = crypto.createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
		const signed = `${part({ ...header, alg: "HS256" })}.${part(payload)}`;
		const tag = crypto.createHmac("sha256", pem).update(signed).digest("base64url");
		await isDead(`${signed}.${tag}`);
	});

	test("signed by somebody else under our kid, under an own kid, and with its key in the header", async () => {
		const { privateKey, publicKey } = await jose.generateKeyPair("ES256");
		const jwk = await jose.exportJWK(publicKey);
		for (const changes of [{}, { kid: await jose.calculateJwkThumbprint(jwk) }, { jwk }, { jku: "https://x/" }])
			await isDead(await new jose.SignJWT(payload).setProtectedHeader({ ...header, ...changes })
				.sign(privateKey));
	});

	test("of another issuer", async () => {
		const { privateKey } = await jose.generateKeyPair("ES256");
		await isDead(await new jose.SignJWT({ ...payload, iss: "https://elsewhere.example" })
			.setProtectedHeader(header).sign(privateKey));
	});

	test("wrong kid, changed claims, cut, lengthened, empty parts, not a token at all", async () => {
		const [first, second, third] = token.split(".");
		await isDead(`${part({ ...header, kid: "A".repeat(43) })}.${second}.${third}`);
		await isDead(`${first}.${part({ ...payload, exp: payload.exp + 3600 })}.${third}`);
		await isDead(`${first}.${part({ ...payload, iss: "https://elsewhere.example" })}.${third}`);
		for (const cut of [1, 10, third.length, third.length + 1, token.length - 4])
			await isDead(token.slice(0, -cut));
		for (const odd of [`${token}A`, `${token}.`, `${token}=`, "..", "x", `.${second}.${third}`, client.secret,
			"\u{1f511}"])
			await isDead(odd);
	});

	test("asked about by the caller of another ODS", async () => {
		assert.deepEqual(await keyd.introspect(token, keyd.otherCaller), { active: false });
		assert.equal(await keyd.isActive(token), true);
	});
});

describe("revocation and token_info", () => {
	const revokes = (values, who = client) =>
		keyd.post("/oauth/revoke", values, { authorization: basic(who) });
	const info = (token, body = { token }) =>
		keyd.post("/oauth/token_info", body, { authorization: `Bearer ${token}` });

	test("a revoked token is dead, its sister lives, and revoking again is fine", async () => {
		const [token, sister] = [await keyd.token(client), await keyd.token(client)];
		for (let round = 0; round < 2; round++)
			assert.equal((await revokes({ token, token_type_hint: "access_token" })).status, 200);
		assert.equal(await keyd.isActive(token), false);
		assert.equal(await keyd.isActive(sister), true);
	});

	test("an unknown token is 200; another client's token stays alive", async () => {
		const token = await keyd.token(client);
		assert.equal((await revokes({ token: "unknown" })).status, 200);
		await revokes({ token }, await keyd.client());
		assert.equal(await keyd.isActive(token), true);
		isError(await revokes({ token }, { key: client.key, secret: "wrong" }), 401, "invalid_client");
		assert.equal(await keyd.isActive(token), true);
	});

	test("token_info describes the bearer's own token and no other", async () => {
		const token = await keyd.token(client);
		const own = await info(token);
		assert.equal(own.status, 200, own.text);
		assert.equal(own.json.active, true);
		assert.equal(own.json.client_id, client.key);
		assert.deepEqual(own.json.namespace_prefixes, ["uri://acme.example.org"]);
		assert.equal(own.json.education_organizations[0].education_organization_id, 255901);
		assert.equal((await info(token, { token: await keyd.token(client) })).status, 400);
		await revokes({ token });
		isError(await info(token), 401, "invalid_token");
	});
});

test("both metadata documents name what is there", async () => {
	for (const name of ["oauth-authorization-server", "openid-configuration"]) {
		const { status, json } = await keyd.public(`/.well-known/${name}`, { method: "GET" });
		assert.equal(status, 200);
		assert.equal(json.issuer, keyd.issuer);
		for (const endpoint of ["token", "introspection", "revocation"])
			assert.ok(json[`${endpoint}_endpoint`].startsWith(`${keyd.issuer}/oauth/`));
		assert.equal(json.jwks_uri, `${keyd.issuer}/oauth/jwks`);
		assert.deepEqual([...json.token_endpoint_auth_methods_supported].sort(),
			["client_secret_basic", "client_secret_post"]);
	}
});
