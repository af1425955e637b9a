#include <string.h>

#include "keyd/keeper/store/parts.h"

/* The start of a large store: two threads read one half of every table each. They only
 * find out whether everything is as it was left; what is wrong, if something is, the slow
 * way says (digest.c). */

#define WORTH_IT ((uint64_t)20000) /* rows from which a second thread pays */
#define SPLIT    ((uint64_t)1000)  /* rows of a table, below which one thread reads it */

struct half {
	struct store *s;
	struct store_reader *r;
	const struct tally *want;
	struct tally found;
	bool upper;
	bool sound;
};

static enum kerr
take_row(struct half *h, const struct row *row, int64_t *last)
{
	int64_t id = row->at[ROW_ID].number;
	uint8_t term[ROW_TERM_LEN];
	uint64_t entry = versions_entry(row->at[ROW_VERSION].number, row->mac);
	enum kerr err;

	if (id <= *last || entry == 0)
		return KERR_DAMAGED;
	*last = id;
	err = row_check(row, h->s->macs, &h->r->scratch, term);
	if (err == KERR_OK)
		err = versions_load(h->s->versions, row->table, id, entry);
	if (err != KERR_OK)
		return err;
	tally_add(&h->found, term);
	h->found.rows[row->table]++;
	return KERR_OK;
}

static enum kerr
read_half(struct half *h, enum table_id table)
{
	enum sql which = h->upper ? SQL_UPPER : SQL_LOWER;
	int64_t middle =
		h->want->rows[table] < SPLIT ? INT64_MAX : h->want->next[table] / 2;
	int64_t last = h->upper ? middle : 0;
	struct db_stmt *st;
	struct row row;
	enum kerr err = conn_take(h->r, table, which, &st);

	if (err != KERR_OK)
		return err;
	db_bind_int(st, 1, middle);
	while ((err = db_step(st)) == KERR_OK) {
		row_of_stmt(st, table, &row);
		err = take_row(h, &row, &last);
		if (err != KERR_OK)
			break;
	}
	conn_done(h->r, table, which, st);
	return err == KERR_NOTFOUND ? KERR_OK : err;
}

static void *
read_halves(void *with)
{
	struct half *h = with;
	enum kerr err = KERR_OK;

	for (unsigned t = 0; t < TABLE__COUNT && err == KERR_OK; t++) {
		if (store_kind((enum table_id)t) == TABLE_SECURITY)
			err = read_half(h, (enum table_id)t);
	}
	h->sound = err == KERR_OK;
	return NULL;
}

static bool
is_worth_it(const struct tally *want)
{
	uint64_t rows = 0;

	for (unsigned t = 0; t < TABLE__COUNT; t++)
		rows += want->rows[t];
	return rows >= WORTH_IT && want->bad_rows == 0 && want->damage == 0;
}

static bool
read_both(struct half *lower, struct half *upper)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, read_halves, upper) != 0)
		return false;
	(void)read_halves(lower);
	return pthread_join(thread, NULL) == 0 && lower->sound && upper->sound;
}

static void
join(struct tally *to, const struct half *lower, const struct half *upper)
{
	*to = lower->found;
	tally_add(to, upper->found.sum);
	for (unsigned t = 0; t < TABLE__COUNT; t++)
		to->rows[t] += upper->found.rows[t];
}

bool
quick_start(struct store *s, const struct tally *want, struct tally *ret)
{
	struct half lower = {.s = s, .r = &s->self, .want = want};
	struct half upper = {.s = s, .want = want, .upper = true};
	struct store_reader *r;
	bool same = false;

	if (!is_worth_it(want) || store_reader_open(s, &r) != KERR_OK)
		return false;
	upper.r = r;
	if (read_both(&lower, &upper)) {
		join(ret, &lower, &upper);
		memcpy(ret->bad, want->bad, sizeof(ret->bad));
		same = tally_differs(ret, want) == 0;
	}
	store_reader_close(r);
	return same;
}
