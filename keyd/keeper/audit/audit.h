#ifndef KEYD_KEEPER_AUDIT_AUDIT_H
#define KEYD_KEEPER_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/record.h"
#include "keyd/keeper/store/store.h"

/* The audit chain: one record per changed object, in the transaction of the change. A record is one line of text: fields
 * `name=value` separated by TAB, in the order of audit.def's names, values with %XX for control characters, '%' and TAB;
 * unset fields are left out. hash(n) = BLAKE2b-256(hash(n-1) || line(n) without its end); hash(0) of a segment is
 * BLAKE2b-256("keyd audit segment" || the segment's first line's `segment` value). The format stands in docs/audit.md;
 * anyone can verify it without a key. Belongs to the write thread, but where a function says otherwise. */
struct audit;

#define AUDIT_HASH_LEN 32
#define AUDIT_LINE_MAX 8192

struct audit_entry {
	const char *who;      /* "anna" or "keyd"; required */
	const char *via;      /* "local socket, uid 1000" */
	const char *from;     /* address or terminal */
	const char *approval; /* or NULL */
	const char *action;   /* fixed word: "client.revoke"; required */
	const char *object;   /* table or thing: "client"; required */
	int64_t tenant;       /* 0: none */
	int64_t object_id;
	int64_t object_version;
	const char *act;     /* id of the act: same for all records of one request */
	const char *result;  /* "done", "shown again", "refused: …" */
	const char *request; /* request id */
	const char *before;  /* values, see audit_values */
	const char *after;
};

struct audit_mark {
	uint64_t seq;
	uint8_t head[AUDIT_HASH_LEN];
};

/* Starts from what the store's sealed state says (seq 0: a new segment named by the deployment). */
enum kerr audit_open(struct store *s, struct vault *v, struct audit **ret,
	struct fault *fault) MUST_CHECK;
void audit_close(struct audit *a);

/* Appends within the open transaction and sets the store's sealed state to the new head. On failure the caller's operation
 * fails too. */
enum kerr audit_append(
	struct audit *a, const struct audit_entry *e, int64_t now) MUST_CHECK;
/* Around a savepoint: where the chain is, and back to it when the operation is undone. */
struct audit_mark audit_mark(const struct audit *a);
void audit_return(struct audit *a, struct audit_mark mark);
/* After a commit: hands the new records to the sink's thread. After a rollback of the whole group: drops them. */
void audit_committed(struct audit *a);
void audit_dropped(struct audit *a);

/* `column=value; …` of what differs between two rows of one table (either may be NULL), only of columns that may appear: the
 * list stands in values.c; never verifiers, tags, sealed bytes. At most 2,048 bytes; longer ends in "…". */
enum kerr audit_values(struct buf *before, struct buf *after, enum table_id table,
	const struct record *former, const struct record *now) MUST_CHECK;

/* Heads: signed notes (C2SP signed-note, Ed25519) of the newest record. On the write thread, outside or inside a transaction. due tells
 * whether a thousand records, a minute with new ones or five minutes have passed. The signer's key lies in the file
 * `audit-signer` of the state directory and signs its successor before it is overwritten. */
bool audit_head_due(const struct audit *a, int64_t now);
enum kerr audit_head_sign(struct audit *a, int64_t now) MUST_CHECK;

/* The sink: a directory outside the state directory, given as a descriptor, with a thread of its own. */
struct audit_sink_status {
	int state;    /* enum sink_state_word */
	int place;    /* enum sink_place_word */
	uint64_t seq; /* newest record that was written and read back */
	uint64_t lag; /* records committed but not in the sink */
	bool unreadable; /* at start: keyd only revokes until it is readable or the owner accepts */
};
/* Reads the sink's newest head and record, compares with the database and says in *ret what start must do; then starts the
 * thread, which catches up from a reader of its own. state_fd is for telling "same disk". */
enum kerr audit_sink_start(struct audit *a, int sink_fd, int state_fd,
	struct audit_sink_status *ret, struct fault *fault) MUST_CHECK;
void audit_sink_stop(struct audit *a); /* writes what is waiting, at most 5 s */
/* (any thread) */
void audit_sink_status(const struct audit *a, struct audit_sink_status *ret);
/* (any thread but the sink's) Waits until record seq is in the sink; KERR_TIMEOUT after ms. What releases a secret waits 2,000. */
enum kerr audit_sink_wait(struct audit *a, uint64_t seq, unsigned ms) MUST_CHECK;
uint64_t audit_seq(const struct audit *a); /* (any thread) newest committed record */

/* Reading (by a reading thread): a record into audit_schema, verification, export. */
enum kerr audit_parse(const char *line, size_t len, struct record *ret_audit) MUST_CHECK;
/* Walks the whole chain of the database against its heads and, where readable, the sink's; fills audit_verify_schema. */
enum kerr audit_verify(
	struct audit *a, struct store_reader *r, struct record *ret_verify) MUST_CHECK;
/* The exported text: a header line, every record, every head. Verified without keyd by keyd-audit-verify. */
enum kerr audit_export(
	struct audit *a, struct store_reader *r, struct buf *out) MUST_CHECK;

/* For restore: every record in the sink after `after_seq`, oldest first, parsed into audit_schema. */
typedef enum kerr (*audit_each)(void *with, const struct record *audit_record);
enum kerr audit_sink_replay(int sink_fd, uint64_t after_seq, struct arena *a,
	audit_each each, void *with, int64_t *ret_newest_time,
	struct audit_mark *ret_newest) MUST_CHECK;
/* A new segment after a restore: names the old head and the newest seen outside. */
enum kerr audit_new_segment(struct audit *a, struct audit_mark old_head,
	struct audit_mark seen_outside, int64_t now) MUST_CHECK;

#endif
