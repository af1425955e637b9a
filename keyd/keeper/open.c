#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/model/model.h"
#include "keyd/keeper/answer.h"
#include "keyd/keeper/lanes.h"
#include "keyd/keeper/rates.h"
#include "keyd/keeper/sign.h"
#include "keyd/role/settings.h"

/* From sealed to serving, on the write thread. */

#define AUTOMATIC_KEY_LEN 32
#define LONG_STOP                                                                        \
	300 /* seconds: a step of the clock cannot be told from a longer stop (promise   \
	       6) */
#define UNSEEN                                                                           \
	65 /* seconds that may have passed since the time was stored, which is done each \
	    * minute */

struct slots {
	struct keeper *k;
	const struct secret *typed;
	int64_t wanted; /* number of a slot; 0: any */
	int kind; /* automatic: only slots of this kind; -1: those that a person types */
	enum kerr err;
	struct fault *fault;
};

static enum kerr
try_slot(void *with, struct record *row)
{
	struct slots *t = with;
	int kind = (int)record_int(row, ROW_SEAL_SLOT_KIND);
	const uint8_t *sealed;
	size_t len;

	if (t->wanted != 0 && record_int(row, ROW_ID) != t->wanted)
		return KERR_OK;
	if (t->kind >= 0 ? kind != t->kind
			 : (kind == SLOT_KIND_KEY_FILE || kind == SLOT_KIND_CREDENTIAL))
		return KERR_OK;
	t->err = vault_set_deployment(
		t->k->vault, record_text(row, ROW_SEAL_SLOT_DEPLOYMENT));
	if (t->err != KERR_OK)
		return KERR_OK;
	sealed = record_bytes(row, ROW_SEAL_SLOT_SEALED, &len);
	t->err = vault_slot_open(t->k->vault, kind, t->typed, sealed, len, t->fault);
	return t->err == KERR_OK ? KERR_CLOSED : KERR_OK;
}

static enum kerr
try_slots(struct slots *t)
{
	struct store_query q = {.table = TABLE_seal_slot};
	struct arena *a = arena_new(1u << 20);
	enum kerr err;

	if (a == NULL)
		return KERR_NOMEM;
	t->err = KERR_NOTFOUND;
	err = store_select(store_as_reader(t->k->store), &q, a, try_slot, t);
	arena_free(a);
	return err == KERR_OK || err == KERR_CLOSED ? t->err : err;
}

enum kerr
open_slot(struct keeper *k, int64_t slot, const struct secret *typed, struct fault *fault)
{
	struct slots t = {
		.k = k, .typed = typed, .wanted = slot, .kind = -1, .fault = fault};
	enum kerr err = try_slots(&t);

	if (err == KERR_NOTFOUND)
		return fault_set(fault, err, "slot",
			"there is no slot that a passphrase or a recovery code opens");
	if (err == KERR_DENIED)
		return fault_set(fault, err, "secret",
			"that is not the passphrase or recovery code of %s",
			slot != 0 ? "that slot" : "any slot");
	return err;
}

static struct secret *
read_key(int fd)
{
	uint8_t bytes[AUTOMATIC_KEY_LEN + 1];
	struct secret *s = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = pread(fd, bytes, sizeof(bytes), 0);
	if (n == AUTOMATIC_KEY_LEN)
		s = secret_new(bytes, AUTOMATIC_KEY_LEN);
	explicit_bzero(bytes, sizeof(bytes));
	return s;
}

struct secret *
open_automatic_key(struct keeper *k, int *ret_kind)
{
	struct secret *s = read_key(k->credential_fd);

	*ret_kind = SLOT_KIND_CREDENTIAL;
	if (s == NULL) {
		s = read_key(k->seal_fd);
		*ret_kind = SLOT_KIND_KEY_FILE;
	}
	return s;
}

enum kerr
open_automatic(struct keeper *k, struct fault *fault)
{
	struct slots t = {.k = k, .fault = fault};
	struct secret *key = open_automatic_key(k, &t.kind);
	enum kerr err;

	if (key == NULL)
		return fault_set(fault, KERR_NOTFOUND, "seal.key_file",
			"seal.key_file is empty and there is no credential "
			"keyd-seal-key, so a "
			"person unseals");
	t.typed = key;
	err = try_slots(&t);
	secret_free(key);
	return err;
}

static enum kerr
load_key(void *with, struct record *row)
{
	struct keeper *k = with;
	struct vault_key key = {.number = (uint32_t)record_int(row, ROW_ID)};
	const char *purpose = record_text(row, ROW_KEYRING_PURPOSE);
	const char *state = record_text(row, ROW_KEYRING_STATE);
	const uint8_t *sealed;
	size_t len;
	unsigned p, s;

	for (p = 0; p < KEY__COUNT && strcmp(key_purposes[p], purpose) != 0; p++)
		;
	for (s = 0; s < KEY_STATE__COUNT && strcmp(key_states[s], state) != 0; s++)
		;
	if (p == KEY__COUNT || s == KEY_STATE__COUNT)
		return KERR_DAMAGED;
	key.purpose = (enum key_purpose)p;
	key.state = (enum key_state)s;
	sealed = record_bytes(row, ROW_KEYRING_SEALED, &len);
	return vault_key_load(k->vault, key, sealed, len);
}

static enum kerr
load_keyring(struct keeper *k, struct arena *a, struct fault *fault)
{
	struct store_query q = {.table = TABLE_keyring};
	enum kerr err;

	if (vault_key_count(k->vault) > 0)
		return KERR_OK; /* made by init a moment ago */
	err = store_select(store_as_reader(k->store), &q, a, load_key, k);
	if (err != KERR_OK)
		return fault_set(fault, err, "keyring",
			"the keyring cannot be opened: %s", kerr_text(err));
	return KERR_OK;
}

struct fill {
	struct index *index;
	enum table_id table;
};

static enum kerr
fill_row(void *with, struct record *row)
{
	const struct fill *f = with;

	return index_put(f->index, f->table, row);
}

static enum kerr
fill_index(struct keeper *k, struct arena *a, struct index *index)
{
	static const enum table_id tables[] = {TABLE_tenant, TABLE_vendor, TABLE_edorg,
		TABLE_ods, TABLE_claimset, TABLE_application, TABLE_application_edorg,
		TABLE_application_ods, TABLE_client, TABLE_secret, TABLE_caller,
		TABLE_ended_token};
	enum kerr err = KERR_OK;
	size_t i;

	for (i = 0; err == KERR_OK && i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct fill f = {.index = index, .table = tables[i]};

		err = store_scan(store_as_reader(k->store), tables[i], a, fill_row, &f);
	}
	return err;
}

static enum kerr
load_rate(void *with, struct record *row)
{
	struct keeper *k = with;
	struct rate_block b = {.window = record_int(row, ROW_RATE_BLOCK_WINDOW),
		.reserved = record_int(row, ROW_RATE_BLOCK_RESERVED)};
	const uint8_t *bucket;
	size_t len;

	bucket = record_bytes(row, ROW_RATE_BLOCK_BUCKET, &len);
	if (len == sizeof(b.bucket)) {
		memcpy(b.bucket, bucket, len);
		rates_load(k->rates, &b, clock_now());
	}
	return KERR_OK;
}

/* Before the first question: the answering thread does not count while keyd is sealed. */
static enum kerr
load_rates(struct keeper *k, struct arena *a)
{
	const struct store_query q = {.table = TABLE_rate_block};

	return store_select(store_as_reader(k->store), &q, a, load_rate, k);
}

/* Time never goes back behind what was stored; what cannot be told from a step ends the
 * tokens issued before. Behind a wall clock that was put back it goes on after the last
 * moment that was not stored any more: a token of then must not come to life again. */
static void
start_time(struct keeper *k, struct service_result *ret)
{
	struct store_state state;
	int64_t away;

	store_state_get(k->store, &state);
	away = clock_now() - state.last_seen;
	clock_start(away < -LONG_STOP ? state.last_seen + UNSEEN : state.last_seen);
	ret->tokens_since =
		state.last_seen != 0 && (away < -LONG_STOP || away > LONG_STOP)
			? clock_now()
			: 0;
}

static enum kerr
open_audit(struct keeper *k, struct service_result *ret, struct fault *fault)
{
	struct audit_sink_status sink = {0};
	enum kerr err = KERR_OK;

	if (k->audit == NULL) /* a restore has begun the chain already */
		err = audit_open(k->store, k->vault, k->state_fd, &k->audit, fault);
	if (err == KERR_OK)
		audit_use_syslog(k->audit, k->syslog_fd);
	if (err == KERR_OK)
		err = audit_sink_start(k->audit, k->sink_fd, k->state_fd, &sink, fault);
	if (err != KERR_OK && err != KERR_DAMAGED)
		return err;
	if (sink.state == SINK_IS_AHEAD || sink.unreadable) {
		log_write(LOG_ERROR, "sink-differs", "", LOG_TEXT("why", sink.text));
		ret->restricted = true;
	}
	if (audit_damage(k->audit, fault) != KERR_OK) {
		log_write(LOG_ERROR, "audit-damaged", "", LOG_TEXT("why", fault->text));
		ret->damaged = true;
	}
	return KERR_OK;
}

static enum kerr
count_slot(void *with, struct record *row)
{
	struct service_result *s = with;
	int64_t kind = record_int(row, ROW_SEAL_SLOT_KIND);

	s->slots++;
	if (kind == SLOT_KIND_CREDENTIAL)
		s->automatic = "host";
	else if (kind == SLOT_KIND_KEY_FILE)
		s->automatic = "disk";
	return KERR_OK;
}

/* The loss of what the automatic slot's key withstands: a backup when the key lies beside
 * the data, a disk when it lies on another file system, the host when the service manager
 * keeps it. */
enum kerr
open_slots(struct keeper *k, struct service_result *ret)
{
	const struct store_query q = {.table = TABLE_seal_slot};
	struct arena *a = arena_new(1u << 20);
	struct stat key, data;
	enum kerr err = KERR_NOMEM;

	ret->slots = 0;
	ret->automatic = "none";
	if (a != NULL)
		err = store_select(store_as_reader(k->store), &q, a, count_slot, ret);
	arena_free(a);
	if (strcmp(ret->automatic, "disk") == 0 && k->seal_fd >= 0 &&
		fstat(k->seal_fd, &key) == 0 && fstat(k->state_fd, &data) == 0 &&
		key.st_dev == data.st_dev)
		ret->automatic = "backup";
	return err;
}

enum kerr
open_up(struct keeper *k, struct service_result *ret, struct fault *fault)
{
	struct arena *a = arena_new(16u << 20);
	enum kerr err;

	if (a == NULL)
		return fault_set(fault, KERR_NOMEM, "", "no memory to open the store");
	ret->phase = PHASE_BIT_SEALED;
	err = load_keyring(k, a, fault);
	if (err == KERR_OK) {
		err = store_unsealed(k->store, fault);
		if (err == KERR_DAMAGED && vault_is_open(k->vault)) {
			log_write(LOG_ERROR, "store-damaged", "",
				LOG_TEXT("why", fault->text));
			ret->damaged = store_damage(k->store) > 0;
			err = KERR_OK;
		}
	}
	if (err == KERR_OK) {
		start_time(k, ret);
		err = open_audit(k, ret, fault);
	}
	ret->index = index_new(k->vault);
	if (err == KERR_OK)
		err = ret->index == NULL ? KERR_NOMEM : fill_index(k, a, ret->index);
	if (err == KERR_OK && !k->empty)
		err = load_rates(k, a);
	if (err == KERR_OK && !k->empty)
		err = open_slots(k, ret);
	if (err == KERR_OK && !k->empty)
		err = open_keys(k, ret);
	arena_free(a);
	if (err != KERR_OK) {
		index_free(ret->index);
		ret->index = NULL;
		return fault->text[0] != '\0'
			       ? err
			       : fault_set(fault, err, "", "opening the store: %s",
					 kerr_text(err));
	}
	ret->phase = PHASE_BIT_SERVING;
	if (!k->empty)
		atomic_store(&k->open, true);
	return KERR_OK;
}

enum kerr
open_keys(struct keeper *k, struct service_result *ret)
{
	struct arena *a = arena_new(1u << 18), *rows = arena_new(1u << 18);
	struct signing_key *key = NULL;
	enum kerr err = a != NULL && rows != NULL ? KERR_OK : KERR_NOMEM;

	if (err == KERR_OK)
		err = signing_set_list(store_as_reader(k->store), a, true, &ret->keys);
	if (err == KERR_OK)
		err = signing_set_active(store_as_reader(k->store), k->vault,
			SIGNING_ALG_ES256, rows, &key);
	arena_free(rows);
	if (err != KERR_OK) {
		arena_free(a);
		ret->keys = NULL;
		return err;
	}
	ret->keys_arena = a;
	signer_box_put(k->signing, key);
	return KERR_OK;
}
