#include "keyd/keeper/audit/parts.h"

#include <string.h>

#include "core/trail/file.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)

static enum kerr
put_record(void *with, const struct record *row)
{
	struct buf *out = with;
	uint8_t hash[TRAIL_HASH_LEN] = {0};
	size_t len = 0;
	const uint8_t *line = record_bytes(row, ROW_AUDIT_RECORD_LINE, &len);

	/* a damaged one goes out as it is, for the verifier to name */
	if (rows_hash_of(row, hash) != KERR_OK)
		memset(hash, 0, sizeof(hash));
	buf_put(out, line, len);
	trail_put_hash(out, hash);
	buf_put_u8(out, '\n');
	return buf_error(out);
}

static enum kerr
put_head(void *with, struct trail_text note)
{
	struct buf *out = with;

	buf_put(out, note.p, note.len);
	buf_put_u8(out, '\n');
	return buf_error(out);
}

static enum kerr
keep_first(void *with, struct record *row)
{
	struct trail_header *h = with;

	h->first = (uint64_t)record_int(row, ROW_ID);
	return KERR_CLOSED;
}

static enum kerr
read_header(struct audit *a, struct store_reader *r, struct arena *arena,
	struct trail_header *h)
{
	const struct store_query heads = {.table = TABLE_audit_head};
	const char *deployment = vault_deployment(a->vault);
	struct audit_mark newest;
	enum kerr err;

	*h = (struct trail_header){.first = 0};
	if (strlen(deployment) != sizeof(h->deployment) - 1)
		return KERR_INTERNAL;
	memcpy(h->deployment, deployment, sizeof(h->deployment));
	err = rows_newest(r, arena, &newest);
	if (err == KERR_OK || err == KERR_DAMAGED)
		err = rows_page(r, arena, 0, 1, keep_first, h);
	h->last = newest.seq;
	return err == KERR_OK ? store_count(r, &heads, &h->heads) : err;
}

static enum kerr export(
	struct audit *a, struct store_reader *r, struct arena *arena, struct buf *out) {
	const struct rows_walk w = {.reader = r,
		.arena = arena,
		.heads = true,
		.record = put_record,
		.head = put_head,
		.with = out};
	struct trail_header header;
	enum kerr err = read_header(a, r, arena, &header);

	if (err != KERR_OK) return err;
	trail_put_header(out, &header);
	err = buf_error(out);
	return err == KERR_OK ? rows_walk(&w) : err;
}

enum kerr
audit_export(struct audit *a, struct store_reader *r, struct buf *out)
{
	struct arena *arena = arena_new(ARENA_MAX);
	enum kerr err = KERR_NOMEM;

	if (arena != NULL)
		err = store_read_begin(r);
	if (err == KERR_OK) {
		err = export(a, r, arena, out);
		store_read_end(r);
	}
	arena_free(arena);
	return err;
}
