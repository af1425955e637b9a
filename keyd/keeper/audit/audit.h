#ifndef KEYD_KEEPER_AUDIT_AUDIT_H
#define KEYD_KEEPER_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/record.h"
#include "keyd/keeper/store/store.h"

/* The audit chain: one record per changed object, in the transaction of the change. A
 * record is one line of text (core/trail/line.h), fields in the order of audit.def, unset
 * ones left out. hash(n) = BLAKE2b-256(hash(n-1) || line(n)); hash(0) of a segment is
 * BLAKE2b-256("keyd audit segment" || its name), which its first record says. The format
 * stands in docs/audit.md; anyone can verify it without a key. Belongs to the write
 * thread, but where a function says otherwise. */
struct audit;

#define AUDIT_HASH_LEN 32
#define AUDIT_LINE_MAX 16384

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

/* Starts from the chain in the database: follows it from its newest head on, and compares
 * the end with the store's sealed state. A new chain begins with the first record.
 * state_fd is the state directory, for the signer's file; it stays the caller's and open
 * until audit_close(). Outside a transaction, the vault being open. A damaged chain is
 * opened all the same, and goes on behind what is there: audit_damage() tells. */
enum kerr audit_open(struct store *s, struct vault *v, int state_fd, struct audit **ret,
	struct fault *fault) MUST_CHECK;
/* KERR_OK, or KERR_DAMAGED with what opening found. */
enum kerr audit_damage(const struct audit *a, struct fault *fault) MUST_CHECK;
void audit_close(struct audit *a); /* NULL is fine; stops the sink */

/* Appends within the open transaction and sets the store's sealed state to the new head.
 * Before the very first record stands one that begins the segment. Texts are cut to their
 * schema's length; one from outside that looks like a secret is withheld. On failure the
 * caller's operation fails too. */
enum kerr audit_append(
	struct audit *a, const struct audit_entry *e, int64_t now) MUST_CHECK;
/* Around a savepoint: where the chain is, and back to it when the operation is undone. */
struct audit_mark audit_mark(const struct audit *a);
void audit_return(struct audit *a, struct audit_mark mark);
/* After a commit: hands the new records to the sink's thread. After a rollback of the
 * whole group: drops them. */
void audit_committed(struct audit *a);
void audit_dropped(struct audit *a);

/* `column=value; …` of what differs between two rows of one table (either may be NULL),
 * appended, only of columns that may appear: the list stands in values.c; never
 * verifiers, tags, sealed bytes. At most 2,048 bytes; longer ends in "…". (any thread) */
enum kerr audit_values(struct buf *before, struct buf *after, enum table_id table,
	const struct record *former, const struct record *now) MUST_CHECK;

/* Heads: signed notes (C2SP signed-note, Ed25519) of the newest committed record. due
 * tells whether a thousand records, a minute with new ones or five minutes have passed.
 * sign works within a transaction that nothing was appended in (else KERR_CONFLICT),
 * which the caller commits as any other, with the reserve, so that on a full disk silence
 * can still be told from an end. Each signer signs its successor, and its key is
 * overwritten before the head is published. Without new records the head says only that
 * nothing happened until then: it goes to the sink alone, and the signer stays. KERR_IO:
 * the signer's file; on any failure roll back and try again when due says so. */
bool audit_head_due(const struct audit *a, int64_t now);
enum kerr audit_head_sign(struct audit *a, int64_t now) MUST_CHECK;

/* The sink: a directory outside the state directory, given as a descriptor, with a thread
 * of its own. Files of a segment: records-SEGMENT.log, heads-SEGMENT.log. */
struct audit_sink_status {
	int state; /* enum sink_state_word; AHEAD: or another head at the same number */
	int place; /* enum sink_place_word */
	uint64_t seq;    /* newest record that was written and read back */
	uint64_t lag;    /* records committed but not in the sink */
	bool unreadable; /* not read and compared since the start: keyd only revokes until
			  * it is, or the owner accepts the gap */
	char text[256];  /* what is wrong, for a person; "" */
};
/* Records go to this datagram socket of the system's log too, once the sink has them;
 * beside the sink, not instead of it: what the log does not take is not sent again. fd
 * stays the caller's; -1: none. Before audit_sink_start(). */
void audit_use_syslog(struct audit *a, int fd);
/* Starts the thread, which reads the sink's newest head and record, compares them with
 * the database, and then catches up with a reader of its own. Waits up to 5 s for the
 * comparison: *ret says what start must do. A sink that turns up later is compared
 * then, and audit_sink_status() tells. sink_fd may be -1: there is none. Both descriptors
 * stay the caller's. state_fd is for telling "same disk". KERR_NOMEM, or what opening a
 * reader failed with. */
enum kerr audit_sink_start(struct audit *a, int sink_fd, int state_fd,
	struct audit_sink_status *ret, struct fault *fault) MUST_CHECK;
/* Writes what is waiting, at most 5 s; a thread that hangs in the sink is left behind. */
void audit_sink_stop(struct audit *a);
/* (any thread) */
void audit_sink_status(const struct audit *a, struct audit_sink_status *ret);
/* (any thread but the sink's) Waits until record seq is in the sink; KERR_TIMEOUT after
 * ms, at once when there is no sink. What releases a secret waits 2,000. */
enum kerr audit_sink_wait(struct audit *a, uint64_t seq, unsigned ms) MUST_CHECK;
uint64_t audit_seq(const struct audit *a); /* (any thread) newest committed record */

/* A line, with or without its hash behind it, into audit_schema. (any thread)
 * KERR_INVALID: it is none. */
enum kerr audit_parse(const char *line, size_t len, struct record *ret_audit) MUST_CHECK;
/* A value of a record's before or after as text, appended; KERR_NOTFOUND. (any thread) */
enum kerr audit_value(
	const char *values, const char *column, struct buf *ret_text) MUST_CHECK;
/* (a reading thread, outside store_read_begin) Walks the whole chain of the database
 * against its heads and, where readable, the sink's; fills audit_verify_schema. A broken
 * chain is KERR_OK, with that verdict. */
enum kerr audit_verify(
	struct audit *a, struct store_reader *r, struct record *ret_verify) MUST_CHECK;
/* (a reading thread, outside store_read_begin) The exported text: a header line, every
 * record and behind it the heads that name it, appended. Verified without keyd by
 * keyd-audit-verify. A damaged chain is exported as it is. */
enum kerr audit_export(
	struct audit *a, struct store_reader *r, struct buf *out) MUST_CHECK;

typedef enum kerr (*audit_each)(void *with, const struct record *audit_record);
struct audit_replay {
	const char *deployment; /* vault_deployment: of others nothing is replayed */
	uint64_t after_seq;
	struct arena *arena; /* reset between records */
	audit_each each;     /* may end it by failing */
	void *with;
};
/* For restore: every record in the sink behind after_seq, oldest first, parsed into
 * audit_schema. *ret_newest is the newest record, *ret_newest_time the time of the newest
 * head or record. KERR_NOTFOUND: there is nothing of this deployment; KERR_DAMAGED: what
 * was replayed up to there is sound, the rest is not. */
enum kerr audit_sink_replay(int sink_fd, const struct audit_replay *how,
	int64_t *ret_newest_time, struct audit_mark *ret_newest) MUST_CHECK;
/* A new segment after a restore, within a transaction: names the old head and the newest
 * record seen outside, and goes on behind the later of both. */
enum kerr audit_new_segment(struct audit *a, struct audit_mark old_head,
	struct audit_mark seen_outside, int64_t now) MUST_CHECK;

#endif
