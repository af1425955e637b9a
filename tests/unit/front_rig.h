#ifndef KEYD_TESTS_UNIT_FRONT_RIG_H
#define KEYD_TESTS_UNIT_FRONT_RIG_H

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "core/model/model.h"
#include "core/secret.h"
#include "core/wire/json_record.h"
#include "keyd/front/front.h"
#include "keyd/role/gate.h"
#include "keyd/role/settings.h"

/* A front in this process, with the test as its keeper and as its callers: nothing runs
 * but when the test turns it. */

#define RIG_ISSUER "https://keyd.example"
#define RIG_KID    "test-key-1"

struct rig;
/* What the keeper does with a question; by default rig->status and rig->answer. */
typedef void rig_keeper(struct rig *rig, const struct message *m);

struct rig {
	struct front front;
	struct arena *arena;
	struct record *settings;
	int keeper;
	rig_keeper *on_question;
	bool deaf; /* the keeper does not read */
	uint16_t status;
	struct buf answer;
	unsigned questions;
	unsigned frames;
	uint16_t number; /* of the last question */
	struct buf asked;
	struct frame_in in;
	struct frame_out out;
	EVP_PKEY *key;
	uint8_t point[64];
	char reply[1 << 20];
	size_t reply_len;
};

static inline void
rig_libraries(void)
{
	static bool done;
	struct fault fault;

	if (done)
		return;
	ck_assert_int_ge(sodium_init(), 0);
	ck_assert_int_eq(secret_pool_start(64, &fault), KERR_OK);
	json_start();
	done = true;
}

static inline void
rig_default_settings(struct rig *rig)
{
	rig->arena = arena_new(1 << 20);
	rig->settings = record_new(rig->arena, &settings_schema);
	ck_assert_int_eq(settings_defaults(rig->settings), KERR_OK);
	ck_assert_int_eq(
		record_set_text(rig->settings, SETTINGS_PUBLIC_URL, RIG_ISSUER), KERR_OK);
	record_set_int(rig->settings, SETTINGS_CONNECTIONS, 400);
	record_set_int(rig->settings, SETTINGS_TOKEN_CACHE, 1024);
}

static inline void
rig_send(struct rig *rig, const struct message *m)
{
	if (m->length > FRAME_MAX - FRAME_HEADER)
		ck_assert_int_eq(frame_put_large(&rig->out, m), KERR_OK);
	else
		ck_assert_int_eq(frame_put(&rig->out, m), KERR_OK);
	ck_assert_int_eq(frame_send(rig->keeper, &rig->out), KERR_OK);
}

static inline void
rig_answer(struct rig *rig, const struct message *m)
{
	struct message a = {
		.id = m->id,
		.number = m->number,
		.status = rig->status,
		.flags = FRAME_ANSWER,
		.payload = rig->answer.len ? rig->answer.data : NULL,
		.length = (uint32_t)rig->answer.len,
		.fd = -1,
	};

	rig_send(rig, &a);
}

static inline void
rig_keeper_turn(struct rig *rig)
{
	struct message m;

	if (rig->deaf || frame_recv(rig->keeper, &rig->in) != KERR_OK)
		return;
	rig->frames++;
	while (frame_next(&rig->in, 1 << 30, &m) == KERR_OK) {
		rig->questions++;
		rig->number = m.number;
		buf_reset(&rig->asked);
		buf_put(&rig->asked, m.payload, m.length);
		rig->on_question(rig, &m);
	}
}

static inline void
rig_turn(struct rig *rig)
{
	front_turn(&rig->front, false);
	rig_keeper_turn(rig);
}

static inline void
rig_make_key(struct rig *rig)
{
	uint8_t point[65];
	size_t len;

	rig->key = EVP_EC_gen("P-256");
	ck_assert_ptr_nonnull(rig->key);
	ck_assert_int_eq(EVP_PKEY_get_octet_string_param(rig->key,
				 OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len),
		1);
	ck_assert_uint_eq(len, 65);
	memcpy(rig->point, point + 1, 64);
}

/* The keeper publishes the key under that id, in that state. */
static inline void
rig_publish(struct rig *rig, const char *kid, int64_t state)
{
	struct arena *a = arena_new(1 << 16);
	struct record *list = record_new(a, &signing_key_list_schema);
	struct record *k = record_add_record(list, LIST_ITEMS);
	struct message m = {.number = MESSAGE_KEYS, .fd = -1};
	struct buf out;

	buf_init(&out, 4096);
	ck_assert_int_eq(record_set_text(k, SIGNING_KEY_KID, kid), KERR_OK);
	record_set_int(k, SIGNING_KEY_ALG, SIGNING_ALG_ES256);
	record_set_int(k, SIGNING_KEY_STATE, state);
	ck_assert_int_eq(
		record_set_bytes(k, SIGNING_KEY_PUBLIC, rig->point, 64), KERR_OK);
	record_set_int(list, LIST_TOTAL, 1);
	record_encode(list, &out);
	m.payload = out.data;
	m.length = (uint32_t)out.len;
	rig_send(rig, &m);
	rig_turn(rig);
	rig_turn(rig);
	buf_clear(&out);
	arena_free(a);
}

static inline void
rig_start_with(struct rig *rig, bool local)
{
	struct fault fault = {0};
	int pair[2];

	ck_assert_int_eq(front_init(&rig->front, local, rig->settings, &fault), KERR_OK);
	rig->front.phase = PHASE_SERVING;
	rig->front.plain = true;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	rig->keeper = pair[0];
	front_attach_keeper(&rig->front, pair[1]);
	rig->on_question = rig_answer;
	buf_init(&rig->answer, 1 << 24);
	buf_init(&rig->asked, 1 << 24);
	frame_in_init(&rig->in);
	frame_out_init(&rig->out);
	rig_make_key(rig);
}

static inline struct rig *
rig_start(bool local)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	ck_assert_ptr_nonnull(rig);
	rig_libraries();
	rig_default_settings(rig);
	rig_start_with(rig, local);
	if (!local)
		rig_publish(rig, RIG_KID, SIGNING_IS_ACTIVE);
	return rig;
}

static inline void
rig_end(struct rig *rig)
{
	front_clear(&rig->front);
	if (rig->keeper >= 0)
		close(rig->keeper);
	frame_in_clear(&rig->in);
	frame_out_clear(&rig->out);
	buf_clear(&rig->answer);
	buf_clear(&rig->asked);
	EVP_PKEY_free(rig->key);
	arena_free(rig->arena);
	free(rig);
}

/* A caller's connection at that door. */
static inline int
rig_connect(struct rig *rig, enum door door)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	front_serve(&rig->front, pair[1], door);
	return pair[0];
}

static inline void
rig_write(struct rig *rig, int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			rig_turn(rig);
			continue;
		}
		if (n < 0)
			return;
		bytes += n;
		len -= (size_t)n;
	}
}

static inline void
rig_say(struct rig *rig, int fd, const char *text)
{
	rig_write(rig, fd, text, strlen(text));
}

/* The decimal number that a text begins with. */
static inline size_t
rig_number(const char *text)
{
	size_t v = 0;

	while (*text >= '0' && *text <= '9')
		v = v * 10 + (size_t)(*text++ - '0');
	return v;
}

/* Is a whole answer (or more) in reply[]? Its length, else 0. */
static inline size_t
rig_whole(const struct rig *rig)
{
	const char *end = strstr(rig->reply, "\r\n\r\n");
	const char *field = strstr(rig->reply, "Content-Length: ");
	size_t body;

	if (!end || !field || field > end)
		return 0;
	body = rig_number(field + strlen("Content-Length: "));
	body += (size_t)(end + 4 - rig->reply);
	return rig->reply_len >= body ? body : 0;
}

/* Turns until an answer is there; false when the connection ended, or nothing came. */
static inline bool
rig_read(struct rig *rig, int fd)
{
	rig->reply_len = 0;
	rig->reply[0] = '\0';
	for (int i = 0; i < 2000; i++) {
		ssize_t n = recv(fd, rig->reply + rig->reply_len,
			sizeof(rig->reply) - 1 - rig->reply_len, 0);

		if (n > 0) {
			rig->reply_len += (size_t)n;
			rig->reply[rig->reply_len] = '\0';
		}
		if (rig_whole(rig))
			return true;
		if (n == 0)
			return false;
		rig_turn(rig);
	}
	return false;
}

static inline unsigned
rig_status(const struct rig *rig)
{
	if (strncmp(rig->reply, "HTTP/1.1 ", 9) != 0)
		return 0;
	return (unsigned)rig_number(rig->reply + 9);
}

static inline const char *
rig_body(const struct rig *rig)
{
	const char *end = strstr(rig->reply, "\r\n\r\n");

	return end ? end + 4 : "";
}

/* One request on a connection of its own; the status of the answer, 0 when there is
 * none. */
static inline unsigned
rig_ask(struct rig *rig, enum door door, const char *request)
{
	int fd = rig_connect(rig, door);
	unsigned status;

	rig_write(rig, fd, request, strlen(request));
	status = rig_read(rig, fd) ? rig_status(rig) : 0;
	close(fd);
	rig_turn(rig);
	rig_turn(rig);
	return status;
}

static inline unsigned
rig_post(struct rig *rig, const char *path, const char *fields, const char *body)
{
	static char request[1 << 16];

	snprintf(request, sizeof(request),
		"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n%s\r\n%s", path,
		strlen(body), fields, body);
	return rig_ask(rig, DOOR_PUBLIC, request);
}

static inline size_t
rig_base64url(char *out, size_t size, const void *bytes, size_t len)
{
	sodium_bin2base64(
		out, size, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return strlen(out);
}

/* A JWS of that header and payload, signed by the rig's key. */
static inline void
rig_sign(const struct rig *rig, const char *header, const char *payload, char *out,
	size_t size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const unsigned char *p;
	uint8_t der[128], raw[64] = {0};
	size_t len = sizeof(der), at;
	ECDSA_SIG *sig;

	at = rig_base64url(out, size, header, strlen(header));
	out[at++] = '.';
	at += rig_base64url(out + at, size - at, payload, strlen(payload));
	ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, rig->key), 1);
	ck_assert_int_eq(EVP_DigestSign(ctx, der, &len, (const uint8_t *)out, at), 1);
	p = der;
	sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
	out[at++] = '.';
	rig_base64url(out + at, size - at, raw, sizeof(raw));
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
}

#define RIG_HEADER "{\"alg\":\"ES256\",\"kid\":\"" RIG_KID "\",\"typ\":\"at+jwt\"}"

/* A token as the keeper makes them, with a jti of that byte repeated. */
static inline void
rig_token(const struct rig *rig, uint8_t byte, char *out, size_t size)
{
	char jti[128], payload[512];
	uint8_t bytes[78];

	memset(bytes, byte, sizeof(bytes));
	rig_base64url(jti, sizeof(jti), bytes, sizeof(bytes));
	snprintf(payload, sizeof(payload),
		"{\"iss\":\"%s\",\"aud\":[\"x\"],\"exp\":1,\"jti\":\"%s\"}", RIG_ISSUER,
		jti);
	rig_sign(rig, RIG_HEADER, payload, out, size);
}

#endif
