#ifndef KEYD_KEEPER_MODEL_OP_H
#define KEYD_KEEPER_MODEL_OP_H

#include "core/record.h"
#include "keyd/keeper/access/access.h"
#include "keyd/keeper/audit/audit.h"
#include "keyd/keeper/store/store.h"
#include "keyd/role/gate.h"

/* One operation in hand: what a message asks of the model, on the write thread (with
 * store) or a reading thread (with reader only). op_run finds the function of the
 * message, which decides access, checks, and changes through op_insert, op_update and
 * op_remove: these write the row, its audit record and the index's copy, so that no
 * change can be without either. */

/* Last uses and issued tokens, collected in memory by the answering thread and written a
 * minute's worth at a time. */
struct op_usage {
	int64_t secret;  /* row id */
	int64_t client;  /* row id */
	int64_t hour;    /* seconds, start of the hour */
	uint32_t count;  /* tokens since the last write */
	char source[48]; /* network, as text */
};

/* Blocks of rate counters that count as used after a restart. */
struct op_block {
	uint8_t bucket[16];
	int64_t window;
	int64_t reserved;
};

/* An audit record about what was read: written by the write thread before the answer
 * leaves. Static texts. */
struct op_later {
	const char *action; /* NULL: none */
	const char *object;
	const char *result;
	int64_t id;
};

struct op_change { /* for the index, handed to the answering thread after the commit */
	struct op_change *next;
	enum table_id table;
	int64_t id;
	struct record *row; /* NULL: removed */
};

struct op {
	/* set by the caller */
	const struct gate_row *message;
	struct store *store;         /* NULL on a reading thread */
	struct store_reader *reader; /* always */
	struct audit *audit;
	struct vault *vault;
	const struct record *settings;
	struct arena *arena; /* lives until the answer and the changes were handed over */
	const struct person *who;
	const struct record *asked; /* NULL when the message has no payload */
	const char *request;        /* request id, hexadecimal */
	int64_t now;
	const struct op_usage *usage; /* MESSAGE_USAGE alone */
	size_t usage_count;
	const struct op_block *blocks; /* MESSAGE_RATES alone */
	int64_t *looked; /* MESSAGE_CALENDAR alone: the retiring secret it looked at last,
			  * kept from round to round; NULL: begins anew */
	size_t block_count;
	struct record *prepared; /* MESSAGE_REVOKE_TOKEN alone: the row of ended_token */
	/* set by the operation */
	struct record *answer;
	struct fault fault;
	struct op_change *changes, *last_change;
	char act[33];          /* id of the act, made when there is no request id */
	struct op_later later; /* on a reading thread: what op_note would have written */
	bool releases_secret;  /* the answer waits for the sink, up to 2 s */
	bool keys_changed;   /* the fronts and the signing thread get the key set anew */
	bool forget;         /* a record key was destroyed */
	bool people_changed; /* connected persons are looked up again */
};

/* KERR_UNSUPPORTED when the message is not the model's. On failure op->fault is filled.
 */
enum kerr op_run(struct op *op) MUST_CHECK;

/* An operation's row in one of the tables of operations. */
struct op_row {
	uint16_t message;
	enum kerr (*run)(struct op *op);
};

/* Writes: action is the audit's fixed word ("client.revoke"). row gets its id and
 * version. */
enum kerr op_insert(struct op *op, enum table_id table, struct record *row,
	const char *action) MUST_CHECK;
/* former: the row as it was read, unchanged; NULL: it is read here. */
enum kerr op_update(struct op *op, enum table_id table, struct record *row,
	const struct record *former, const char *action) MUST_CHECK;
enum kerr op_remove(
	struct op *op, enum table_id table, int64_t id, const char *action) MUST_CHECK;
/* An audit record about something that is no row change: shown again, searched, exported.
 * On a reading thread it is kept in op->later (one a request). */
enum kerr op_note(struct op *op, const char *action, const char *object, int64_t id,
	const char *result) MUST_CHECK;

/* Sets op->fault and returns err. */
enum kerr op_fault(struct op *op, enum kerr err, const char *field, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* The body of the request (REQUEST_BODY) or NULL; the reference (REQUEST_REF) or "". */
const struct record *op_body(const struct op *op);
const char *op_ref(const struct op *op);
/* Decides with op->who; the fault says which role could. */
enum kerr op_allow(
	struct op *op, enum verb verb, const struct access_object *object) MUST_CHECK;
/* Today's civil date in the configured zone. */
int64_t op_today(const struct op *op);

#endif
