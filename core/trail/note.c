#include "core/trail/note.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "core/base64.h"
#include "core/clock.h"

#define TITLE          "keyd audit "
#define DASH           "\xe2\x80\x94 " /* U+2014, as signed-note begins a signature */
#define SIGNER         "keyd-audit-"
#define DEPLOYMENT_LEN 32
#define ED25519        0x01 /* signed-note's type of signature */
#define VARIANT        sodium_base64_VARIANT_ORIGINAL

static void
put_base64(struct buf *out, const uint8_t *bytes, size_t len)
{
	char text[sodium_base64_ENCODED_LEN(4 + NOTE_SIG_LEN, VARIANT)];

	sodium_bin2base64(text, sizeof(text), bytes, len, VARIANT);
	buf_put_text(out, text);
}

static enum kerr
read_base64(struct trail_text text, uint8_t *ret, size_t len)
{
	size_t got = 0;

	if (base64_decode(BASE64_PADDED, text.p, text.len, ret, len, &got) != KERR_OK ||
		got != len)
		return KERR_INVALID;
	return KERR_OK;
}

void
note_put_text(struct buf *out, const struct note *n)
{
	char when[CLOCK_TEXT_SIZE];

	clock_text(n->time, when);
	buf_printf(out, TITLE "%s\n%" PRIu64 "\n", n->segment, n->seq);
	put_base64(out, n->hash, sizeof(n->hash));
	buf_printf(out, "\ntime %s\nnext ", when);
	put_base64(out, n->next, sizeof(n->next));
	buf_put_u8(out, '\n');
}

void
note_key_id(const char *segment, const uint8_t key[TRAIL_KEY_LEN], uint8_t ret[4])
{
	static const uint8_t between[] = {'\n', ED25519};
	uint8_t hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)SIGNER, strlen(SIGNER));
	crypto_hash_sha256_update(&state, (const uint8_t *)segment, DEPLOYMENT_LEN);
	crypto_hash_sha256_update(&state, between, sizeof(between));
	crypto_hash_sha256_update(&state, key, TRAIL_KEY_LEN);
	crypto_hash_sha256_final(&state, hash);
	memcpy(ret, hash, 4);
}

void
note_put(struct buf *out, const struct note *n)
{
	uint8_t both[4 + NOTE_SIG_LEN];

	memcpy(both, n->id, 4);
	memcpy(both + 4, n->sig, NOTE_SIG_LEN);
	note_put_text(out, n);
	buf_printf(out, "\n" DASH SIGNER "%.*s ", DEPLOYMENT_LEN, n->segment);
	put_base64(out, both, sizeof(both));
	buf_put_u8(out, '\n');
}

/* Takes a line off *rest that begins with the given word, and gives what follows it. */
static enum kerr
take(struct trail_text *rest, const char *word, struct trail_text *ret)
{
	size_t skip = strlen(word);
	const char *end = memchr(rest->p, '\n', rest->len);
	size_t len = end != NULL ? (size_t)(end - rest->p) : 0;

	if (end == NULL || len < skip || memcmp(rest->p, word, skip) != 0)
		return KERR_INVALID;
	*ret = (struct trail_text){rest->p + skip, len - skip};
	rest->p += len + 1;
	rest->len -= len + 1;
	return KERR_OK;
}

static enum kerr
read_text(struct trail_text *rest, struct note *n)
{
	struct trail_text segment, seq, hash, when, next, empty;
	uint64_t first;

	if (take(rest, TITLE, &segment) != KERR_OK || take(rest, "", &seq) != KERR_OK ||
		take(rest, "", &hash) != KERR_OK ||
		take(rest, "time ", &when) != KERR_OK ||
		take(rest, "next ", &next) != KERR_OK ||
		take(rest, "", &empty) != KERR_OK || empty.len != 0)
		return KERR_INVALID;
	if (trail_segment_first(segment, &first) != KERR_OK ||
		trail_number(seq, &n->seq) != KERR_OK ||
		read_base64(hash, n->hash, sizeof(n->hash)) != KERR_OK ||
		clock_parse(when.p, when.len, &n->time) != KERR_OK ||
		read_base64(next, n->next, sizeof(n->next)) != KERR_OK)
		return KERR_INVALID;
	memcpy(n->segment, segment.p, segment.len);
	n->segment[segment.len] = '\0';
	return KERR_OK;
}

static enum kerr
read_signature(struct trail_text *rest, struct note *n)
{
	struct trail_text line, both;
	uint8_t bytes[4 + NOTE_SIG_LEN];
	const char *blank;

	if (take(rest, DASH SIGNER, &line) != KERR_OK)
		return KERR_INVALID;
	blank = memchr(line.p, ' ', line.len);
	if (blank == NULL)
		return KERR_INVALID;
	both.p = blank + 1;
	both.len = line.len - (size_t)(both.p - line.p);
	if (read_base64(both, bytes, sizeof(bytes)) != KERR_OK)
		return KERR_INVALID;
	memcpy(n->id, bytes, 4);
	memcpy(n->sig, bytes + 4, NOTE_SIG_LEN);
	return KERR_OK;
}

enum kerr
note_read(struct trail_text text, struct note *ret)
{
	struct trail_text rest = text;
	struct note n = {0};
	struct buf again;
	enum kerr err = KERR_INVALID;

	buf_init(&again, NOTE_MAX);
	if (text.len > NOTE_MAX || read_text(&rest, &n) != KERR_OK ||
		read_signature(&rest, &n) != KERR_OK || rest.len != 0)
		goto out;
	note_put(&again, &n);
	if (buf_error(&again) != KERR_OK) {
		err = buf_error(&again);
		goto out;
	}
	if (again.len != text.len || memcmp(again.data, text.p, text.len) != 0)
		goto out;
	*ret = n;
	err = KERR_OK;
out:
	buf_clear(&again);
	return err;
}

enum kerr
note_verify(const struct note *n, const uint8_t key[TRAIL_KEY_LEN])
{
	struct buf text;
	uint8_t id[4];
	enum kerr err;

	buf_init(&text, NOTE_MAX);
	note_put_text(&text, n);
	note_key_id(n->segment, key, id);
	err = buf_error(&text);
	if (err == KERR_OK && (memcmp(id, n->id, sizeof(id)) != 0 ||
				      crypto_sign_verify_detached(
					      n->sig, text.data, text.len, key) != 0))
		err = KERR_CRYPTO;
	buf_clear(&text);
	return err;
}

static void
skip(struct trail_text *text, size_t len)
{
	text->p += len;
	text->len -= len;
}

/* Behind the two empty lines that a note has; NULL when it does not end there. */
static const char *
end_of_note(struct trail_text text)
{
	const char *end = memmem(text.p, text.len, "\n\n", 2);

	if (end != NULL) {
		skip(&text, (size_t)(end - text.p) + 2);
		end = memmem(text.p, text.len, "\n\n", 2);
	}
	return end != NULL ? end + 2 : NULL;
}

enum kerr
note_next(struct trail_text *rest, struct trail_text *ret)
{
	static const char broken[] = "\n~\n\n";
	const size_t mark = sizeof(broken) - 1;
	struct trail_text at = *rest;

	for (;;) {
		struct trail_text here = at;
		const char *end, *bad;

		if (at.len == 0)
			return KERR_NOTFOUND;
		if (here.len > NOTE_MAX + mark)
			here.len = NOTE_MAX + mark;
		if (here.len >= mark - 1 && memcmp(here.p, broken + 1, mark - 1) == 0) {
			skip(&at, mark - 1);
			continue;
		}
		bad = memmem(here.p, here.len, broken, mark);
		end = end_of_note(here);
		if (bad != NULL && (end == NULL || bad < end)) {
			skip(&at, (size_t)(bad - at.p) + mark);
			continue;
		}
		if (end == NULL)
			return KERR_INVALID;
		*ret = (struct trail_text){at.p, (size_t)(end - at.p) - 1};
		skip(&at, ret->len + 1);
		*rest = at;
		return KERR_OK;
	}
}
