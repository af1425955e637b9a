#ifndef KEYD_KEEPER_STORE_QUERY_H
#define KEYD_KEEPER_STORE_QUERY_H

#include "keyd/keeper/store/parts.h"

/* A query's text, of fixed pieces and parameters only, its parameters, and its conditions
 * on a row that was read. */
struct query_bind {
	struct buf patterns; /* what BEGINS and CONTAINS compare with; lives until the
				statement is reset */
};

enum query_form {
	QUERY_ROWS,
	QUERY_WALK, /* the same in the order of the sort's index, looking at each row */
	QUERY_COUNT,
	QUERY_PROBE, /* how many rows pass, up to QUERY_MANY */
	QUERY_DELETE
};
#define QUERY_MANY    5000
#define QUERY_IDS_MAX 1024
/* KERR_INVALID for a query that no caller should make: a column that is none, a sort by a
 * column that may be empty, more than QUERY_IDS_MAX ids. */
enum kerr query_sql(
	const struct store_query *q, enum query_form form, struct buf *out) MUST_CHECK;
/* limit: rows at most, 0: all. */
enum kerr query_bind(const struct store_query *q, enum query_form form, uint64_t limit,
	struct db_stmt *st, struct query_bind *ret) MUST_CHECK;
/* May so many rows pass that they should not be collected and sorted for one page? */
bool query_may_be_broad(const struct store_query *q);
void query_unbind(struct query_bind *b);
/* Do the row's own columns hold what was asked of them? A damaged index leads to rows
 * that do not. */
bool query_holds(const struct store_query *q, const struct row *row);

#endif
