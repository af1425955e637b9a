#include <stdio.h>
#include <string.h>

#include "core/model/model.h"
#include "core/text.h"
#include "keyd/keeper/model/op.h"
#include "keyd/keeper/model/operations.h"

/* The audit chain as auditors ask for it. Records of plain rows, so paging is by
 * sequence. */

#define LIST_PRESET 50

struct page {
	struct op *op;
	struct arena *scratch; /* of one record: a filter may pass over millions */
	struct record *list;
	size_t limit;
	int64_t last;
	const struct record *asked;
	bool more;
};

/* field=value filters of the list, compared with the parsed record; an unknown field was
 * refused before. */
static bool
passes(const struct page *p, const struct record *r)
{
	size_t i;

	for (i = 0; p->asked != NULL && i < record_count(p->asked, LIST_ASK_FILTER);
		i++) {
		const char *f = record_text_at(p->asked, LIST_ASK_FILTER, i);
		const char *eq = strchr(f, '=');
		char name[64], number[24];
		int field;

		if (eq == NULL || (size_t)(eq - f) >= sizeof(name))
			return false;
		memcpy(name, f, (size_t)(eq - f));
		name[eq - f] = '\0';
		field = schema_field(&audit_schema, name);
		if (field == AUDIT_OBJECT_ID) {
			snprintf(number, sizeof(number), "%lld",
				(long long)record_int(r, AUDIT_OBJECT_ID));
			if (strcmp(number, eq + 1) != 0)
				return false;
		} else if (strcmp(record_text(r, (unsigned)field), eq + 1) != 0) {
			return false;
		}
	}
	return true;
}

static enum kerr
add_record(struct page *p, const struct record *row, const char *line)
{
	struct record *r = record_new(p->op->arena, &audit_schema);
	const uint8_t *hash;
	size_t len;
	enum kerr err;

	if (r == NULL)
		return KERR_NOMEM;
	err = audit_parse(line, strlen(line), r);
	p->last = record_int(row, ROW_ID);
	hash = record_bytes(row, ROW_AUDIT_RECORD_HASH, &len);
	if (err == KERR_OK)
		err = record_set_bytes(r, AUDIT_HASH, hash, len);
	return err == KERR_OK ? record_add_existing(p->list, LIST_ITEMS, r) : err;
}

static enum kerr
put_record(void *with, struct record *row)
{
	struct page *p = with;
	const char *line = record_text(row, ROW_AUDIT_RECORD_LINE);
	struct record *r = record_new(p->scratch, &audit_schema);
	enum kerr err;

	if (r == NULL)
		return KERR_NOMEM;
	if (record_count(p->list, LIST_ITEMS) == p->limit) {
		p->more = true;
		return KERR_CLOSED;
	}
	err = audit_parse(line, strlen(line), r);
	if (err == KERR_OK && passes(p, r))
		err = add_record(p, row, line);
	arena_reset(p->scratch);
	return err;
}

static enum kerr
check_filters(struct op *op, const struct record *asked)
{
	size_t i;

	for (i = 0; i < record_count(asked, LIST_ASK_FILTER); i++) {
		const char *f = record_text_at(asked, LIST_ASK_FILTER, i);
		const char *eq = strchr(f, '=');
		int field = -1;
		char name[64];

		if (eq != NULL && (size_t)(eq - f) < sizeof(name)) {
			memcpy(name, f, (size_t)(eq - f));
			name[eq - f] = '\0';
			field = schema_field(&audit_schema, name);
		}
		if (field < 0 || (audit_schema.fields[field].flags & FIELD_FILTER) == 0)
			return op_fault(op, KERR_INVALID, "filter",
				"the audit chain is filtered by who, action, object and "
				"object_id");
	}
	return KERR_OK;
}

/* Newest first, unless sort=sequence. */
static enum kerr
list(struct op *op)
{
	struct page p = {.op = op, .asked = op->asked, .limit = LIST_PRESET};
	struct store_query q = {
		.table = TABLE_audit_record, .sort = ROW_ID, .descending = true};
	uint64_t total = 0;
	char cursor[24];
	enum kerr err =
		op_allow(op, VERB_AUDIT, &(struct access_object){.statewide = true});

	if (err == KERR_OK && op->asked != NULL)
		err = check_filters(op, op->asked);
	if (err != KERR_OK)
		return err;
	p.list = op->answer = record_new(op->arena, &audit_list_schema);
	if (p.list == NULL)
		return KERR_NOMEM;
	if (op->asked != NULL && record_has(op->asked, LIST_ASK_LIMIT))
		p.limit = (size_t)record_int(op->asked, LIST_ASK_LIMIT);
	if (op->asked != NULL &&
		strcmp(record_text(op->asked, LIST_ASK_SORT), "sequence") == 0)
		q.descending = false;
	if (op->asked != NULL && record_has(op->asked, LIST_ASK_AFTER)) {
		const char *after = record_text(op->asked, LIST_ASK_AFTER);

		q.has_after = true;
		err = text_to_int(after, strlen(after), &q.after_id);
		if (err != KERR_OK)
			return op_fault(op, KERR_INVALID, "after",
				"that is no cursor of this list");
		q.after_number = q.after_id;
	}
	err = store_count(
		op->reader, &(struct store_query){.table = TABLE_audit_record}, &total);
	record_set_int(p.list, LIST_TOTAL, (int64_t)total);
	p.scratch = arena_new(1u << 20);
	if (p.scratch == NULL)
		return KERR_NOMEM;
	if (err == KERR_OK)
		err = store_select(op->reader, &q, p.scratch, put_record, &p);
	arena_free(p.scratch);
	if (err != KERR_OK && err != KERR_CLOSED)
		return err;
	if (!p.more)
		return KERR_OK;
	snprintf(cursor, sizeof(cursor), "%lld", (long long)p.last);
	return record_set_text(p.list, LIST_AFTER, cursor);
}

static enum kerr
verify(struct op *op)
{
	enum kerr err =
		op_allow(op, VERB_AUDIT, &(struct access_object){.statewide = true});

	op->answer = record_new(op->arena, &audit_verify_schema);
	if (err != KERR_OK || op->answer == NULL)
		return err != KERR_OK ? err : KERR_NOMEM;
	return audit_verify(op->audit, op->reader, op->answer);
}

const struct op_row op_audit_rows[] = {
	{MESSAGE_AUDIT_LIST, list},
	{MESSAGE_AUDIT_VERIFY, verify},
	{0, NULL},
};
