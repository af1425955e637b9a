#include "core/credential.h"
#include "core/model/model.h"
#include "keyd/keeper/model/client_answer.h"
#include "keyd/keeper/model/list.h"
#include "keyd/keeper/model/op.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/refs.h"

/* Clients: added under an application with a key that never changes; listed, shown,
 * renamed. */

static enum kerr
find_application(struct op *op, const struct record *body, struct record **ret)
{
	const struct store_condition year = {.column = ROW_APPLICATION_YEAR,
		.test = STORE_IS,
		.number = record_int(body, CLIENT_YEAR)};
	bool one_year = record_has(body, CLIENT_YEAR);

	return refs_find_where(op, TABLE_application,
		record_text(body, CLIENT_APPLICATION), "application",
		one_year ? &year : NULL, ret);
}

static enum kerr
answer(struct op *op, int64_t id)
{
	struct record *row;
	enum kerr err = store_get(op->reader, TABLE_client, id, op->arena, &row);

	op->answer = record_new(op->arena, &client_schema);
	if (err != KERR_OK || op->answer == NULL)
		return err != KERR_OK ? err : KERR_NOMEM;
	return client_answer(op, row, true, op->answer);
}

/* The restore epoch fills the high bits of a generation, so that no client of a restored
 * state has one that was used. */
static enum kerr
first_generation(struct op *op, int64_t *ret)
{
	const struct store_query q = {.table = TABLE_deployment};
	struct record *row;
	enum kerr err = store_first(op->reader, &q, op->arena, &row);

	if (err == KERR_OK)
		*ret = (record_int(row, ROW_DEPLOYMENT_EPOCH) << 32) + 1;
	return err;
}

static enum kerr
add(struct op *op)
{
	const struct record *body = op_body(op);
	struct access_object object = {.table = TABLE_client};
	struct record *application,
		*row = record_new(op->arena, store_schema(TABLE_client));
	char key[CREDENTIAL_KEY_LEN + 1];
	const char *name;
	int64_t generation;
	enum kerr err;

	if (body == NULL || row == NULL)
		return op_fault(op, KERR_INVALID, "body", "say which client to add");
	err = record_check(body, RECORD_ADD, &op->fault);
	if (err == KERR_OK)
		err = find_application(op, body, &application);
	if (err != KERR_OK)
		return err;
	object.application = record_int(application, ROW_ID);
	err = op_allow(op, VERB_ISSUE, &object);
	if (err == KERR_OK &&
		record_int(application, ROW_APPLICATION_STATE) != APPLICATION_IS_LIVE)
		return op_fault(
			op, KERR_CONFLICT, "application", "that application has ended");
	if (err == KERR_OK)
		err = refs_name(op, record_text(body, CLIENT_NAME), "name", &name);
	if (err == KERR_OK)
		err = first_generation(op, &generation);
	if (err != KERR_OK)
		return err;
	credential_key_new(key);
	record_set_int(row, ROW_TENANT_ID, record_int(application, ROW_TENANT_ID));
	record_set_int(row, ROW_CLIENT_APPLICATION_ID, object.application);
	record_set_int(row, ROW_CLIENT_STATE, CLIENT_IS_DRAFT);
	record_set_int(row, ROW_CLIENT_GENERATION, generation);
	record_set_int(row, ROW_CLIENT_CREATED, op->now);
	err = record_set_text(row, ROW_CLIENT_KEY, key);
	if (err == KERR_OK)
		err = record_set_text(row, ROW_CLIENT_NAME, name);
	if (err == KERR_OK)
		err = op_insert(op, TABLE_client, row, "client.add");
	return err == KERR_OK ? answer(op, record_int(row, ROW_ID)) : err;
}

static enum kerr
find(struct op *op, enum verb verb, struct record **ret)
{
	struct access_object object = {.table = TABLE_client};
	enum kerr err = refs_find(op, TABLE_client, op_ref(op), "client", ret);

	if (err != KERR_OK)
		return err;
	object.application = record_int(*ret, ROW_CLIENT_APPLICATION_ID);
	return op_allow(op, verb, &object);
}

static enum kerr
show(struct op *op)
{
	struct record *row;
	enum kerr err = find(op, VERB_READ, &row);

	return err == KERR_OK ? answer(op, record_int(row, ROW_ID)) : err;
}

static enum kerr
change(struct op *op)
{
	const struct record *body = op_body(op);
	struct record *row, *former;
	const char *name;
	enum kerr err = find(op, VERB_ISSUE, &row);

	if (err == KERR_OK && body == NULL)
		return op_fault(op, KERR_INVALID, "body", "say what to change");
	if (err == KERR_OK)
		err = record_check(body, RECORD_CHANGE, &op->fault);
	if (err == KERR_OK)
		err = store_get(op->reader, TABLE_client, record_int(row, ROW_ID),
			op->arena, &former);
	if (err == KERR_OK && record_has(op->asked, REQUEST_VERSION) &&
		record_int(op->asked, REQUEST_VERSION) != record_int(row, ROW_VERSION))
		return op_fault(op, KERR_CONFLICT, "version",
			"the client was changed meanwhile: look at it again");
	if (err == KERR_OK && record_has(body, CLIENT_NAME)) {
		err = refs_name(op, record_text(body, CLIENT_NAME), "name", &name);
		if (err == KERR_OK)
			err = record_set_text(row, ROW_CLIENT_NAME, name);
		if (err == KERR_OK)
			err = op_update(op, TABLE_client, row, former, "client.change");
	}
	return err == KERR_OK ? answer(op, record_int(row, ROW_ID)) : err;
}

static enum kerr
fill(struct op *op, const struct record *row, struct record *ret)
{
	return client_answer(op, row, false, ret);
}

static const struct list_column columns[] = {
	{.field = CLIENT_ID, .column = ROW_ID},
	{.field = CLIENT_KEY, .column = ROW_CLIENT_KEY},
	{.field = CLIENT_NAME, .column = ROW_CLIENT_NAME},
	{.field = CLIENT_STATE, .column = ROW_CLIENT_STATE},
	{.field = CLIENT_APPLICATION_ID, .column = ROW_CLIENT_APPLICATION_ID},
	{.field = CLIENT_VENDOR,
		.column = ROW_CLIENT_APPLICATION_ID,
		.match = LIST_REF_LINKED,
		.ref = TABLE_vendor,
		.link = TABLE_application,
		.link_from = ROW_ID,
		.link_to = ROW_APPLICATION_VENDOR_ID},
	{.field = CLIENT_YEAR,
		.column = ROW_CLIENT_APPLICATION_ID,
		.match = LIST_LINKED,
		.link = TABLE_application,
		.link_from = ROW_ID,
		.link_to = ROW_APPLICATION_YEAR},
};

static enum kerr
list(struct op *op)
{
	static const struct list clients = {.table = TABLE_client,
		.page = &client_list_schema,
		.item = &client_schema,
		.columns = columns,
		.count = sizeof(columns) / sizeof(columns[0]),
		.sight = LIST_APPLICATION,
		.sight_column = ROW_CLIENT_APPLICATION_ID,
		.fill = fill};

	return list_run(op, &clients);
}

const struct op_row op_client_rows[] = {
	{MESSAGE_CLIENT_ADD, add},
	{MESSAGE_CLIENT_LIST, list},
	{MESSAGE_CLIENT_SHOW, show},
	{MESSAGE_CLIENT_CHANGE, change},
	{0, NULL},
};
