#ifndef KEYD_KEEPER_STORE_ROW_H
#define KEYD_KEEPER_STORE_ROW_H

#include "keyd/keeper/store/db.h"
#include "keyd/keeper/store/mac.h"
#include "keyd/keeper/store/store.h"

/* A row between SQLite's columns, its canonical encoding and its record. Bytes are
 * borrowed from whatever it was made of. */
#define ROW_VALUES_MAX 24

struct row_value {
	enum db_type type;
	int64_t number;
	const uint8_t *bytes;
	size_t len;
};
struct row {
	enum table_id table;
	unsigned count; /* of at[]: the schema's columns, then valid_from of a security
			   row */
	struct row_value at[ROW_VALUES_MAX];
	uint32_t mac_key; /* 0: none that could be one */
	uint8_t mac[VAULT_MAC_LEN];
};

/* The present row of a statement with the table's columns, borrowed until its next step.
 */
void row_of_stmt(struct db_stmt *st, enum table_id table, struct row *ret);
/* What the record says; an unset tenant is 0. KERR_INVALID: a word that is none. */
enum kerr row_of_record(
	const struct record *r, enum table_id table, struct row *ret) MUST_CHECK;
/* KERR_DAMAGED: a column that cannot be its field's. */
enum kerr row_to_record(
	const struct row *row, struct arena *a, struct record **ret) MUST_CHECK;
#define ROW_ALL UINT64_MAX
/* The row's columns that are in the bit set `which`, as parameters $1…; the number of the
 * last. Behind those of a security row come mac_key and mac. */
int row_bind(const struct row *row, uint64_t which, struct db_stmt *st);
/* The columns in which two rows of a table differ, mac_key and mac always among them. */
uint64_t row_changed(const struct row *a, const struct row *b);
void row_set_number(struct row *row, unsigned column, int64_t v);
int64_t row_valid_from(const struct row *row);

/* What the row adds to the digest, beside its MAC. Both are halves of one keyed hash over
 * the table's name and every column: the first half is stored, the second half never is.
 */
#define ROW_TERM_LEN 32
/* KERR_DAMAGED when the stored MAC is not the row's. scratch is reused from row to row.
 */
enum kerr row_check(const struct row *row, struct macs *macs, struct buf *scratch,
	uint8_t ret_term[ROW_TERM_LEN]) MUST_CHECK;
/* Sets mac_key and mac under the active key. */
enum kerr row_seal(struct row *row, struct macs *macs, struct buf *scratch,
	uint8_t ret_term[ROW_TERM_LEN]) MUST_CHECK;

#endif
