#include "keyd/keeper/model/op.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/model/model.h"
#include "keyd/keeper/model/operations.h"

#define VALUES_MAX 4096

/* A line a file. */
static const struct op_row *const tables[] = {
	op_tenant_rows,
	op_year_rows,
	op_vendor_rows,
	op_product_rows,
	op_edorg_rows,
	op_ods_rows,
	op_application_rows,
	op_operator_rows,
	op_claimset_rows,
	op_caller_rows,
	op_signing_key_rows,
	op_seal_rows,
	op_client_rows,
	op_client_life_rows,
	op_find_rows,
	op_audit_rows,
	op_backup_rows,
	op_own_rows,
};

static const struct op_row *
find_row(uint16_t message)
{
	const struct op_row *row;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (row = tables[i]; row->message != 0; row++) {
			if (row->message == message)
				return row;
		}
	}
	return NULL;
}

enum kerr
op_run(struct op *op)
{
	const struct op_row *row = find_row(op->message->number);
	enum kerr err;

	if (row == NULL)
		return KERR_UNSUPPORTED;
	err = row->run(op);
	if (err != KERR_OK && op->fault.text[0] == '\0')
		fault_set(&op->fault, err, "", "%s", kerr_text(err));
	op->fault.err = err;
	return err;
}

enum kerr
op_fault(struct op *op, enum kerr err, const char *field, const char *fmt, ...)
{
	char text[sizeof(op->fault.text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fault_set(&op->fault, err, field, "%s", text);
}

/* Does what was asked have that field of a request? */
static bool
is_request(const struct op *op, unsigned field, const char *name)
{
	const struct schema *s = op->asked != NULL ? record_schema(op->asked) : NULL;

	return s != NULL && field < s->count && strcmp(s->fields[field].name, name) == 0;
}

const struct record *
op_body(const struct op *op)
{
	if (!is_request(op, REQUEST_BODY, "body") ||
		record_count(op->asked, REQUEST_BODY) == 0)
		return NULL;
	return record_at(op->asked, REQUEST_BODY, 0);
}

const char *
op_ref(const struct op *op)
{
	return is_request(op, REQUEST_REF, "ref") ? record_text(op->asked, REQUEST_REF)
						  : "";
}

enum kerr
op_allow(struct op *op, enum verb verb, const struct access_object *object)
{
	const struct access_now now = {
		.reader = op->reader, .arena = op->arena, .today = op_today(op)};

	return access_decide(&now, op->who, verb, object, &op->fault);
}

int64_t
op_today(const struct op *op)
{
	return clock_day_of(op->now);
}

/* All records of one request carry its id; what keyd does by itself gets one of its own.
 */
static const char *
act_of(struct op *op)
{
	uint8_t random[16];

	if (op->request != NULL && op->request[0] != '\0')
		return op->request;
	if (op->act[0] == '\0') {
		randombytes_buf(random, sizeof(random));
		sodium_bin2hex(op->act, sizeof(op->act), random, sizeof(random));
	}
	return op->act;
}

static enum kerr
append(struct op *op, struct audit_entry *e)
{
	const struct person *p = op->who;
	char who[128], via[128];

	if (p->user[0] == '\0' || strcmp(p->name, p->user) == 0)
		snprintf(who, sizeof(who), "%s", p->name[0] != '\0' ? p->name : "keyd");
	else
		snprintf(who, sizeof(who), "%s (%s)", p->name, p->user);
	if (p->via[0] != '\0' && p->uid >= 0)
		snprintf(via, sizeof(via), "%s, uid %lld", p->via, (long long)p->uid);
	else
		snprintf(via, sizeof(via), "%s", p->via);
	e->who = who;
	if (via[0] != '\0')
		e->via = via;
	e->act = act_of(op);
	if (op->request != NULL && op->request[0] != '\0')
		e->request = op->request;
	return audit_append(op->audit, e, op->now);
}

/* The one audit record of a row's change; former or now may be NULL. */
static enum kerr
append_change(struct op *op, enum table_id table, const struct record *former,
	const struct record *now, const char *action)
{
	const struct record *row = now != NULL ? now : former;
	struct audit_entry e = {.action = action,
		.object = store_schema(table)->name,
		.tenant = record_int(row, ROW_TENANT_ID),
		.object_id = record_int(row, ROW_ID),
		.object_version = record_int(row, ROW_VERSION),
		.result = "done"};
	struct buf before, after;
	enum kerr err;

	buf_init(&before, VALUES_MAX);
	buf_init(&after, VALUES_MAX);
	err = audit_values(&before, &after, table, former, now);
	if (err == KERR_OK && before.len > 0)
		e.before = buf_text(&before);
	if (err == KERR_OK && after.len > 0)
		e.after = buf_text(&after);
	if (err == KERR_OK)
		err = append(op, &e);
	buf_clear(&before);
	buf_clear(&after);
	return err;
}

/* The index's copy of a row, handed over after the commit. */
static enum kerr
keep_change(struct op *op, enum table_id table, int64_t id, const struct record *row)
{
	struct op_change *c = arena_alloc(op->arena, sizeof(*c));
	enum kerr err = KERR_OK;

	if (c == NULL)
		return KERR_NOMEM;
	*c = (struct op_change){.table = table, .id = id};
	if (row != NULL) {
		c->row = record_new(op->arena, store_schema(table));
		err = c->row != NULL ? record_copy_same(c->row, row) : KERR_NOMEM;
	}
	if (err != KERR_OK)
		return err;
	if (op->last_change != NULL)
		op->last_change->next = c;
	else
		op->changes = c;
	op->last_change = c;
	return KERR_OK;
}

/* A sentence for what the store refuses, unless the operation knows a better one. */
static enum kerr
explain(struct op *op, enum table_id table, enum kerr err)
{
	const char *name = store_schema(table)->name;

	if (op->fault.text[0] != '\0')
		return err;
	if (err == KERR_EXISTS)
		return op_fault(op, err, "", "there is such a thing already (%s)", name);
	if (err == KERR_CONFLICT)
		return op_fault(op, err, "version",
			"it was changed meanwhile (%s): look at it again", name);
	if (err == KERR_DAMAGED)
		return op_fault(op, err, "",
			"the stored row is damaged (%s) and was set aside: keyd status",
			name);
	return err;
}

enum kerr
op_insert(struct op *op, enum table_id table, struct record *row, const char *action)
{
	enum kerr err;

	if (op->store == NULL)
		return KERR_INTERNAL;
	if (!record_has(row, ROW_TENANT_ID))
		record_set_int(row, ROW_TENANT_ID,
			op->who->tenant != 0 ? op->who->tenant : ACCESS_HOME_TENANT);
	err = store_insert(op->store, table, row, op->now);
	if (err == KERR_OK)
		err = append_change(op, table, NULL, row, action);
	if (err == KERR_OK)
		err = keep_change(op, table, record_int(row, ROW_ID), row);
	return err == KERR_OK ? err : explain(op, table, err);
}

enum kerr
op_update(struct op *op, enum table_id table, struct record *row,
	const struct record *former, const char *action)
{
	struct record *read = NULL;
	enum kerr err = KERR_OK;

	if (op->store == NULL)
		return KERR_INTERNAL;
	if (former == NULL) {
		err = store_get(
			op->reader, table, record_int(row, ROW_ID), op->arena, &read);
		former = read;
	}
	if (err == KERR_OK)
		err = store_update(op->store, table, row, op->now);
	if (err == KERR_OK)
		err = append_change(op, table, former, row, action);
	if (err == KERR_OK)
		err = keep_change(op, table, record_int(row, ROW_ID), row);
	return err == KERR_OK ? err : explain(op, table, err);
}

enum kerr
op_remove(struct op *op, enum table_id table, int64_t id, const char *action)
{
	struct record *former;
	enum kerr err;

	if (op->store == NULL)
		return KERR_INTERNAL;
	err = store_get(op->reader, table, id, op->arena, &former);
	if (err == KERR_OK)
		err = store_remove(op->store, table, id, op->now);
	if (err == KERR_OK)
		err = append_change(op, table, former, NULL, action);
	if (err == KERR_OK)
		err = keep_change(op, table, id, NULL);
	return err == KERR_OK ? err : explain(op, table, err);
}

enum kerr
op_note(struct op *op, const char *action, const char *object, int64_t id,
	const char *result)
{
	struct audit_entry e = {.action = action,
		.object = object,
		.tenant = op->who->tenant,
		.object_id = id,
		.result = result};

	if (op->store == NULL) { /* the write thread writes it before the answer leaves */
		op->later = (struct op_later){
			.action = action, .object = object, .result = result, .id = id};
		return KERR_OK;
	}
	return append(op, &e);
}
