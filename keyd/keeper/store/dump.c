#include "keyd/keeper/store/dump.h"

#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/store/migrate.h"
#include "keyd/keeper/store/parts.h"

#define CHUNK     ((size_t)256 << 10)
#define ITEM_MAX  ((size_t)64 << 20)
#define ITEM_HEAD 7

struct dump {
	struct store_reader *r;
	struct arena *a;
	struct buf out; /* waits for the next chunk */
	store_chunk chunk;
	void *with;
	uint64_t rows;
};

static enum kerr
flush(struct dump *d, size_t at_least)
{
	enum kerr err = buf_error(&d->out);

	if (err != KERR_OK || d->out.len < at_least || d->out.len == 0)
		return err;
	err = d->chunk(d->with, d->out.data, d->out.len);
	buf_reset(&d->out);
	return err;
}

static void
patch_length(struct buf *out, size_t at)
{
	uint32_t len = (uint32_t)(out->len - at - ITEM_HEAD);

	for (unsigned i = 0; i < 4; i++)
		out->data[at + 3 + i] = (uint8_t)(len >> (8 * i));
}

/* valid_to: NULL for a present row. */
static enum kerr
put_item(struct dump *d, const struct row *row, const int64_t *valid_to)
{
	size_t at = d->out.len;
	struct record *record;
	enum kerr err;

	arena_reset(d->a);
	err = row_to_record(row, d->a, &record);
	if (err != KERR_OK)
		return err == KERR_DAMAGED ? KERR_OK : err;
	buf_put_u8(&d->out, valid_to ? DUMP_PAST : DUMP_ROW);
	buf_put_u16(&d->out, (uint16_t)row->table);
	buf_put_u32(&d->out, 0);
	if (valid_to)
		buf_put_u64(&d->out, (uint64_t)*valid_to);
	if (store_kind(row->table) == TABLE_SECURITY) {
		buf_put_u32(&d->out, row->mac_key);
		buf_put(&d->out, row->mac, sizeof(row->mac));
		buf_put_u64(&d->out, (uint64_t)row_valid_from(row));
	}
	record_encode(record, &d->out);
	if (buf_error(&d->out) != KERR_OK)
		return buf_error(&d->out);
	patch_length(&d->out, at);
	d->rows++;
	return flush(d, CHUNK);
}

static bool
text_begins(const struct row_value *v, const char *word)
{
	return v->type == DB_TEXT && v->len >= strlen(word) &&
	       memcmp(v->bytes, word, strlen(word)) == 0;
}

/* What a backup leaves out: keys of sealed deliveries, slots that open without a person,
 * answers that may be given again. */
static bool
is_left_out(const struct row *row)
{
	const struct row_value *kind = &row->at[ROW_SEAL_SLOT_KIND];

	if (row->table == TABLE_record_key)
		return text_begins(&row->at[ROW_RECORD_KEY_PLACE], "delivery");
	if (row->table == TABLE_seal_slot)
		return text_begins(kind, slot_kinds[SLOT_KIND_KEY_FILE]) ||
		       text_begins(kind, slot_kinds[SLOT_KIND_CREDENTIAL]);
	return row->table == TABLE_sealed_state || row->table == TABLE_idempotency;
}

static enum kerr
dump_row(void *with, const struct row *row)
{
	struct dump *d = with;
	enum kerr err;

	if (store_kind(row->table) == TABLE_PLAIN && is_left_out(row))
		return KERR_OK;
	err = conn_accept(d->r, row, NULL);
	if (err == KERR_DAMAGED)
		return KERR_OK;
	return err == KERR_OK ? put_item(d, row, NULL) : err;
}

static enum kerr
dump_past(struct dump *d, enum table_id table)
{
	uint8_t term[ROW_TERM_LEN];
	struct db_stmt *st;
	struct row row;
	enum kerr err = conn_take(d->r, table, SQL_PAST_SCAN, &st);

	if (err != KERR_OK)
		return err;
	while ((err = db_step(st)) == KERR_OK) {
		int64_t to = db_column_int(st, (int)schema_width(table));

		row_of_stmt(st, table, &row);
		err = row_check(&row, d->r->store->macs, &d->r->scratch, term);
		if (err == KERR_OK)
			err = put_item(d, &row, &to);
		if (err != KERR_OK && err != KERR_DAMAGED)
			break;
	}
	conn_done(d->r, table, SQL_PAST_SCAN, st);
	return err == KERR_NOTFOUND || err == KERR_DAMAGED ? KERR_OK : err;
}

static void
put_head(struct buf *out)
{
	buf_put_text(out, DUMP_MAGIC);
	buf_put_u16(out, (uint16_t)migrate_newest());
	buf_put_u16(out, TABLE__COUNT);
	for (unsigned t = 0; t < TABLE__COUNT; t++) {
		const char *name = store_schema((enum table_id)t)->name;

		buf_put_u16(out, (uint16_t)strlen(name));
		buf_put_text(out, name);
	}
}

static enum kerr
dump_all(struct dump *d)
{
	uint64_t faults;
	enum kerr err = KERR_OK;

	put_head(&d->out);
	for (unsigned t = 0; t < TABLE__COUNT && err == KERR_OK; t++)
		err = read_rows(d->r, (enum table_id)t, dump_row, d, &faults);
	for (unsigned t = 0; t < TABLE__COUNT && err == KERR_OK; t++) {
		if (store_kind((enum table_id)t) == TABLE_SECURITY)
			err = dump_past(d, (enum table_id)t);
	}
	if (err != KERR_OK)
		return err;
	buf_put_u8(&d->out, DUMP_END);
	buf_put_u64(&d->out, d->rows);
	return flush(d, 0);
}

enum kerr
store_dump(struct store_reader *r, store_chunk chunk, void *with, uint64_t *ret_rows)
{
	struct dump d = {.r = r, .chunk = chunk, .with = with};
	enum kerr err;

	if (!r->store->unsealed)
		return KERR_SEALED;
	err = conn_enter(r);
	if (err != KERR_OK)
		return err;
	buf_init(&d.out, CHUNK + ITEM_MAX);
	d.a = arena_new(DUMP_ARENA);
	err = d.a ? dump_all(&d) : KERR_NOMEM;
	if (err == KERR_OK)
		*ret_rows = d.rows;
	arena_free(d.a);
	buf_clear(&d.out);
	conn_leave(r);
	return err;
}
