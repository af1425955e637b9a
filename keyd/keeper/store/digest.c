#include <sodium.h>
#include <string.h>

#include "keyd/keeper/store/parts.h"

/* The sealed state: a record of what all security rows are together, replaced in every
 * transaction, so that an older copy of a row or of the whole file does not agree with
 * it. Its XOR value is never outside this process in clear: from three old ones a fourth
 * could be made. */

#define STATE_FORMAT 1
#define STATE_MAX    ((size_t)16384)
#define STATE_ROW    1

static const struct seal_place state_place = {
	.table = "sealed_state",
	.column = "sealed",
	.purpose = "state",
	.row = STATE_ROW,
};

void
tally_add(struct tally *t, const uint8_t term[ROW_TERM_LEN])
{
	for (unsigned i = 0; i < ROW_TERM_LEN; i++)
		t->sum[i] ^= term[i];
}

static void
encode(const struct tally *t, struct buf *out)
{
	buf_put_u8(out, STATE_FORMAT);
	buf_put(out, t->sum, sizeof(t->sum));
	buf_put_u64(out, t->damage);
	buf_put(out, t->bad, sizeof(t->bad));
	buf_put_u64(out, t->bad_rows);
	buf_put_u64(out, t->state.audit_seq);
	buf_put(out, t->state.audit_head, sizeof(t->state.audit_head));
	buf_put_u64(out, (uint64_t)t->state.last_seen);
	buf_put_u16(out, TABLE__COUNT);
	for (unsigned i = 0; i < TABLE__COUNT; i++) {
		buf_put_u64(out, t->rows[i]);
		buf_put_u64(out, (uint64_t)t->next[i]);
	}
}

static void
take(struct cursor *c, void *to, size_t len)
{
	const uint8_t *p = cursor_bytes(c, len);

	if (p)
		memcpy(to, p, len);
}

static enum kerr
decode(const void *bytes, size_t len, struct tally *ret)
{
	struct tally t = {.damage = 0};
	struct cursor c;
	unsigned tables;

	cursor_init(&c, bytes, len);
	if (cursor_u8(&c) != STATE_FORMAT)
		return KERR_DAMAGED;
	take(&c, t.sum, sizeof(t.sum));
	t.damage = cursor_u64(&c);
	take(&c, t.bad, sizeof(t.bad));
	t.bad_rows = cursor_u64(&c);
	t.state.audit_seq = cursor_u64(&c);
	take(&c, t.state.audit_head, sizeof(t.state.audit_head));
	t.state.last_seen = (int64_t)cursor_u64(&c);
	tables = cursor_u16(&c);
	if (tables > TABLE__COUNT)
		return KERR_DAMAGED;
	for (unsigned i = 0; i < tables; i++) {
		t.rows[i] = cursor_u64(&c);
		t.next[i] = (int64_t)cursor_u64(&c);
	}
	if (c.failed || c.left)
		return KERR_DAMAGED;
	*ret = t;
	sodium_memzero(&t, sizeof(t));
	return KERR_OK;
}

enum kerr
digest_write(struct store *s)
{
	static const char sql[] =
		"INSERT INTO \"sealed_state\" (\"id\", \"sealed\") VALUES ($1, $2) ON "
		"CONFLICT (\"id\") DO UPDATE SET \"sealed\" = excluded.\"sealed\"";
	struct buf plain, sealed;
	struct db_stmt *st = NULL;
	enum kerr err;

	buf_init(&plain, STATE_MAX);
	buf_init(&sealed, 2 * STATE_MAX);
	(void)buf_reserve(&plain, STATE_MAX);
	encode(&s->now, &plain);
	err = buf_error(&plain);
	if (err == KERR_OK)
		err = vault_seal_direct(s->vault, KEY_STATE, &state_place, plain.data,
			plain.len, &sealed);
	if (err == KERR_OK)
		err = cache_take(s->self.cache, sql, &st);
	if (err == KERR_OK) {
		db_bind_int(st, 1, STATE_ROW);
		db_bind_bytes(st, 2, sealed.data, sealed.len);
		err = db_run(st);
	}
	cache_give(s->self.cache, st);
	buf_clear(&plain);
	buf_clear(&sealed);
	return err;
}

/* KERR_NOTFOUND: there is none. KERR_DAMAGED: it is not ours. */
static enum kerr
read_state(struct store *s, struct tally *ret)
{
	struct db_stmt *st;
	struct buf plain;
	const uint8_t *sealed;
	size_t len;
	enum kerr err = cache_take(s->self.cache,
		"SELECT \"sealed\" FROM \"sealed_state\" WHERE \"id\" = 1", &st);

	if (err != KERR_OK)
		return err;
	buf_init(&plain, STATE_MAX);
	err = db_step(st);
	if (err == KERR_OK) {
		sealed = db_column_bytes(st, 0, &len);
		err = vault_open_direct(s->vault, &state_place, sealed, len, &plain);
		if (err != KERR_NOMEM && err != KERR_OK)
			err = KERR_DAMAGED;
	}
	if (err == KERR_OK)
		err = decode(plain.data, plain.len, ret);
	cache_give(s->self.cache, st);
	buf_clear(&plain);
	return err;
}

/* What the rows are, as they are read at start. */
struct start {
	struct store *s;
	struct tally *t;
	uint64_t faults; /* places where ids do not rise, or pages cannot be read */
	struct buf bad;  /* table and id of each row set aside */
};

static enum kerr
set_aside(struct start *w, enum table_id table, int64_t id)
{
	w->t->bad_rows++;
	buf_put_u8(&w->bad, (uint8_t)table);
	buf_put_u64(&w->bad, (uint64_t)id);
	if (buf_error(&w->bad) != KERR_OK)
		return buf_error(&w->bad);
	return versions_fence(w->s->versions, table, id);
}

static enum kerr
start_row(void *with, const struct row *row)
{
	struct start *w = with;
	struct store *s = w->s;
	int64_t id = row->at[ROW_ID].number;
	uint8_t term[ROW_TERM_LEN];
	uint64_t entry;
	enum kerr err;

	if (id < 1 || id > VERSIONS_ID_MAX)
		return set_aside(w, row->table, id);
	if (versions_get(s->versions, row->table, id) != 0) {
		w->faults++;
		return KERR_OK;
	}
	err = row_check(row, s->macs, &s->self.scratch, term);
	entry = versions_entry(row->at[ROW_VERSION].number, row->mac);
	if (err == KERR_DAMAGED || (err == KERR_OK && entry == 0))
		return set_aside(w, row->table, id);
	if (err == KERR_OK)
		err = versions_load(s->versions, row->table, id, entry);
	if (err != KERR_OK)
		return err;
	tally_add(w->t, term);
	w->t->rows[row->table]++;
	if (id >= w->t->next[row->table])
		w->t->next[row->table] = id + 1;
	return KERR_OK;
}

static enum kerr
start_rows(struct start *w)
{
	for (unsigned t = 0; t < TABLE__COUNT; t++) {
		uint64_t faults = 0;
		enum kerr err;

		w->t->next[t] = 1;
		if (store_kind((enum table_id)t) != TABLE_SECURITY)
			continue;
		err = read_rows(&w->s->self, (enum table_id)t, start_row, w, &faults);
		if (err != KERR_OK)
			return err;
		w->faults += faults;
	}
	return KERR_OK;
}

/* Row by row, from nothing. */
static enum kerr
start_again(struct start *w)
{
	struct versions *fresh = versions_new();

	if (!fresh)
		return KERR_NOMEM;
	versions_free(w->s->versions);
	w->s->versions = fresh;
	memset(w->t, 0, sizeof(*w->t));
	return start_rows(w);
}

static enum kerr
start_bad(struct start *w)
{
	return macs_hash(
		w->s->macs, "rows set aside", w->bad.data, w->bad.len, w->t->bad);
}

uint64_t
tally_differs(const struct tally *is, const struct tally *want)
{
	uint64_t n = 0;

	n += sodium_memcmp(is->sum, want->sum, sizeof(is->sum)) != 0;
	for (unsigned t = 0; t < TABLE__COUNT; t++)
		n += is->rows[t] != want->rows[t];
	if (is->bad_rows > want->bad_rows)
		n += is->bad_rows - want->bad_rows;
	else
		n += sodium_memcmp(is->bad, want->bad, sizeof(is->bad)) != 0;
	return n;
}

/* A row that is no newer than what its own history has is an old copy: it is sound by
 * itself and must not be used. */
static enum kerr
drop_stale(struct start *w, enum table_id table, int64_t id)
{
	struct store_reader *r = &w->s->self;
	uint8_t term[ROW_TERM_LEN];
	struct db_stmt *st;
	struct row row;
	enum kerr err;

	if (versions_get(w->s->versions, table, id) == 0)
		return KERR_OK;
	err = conn_take(r, table, SQL_GET, &st);
	if (err != KERR_OK)
		return err;
	db_bind_int(st, 1, id);
	err = db_step(st);
	if (err == KERR_OK) {
		row_of_stmt(st, table, &row);
		err = row_check(&row, w->s->macs, &r->scratch, term);
	}
	conn_done(r, table, SQL_GET, st);
	if (err != KERR_OK)
		return err == KERR_NOTFOUND || err == KERR_DAMAGED ? KERR_OK : err;
	tally_add(w->t, term);
	w->t->rows[table]--;
	err = versions_load(w->s->versions, table, id, 0);
	return err == KERR_OK ? set_aside(w, table, id) : err;
}

static enum kerr
stale_of_table(struct start *w, enum table_id table)
{
	struct store_reader *r = &w->s->self;
	struct db_stmt *st;
	enum kerr err = conn_take(r, table, SQL_STALE, &st);

	if (err != KERR_OK)
		return err;
	while ((err = db_step(st)) == KERR_OK) {
		err = drop_stale(w, table, db_column_int(st, 0));
		if (err != KERR_OK)
			break;
	}
	conn_done(r, table, SQL_STALE, st);
	if (err == KERR_DAMAGED)
		w->faults++;
	return err == KERR_NOTFOUND || err == KERR_DAMAGED ? KERR_OK : err;
}

static enum kerr
stale_rows(struct start *w)
{
	enum kerr err = KERR_OK;

	for (unsigned t = 0; t < TABLE__COUNT && err == KERR_OK; t++) {
		if (store_kind((enum table_id)t) == TABLE_SECURITY)
			err = stale_of_table(w, (enum table_id)t);
	}
	return err == KERR_OK ? start_bad(w) : err;
}

static enum kerr
report(struct store *s, const struct start *w, bool has_state, struct fault *fault)
{
	if (!has_state)
		return fault_set(fault, KERR_DAMAGED, "",
			"the record that seals the database's rows is missing or not "
			"this keyd's: put back the newest database, or restore a backup");
	return fault_set(fault, KERR_DAMAGED, "",
		"the database's rows are not what keyd wrote last: %llu differences, "
		"%llu rows set aside, %llu places out of order or unreadable",
		(unsigned long long)s->now.damage, (unsigned long long)w->t->bad_rows,
		(unsigned long long)w->faults);
}

/* Takes what was found as the present tally, with what the sealed state had beyond the
 * rows. */
static void
settle(struct store *s, const struct start *w, const struct tally *want, uint64_t damage)
{
	s->now = *w->t;
	for (unsigned t = 0; t < TABLE__COUNT; t++) {
		if (want->next[t] > s->now.next[t])
			s->now.next[t] = want->next[t];
	}
	s->now.state = want->state;
	s->now.damage = damage > want->damage ? damage : want->damage;
	s->committed = s->now;
	atomic_store(&s->damage, s->now.damage);
}

static bool
nothing(const struct start *w)
{
	uint64_t rows = w->t->bad_rows + w->faults;

	for (unsigned t = 0; t < TABLE__COUNT; t++)
		rows += w->t->rows[t];
	return rows == 0;
}

enum kerr
digest_start(struct store *s, struct fault *fault)
{
	struct tally found = {.damage = 0}, want = {.damage = 0};
	struct start w = {.s = s, .t = &found};
	uint64_t damage = 0;
	enum kerr err, state;

	buf_init(&w.bad, (size_t)64 << 20);
	state = read_state(s, &want);
	if (state == KERR_OK && quick_start(s, &want, &found)) {
		settle(s, &w, &want, 0);
		err = KERR_OK;
		goto out;
	}
	err = state == KERR_NOMEM ? state : start_again(&w);
	if (err == KERR_OK)
		err = start_bad(&w);
	if (err != KERR_OK)
		goto out;
	if (state == KERR_OK) {
		if (tally_differs(&found, &want) || want.damage)
			err = stale_rows(&w);
		damage = tally_differs(&found, &want) + w.faults;
	} else if (state != KERR_NOTFOUND || !s->empty || !nothing(&w)) {
		damage = 1 + found.bad_rows + w.faults;
	}
	if (err == KERR_OK) {
		settle(s, &w, &want, damage);
		if (s->now.damage)
			err = report(s, &w, state == KERR_OK, fault);
	}
out:
	if (err != KERR_OK && err != KERR_DAMAGED)
		err = fault_set(fault, err, "", "cannot read the database's rows: %s",
			kerr_text(err));
	buf_clear(&w.bad);
	sodium_memzero(&found, sizeof(found));
	sodium_memzero(&want, sizeof(want));
	return err;
}
