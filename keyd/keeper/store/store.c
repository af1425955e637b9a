#include "keyd/keeper/store/store.h"

#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "core/arena.h"
#include "keyd/keeper/store/migrate.h"
#include "keyd/keeper/store/parts.h"

/* Opening, and transactions. */

#define FILE_NAME "keyd.db"

static enum kerr
set_paths(struct store *s, const char *directory)
{
	struct buf path;
	size_t len = strlen(directory);

	s->directory = mem_new(len + 1, 1);
	if (!s->directory)
		return KERR_NOMEM;
	memcpy(s->directory, directory, len + 1);
	buf_init(&path, len + sizeof(FILE_NAME) + 2);
	buf_printf(&path, "%s/%s", directory, FILE_NAME);
	s->path = buf_error(&path) == KERR_OK ? mem_new(path.len + 1, 1) : NULL;
	if (s->path)
		memcpy(s->path, path.data, path.len);
	buf_clear(&path);
	return s->path ? KERR_OK : KERR_NOMEM;
}

/* SQLite would make the file readable for others. */
static enum kerr
make_file(const struct store *s, struct fault *fault)
{
	int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fault_set(fault, KERR_IO, s->path,
			"cannot open or make the database: %m; the state directory must "
			"belong to keyd's user");
	(void)close(fd);
	return KERR_OK;
}

static enum kerr
count_rows(struct store *s, bool *ret_empty)
{
	int64_t rows = 0;
	enum kerr err = db_number(s->self.db,
		"SELECT (SELECT count(*) FROM \"deployment\") + (SELECT count(*) FROM "
		"\"keyring\") + (SELECT count(*) FROM \"seal_slot\")",
		&rows);

	*ret_empty = rows == 0;
	return err;
}

static enum kerr
open_schema(struct store *s, struct fault *fault)
{
	enum kerr err = migrate_check(s->self.db, &s->schema, fault);

	if (err == KERR_OK && s->schema == 0) {
		err = migrate_new(s->self.db, fault);
		s->schema = migrate_newest();
	}
	if (err == KERR_OK && s->schema == migrate_newest())
		err = schema_compare(s->self.db, fault);
	if (err != KERR_OK)
		return err;
	err = count_rows(s, &s->empty);
	if (err != KERR_OK)
		err = fault_set(fault, err, s->path, "cannot read the database: %s",
			db_complaint(s->self.db));
	return err;
}

enum kerr
store_open(const struct store_options *o, struct store **ret, bool *ret_empty,
	struct fault *fault)
{
	struct store *s = mem_new(1, sizeof(*s));
	enum kerr err;

	if (!s)
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	(void)pthread_mutex_init(&s->gate, NULL);
	s->vault = o->vault;
	s->versions = versions_new();
	reserve_set(s, o->reserve);
	err = s->versions ? set_paths(s, o->directory) : KERR_NOMEM;
	if (err != KERR_OK)
		err = fault_set(fault, err, "", "%s", kerr_text(err));
	if (err == KERR_OK)
		err = make_file(s, fault);
	if (err == KERR_OK)
		err = conn_open(s, DB_WRITER, &s->self, fault);
	if (err == KERR_OK)
		err = open_schema(s, fault);
	if (err != KERR_OK) {
		store_close(s);
		return err;
	}
	*ret = s;
	*ret_empty = s->empty;
	return KERR_OK;
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	if (s->self.db && db_in_transaction(s->self.db))
		store_rollback(s);
	reserve_stop(s);
	conn_close(&s->self);
	macs_free(s->macs);
	versions_free(s->versions);
	(void)pthread_mutex_destroy(&s->gate);
	mem_free(s->path);
	mem_free(s->directory);
	sodium_memzero(s, sizeof(*s));
	mem_free(s);
}

static enum kerr
bring_up(struct store *s, struct fault *fault)
{
	enum kerr err;

	if (s->schema == migrate_newest())
		return KERR_OK;
	err = conn_exec(&s->self, "BEGIN IMMEDIATE");
	if (err == KERR_OK)
		err = migrate_run(s->self.db, s->schema, fault);
	if (err == KERR_OK)
		err = conn_exec(&s->self, "COMMIT");
	if (err == KERR_OK) {
		s->schema = migrate_newest();
		return schema_compare(s->self.db, fault);
	}
	if (db_in_transaction(s->self.db) && conn_exec(&s->self, "ROLLBACK") != KERR_OK)
		return KERR_IO;
	return err;
}

enum kerr
store_unsealed(struct store *s, struct fault *fault)
{
	enum kerr err, start;

	if (s->unsealed)
		return KERR_OK;
	if (!vault_is_open(s->vault))
		return fault_set(fault, KERR_SEALED, "", "%s", kerr_text(KERR_SEALED));
	err = bring_up(s, fault);
	if (err != KERR_OK)
		return err;
	s->macs = macs_new(s->vault);
	if (!s->macs)
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	start = digest_start(s, fault);
	if (start != KERR_OK && start != KERR_DAMAGED)
		return start;
	s->unsealed = true;
	err = reserve_start(s);
	db_release_memory(s->self.db);
	if (err != KERR_OK)
		return fault_set(fault, err, s->path, "cannot prepare the database: %s",
			db_complaint(s->self.db));
	return start;
}

uint64_t
store_damage(const struct store *s)
{
	return atomic_load(&s->damage);
}

enum kerr
store_damage_accept(struct store *s)
{
	if (!s->unsealed || !db_in_transaction(s->self.db))
		return KERR_INTERNAL;
	s->now.damage = 0;
	s->wrote = true;
	return KERR_OK;
}

uint64_t
store_fenced(const struct store *s)
{
	return versions_fenced_count(s->versions);
}

bool
store_is_fenced(const struct store *s, enum table_id table, int64_t id)
{
	return versions_fenced(s->versions, table, id);
}

void
store_state_set(struct store *s, const struct store_state *state)
{
	s->now.state = *state;
	s->wrote = true;
}

void
store_state_get(const struct store *s, struct store_state *ret)
{
	*ret = s->now.state;
}

enum kerr
store_begin(struct store *s, bool use_reserve)
{
	enum kerr err;

	if (!s->unsealed)
		return KERR_SEALED;
	if (db_in_transaction(s->self.db))
		return KERR_INTERNAL;
	reserve_before(s);
	err = conn_exec(&s->self, "BEGIN IMMEDIATE");
	if (err != KERR_OK)
		return err;
	s->ordinary = !use_reserve;
	s->saving = s->spoiled = s->wrote = false;
	err = reserve_begin(s);
	if (err != KERR_OK)
		store_rollback(s);
	return err;
}

void
store_rollback(struct store *s)
{
	if (db_in_transaction(s->self.db) && conn_exec(&s->self, "ROLLBACK") != KERR_OK)
		s->spoiled = true;
	versions_rollback(s->versions);
	s->now = s->committed;
	s->saving = false;
}

/* What no view needs any more: everything that was committed before the oldest one began.
 * With the gate held. */
static uint64_t
oldest_view(const struct store *s)
{
	uint64_t oldest = VERSIONS_NEWEST;

	for (const struct store_reader *r = s->readers; r; r = r->next) {
		if (atomic_load(&r->began_us) && r->snapshot < oldest)
			oldest = r->snapshot;
	}
	return oldest;
}

enum kerr
store_commit(struct store *s)
{
	enum kerr err = s->spoiled || s->saving ? KERR_IO : KERR_OK;

	if (!db_in_transaction(s->self.db))
		err = KERR_IO;
	if (err == KERR_OK && s->wrote)
		err = digest_write(s);
	if (err == KERR_OK)
		err = reserve_commit(s);
	if (err == KERR_OK) {
		(void)pthread_mutex_lock(&s->gate);
		err = conn_exec(&s->self, "COMMIT");
		if (err == KERR_OK)
			versions_commit(s->versions, oldest_view(s));
		(void)pthread_mutex_unlock(&s->gate);
	}
	if (err != KERR_OK) {
		store_rollback(s);
		return err;
	}
	s->committed = s->now;
	atomic_store(&s->damage, s->now.damage);
	return KERR_OK;
}

enum kerr
store_save(struct store *s, bool use_reserve)
{
	enum kerr err;

	if (s->saving || !db_in_transaction(s->self.db))
		return KERR_INTERNAL;
	if (s->spoiled)
		return KERR_IO;
	s->outer_ordinary = s->ordinary;
	s->ordinary = !use_reserve;
	err = reserve_begin(s);
	if (err == KERR_OK)
		err = conn_exec(&s->self, "SAVEPOINT operation");
	if (err != KERR_OK) {
		s->ordinary = s->outer_ordinary;
		return err;
	}
	s->saving = true;
	s->mark = versions_mark(s->versions);
	s->saved = s->now;
	return KERR_OK;
}

enum kerr
store_keep(struct store *s)
{
	enum kerr err = s->spoiled || !s->saving ? KERR_IO : KERR_OK;

	if (err == KERR_OK)
		err = conn_exec(&s->self, "RELEASE operation");
	if (err != KERR_OK) {
		store_undo(s);
		return err;
	}
	s->ordinary = s->outer_ordinary;
	s->saving = false;
	return KERR_OK;
}

void
store_undo(struct store *s)
{
	enum kerr err;

	if (!s->saving)
		return;
	s->saving = false;
	s->ordinary = s->outer_ordinary;
	versions_undo(s->versions, s->mark);
	s->now = s->saved;
	err = conn_exec(&s->self, "ROLLBACK TO operation");
	if (err == KERR_OK)
		err = conn_exec(&s->self, "RELEASE operation");
	/* SQLite has ended the whole transaction, or cannot: the group is lost. */
	s->spoiled = err != KERR_OK;
}

struct store_reader *
store_as_reader(struct store *s)
{
	return &s->self;
}

enum kerr
store_reader_open(struct store *s, struct store_reader **ret)
{
	struct store_reader *r = mem_new(1, sizeof(*r));
	enum kerr err;

	if (!r)
		return KERR_NOMEM;
	err = conn_open(s, DB_READER, r, NULL);
	if (err != KERR_OK) {
		conn_close(r);
		mem_free(r);
		return err;
	}
	(void)pthread_mutex_lock(&s->gate);
	r->next = s->readers;
	s->readers = r;
	(void)pthread_mutex_unlock(&s->gate);
	*ret = r;
	return KERR_OK;
}

void
store_reader_close(struct store_reader *r)
{
	struct store_reader **at;

	if (!r)
		return;
	(void)pthread_mutex_lock(&r->store->gate);
	for (at = &r->store->readers; *at && *at != r;)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
	(void)pthread_mutex_unlock(&r->store->gate);
	conn_close(r);
	mem_free(r);
}
