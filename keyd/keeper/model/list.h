#ifndef KEYD_KEEPER_MODEL_LIST_H
#define KEYD_KEEPER_MODEL_LIST_H

#include "keyd/keeper/model/op.h"

/* Lists of every kind: limit, cursor, sort and filters as list_ask.def has them, and what
 * of it the person may see. The one place where a person's scope becomes a condition. */

enum list_match {
	LIST_EQUALS, /* value of the field's own type; a text may end in '*' (begins with)
			or stand between two (contains) */
	LIST_REF,    /* value names a row of `ref`; the column holds its id */
	/* the same, but the column holds a row id of `link`, whose `link_to` is the id */
	LIST_REF_LINKED,
	/* the column holds a row id of `link`, whose `link_to` is the value */
	LIST_LINKED,
	/* the column is a last day: the field's first word means still on, its second
	   over */
	LIST_LAST_DAY,
};
/* How a field of the answer is filtered and sorted: one row for each field with
 * FIELD_FILTER or FIELD_SORT. */
struct list_column {
	unsigned field;
	unsigned column;
	enum list_match match;
	enum table_id ref, link;
	unsigned link_from, link_to; /* of link: as in a store_condition */
};

enum list_sight {
	LIST_STATEWIDE,  /* whoever may read at all sees every row */
	LIST_STATE_ROLE, /* only who reads everything */
	LIST_EDORG,      /* `sight_column` is an organization of the person's scope */
	/* `sight_column` is an application with an organization of the scope */
	LIST_APPLICATION,
};

/* Fills one item of the answer from its row. */
typedef enum kerr (*list_fill)(
	struct op *op, const struct record *row, struct record *ret_item);

struct list {
	enum table_id table;
	const struct schema *page; /* vendor_list_schema */
	const struct schema *item; /* vendor_schema */
	const struct list_column *columns;
	size_t count;
	enum list_sight sight;
	unsigned sight_column;
	list_fill fill;
};

/* Answers a list_ask with a page of l: op->answer. KERR_DENIED, KERR_INVALID with a
 * sentence about what can be filtered or sorted by. */
enum kerr list_run(struct op *op, const struct list *l) MUST_CHECK;

#endif
