#include "keyd/keeper/model/shape.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/model/model.h"
#include "keyd/keeper/model/refs.h"

enum kerr
shape_body(struct op *op, bool adds, const struct record **ret)
{
	const struct record *body = op_body(op);
	enum kerr err;

	if (body == NULL)
		return op_fault(op, KERR_INVALID, "", "the request has no body");
	err = record_check(body, adds ? RECORD_ADD : RECORD_CHANGE, &op->fault);
	if (err == KERR_OK)
		*ret = body;
	return err;
}

static enum kerr
take_text(struct op *op, const struct field *f, const char *text, struct record *row,
	unsigned column)
{
	const char *kept;
	enum kerr err = refs_name(op, text, f->name, &kept);

	if (err == KERR_OK && (int64_t)strlen(kept) > f->max)
		return op_fault(op, KERR_INVALID, f->name,
			"at most %lld bytes in composed characters", (long long)f->max);
	return err == KERR_OK ? record_set_text(row, column, kept) : err;
}

static enum kerr
take(struct op *op, const struct shape *s, const struct record *body, struct record *row)
{
	enum kerr err = KERR_OK;
	size_t i;

	for (i = 0; err == KERR_OK && i < s->count; i++) {
		const struct shape_pair *p = &s->pairs[i];
		const struct field *f = &s->list->item->fields[p->field];

		if ((f->flags & FIELD_SERVER) != 0 || !record_has(body, p->field))
			continue;
		err = f->type == FIELD_TEXT
			      ? take_text(op, f, record_text(body, p->field), row,
					p->column)
			      : record_copy_field(row, p->column, body, p->field);
	}
	return err;
}

enum kerr
shape_new(struct op *op, const struct shape *s, const struct record *body,
	struct record **ret_row)
{
	*ret_row = record_new(op->arena, store_schema(s->list->table));
	return *ret_row != NULL ? take(op, s, body, *ret_row) : KERR_NOMEM;
}

enum kerr
shape_former(struct op *op, const struct shape *s, const struct record *body,
	struct record **ret_former, struct record **ret_row)
{
	enum kerr err = refs_find(op, s->list->table, op_ref(op), s->word, ret_former);

	if (err != KERR_OK)
		return err;
	if (record_has(op->asked, REQUEST_VERSION) &&
		record_int(op->asked, REQUEST_VERSION) !=
			record_int(*ret_former, ROW_VERSION))
		return op_fault(op, KERR_CONFLICT, "version",
			"the %s was changed meanwhile (version %lld): look at it again",
			s->word, (long long)record_int(*ret_former, ROW_VERSION));
	*ret_row = record_new(op->arena, store_schema(s->list->table));
	if (*ret_row == NULL)
		return KERR_NOMEM;
	err = record_copy_same(*ret_row, *ret_former);
	return err == KERR_OK && body != NULL ? take(op, s, body, *ret_row) : err;
}

enum kerr
shape_fill(const struct shape *s, const struct record *row, struct record *answer)
{
	enum kerr err = KERR_OK;
	size_t i;

	for (i = 0; err == KERR_OK && i < s->count; i++)
		err = record_copy_field(
			answer, s->pairs[i].field, row, s->pairs[i].column);
	return err;
}

enum kerr
shape_answer(struct op *op, const struct shape *s, const struct record *row)
{
	op->answer = record_new(op->arena, s->list->item);
	return op->answer != NULL ? s->list->fill(op, row, op->answer) : KERR_NOMEM;
}

static void
put_action(const struct shape *s, const char *verb, char out[64])
{
	snprintf(out, 64, "%s.%s", s->word, verb);
	for (; *out != '\0'; out++) {
		if (*out == ' ')
			*out = '-';
	}
}

enum kerr
shape_insert(struct op *op, const struct shape *s, struct record *row, const char *exists)
{
	char action[64];
	enum kerr err;

	put_action(s, "add", action);
	err = op_insert(op, s->list->table, row, action);
	if (err == KERR_EXISTS)
		return op_fault(op, err, "", "%s", exists);
	return err == KERR_OK ? shape_answer(op, s, row) : err;
}

static enum kerr
differs(const struct record *a, const struct record *b, bool *ret)
{
	struct buf x, y;
	enum kerr err;

	buf_init(&x, 1u << 20);
	buf_init(&y, 1u << 20);
	record_encode(a, &x);
	record_encode(b, &y);
	err = buf_error(&x) != KERR_OK ? buf_error(&x) : buf_error(&y);
	if (err == KERR_OK)
		*ret = x.len != y.len || memcmp(x.data, y.data, x.len) != 0;
	buf_clear(&x);
	buf_clear(&y);
	return err;
}

enum kerr
shape_update(struct op *op, const struct shape *s, struct record *row,
	const struct record *former, const char *exists)
{
	char action[64];
	bool changed = false;
	enum kerr err = differs(row, former, &changed);

	if (err != KERR_OK || !changed)
		return err;
	put_action(s, "change", action);
	err = op_update(op, s->list->table, row, former, action);
	if (err == KERR_EXISTS)
		return op_fault(op, err, "", "%s", exists);
	return err;
}

enum kerr
shape_show(struct op *op, const struct shape *s, const struct record *row,
	struct access_object object)
{
	enum kerr err;

	object.table = s->list->table;
	object.tenant = record_int(row, ROW_TENANT_ID);
	err = op_allow(op, VERB_READ, &object);
	return err == KERR_OK ? shape_answer(op, s, row) : err;
}

enum kerr
shape_warn(struct op *op, const char *field, const char *fmt, ...)
{
	char text[sizeof(op->fault.text)];
	va_list ap;

	if (record_int(op->asked, REQUEST_ACCEPT) != 0)
		return KERR_OK;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return op_fault(op, KERR_CONFLICT, field,
		"%s. If that is meant, ask again and accept the warning", text);
}

enum kerr
shape_ids_add(struct op *op, struct shape_ids *ids, int64_t id)
{
	int64_t *larger;

	if (ids->count == ids->room) {
		ids->room = ids->room == 0 ? 16 : 2 * ids->room;
		larger = arena_alloc(op->arena, ids->room * sizeof(*larger));
		if (larger == NULL)
			return KERR_NOMEM;
		if (ids->count > 0)
			memcpy(larger, ids->at, ids->count * sizeof(*larger));
		ids->at = larger;
	}
	ids->at[ids->count++] = id;
	return KERR_OK;
}
