#ifndef KEYD_KEEPER_MODEL_SHAPE_H
#define KEYD_KEEPER_MODEL_SHAPE_H

#include "keyd/keeper/model/list.h"
#include "keyd/keeper/model/op.h"

/* What the kinds of the model have in common: fields that are columns, add, show, list
 * and change. A kind's file says what is its own: its checks, and the fields that are
 * none of its columns. */

struct shape_pair {
	unsigned field, column;
};
struct shape {
	const char *word;        /* "vendor": in faults and in the audit's actions */
	const struct list *list; /* table, schema, how it is listed, its answer */
	const struct shape_pair *pairs; /* fields that are columns, in both directions */
	size_t count;
};

/* The body of an add or change, checked (record_check). */
enum kerr shape_body(struct op *op, bool adds, const struct record **ret) MUST_CHECK;
/* A new row with what the body has; texts as refs_name() keeps them. */
enum kerr shape_new(struct op *op, const struct shape *s, const struct record *body,
	struct record **ret_row) MUST_CHECK;
/* The row that the request refers to, as it is and once more with the changes of the body
 * (NULL: none). KERR_CONFLICT when the request's version is another. */
enum kerr shape_former(struct op *op, const struct shape *s, const struct record *body,
	struct record **ret_former, struct record **ret_row) MUST_CHECK;
/* Every field that is a column, into an answer. */
enum kerr shape_fill(const struct shape *s, const struct record *row,
	struct record *answer) MUST_CHECK;
/* Inserts, and answers; exists is the sentence when a unique name is taken. */
enum kerr shape_insert(struct op *op, const struct shape *s, struct record *row,
	const char *exists) MUST_CHECK;
/* Updates when anything differs; else nothing is written. */
enum kerr shape_update(struct op *op, const struct shape *s, struct record *row,
	const struct record *former, const char *exists) MUST_CHECK;
/* op->answer: the row as people see it. */
enum kerr shape_answer(
	struct op *op, const struct shape *s, const struct record *row) MUST_CHECK;
/* Answers show, when the person may see it: object says what it belongs to beside its
 * table. */
enum kerr shape_show(struct op *op, const struct shape *s, const struct record *row,
	struct access_object object) MUST_CHECK;

/* KERR_CONFLICT with the sentence, unless the request accepts warnings. */
enum kerr shape_warn(struct op *op, const char *field, const char *fmt, ...) MUST_CHECK
	PRINTF_LIKE(3, 4);
/* Ids in op->arena. */
struct shape_ids {
	int64_t *at;
	size_t count, room;
};
/* Appends one. */
enum kerr shape_ids_add(struct op *op, struct shape_ids *ids, int64_t id) MUST_CHECK;

#endif
