#include <string.h>

#include "keyd/keeper/store/dump.h"
#include "keyd/keeper/store/migrate.h"
#include "keyd/keeper/store/parts.h"

/* Putting the rows of a stream (dump.h) back. */

struct load {
	struct store *s;
	struct arena *a;
	struct cursor in;
	enum table_id tables[TABLE__COUNT]; /* of the stream's numbers */
	unsigned count;
	uint64_t rows;
};

static enum kerr
read_head(struct load *l)
{
	const uint8_t *magic = cursor_bytes(&l->in, strlen(DUMP_MAGIC));
	unsigned schema = cursor_u16(&l->in);

	l->count = cursor_u16(&l->in);
	if (l->in.failed || memcmp(magic, DUMP_MAGIC, strlen(DUMP_MAGIC)) != 0)
		return KERR_DAMAGED;
	if (schema != (unsigned)migrate_newest())
		return schema > (unsigned)migrate_newest() ? KERR_NEWER
							   : KERR_UNSUPPORTED;
	if (l->count > TABLE__COUNT)
		return KERR_DAMAGED;
	for (unsigned i = 0; i < l->count; i++) {
		size_t len = cursor_u16(&l->in);
		const uint8_t *bytes = cursor_bytes(&l->in, len);
		char name[64];

		if (!bytes || len >= sizeof(name))
			return KERR_DAMAGED;
		memcpy(name, bytes, len);
		name[len] = '\0';
		if (store_table(name, &l->tables[i]) != KERR_OK)
			return KERR_DAMAGED;
	}
	return KERR_OK;
}

/* The item's columns as a row whose bytes lie in the arena. */
static enum kerr
read_row(struct load *l, enum table_id table, struct cursor *c, struct row *ret)
{
	uint32_t key = 0;
	const uint8_t *mac = NULL;
	int64_t from = 0;
	struct record *record;
	enum kerr err;

	if (store_kind(table) == TABLE_SECURITY) {
		key = cursor_u32(c);
		mac = cursor_bytes(c, VAULT_MAC_LEN);
		from = (int64_t)cursor_u64(c);
		if (c->failed)
			return KERR_DAMAGED;
	}
	arena_reset(l->a);
	err = record_decode(store_schema(table), l->a, c->p, c->left, &record);
	if (err == KERR_OK)
		err = row_of_record(record, table, ret);
	if (err != KERR_OK)
		return err == KERR_NOMEM ? err : KERR_DAMAGED;
	if (mac) {
		row_set_number(ret, ret->count - 1, from);
		ret->mac_key = key;
		memcpy(ret->mac, mac, sizeof(ret->mac));
	}
	return KERR_OK;
}

/* A present row: as it was, under its id and version. */
static enum kerr
load_row(struct load *l, const struct row *row)
{
	struct store *s = l->s;
	int64_t id = row->at[ROW_ID].number;
	uint8_t term[ROW_TERM_LEN];
	uint64_t entry;
	enum kerr err;

	if (store_kind(row->table) == TABLE_PLAIN)
		return write_loaded(s, row, NULL);
	entry = versions_entry(row->at[ROW_VERSION].number, row->mac);
	err = row_check(row, s->macs, &s->self.scratch, term);
	if (err == KERR_OK && (entry == 0 || versions_get(s->versions, row->table, id)))
		err = KERR_DAMAGED;
	if (err == KERR_OK)
		err = write_loaded(s, row, NULL);
	if (err == KERR_OK)
		err = versions_set(s->versions, row->table, id, entry);
	if (err != KERR_OK)
		return err;
	tally_add(&s->now, term);
	s->now.rows[row->table]++;
	if (id >= s->now.next[row->table])
		s->now.next[row->table] = id + 1;
	return KERR_OK;
}

static enum kerr
load_past(struct load *l, const struct row *row, int64_t valid_to)
{
	struct store *s = l->s;
	int64_t id = row->at[ROW_ID].number;
	uint8_t term[ROW_TERM_LEN];
	enum kerr err = row_check(row, s->macs, &s->self.scratch, term);

	if (err != KERR_OK)
		return err;
	if (id >= s->now.next[row->table])
		s->now.next[row->table] = id + 1;
	return write_loaded(s, row, &valid_to);
}

static enum kerr
load_item(struct load *l, unsigned kind)
{
	unsigned number = cursor_u16(&l->in);
	size_t len = cursor_u32(&l->in);
	const uint8_t *bytes = cursor_bytes(&l->in, len);
	int64_t valid_to = 0;
	enum table_id table;
	struct cursor c;
	struct row row;
	enum kerr err;

	if (!bytes || number >= l->count)
		return KERR_DAMAGED;
	table = l->tables[number];
	if (table == TABLE_sealed_state ||
		(kind == DUMP_PAST && store_kind(table) != TABLE_SECURITY))
		return KERR_DAMAGED;
	cursor_init(&c, bytes, len);
	if (kind == DUMP_PAST)
		valid_to = (int64_t)cursor_u64(&c);
	err = read_row(l, table, &c, &row);
	if (err != KERR_OK)
		return err;
	l->rows++;
	return kind == DUMP_PAST ? load_past(l, &row, valid_to) : load_row(l, &row);
}

static enum kerr
load_items(struct load *l)
{
	for (;;) {
		unsigned kind = cursor_u8(&l->in);
		enum kerr err;

		if (l->in.failed)
			return KERR_DAMAGED;
		if (kind == DUMP_END)
			break;
		if (kind != DUMP_ROW && kind != DUMP_PAST)
			return KERR_DAMAGED;
		err = load_item(l, kind);
		if (err != KERR_OK)
			return err;
	}
	if (cursor_u64(&l->in) != l->rows || l->in.failed || l->in.left)
		return KERR_DAMAGED;
	return KERR_OK;
}

/* A row whose parent was set aside, and so is not in the stream, goes too. */
static enum kerr
drop_orphans(struct store *s, uint64_t *ret_dropped)
{
	struct db_stmt *st;
	enum kerr err = cache_take(s->self.cache, "PRAGMA foreign_key_check", &st);

	*ret_dropped = 0;
	if (err != KERR_OK)
		return err;
	while ((err = db_step(st)) == KERR_OK) {
		char name[64] = "";
		enum table_id table;
		size_t len;
		const uint8_t *text = db_column_bytes(st, 0, &len);

		if (len < sizeof(name))
			memcpy(name, text, len);
		err = store_table(name, &table);
		if (err == KERR_OK)
			err = write_unload(s, table, db_column_int(st, 1));
		if (err == KERR_NOTFOUND) /* it has two parents that are not there */
			continue;
		if (err != KERR_OK)
			break;
		++*ret_dropped;
	}
	cache_give(s->self.cache, st);
	return err == KERR_NOTFOUND ? KERR_OK : err;
}

static bool
has_rows(const struct store *s)
{
	for (unsigned t = 0; t < TABLE__COUNT; t++) {
		if (s->now.rows[t])
			return true;
	}
	return false;
}

enum kerr
store_load(struct store *s, const void *bytes, size_t len, uint64_t *ret_rows)
{
	struct load l = {.s = s};
	uint64_t dropped = 1;
	enum kerr err;

	if (!s->unsealed)
		return KERR_SEALED;
	if (!db_in_transaction(s->self.db))
		return KERR_INTERNAL;
	if (has_rows(s))
		return KERR_CONFLICT;
	l.a = arena_new(DUMP_ARENA);
	if (!l.a)
		return KERR_NOMEM;
	cursor_init(&l.in, bytes, len);
	s->wrote = s->spoiled = true; /* until all of it is there */
	/* Parents may come behind their children. */
	err = db_exec(s->self.db, "PRAGMA defer_foreign_keys = ON");
	if (err == KERR_OK)
		err = read_head(&l);
	if (err == KERR_OK)
		err = load_items(&l);
	while (err == KERR_OK && dropped)
		err = drop_orphans(s, &dropped);
	if (err == KERR_OK) {
		s->spoiled = false;
		*ret_rows = l.rows;
	}
	arena_free(l.a);
	return err;
}
