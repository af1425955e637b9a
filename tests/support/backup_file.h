#ifndef KEYD_TESTS_SUPPORT_BACKUP_FILE_H
#define KEYD_TESTS_SUPPORT_BACKUP_FILE_H

#include <stdio.h>
#include <stdlib.h>

#include "core/model/model.h"
#include "keyd/keeper/model/backup.h"
#include "tests/support/store_world.h"

/* A backup of a world, opened by the recovery code that is returned with it. Aborts when
 * something fails. */

static inline void
backup_file_must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "backup_file: %s failed\n", what);
	abort();
}

/* A slot of a new code, added to the world's store. The owner frees the code. */
static inline struct secret *
backup_file_slot(struct store_world *w)
{
	struct secret *code = vault_recovery_code();
	struct arena *a = arena_new(1u << 16);
	struct record *row = record_new(a, store_schema(TABLE_seal_slot));
	struct buf sealed;

	backup_file_must(code != NULL && row != NULL, "memory");
	buf_init(&sealed, 4096);
	backup_file_must(vault_slot_seal(w->vault, SLOT_KIND_RECOVERY_CODE, code, &sealed,
				 &w->fault) == KERR_OK,
		"vault_slot_seal");
	record_set_int(row, ROW_SEAL_SLOT_KIND, SLOT_KIND_RECOVERY_CODE);
	record_set_int(row, ROW_SEAL_SLOT_CREATED, 1000);
	backup_file_must(record_set_text(row, ROW_SEAL_SLOT_LABEL, "code") == KERR_OK &&
				 record_set_text(row, ROW_SEAL_SLOT_DEPLOYMENT,
					 vault_deployment(w->vault)) == KERR_OK &&
				 record_set_bytes(row, ROW_SEAL_SLOT_SEALED, sealed.data,
					 sealed.len) == KERR_OK,
		"the row");
	backup_file_must(store_begin(w->store, false) == KERR_OK &&
				 store_put(w->store, TABLE_seal_slot, row) == KERR_OK &&
				 store_commit(w->store) == KERR_OK,
		"store_put");
	buf_clear(&sealed);
	arena_free(a);
	return code;
}

static inline void
backup_file_write(struct store_world *w, struct buf *out, struct backup_facts *ret)
{
	struct store_state state;

	store_state_get(w->store, &state);
	backup_file_must(backup_write(store_as_reader(w->store), w->vault, 2000, &state,
				 out, ret) == KERR_OK,
		"backup_write");
}

#endif
