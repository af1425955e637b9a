#include "core/trail/trail.h"

#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/audit/audit.h"
#include "tests/fuzz/fuzz.h"

/* A line of the audit chain, and a signed head. What is read, written again, is the
 * same. */

static void
read_line(struct trail_text line)
{
	struct trail_text rest = line, name, value;
	struct buf plain, again;
	char word[64];

	buf_init(&plain, 1u << 16);
	buf_init(&again, 1u << 18);
	while (trail_next(&rest, &name, &value) == KERR_OK) {
		buf_reset(&plain);
		buf_reset(&again);
		if (name.len >= sizeof(word) || memchr(name.p, 0, name.len) != NULL ||
			trail_unescape(&plain, value) != KERR_OK)
			continue;
		memcpy(word, name.p, name.len);
		word[name.len] = '\0';
		trail_put(&again, word, (const char *)plain.data, plain.len);
		FUZZ_CHECK(buf_error(&again) == KERR_OK);
	}
	buf_clear(&plain);
	buf_clear(&again);
}

static void
read_note(struct trail_text text)
{
	struct trail_text rest = text, one;
	struct trail t = {0};
	struct note n;
	struct buf again;

	if (note_read(text, &n) == KERR_OK) {
		buf_init(&again, 1024);
		note_put(&again, &n);
		FUZZ_CHECK(again.len == text.len &&
			   memcmp(again.data, text.p, text.len) == 0);
		buf_clear(&again);
	}
	while (note_next(&rest, &one) == KERR_OK)
		FUZZ_CHECK(one.p >= text.p && one.p + one.len <= text.p + text.len);
	FUZZ_CHECK(trail_head(&t, text) == KERR_DAMAGED); /* before any record */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trail_text text = {(const char *)data, size}, line = text;
	uint8_t hash[TRAIL_HASH_LEN];
	struct arena *a;
	struct record *r;
	struct trail t = {0};

	if (size == 0)
		return 0;
	a = arena_new(1u << 18);
	r = record_new(a, &audit_schema);
	FUZZ_CHECK(r != NULL);
	(void)!audit_parse(text.p, text.len, r);
	arena_free(a);
	read_line(text);
	read_note(text);
	if (trail_cut_hash(&line, hash) == KERR_OK)
		FUZZ_CHECK(line.len + TRAIL_HASH_TEXT == text.len);
	(void)!trail_record(&t, line, hash);
	return 0;
}
