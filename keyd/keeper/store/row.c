#include "keyd/keeper/store/row.h"

#include <sodium.h>
#include <string.h>

#include "keyd/keeper/store/schema.h"

/* Each value's head in the canonical encoding: its type, then 8 bytes of number or
 * length, little endian. */
#define VALUE_HEAD 9

#define TABLE(prefix, name, kind)                                                        \
	_Static_assert(                                                                  \
		prefix##__COUNT + 1 <= ROW_VALUES_MAX, "a row has room for " #name);
#define COLUMN(...)
#define END(...)
#include "keyd/keeper/store/tables.def"
#undef TABLE
#undef COLUMN
#undef END

static void
value_of_stmt(struct db_stmt *st, int i, struct row_value *v)
{
	v->type = db_column_type(st, i);
	v->number = 0;
	v->bytes = NULL;
	v->len = 0;
	if (v->type == DB_INT)
		v->number = db_column_int(st, i);
	else if (v->type == DB_TEXT || v->type == DB_BYTES)
		v->bytes = db_column_bytes(st, i, &v->len);
}

static void
mac_of_stmt(struct db_stmt *st, struct row *row)
{
	int i = (int)row->count;
	int64_t key = db_column_int(st, i);
	const uint8_t *mac;
	size_t len;

	mac = db_column_bytes(st, i + 1, &len);
	row->mac_key = 0;
	if (key < 1 || key > UINT32_MAX || len != sizeof(row->mac))
		return;
	row->mac_key = (uint32_t)key;
	memcpy(row->mac, mac, sizeof(row->mac));
}

void
row_of_stmt(struct db_stmt *st, enum table_id table, struct row *ret)
{
	bool security = store_kind(table) == TABLE_SECURITY;

	ret->table = table;
	ret->count = store_schema(table)->count + (security ? 1 : 0);
	for (unsigned i = 0; i < ret->count; i++)
		value_of_stmt(st, (int)i, &ret->at[i]);
	ret->mac_key = 0;
	if (security)
		mac_of_stmt(st, ret);
}

static enum kerr
value_of_record(const struct record *r, unsigned f, const struct field *field,
	struct row_value *v)
{
	*v = (struct row_value){.type = DB_NULL};
	if (!record_has(r, f))
		return KERR_OK;
	if (field->type == FIELD_TEXT || field->type == FIELD_BYTES) {
		v->type = field->type == FIELD_TEXT ? DB_TEXT : DB_BYTES;
		v->bytes = record_bytes(r, f, &v->len);
	} else if (field->type == FIELD_ENUM) {
		const char *word = record_text(r, f);

		if (!*word)
			return KERR_INVALID;
		v->type = DB_TEXT;
		v->bytes = (const uint8_t *)word;
		v->len = strlen(word);
	} else {
		v->type = DB_INT;
		v->number = record_int(r, f);
	}
	return KERR_OK;
}

enum kerr
row_of_record(const struct record *r, enum table_id table, struct row *ret)
{
	const struct schema *s = store_schema(table);
	bool security = store_kind(table) == TABLE_SECURITY;

	if (record_schema(r) != s)
		return KERR_INTERNAL;
	ret->table = table;
	ret->count = s->count + (security ? 1 : 0);
	ret->mac_key = 0;
	for (unsigned f = 0; f < s->count; f++) {
		enum kerr err = value_of_record(r, f, &s->fields[f], &ret->at[f]);

		if (err != KERR_OK)
			return err;
	}
	if (security) {
		row_set_number(ret, s->count, 0);
		if (ret->at[ROW_TENANT_ID].type == DB_NULL)
			row_set_number(ret, ROW_TENANT_ID, 0);
	}
	return KERR_OK;
}

static enum kerr
set_word(
	struct record *r, unsigned f, const char *const *words, const struct row_value *v)
{
	for (int64_t i = 0; words[i]; i++) {
		if (strlen(words[i]) == v->len &&
			memcmp(words[i], v->bytes, v->len) == 0) {
			record_set_int(r, f, i);
			return KERR_OK;
		}
	}
	return KERR_DAMAGED;
}

static enum kerr
set_field(struct record *r, unsigned f, const struct field *field,
	const struct row_value *v)
{
	if (v->type == DB_NULL)
		return KERR_OK;
	if (field->type == FIELD_ENUM) {
		if (v->type != DB_TEXT || v->len == 0)
			return KERR_DAMAGED;
		return set_word(r, f, field->words, v);
	}
	if (field->type == FIELD_TEXT || field->type == FIELD_BYTES) {
		if (v->type != DB_TEXT && v->type != DB_BYTES)
			return KERR_DAMAGED;
		return record_set_bytes(r, f, v->bytes, v->len);
	}
	if (v->type != DB_INT)
		return KERR_DAMAGED;
	record_set_int(r, f, v->number);
	return KERR_OK;
}

enum kerr
row_to_record(const struct row *row, struct arena *a, struct record **ret)
{
	const struct schema *s = store_schema(row->table);
	struct record *r = record_new(a, s);

	if (!r)
		return KERR_NOMEM;
	for (unsigned f = 0; f < s->count; f++) {
		enum kerr err = set_field(r, f, &s->fields[f], &row->at[f]);

		if (err != KERR_OK)
			return err;
	}
	*ret = r;
	return KERR_OK;
}

static uint64_t
bit(unsigned i)
{
	return UINT64_C(1) << i;
}

int
row_bind(const struct row *row, uint64_t which, struct db_stmt *st)
{
	int p = 0;

	for (unsigned i = 0; i < row->count; i++) {
		const struct row_value *v = &row->at[i];

		if (!(which & bit(i)))
			continue;
		p++;
		if (v->type == DB_INT)
			db_bind_int(st, p, v->number);
		else if (v->type == DB_TEXT)
			db_bind_text(st, p, v->bytes, v->len);
		else if (v->type == DB_BYTES)
			db_bind_bytes(st, p, v->bytes, v->len);
		else
			db_bind_null(st, p);
	}
	if (store_kind(row->table) == TABLE_SECURITY) {
		db_bind_int(st, ++p, row->mac_key);
		db_bind_bytes(st, ++p, row->mac, sizeof(row->mac));
	}
	return p;
}

static bool
same_value(const struct row_value *a, const struct row_value *b)
{
	return a->type == b->type && a->number == b->number && a->len == b->len &&
	       (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

uint64_t
row_changed(const struct row *a, const struct row *b)
{
	uint64_t changed = bit(a->count) | bit(a->count + 1);

	for (unsigned i = 0; i < a->count; i++) {
		if (!same_value(&a->at[i], &b->at[i]))
			changed |= bit(i);
	}
	return changed;
}

void
row_set_number(struct row *row, unsigned column, int64_t v)
{
	row->at[column] = (struct row_value){.type = DB_INT, .number = v};
}

int64_t
row_valid_from(const struct row *row)
{
	return row->at[row->count - 1].number;
}

static uint8_t *
put_head(uint8_t *p, enum db_type type, uint64_t v)
{
	*p++ = (uint8_t)type;
	for (unsigned i = 0; i < 8; i++)
		*p++ = (uint8_t)(v >> (8 * i));
	return p;
}

/* Every column, in one form for each value, whether it comes from a record or from the
 * database. */
static enum kerr
encode(const struct row *row, struct buf *out)
{
	size_t size = 0;
	uint8_t *p, *start;

	for (unsigned i = 0; i < row->count; i++)
		size += VALUE_HEAD + row->at[i].len;
	buf_reset(out);
	start = p = buf_reserve(out, size);
	if (!p)
		return KERR_NOMEM;
	for (unsigned i = 0; i < row->count; i++) {
		const struct row_value *v = &row->at[i];
		bool number = v->type == DB_INT;

		p = put_head(p, v->type, number ? (uint64_t)v->number : v->len);
		if (v->len) {
			memcpy(p, v->bytes, v->len);
			p += v->len;
		}
	}
	buf_added(out, (size_t)(p - start));
	return KERR_OK;
}

static enum kerr
hash_row(const struct row *row, const struct vault_macer *macer, struct buf *scratch,
	uint8_t ret[VAULT_MAC_LEN + ROW_TERM_LEN])
{
	const char *name = store_schema(row->table)->name;
	struct vault_part parts[2];
	enum kerr err = encode(row, scratch);

	if (err != KERR_OK)
		return err;
	parts[0] = (struct vault_part){.bytes = name, .len = strlen(name)};
	parts[1] = (struct vault_part){.bytes = scratch->data, .len = scratch->len};
	vault_macer_run(macer, parts, 2, ret, VAULT_MAC_LEN + ROW_TERM_LEN);
	return KERR_OK;
}

enum kerr
row_check(const struct row *row, struct macs *macs, struct buf *scratch,
	uint8_t ret_term[ROW_TERM_LEN])
{
	uint8_t hash[VAULT_MAC_LEN + ROW_TERM_LEN];
	const struct vault_macer *macer;
	enum kerr err;

	if (row->mac_key == 0)
		return KERR_DAMAGED;
	macer = macs_of(macs, row->mac_key);
	if (!macer)
		return KERR_DAMAGED;
	err = hash_row(row, macer, scratch, hash);
	if (err != KERR_OK)
		return err;
	if (sodium_memcmp(hash, row->mac, VAULT_MAC_LEN) != 0)
		return KERR_DAMAGED;
	memcpy(ret_term, hash + VAULT_MAC_LEN, ROW_TERM_LEN);
	return KERR_OK;
}

enum kerr
row_seal(struct row *row, struct macs *macs, struct buf *scratch,
	uint8_t ret_term[ROW_TERM_LEN])
{
	uint8_t hash[VAULT_MAC_LEN + ROW_TERM_LEN];
	const struct vault_macer *macer = macs_active(macs, &row->mac_key);
	enum kerr err;

	if (!macer)
		return KERR_CRYPTO;
	err = hash_row(row, macer, scratch, hash);
	if (err != KERR_OK)
		return err;
	memcpy(row->mac, hash, VAULT_MAC_LEN);
	memcpy(ret_term, hash + VAULT_MAC_LEN, ROW_TERM_LEN);
	return KERR_OK;
}
