#include "keyd/keeper/model/client_answer.h"

#include "core/model/model.h"
#include "keyd/keeper/model/secrets.h"
#include "keyd/keeper/model/states.h"

struct filling {
	struct op *op;
	struct record *client;
	bool with_secrets;
	int64_t last_use;
};

static enum kerr
put_use(struct op *op, int64_t secret, struct record *s, int64_t *last_use)
{
	const struct store_condition c = {
		.column = ROW_USAGE_SECRET_ID, .test = STORE_IS, .number = secret};
	const struct store_query q = {.table = TABLE_usage, .conditions = &c, .count = 1};
	struct record *use;
	enum kerr err = store_first(op->reader, &q, op->arena, &use);

	if (err == KERR_NOTFOUND)
		return KERR_OK;
	if (err != KERR_OK)
		return err;
	if (record_int(use, ROW_USAGE_HOUR) > *last_use)
		*last_use = record_int(use, ROW_USAGE_HOUR);
	if (s == NULL)
		return KERR_OK;
	record_set_int(s, SECRET_LAST_USE, record_int(use, ROW_USAGE_HOUR));
	if (record_has(use, ROW_USAGE_SOURCE))
		return record_set_text(
			s, SECRET_LAST_SOURCE, record_text(use, ROW_USAGE_SOURCE));
	return KERR_OK;
}

static enum kerr
put_secret(void *with, struct record *row)
{
	struct filling *f = with;
	struct record *s = NULL;

	if (f->with_secrets && record_count(f->client, CLIENT_SECRETS) < 64) {
		s = record_add_record(f->client, CLIENT_SECRETS);
		if (s == NULL)
			return KERR_NOMEM;
		record_set_int(s, SECRET_NUMBER, record_int(row, ROW_SECRET_NUMBER));
		record_set_int(s, SECRET_STATE, record_int(row, ROW_SECRET_STATE));
		record_set_int(
			s, SECRET_NOT_BEFORE, record_int(row, ROW_SECRET_NOT_BEFORE));
		record_set_int(
			s, SECRET_NOT_AFTER, record_int(row, ROW_SECRET_NOT_AFTER));
		record_set_int(s, SECRET_CREATED, record_int(row, ROW_SECRET_CREATED));
		if (record_has(row, ROW_SECRET_HARD_END)) {
			record_set_int(
				s, SECRET_HARD_END, record_int(row, ROW_SECRET_HARD_END));
			record_set_int(s, SECRET_QUIET_DAYS,
				record_int(row, ROW_SECRET_QUIET_DAYS));
		}
		if (record_has(row, ROW_SECRET_LABEL) &&
			record_set_text(s, SECRET_LABEL,
				record_text(row, ROW_SECRET_LABEL)) != KERR_OK)
			return KERR_NOMEM;
	}
	return put_use(f->op, record_int(row, ROW_ID), s, &f->last_use);
}

static enum kerr
put_edorg(void *with, struct record *link)
{
	struct filling *f = with;
	struct record *edorg;
	enum kerr err = store_get(f->op->reader, TABLE_edorg,
		record_int(link, ROW_APPLICATION_EDORG_EDORG_ID), f->op->arena, &edorg);

	if (err != KERR_OK)
		return err;
	return record_add_int(
		f->client, CLIENT_EDORGS, record_int(edorg, ROW_EDORG_NUMBER));
}

static enum kerr
put_application(struct op *op, int64_t id, struct filling *f)
{
	const struct store_condition c = {.column = ROW_APPLICATION_EDORG_APPLICATION_ID,
		.test = STORE_IS,
		.number = id};
	const struct store_query q = {
		.table = TABLE_application_edorg, .conditions = &c, .count = 1};
	struct record *application, *row, *out = f->client;
	enum kerr err =
		store_get(op->reader, TABLE_application, id, op->arena, &application);

	if (err != KERR_OK)
		return err;
	record_set_int(out, CLIENT_APPLICATION_ID, id);
	record_set_int(out, CLIENT_YEAR, record_int(application, ROW_APPLICATION_YEAR));
	err = record_set_text(
		out, CLIENT_APPLICATION, record_text(application, ROW_APPLICATION_NAME));
	if (err == KERR_OK)
		err = store_get(op->reader, TABLE_vendor,
			record_int(application, ROW_APPLICATION_VENDOR_ID), op->arena,
			&row);
	if (err == KERR_OK)
		err = record_set_text(
			out, CLIENT_VENDOR, record_text(row, ROW_VENDOR_NAME));
	if (err == KERR_OK)
		err = store_get(op->reader, TABLE_claimset,
			record_int(application, ROW_APPLICATION_CLAIMSET_ID), op->arena,
			&row);
	if (err == KERR_OK)
		err = record_set_text(
			out, CLIENT_CLAIMSET, record_text(row, ROW_CLAIMSET_NAME));
	return err == KERR_OK ? store_select(op->reader, &q, op->arena, put_edorg, f)
			      : err;
}

enum kerr
client_answer(
	struct op *op, const struct record *row, bool with_secrets, struct record *ret)
{
	struct filling f = {.op = op, .client = ret, .with_secrets = with_secrets};
	enum kerr err;

	record_set_int(ret, CLIENT_ID, record_int(row, ROW_ID));
	record_set_int(ret, CLIENT_VERSION, record_int(row, ROW_VERSION));
	record_set_int(ret, CLIENT_STATE, record_int(row, ROW_CLIENT_STATE));
	record_set_int(ret, CLIENT_GENERATION, record_int(row, ROW_CLIENT_GENERATION));
	record_set_int(ret, CLIENT_CREATED, record_int(row, ROW_CLIENT_CREATED));
	err = record_set_text(ret, CLIENT_KEY, record_text(row, ROW_CLIENT_KEY));
	if (err == KERR_OK)
		err = record_set_text(
			ret, CLIENT_NAME, record_text(row, ROW_CLIENT_NAME));
	if (err == KERR_OK && record_has(row, ROW_CLIENT_REASON))
		err = record_set_text(
			ret, CLIENT_REASON, record_text(row, ROW_CLIENT_REASON));
	if (err == KERR_OK)
		err = put_application(op, record_int(row, ROW_CLIENT_APPLICATION_ID), &f);
	if (err == KERR_OK)
		err = secrets_each(op, record_int(row, ROW_ID), put_secret, &f);
	if (err == KERR_OK && f.last_use != 0)
		record_set_int(ret, CLIENT_LAST_USE, f.last_use);
	if (err == KERR_OK && with_secrets)
		err = client_moves(record_int(row, ROW_CLIENT_STATE), ret, CLIENT_MOVES);
	return err;
}
