#include "core/model/model.h"
#include "keyd/keeper/answer.h"
#include "keyd/keeper/lanes.h"
#include "keyd/keeper/model/backup.h"
#include "keyd/keeper/restore.h"

/* The thread of slow hashes: opening and sealing slots by Argon2id, outside the write
 * thread. */

struct test {
	struct keeper *k;
	const struct record *body;
	int64_t wanted;
	struct record *answer;
	enum kerr err;
};

static enum kerr
test_slot(void *with, struct record *row)
{
	struct test *t = with;
	int kind = (int)record_int(row, ROW_SEAL_SLOT_KIND);
	struct secret *automatic = NULL;
	const struct secret *opener = record_secret(t->body, SEAL_SLOT_SECRET);
	const uint8_t *sealed;
	size_t len;
	int found;

	if (record_int(row, ROW_ID) != t->wanted)
		return KERR_OK;
	sealed = record_bytes(row, ROW_SEAL_SLOT_SEALED, &len);
	if (kind == SLOT_KIND_KEY_FILE || kind == SLOT_KIND_CREDENTIAL)
		opener = automatic = open_automatic_key(t->k, &found);
	t->err = opener == NULL ? KERR_INVALID
				: vault_slot_test(t->k->vault, kind, opener, sealed, len);
	secret_free(automatic);
	record_set_int(t->answer, SEAL_SLOT_NUMBER, t->wanted);
	record_set_int(t->answer, SEAL_SLOT_KIND, kind);
	record_set_int(t->answer, SEAL_SLOT_OPENS, t->err == KERR_OK);
	record_set_int(
		t->answer, SEAL_SLOT_CREATED, record_int(row, ROW_SEAL_SLOT_CREATED));
	if (record_set_text(t->answer, SEAL_SLOT_LABEL,
		    record_text(row, ROW_SEAL_SLOT_LABEL)) != KERR_OK)
		return KERR_NOMEM;
	return KERR_CLOSED;
}

/* A slot's number is its reference: slots are few and have no names. */
static int64_t
slot_number(const struct job *j)
{
	const char *ref = record_text(j->asked, REQUEST_REF);
	const struct record *body;
	int64_t n = 0, i;

	for (i = 0; ref[i] >= '0' && ref[i] <= '9' && i < 9; i++)
		n = n * 10 + (ref[i] - '0');
	if (n == 0 && record_count(j->asked, REQUEST_BODY) > 0) {
		body = record_at(j->asked, REQUEST_BODY, 0);
		n = record_int(body, SEAL_SLOT_NUMBER);
	}
	return n;
}

static enum kerr
allow(struct keeper *k, struct store_reader *r, struct job *j, enum verb verb)
{
	struct person who = {.uid = -1};
	struct op op;
	enum kerr err = access_person(r, j->uid, j->user, j->arena, &who);

	lanes_op(k, j, NULL, r, &who, &op);
	if (err == KERR_OK)
		err = op_allow(&op, verb, &(struct access_object){.statewide = true});
	j->fault = op.fault;
	return err;
}

static enum kerr
seal_test(struct keeper *k, struct store_reader *r, struct job *j)
{
	struct store_query q = {.table = TABLE_seal_slot};
	struct test t = {.k = k,
		.wanted = slot_number(j),
		.answer = job_answer(j),
		.err = KERR_NOTFOUND};
	enum kerr err = allow(k, r, j, VERB_KEYS);

	if (err != KERR_OK)
		return err;
	t.body = record_count(j->asked, REQUEST_BODY) > 0
			 ? record_at(j->asked, REQUEST_BODY, 0)
			 : record_new(j->arena, &seal_slot_schema);
	if (t.answer == NULL || t.body == NULL)
		return KERR_NOMEM;
	err = store_select(r, &q, j->arena, test_slot, &t);
	if (err != KERR_OK && err != KERR_CLOSED)
		return err;
	if (t.err == KERR_NOTFOUND)
		return fault_set(
			&j->fault, KERR_NOTFOUND, "slot", "there is no such slot");
	if (t.err == KERR_INVALID)
		return fault_set(&j->fault, KERR_INVALID, "secret",
			"type the passphrase or recovery code of this slot, or give keyd "
			"its key file");
	return KERR_OK; /* that it does not open is the answer, not a fault */
}

/* Seals here what the write thread then keeps. */
static enum kerr
seal_add(struct keeper *k, struct store_reader *r, struct job *j)
{
	const struct record *body = record_count(j->asked, REQUEST_BODY) > 0
					    ? record_at(j->asked, REQUEST_BODY, 0)
					    : NULL;
	enum kerr err = allow(k, r, j, VERB_KEYS);
	size_t len;

	if (err != KERR_OK)
		return err;
	if (body == NULL || record_int(body, SEAL_SLOT_KIND) != SLOT_KIND_PASSPHRASE ||
		record_secret(body, SEAL_SLOT_SECRET) == NULL)
		return fault_set(&j->fault, KERR_INVALID, "kind",
			"a slot of kind passphrase with its passphrase can be added to a "
			"running keyd");
	len = secret_len(record_secret(body, SEAL_SLOT_SECRET));
	if (len < 12)
		return fault_set(&j->fault, KERR_INVALID, "secret",
			"a passphrase has at least 12 characters");
	j->service = arena_alloc(j->arena, sizeof(*j->service));
	if (j->service == NULL)
		return KERR_NOMEM;
	j->service->phase = PHASE_BIT_SERVING;
	buf_init(&j->service->slot, 4096);
	j->service->hashed = true;
	return vault_slot_seal(k->vault, SLOT_KIND_PASSPHRASE,
		record_secret(body, SEAL_SLOT_SECRET), &j->service->slot, &j->fault);
}

/* Opens a backup in a vault of its own and says what it holds; the running state is not
 * touched. */
static enum kerr
backup_check(struct job *j)
{
	const struct record *request = record_count(j->asked, RESTORE_ASK_ASK) > 0
					       ? record_at(j->asked, RESTORE_ASK_ASK, 0)
					       : NULL;
	const struct record *ask =
		request != NULL && record_count(request, REQUEST_BODY) > 0
			? record_at(request, REQUEST_BODY, 0)
			: NULL;
	struct record *answer = job_answer(j);
	struct vault *fresh = vault_new();
	struct backup_facts f;
	struct vault_part file;
	struct buf rows;
	enum kerr err = KERR_NOMEM;

	buf_init(&rows, (size_t)1 << 30);
	file.bytes = record_bytes(j->asked, RESTORE_ASK_DATA, &file.len);
	if (ask == NULL || record_secret(ask, BACKUP_ASK_CODE) == NULL)
		err = fault_set(&j->fault, KERR_INVALID, "secret",
			"give the recovery code or passphrase of the backup");
	else if (fresh != NULL && answer != NULL)
		err = backup_open(fresh, record_secret(ask, BACKUP_ASK_CODE), &file,
			&rows, &f, &j->fault);
	buf_clear(&rows);
	vault_free(fresh);
	if (err != KERR_OK)
		return err;
	record_set_int(answer, BACKUP_TIME, f.time);
	record_set_int(answer, BACKUP_ROWS, (int64_t)f.rows);
	record_set_int(answer, BACKUP_AUDIT_SEQ, (int64_t)f.audit_seq);
	return record_set_text(answer, BACKUP_DEPLOYMENT, f.deployment);
}

/* As backup and restore: the slots of a backup are minutes of work. Where no roles can be
 * read, root and the owner of the state directory. */
static enum kerr
may_check(struct keeper *k, struct store_reader *r, struct job *j)
{
	if (j->uid == 0 || j->uid == (int64_t)k->owner_uid)
		return KERR_OK;
	if (r != NULL)
		return allow(k, r, j, VERB_SERVICE);
	return fault_set(&j->fault, KERR_DENIED, "",
		"only root and the owner of the state directory may check a backup "
		"before keyd serves");
}

static void
hash_one(struct keeper *k, struct store_reader *r, struct job *j)
{
	enum kerr err;

	if (j->row->number == MESSAGE_SEAL_ADD)
		err = seal_add(k, r, j);
	else if (j->row->number == MESSAGE_SEAL_TEST)
		err = seal_test(k, r, j);
	else
		err = KERR_UNSUPPORTED;
	if (err == KERR_OK && j->row->number == MESSAGE_SEAL_ADD) {
		err = queue_put(&k->write, j, false);
		if (err == KERR_OK)
			return;
	}
	j->status = err;
	answer_give(k, j);
}

void *
hash_run(void *keeper)
{
	struct keeper *k = keeper;
	struct store_reader *r = NULL;
	struct job *j;

	while ((j = queue_take(&k->hash, 1, 1000, NULL)) != NULL ||
		!queue_is_closed(&k->hash)) {
		if (j == NULL)
			continue;
		if (r == NULL && atomic_load(&k->open) &&
			store_reader_open(k->store, &r) != KERR_OK)
			r = NULL;
		if (j->row->number == MESSAGE_BACKUP_CHECK) {
			j->status = may_check(k, r, j);
			if (j->status == KERR_OK)
				j->status = backup_check(j);
			answer_give(k, j);
		} else if (r != NULL) {
			hash_one(k, r, j);
		} else {
			j->status = KERR_SEALED;
			answer_give(k, j);
		}
	}
	store_reader_close(r);
	return NULL;
}
