#ifndef KEYD_KEEPER_RESTORE_H
#define KEYD_KEEPER_RESTORE_H

#include "keyd/keeper/audit/audit.h"
#include "keyd/keeper/model/backup.h"
#include "keyd/keeper/model/op.h"

/* A restore in hand, on the write thread. */
struct restore {
	struct op op;
	struct arena *scratch; /* of one row */
	struct backup_facts facts;
	int64_t *ids;
	size_t count, room;
	char owner[33];
	bool gap;
	uint64_t replayed, quarantined;
	struct audit_mark newest; /* in the sink */
	int64_t sink_time;        /* of its newest head or record */
};

/* The backup_ask of a question with a backup; NULL when it has none. */
const struct record *restore_asked(const struct record *asked);
/* A store_each that appends the row's id to ids; with is the restore. */
enum kerr restore_collect(void *with, struct record *row) MUST_CHECK;

/* replay.c. What the sink's newest record and time are: fills newest and sink_time.
 * KERR_NOTFOUND: it knows nothing of this deployment; KERR_DAMAGED: it cannot be trusted
 * to its end. */
enum kerr restore_look(int sink_fd, struct restore *r) MUST_CHECK;
/* Takes away again, within the open transaction, what records behind the backup say was
 * taken away. */
enum kerr restore_replay(int sink_fd, struct restore *r) MUST_CHECK;
/* The keyring and slots that came with the rows give way to those of the opened vault. */
enum kerr restore_clear_keyring(struct store *s) MUST_CHECK;

#endif
