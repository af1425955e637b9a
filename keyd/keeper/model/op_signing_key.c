#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/tokens/tokens.h"
#include "keyd/role/gate.h"
#include "keyd/role/settings.h"

/* The keys that sign tokens: rotated by the calendar or by hand, withdrawn when one is
 * no longer to be trusted. */

static const struct access_object keyd_itself = {.table = TABLE_deployment};

static enum kerr
write_key(void *with, struct record *row, const struct record *former, const char *action)
{
	struct op *op = with;

	if (former == NULL && record_int(row, ROW_TENANT_ID) == 0)
		record_set_int(row, ROW_TENANT_ID, ACCESS_HOME_TENANT);
	return former == NULL ? op_insert(op, TABLE_signing_key, row, action)
			      : op_update(op, TABLE_signing_key, row, former, action);
}

static struct signing_set
set_of(struct op *op)
{
	return (struct signing_set){.store = op->store,
		.vault = op->vault,
		.arena = op->arena,
		.now = op->now,
		.write = write_key,
		.with = op};
}

static enum kerr
list(struct op *op)
{
	enum kerr err = op_allow(op, VERB_READ,
		&(struct access_object){.table = TABLE_signing_key, .statewide = true});

	return err == KERR_OK
		       ? signing_set_list(op->reader, op->arena, false, &op->answer)
		       : err;
}

/* Answers the key of the set that passes: with that kid, or (kid NULL) the active one. */
static enum kerr
answer_key(struct op *op, int alg, const char *kid)
{
	struct record *all, *key;
	size_t i;
	enum kerr err = signing_set_list(op->reader, op->arena, false, &all);

	for (i = 0; err == KERR_OK && i < record_count(all, LIST_ITEMS); i++) {
		key = record_at(all, LIST_ITEMS, i);
		if (kid != NULL ? strcmp(record_text(key, SIGNING_KEY_KID), kid) == 0
				: record_int(key, SIGNING_KEY_STATE) ==
						  SIGNING_IS_ACTIVE &&
					  record_int(key, SIGNING_KEY_ALG) == alg) {
			op->answer = key;
			return KERR_OK;
		}
	}
	return err == KERR_OK ? KERR_INTERNAL : err;
}

/* The request may name an algorithm; the one that every deployment has otherwise. */
static enum kerr
alg_of(struct op *op, int *ret)
{
	const char *ref = op_ref(op);
	int i;

	*ret = SIGNING_ALG_ES256;
	if (ref[0] == '\0')
		return KERR_OK;
	for (i = 0; i < SIGNING_ALG__COUNT; i++) {
		if (strcmp(signing_algs[i], ref) == 0) {
			*ret = i;
			return KERR_OK;
		}
	}
	return op_fault(op, KERR_INVALID, "ref", "ES256 or RS256");
}

static int64_t
longest_token(const struct op *op)
{
	int64_t a = record_int(op->settings, SETTINGS_TOKEN_SECONDS);
	int64_t b = record_int(op->settings, SETTINGS_TOKEN_SECONDS_ASKED);

	return a > b ? a : b;
}

/* Servers read the set once a day, so a young spare does not sign unless the request
 * accepts that some will refuse its tokens for a while. */
static enum kerr
rotate(struct op *op)
{
	const struct signing_set set = set_of(op);
	bool force = record_int(op->asked, REQUEST_ACCEPT) != 0;
	int alg;
	enum kerr err = op_allow(op, VERB_KEYS, &keyd_itself);

	if (err == KERR_OK)
		err = alg_of(op, &alg);
	if (err == KERR_OK)
		err = signing_set_rotate(
			&set, alg, op->now + longest_token(op), force, &op->fault);
	if (err != KERR_OK)
		return err;
	op->keys_changed = true;
	return answer_key(op, alg, NULL);
}

static enum kerr
withdraw(struct op *op)
{
	const struct signing_set set = set_of(op);
	struct record *row;
	const char *kid = NULL;
	enum kerr err = op_allow(op, VERB_KEYS, &keyd_itself);

	if (err == KERR_OK)
		err = refs_find(op, TABLE_signing_key, op_ref(op), "kid", &row);
	if (err == KERR_OK) {
		kid = record_text(row, ROW_SIGNING_KEY_KID);
		err = signing_set_withdraw(&set, kid, &op->fault);
	}
	if (err != KERR_OK)
		return err;
	op->keys_changed = true;
	return answer_key(op, SIGNING_ALG_ES256, kid);
}

const struct op_row op_signing_key_rows[] = {
	{MESSAGE_SIGNING_KEY_LIST, list},
	{MESSAGE_SIGNING_KEY_ROTATE, rotate},
	{MESSAGE_SIGNING_KEY_WITHDRAW, withdraw},
	{0, NULL},
};
