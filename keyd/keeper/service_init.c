#include <errno.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/model/model.h"
#include "keyd/keeper/answer.h"
#include "keyd/keeper/lanes.h"
#include "keyd/keeper/model/first.h"

/* keyd init: a deployment's keys and its first owner. Two steps, so that the recovery
 * code is known to be written down before anything depends on it: the first makes the
 * keys in memory, the second, with the code typed back, writes everything in one
 * transaction. */

#define KEY_LEN 32

static struct {
	struct secret *code;
	struct secret *automatic;
	int automatic_kind;
	char owner[33];
	int64_t owner_uid;
	char tenant[76];
} begun; /* between the two steps; the write thread's alone */

static void
forget_begun(void)
{
	secret_free(begun.code);
	secret_free(begun.automatic);
	memset(&begun, 0, sizeof(begun));
}

static enum kerr
fill_key_file(struct keeper *k, struct fault *fault)
{
	uint8_t key[KEY_LEN];
	struct stat st;
	bool ok;

	if (k->seal_fd < 0 || fstat(k->seal_fd, &st) != 0)
		return fault_set(fault, KERR_NOTFOUND, "seal.key_file",
			"the automatic slot needs seal.key_file in the configuration or "
			"the "
			"systemd credential keyd-seal-key; or use --attended");
	if (st.st_size == KEY_LEN)
		return KERR_OK;
	if (st.st_size != 0)
		return fault_set(fault, KERR_INVALID, "seal.key_file",
			"the key file holds something that is no key of keyd: name "
			"another file");
	randombytes_buf(key, sizeof(key));
	ok = pwrite(k->seal_fd, key, sizeof(key), 0) == KEY_LEN && fsync(k->seal_fd) == 0;
	sodium_memzero(key, sizeof(key));
	return ok ? KERR_OK
		  : fault_set(fault, KERR_IO, "seal.key_file",
			    "writing the key file failed: %s", strerror(errno));
}

enum kerr
service_automatic(struct keeper *k, bool attended, bool beside, struct secret **ret_key,
	int *ret_kind, struct fault *fault)
{
	struct stat key, data;
	enum kerr err = KERR_OK;

	*ret_key = NULL;
	if (attended)
		return KERR_OK;
	*ret_key = open_automatic_key(k, ret_kind);
	if (*ret_key != NULL && *ret_kind == SLOT_KIND_CREDENTIAL)
		return KERR_OK;
	secret_free(*ret_key);
	*ret_key = NULL;
	if (k->seal_fd >= 0 && !beside && fstat(k->seal_fd, &key) == 0 &&
		fstat(k->state_fd, &data) == 0 && key.st_dev == data.st_dev)
		return fault_set(fault, KERR_INVALID, "seal.key_file",
			"the key file lies on the file system of the data, so whoever "
			"copies one "
			"has the other: put it elsewhere, or say --key-beside-data");
	err = fill_key_file(k, fault);
	if (err != KERR_OK)
		return err;
	*ret_key = open_automatic_key(k, ret_kind);
	return *ret_key != NULL ? KERR_OK
				: fault_set(fault, KERR_IO, "seal.key_file",
					  "the key file cannot be read back");
}

static enum kerr
find_owner(struct job *j, const struct record *body)
{
	const char *name = body != NULL ? record_text(body, INIT_OWNER) : "";
	struct passwd *pw;

	if (name[0] == '\0' && j->uid == 0)
		return fault_set(&j->fault, KERR_INVALID, "owner",
			"root does not become an owner: name one with --owner USER");
	pw = name[0] != '\0' ? getpwnam(name) : getpwuid((uid_t)j->uid);
	if (pw == NULL || pw->pw_uid == 0)
		return fault_set(&j->fault, KERR_INVALID, "owner",
			"there is no such user on this machine, or it is root: %s", name);
	if (j->uid != 0 && (int64_t)pw->pw_uid != j->uid)
		return fault_set(&j->fault, KERR_DENIED, "owner",
			"only root may name another owner than the user that runs init");
	snprintf(begun.owner, sizeof(begun.owner), "%s", pw->pw_name);
	begun.owner_uid = (int64_t)pw->pw_uid;
	return KERR_OK;
}

static const struct record *
body_of(const struct job *j)
{
	return record_count(j->asked, REQUEST_BODY) > 0
		       ? record_at(j->asked, REQUEST_BODY, 0)
		       : NULL;
}

enum kerr
service_init(struct keeper *k, struct job *j)
{
	const struct record *body = body_of(j);
	struct record *answer = job_answer(j);
	bool attended = body != NULL && record_int(body, INIT_ATTENDED) != 0;
	bool beside = body != NULL && record_int(body, INIT_BESIDE) != 0;
	enum kerr err;

	if (answer == NULL)
		return KERR_NOMEM;
	forget_begun();
	err = find_owner(j, body);
	if (err == KERR_OK)
		err = service_automatic(k, attended, beside, &begun.automatic,
			&begun.automatic_kind, &j->fault);
	/* Asked again before the confirmation: the keys of the first time serve, the code
	 * is new. */
	if (err == KERR_OK && !vault_is_open(k->vault))
		err = vault_create(k->vault, &j->fault);
	if (err != KERR_OK)
		return err;
	snprintf(begun.tenant, sizeof(begun.tenant), "%s",
		body != NULL && record_has(body, INIT_TENANT)
			? record_text(body, INIT_TENANT)
			: "state");
	begun.code = vault_recovery_code();
	if (begun.code == NULL)
		return KERR_NOMEM;
	record_set_secret(answer, INIT_CODE, secret_copy(begun.code));
	err = record_set_text(answer, INIT_DEPLOYMENT, vault_deployment(k->vault));
	return err == KERR_OK ? record_set_text(answer, INIT_OWNER, begun.owner) : err;
}

enum kerr
service_keep_slot(struct keeper *k, int kind, const char *label,
	const struct secret *opener, int64_t now, struct fault *fault)
{
	struct arena *a = arena_new(1u << 16);
	struct record *row =
		a != NULL ? record_new(a, store_schema(TABLE_seal_slot)) : NULL;
	struct buf sealed;
	enum kerr err;

	if (row == NULL) {
		arena_free(a);
		return KERR_NOMEM;
	}
	buf_init(&sealed, 4096);
	err = vault_slot_seal(k->vault, kind, opener, &sealed, fault);
	record_set_int(row, ROW_SEAL_SLOT_KIND, kind);
	record_set_int(row, ROW_SEAL_SLOT_CREATED, now);
	if (err == KERR_OK)
		err = record_set_text(row, ROW_SEAL_SLOT_LABEL, label);
	if (err == KERR_OK)
		err = record_set_text(
			row, ROW_SEAL_SLOT_DEPLOYMENT, vault_deployment(k->vault));
	if (err == KERR_OK)
		err = record_set_bytes(
			row, ROW_SEAL_SLOT_SEALED, sealed.data, sealed.len);
	if (err == KERR_OK)
		err = store_put(k->store, TABLE_seal_slot, row);
	buf_clear(&sealed);
	arena_free(a);
	return err;
}

enum kerr
service_keep_keyring(struct keeper *k, int64_t now)
{
	struct arena *a = arena_new(1u << 18);
	struct buf sealed;
	enum kerr err = a != NULL ? KERR_OK : KERR_NOMEM;
	size_t i;

	buf_init(&sealed, 4096);
	for (i = 0; err == KERR_OK && i < vault_key_count(k->vault); i++) {
		struct vault_key key = vault_key_at(k->vault, i);
		struct record *row = record_new(a, store_schema(TABLE_keyring));

		if (row == NULL)
			err = KERR_NOMEM;
		buf_reset(&sealed);
		if (err == KERR_OK)
			err = vault_key_seal(k->vault, key.number, &sealed);
		if (err != KERR_OK)
			break;
		record_set_int(row, ROW_ID, key.number);
		record_set_int(row, ROW_KEYRING_CREATED, now);
		err = record_set_text(
			row, ROW_KEYRING_PURPOSE, key_purposes[key.purpose]);
		if (err == KERR_OK)
			err = record_set_text(
				row, ROW_KEYRING_STATE, key_states[key.state]);
		if (err == KERR_OK)
			err = record_set_bytes(
				row, ROW_KEYRING_SEALED, sealed.data, sealed.len);
		if (err == KERR_OK)
			err = store_put(k->store, TABLE_keyring, row);
	}
	buf_clear(&sealed);
	arena_free(a);
	return err;
}

/* Everything of the first transaction. */
static enum kerr
write_first(struct keeper *k, struct job *j)
{
	struct person owner = {.uid = begun.owner_uid};
	struct first_rows first = {.tenant = begun.tenant,
		.owner = begun.owner,
		.owner_uid = begun.owner_uid,
		.deployment = vault_deployment(k->vault)};
	struct op op;
	enum kerr err = store_begin(k->store, true);

	if (err != KERR_OK)
		return err;
	snprintf(owner.name, sizeof(owner.name), "%s", begun.owner);
	snprintf(owner.via, sizeof(owner.via), "local socket");
	lanes_op(k, j, k->store, store_as_reader(k->store), &owner, &op);
	err = service_keep_keyring(k, op.now);
	if (err == KERR_OK)
		err = service_keep_slot(k, SLOT_KIND_RECOVERY_CODE, "recovery code",
			begun.code, op.now, &j->fault);
	if (err == KERR_OK && begun.automatic != NULL)
		err = service_keep_slot(k, begun.automatic_kind, "automatic",
			begun.automatic, op.now, &j->fault);
	if (err == KERR_OK)
		err = first_write(&op, &first);
	if (err == KERR_OK) {
		struct store_state state;

		store_state_get(k->store, &state);
		state.last_seen = op.now;
		store_state_set(k->store, &state);
		err = store_commit(k->store);
	} else {
		store_rollback(k->store);
	}
	j->changes = err == KERR_OK ? op.changes : NULL;
	if (err == KERR_OK)
		audit_committed(k->audit);
	else
		audit_dropped(k->audit);
	if (err != KERR_OK && j->fault.text[0] == '\0')
		j->fault = op.fault;
	return err;
}

/* The index was filled from an empty store: fill it again, now that there are rows. */
static enum kerr
serve(struct keeper *k, struct job *j)
{
	enum kerr err;

	k->empty = false;
	err = open_keys(k, j->service);
	if (err == KERR_OK)
		err = open_slots(k, j->service);
	if (err == KERR_OK)
		atomic_store(&k->open, true);
	return err;
}

enum kerr
service_init_confirm(struct keeper *k, struct job *j)
{
	const struct record *body = body_of(j);
	const struct secret *typed = body != NULL ? record_secret(body, INIT_CODE) : NULL;
	struct record *answer = job_answer(j);
	struct buf probe;
	enum kerr err;

	if (begun.code == NULL)
		return fault_set(&j->fault, KERR_CONFLICT, "", "keyd init comes first");
	if (typed == NULL || answer == NULL)
		return fault_set(
			&j->fault, KERR_INVALID, "recovery_code", "type the code back");
	/* Through the slot's own reading of what people type, so that case and hyphens do
	 * not matter. */
	buf_init(&probe, 4096);
	err = vault_slot_seal(
		k->vault, SLOT_KIND_RECOVERY_CODE, begun.code, &probe, &j->fault);
	if (err == KERR_OK)
		err = vault_slot_test(
			k->vault, SLOT_KIND_RECOVERY_CODE, typed, probe.data, probe.len);
	buf_clear(&probe);
	if (err != KERR_OK)
		return fault_set(&j->fault, KERR_INVALID, "recovery_code",
			"that is not the code that was shown: look again; nothing was "
			"written");
	err = open_up(k, j->service, &j->fault);
	if (err == KERR_OK)
		err = write_first(k, j);
	if (err == KERR_OK)
		err = serve(k, j);
	if (err != KERR_OK) {
		j->service->phase = PHASE_BIT_EMPTY;
		return err;
	}
	log_write(LOG_INFO, "initialised", j->request, LOG_TEXT("owner", begun.owner));
	forget_begun();
	record_set_int(answer, DONE_DONE, 1);
	return record_set_text(answer, DONE_TEXT, "keyd is initialised and serves");
}
