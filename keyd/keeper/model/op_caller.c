#include "core/credential.h"
#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"
#include "keyd/keeper/model/shape.h"
#include "keyd/role/gate.h"

/* Callers: credentials with which an ODS instance asks whether a token is good. The
 * secret is in one answer and nowhere else; a lost one is replaced by another caller. */

static enum kerr fill(struct op *op, const struct record *row, struct record *ret);

static const struct shape_pair pairs[] = {
	{CALLER_ID, ROW_ID},
	{CALLER_ODS_ID, ROW_CALLER_ODS_ID},
	{CALLER_KEY, ROW_CALLER_KEY},
	{CALLER_CACHE, ROW_CALLER_CACHE},
	{CALLER_STATE, ROW_CALLER_STATE},
	{CALLER_CREATED, ROW_CALLER_CREATED},
	{CALLER_VERSION, ROW_VERSION},
};
static const struct list_column columns[] = {
	{.field = CALLER_ID, .column = ROW_ID},
	{.field = CALLER_STATE, .column = ROW_CALLER_STATE},
	{.field = CALLER_CREATED, .column = ROW_CALLER_CREATED},
};
static const struct list callers = {.table = TABLE_caller,
	.page = &caller_list_schema,
	.item = &caller_schema,
	.columns = columns,
	.count = sizeof(columns) / sizeof(columns[0]),
	.sight = LIST_STATE_ROLE,
	.fill = fill};
static const struct shape shape = {.word = "caller",
	.list = &callers,
	.pairs = pairs,
	.count = sizeof(pairs) / sizeof(pairs[0])};

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	enum kerr err = shape_fill(&shape, row, ret);

	return err == KERR_OK
		       ? refs_put_name(op, TABLE_ods, record_int(row, ROW_CALLER_ODS_ID),
				 ROW_ODS_NAME, ret, CALLER_ODS)
		       : err;
}

/* What verifies the secret, under the key that the row names. */
static enum kerr
put_verifier(
	struct op *op, const char *key, const struct secret *clear, struct record *row)
{
	uint32_t number = vault_active(op->vault, KEY_VERIFIER);
	uint8_t verifier[VAULT_VERIFIER_LEN];
	struct secret *canonical = NULL;
	enum kerr err = KERR_NOMEM;

	if (credential_secret_read((const char *)secret_reveal(clear), secret_len(clear),
		    &canonical, NULL) == CREDENTIAL_SECRET &&
		canonical != NULL)
		err = vault_verifier(op->vault, number, key, canonical, verifier);
	secret_free(canonical);
	record_set_int(row, ROW_CALLER_VERIFIER_KEY, number);
	return err == KERR_OK ? record_set_bytes(row, ROW_CALLER_VERIFIER, verifier,
					sizeof(verifier))
			      : err;
}

static enum kerr
make(struct op *op, struct record *row)
{
	char key[CREDENTIAL_KEY_LEN + 1];
	struct secret *clear = credential_secret_new();
	enum kerr err;

	if (clear == NULL)
		return KERR_NOMEM;
	credential_key_new(key);
	err = record_set_text(row, ROW_CALLER_KEY, key);
	if (err == KERR_OK)
		err = put_verifier(op, key, clear, row);
	if (err == KERR_OK)
		err = shape_insert(op, &shape, row, "that key is taken: ask again");
	if (err != KERR_OK || record_int(op->asked, REQUEST_DRY_RUN) != 0) {
		secret_free(clear);
		return err;
	}
	record_set_secret(op->answer, CALLER_SECRET, clear);
	op->releases_secret = true;
	return KERR_OK;
}

static enum kerr
add(struct op *op)
{
	const struct access_object object = {.table = TABLE_caller, .statewide = true};
	const struct record *body;
	struct record *row, *ods;
	enum kerr err = op_allow(op, VERB_KEYS, &object);

	if (err == KERR_OK)
		err = shape_body(op, true, &body);
	if (err == KERR_OK)
		err = refs_find(
			op, TABLE_ods, record_text(body, CALLER_ODS), "ods", &ods);
	if (err == KERR_OK && record_int(ods, ROW_ODS_STATE) == ODS_IS_RETIRED)
		return op_fault(op, KERR_CONFLICT, "ods",
			"that ODS instance is retired: it has nothing to ask");
	if (err == KERR_OK)
		err = shape_new(op, &shape, body, &row);
	if (err != KERR_OK)
		return err;
	record_set_int(row, ROW_CALLER_CACHE, record_int(body, CALLER_CACHE));
	record_set_int(row, ROW_CALLER_ODS_ID, record_int(ods, ROW_ID));
	record_set_int(row, ROW_CALLER_STATE, CALLER_IS_LIVE);
	record_set_int(row, ROW_CALLER_CREATED, op->now);
	return make(op, row);
}

static enum kerr
list(struct op *op)
{
	return list_run(op, &callers);
}

const struct op_row op_caller_rows[] = {
	{MESSAGE_CALLER_ADD, add},
	{MESSAGE_CALLER_LIST, list},
	{0, NULL},
};
