#ifndef KEYD_KEEPER_MODEL_REFS_H
#define KEYD_KEEPER_MODEL_REFS_H

#include "keyd/keeper/model/op.h"

/* References: what a person types to name a thing, resolved to its row, and the rules of
 * names. Rows of another tenant than the person's are not there. */

/* The row that text names: a plain number is its id (an organization's Ed-Fi number, a
 * school year's year), when there is such a row; then the state's own id (external_id);
 * then a key, kid or login name; then the name, first as it is, then by its skeleton
 * (case, blanks, look-alikes). KERR_NOTFOUND, KERR_CONFLICT when several have the name:
 * op->fault then lists at most five with their ids. field is the field of the fault. The
 * row is in op->arena. */
enum kerr refs_find(struct op *op, enum table_id table, const char *text,
	const char *field, struct record **ret) MUST_CHECK;
/* The same among the rows that pass one more condition (an application's school year, a
 * product's vendor); NULL: all. */
enum kerr refs_find_where(struct op *op, enum table_id table, const char *text,
	const char *field, const struct store_condition *where,
	struct record **ret) MUST_CHECK;
/* An organization by its Ed-Fi number alone. */
enum kerr refs_edorg(
	struct op *op, int64_t number, const char *field, struct record **ret) MUST_CHECK;
/* The school year with that year. */
enum kerr refs_year(
	struct op *op, int64_t year, const char *field, struct record **ret) MUST_CHECK;
/* The text of one column of the row with that id, copied into a field of an answer:
 * names for ids. */
enum kerr refs_put_name(struct op *op, enum table_id table, int64_t id, unsigned column,
	struct record *answer, unsigned field) MUST_CHECK;

/* Is the row's tenant the person's own? keyd itself (tenant 0) sees every row. */
bool refs_is_own(const struct op *op, const struct record *row);

/* A name as it is kept: NFC. KERR_INVALID with a fault when it is empty, hides
 * characters, or begins or ends with a blank. The text is in op->arena. */
enum kerr refs_name(
	struct op *op, const char *text, const char *field, const char **ret) MUST_CHECK;
/* The name's skeleton (core/text.h), in op->arena. */
enum kerr refs_skeleton(struct op *op, const char *name, const char **ret) MUST_CHECK;

#endif
