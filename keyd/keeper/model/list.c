#include "keyd/keeper/model/list.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/base64.h"
#include "core/model/model.h"
#include "core/text.h"
#include "keyd/keeper/model/refs.h"

#define LIMIT_PRESET    50
#define FILTERS_MAX     12
#define CONDITIONS_MAX  (FILTERS_MAX + 2) /* and the tenant's and the scope's */
#define CURSOR_FORMAT   1
#define CURSOR_HEAD     12 /* format, table, field, direction, id */
#define CURSOR_MAX      192
#define CURSOR_TEXT_MAX 256 /* of list_ask.def */

/* One question in hand. */
struct asking {
	struct op *op;
	const struct list *list;
	struct access_scope scope;
	struct store_condition conditions[CONDITIONS_MAX];
	struct store_query query;
	const struct list_column *sort; /* NULL: by id */
	size_t limit;
	struct record *page;
	struct record *last; /* row of the last item */
	bool more;
};

static const struct list_column *
column_of(const struct list *l, unsigned field)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		if (l->columns[i].field == field)
			return &l->columns[i];
	}
	return NULL;
}

/* "name, kind, state": what has that flag. */
static void
name_fields(const struct list *l, unsigned flag, char *out, size_t size)
{
	size_t len = 0;
	unsigned i;

	out[0] = '\0';
	for (i = 0; i < l->item->count && len < size; i++) {
		if ((l->item->fields[i].flags & flag) == 0)
			continue;
		len += (size_t)snprintf(out + len, size - len, "%s%s",
			len > 0 ? ", " : "", l->item->fields[i].name);
	}
}

static enum kerr
refuse_field(struct asking *a, const char *field, unsigned flag)
{
	char names[256];

	name_fields(a->list, flag, names, sizeof(names));
	return op_fault(a->op, KERR_INVALID, field, "this list can be %s by %s%s",
		flag == FIELD_SORT ? "sorted" : "filtered",
		names[0] != '\0' ? names : "nothing",
		flag == FIELD_SORT ? ", with '-' before it backwards" : " (field=value)");
}

static struct store_condition *
add(struct asking *a)
{
	return &a->conditions[a->query.count++];
}

/* What the person may see. A deployment of one tenant is not asked for it, so that the
 * index of the sort is used. */
static enum kerr
add_sight(struct asking *a)
{
	const struct list *l = a->list;
	const struct store_query tenants = {.table = TABLE_tenant};
	const struct access_object object = {
		.table = l->table, .statewide = l->sight != LIST_STATE_ROLE};
	uint64_t count = 0;
	enum kerr err = op_allow(a->op, VERB_READ, &object);

	if (err == KERR_OK)
		err = store_count(a->op->reader, &tenants, &count);
	if (err != KERR_OK)
		return err;
	if (count > 1 || a->op->who->tenant != ACCESS_HOME_TENANT)
		*add(a) = (struct store_condition){.column = ROW_TENANT_ID,
			.test = STORE_IS,
			.number = a->op->who->tenant};
	access_scope(a->op->who, VERB_READ, op_today(a->op), &a->scope);
	if (a->scope.everything)
		return KERR_OK;
	if (l->sight == LIST_EDORG)
		*add(a) = (struct store_condition){.column = l->sight_column,
			.test = STORE_WITHIN,
			.ids = a->scope.edorgs,
			.count = a->scope.count};
	else if (l->sight == LIST_APPLICATION)
		*add(a) = (struct store_condition){.column = l->sight_column,
			.test = STORE_LINKED_WITHIN,
			.ids = a->scope.edorgs,
			.count = a->scope.count,
			.link = TABLE_application_edorg,
			.link_from = ROW_APPLICATION_EDORG_APPLICATION_ID,
			.link_to = ROW_APPLICATION_EDORG_EDORG_ID};
	return KERR_OK;
}

/* A text filter: equal, "begins*" or "*contains*". */
static enum kerr
match_text(struct asking *a, const struct field *f, const char *value,
	struct store_condition *c)
{
	size_t len = strlen(value);
	struct buf nfc;
	enum kerr err;

	c->test = STORE_IS;
	if (len > 2 && value[0] == '*' && value[len - 1] == '*') {
		c->test = STORE_CONTAINS;
		value++;
		len -= 2;
	} else if (len > 1 && value[len - 1] == '*') {
		c->test = STORE_BEGINS;
		len--;
	}
	buf_init(&nfc, 2048);
	err = text_nfc(&nfc, value, len);
	if (err == KERR_OK) {
		c->text = arena_copy(a->op->arena, nfc.data, nfc.len);
		err = buf_error(&nfc);
	}
	buf_clear(&nfc);
	if (err == KERR_INVALID)
		return op_fault(a->op, err, f->name, "the filter is no UTF-8 text");
	return err == KERR_OK && c->text == NULL ? KERR_NOMEM : err;
}

static enum kerr
match_word(struct asking *a, const struct field *f, const char *value, int64_t *ret)
{
	char words[256];
	size_t len = 0, i;

	words[0] = '\0';
	for (i = 0; f->words[i] != NULL; i++) {
		if (strcmp(f->words[i], value) == 0) {
			*ret = (int64_t)i;
			return KERR_OK;
		}
		if (len < sizeof(words))
			len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s",
				i > 0 ? ", " : "", f->words[i]);
	}
	return op_fault(a->op, KERR_INVALID, f->name, "it is one of %s", words);
}

/* The value as the condition's number or text, by the type of the field. */
static enum kerr
match_value(struct asking *a, const struct field *f, const char *value,
	struct store_condition *c)
{
	switch (f->type) {
	case FIELD_ENUM:
		return match_word(a, f, value, &c->number);
	case FIELD_INT:
		if (text_to_int(value, strlen(value), &c->number) == KERR_OK)
			return KERR_OK;
		return op_fault(a->op, KERR_INVALID, f->name, "it is a number");
	case FIELD_TEXT:
		return match_text(a, f, value, c);
	case FIELD_BOOL:
	case FIELD_TIME:
	case FIELD_DATE:
	case FIELD_BYTES:
	case FIELD_SECRET:
	case FIELD_INTS:
	case FIELD_TEXTS:
	case FIELD_RECORDS:
	case FIELD__COUNT:
		break;
	}
	return KERR_INTERNAL;
}

/* An id that the value names. */
static enum kerr
match_ref(struct asking *a, const struct list_column *col, const char *value,
	struct store_condition *c)
{
	const char *name = a->list->item->fields[col->field].name;
	struct record *row;
	enum kerr err = refs_find(a->op, col->ref, value, name, &row);

	if (err != KERR_OK)
		return err;
	c->number = record_int(row, ROW_ID);
	return KERR_OK;
}

static enum kerr
link_to(const struct list_column *col, struct store_condition *c)
{
	c->test = STORE_LINKED;
	c->link = col->link;
	c->link_from = col->link_from;
	c->link_to = col->link_to;
	return KERR_OK;
}

/* Words of two: still on, and over since its last day. */
static void
match_last_day(struct asking *a, struct store_condition *c)
{
	int64_t today = op_today(a->op);

	c->test = c->number == 0 ? STORE_ABOVE : STORE_BELOW;
	c->number = c->number == 0 ? today - 1 : today;
}

static enum kerr
add_filter(struct asking *a, const char *filter)
{
	const struct list *l = a->list;
	const char *value = strchr(filter, '=');
	const struct list_column *col;
	struct store_condition *c;
	char name[64];
	int field;
	enum kerr err;

	if (value == NULL || (size_t)(value - filter) >= sizeof(name))
		return refuse_field(a, "filter", FIELD_FILTER);
	snprintf(name, sizeof(name), "%.*s", (int)(value - filter), filter);
	value++;
	field = schema_field(l->item, name);
	if (field < 0 || (l->item->fields[field].flags & FIELD_FILTER) == 0 ||
		(col = column_of(l, (unsigned)field)) == NULL)
		return refuse_field(a, "filter", FIELD_FILTER);
	c = add(a);
	*c = (struct store_condition){.column = col->column, .test = STORE_IS};
	switch (col->match) {
	case LIST_EQUALS:
		return match_value(a, &l->item->fields[field], value, c);
	case LIST_REF:
		return match_ref(a, col, value, c);
	case LIST_REF_LINKED:
		err = match_ref(a, col, value, c);
		return err == KERR_OK ? link_to(col, c) : err;
	case LIST_LINKED:
		err = match_value(a, &l->item->fields[field], value, c);
		return err == KERR_OK ? link_to(col, c) : err;
	case LIST_LAST_DAY:
		err = match_word(a, &l->item->fields[field], value, &c->number);
		if (err == KERR_OK)
			match_last_day(a, c);
		return err;
	}
	return KERR_INTERNAL;
}

static enum kerr
add_filters(struct asking *a, const struct record *ask)
{
	size_t count = record_count(ask, LIST_ASK_FILTER), i;
	enum kerr err = KERR_OK;

	if (count > FILTERS_MAX)
		return op_fault(
			a->op, KERR_INVALID, "filter", "at most %d filters", FILTERS_MAX);
	for (i = 0; err == KERR_OK && i < count; i++)
		err = add_filter(a, record_text_at(ask, LIST_ASK_FILTER, i));
	return err;
}

static enum kerr
set_sort(struct asking *a, const char *sort)
{
	const struct list *l = a->list;
	int field;

	a->query.descending = sort[0] == '-';
	if (sort[0] == '-')
		sort++;
	if (sort[0] == '\0')
		return KERR_OK;
	field = schema_field(l->item, sort);
	if (field < 0 || (l->item->fields[field].flags & FIELD_SORT) == 0)
		return refuse_field(a, "sort", FIELD_SORT);
	a->sort = column_of(l, (unsigned)field);
	if (a->sort == NULL)
		return KERR_INTERNAL;
	a->query.sort = a->sort->column;
	return KERR_OK;
}

static bool
sorts_text(const struct asking *a)
{
	return a->sort != NULL &&
	       a->list->item->fields[a->sort->field].type == FIELD_TEXT;
}

static void
put_head(const struct asking *a, int64_t id, struct buf *b)
{
	buf_put_u8(b, CURSOR_FORMAT);
	buf_put_u8(b, (uint8_t)a->list->table);
	buf_put_u8(b, a->sort != NULL ? (uint8_t)a->sort->field : UINT8_MAX);
	buf_put_u8(b, a->query.descending);
	buf_put_u64(b, (uint64_t)id);
}

/* The place behind the last item: value of the sort column and id. */
static enum kerr
put_cursor(struct asking *a)
{
	char text[CURSOR_TEXT_MAX + 1];
	struct buf b;
	enum kerr err;

	buf_init(&b, CURSOR_MAX);
	put_head(a, record_int(a->last, ROW_ID), &b);
	if (sorts_text(a))
		buf_put_text(&b, record_text(a->last, a->query.sort));
	else if (a->sort != NULL)
		buf_put_u64(&b, (uint64_t)record_int(a->last, a->query.sort));
	err = buf_error(&b);
	if (err == KERR_OK) {
		sodium_bin2base64(text, sizeof(text), b.data, b.len,
			sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		err = record_set_text(a->page, LIST_AFTER, text);
	}
	buf_clear(&b);
	return err;
}

/* What a cursor holds behind its head; false when that is nothing of this list's. */
static bool
read_place(struct asking *a, struct cursor *c)
{
	if (sorts_text(a)) {
		const char *text = (const char *)c->p;

		if (!text_is_utf8(text, c->left))
			return false;
		a->query.after_text = arena_copy(a->op->arena, text, c->left);
		return a->query.after_text != NULL;
	}
	if (a->sort != NULL)
		a->query.after_number = (int64_t)cursor_u64(c);
	return !c->failed && c->left == 0;
}

static enum kerr
set_after(struct asking *a, const char *after)
{
	uint8_t bytes[CURSOR_MAX];
	struct cursor c;
	struct buf head;
	size_t len = 0;
	bool ok;

	ok = base64_decode(BASE64_URL, after, strlen(after), bytes, sizeof(bytes),
		     &len) == KERR_OK &&
	     len >= CURSOR_HEAD;
	buf_init(&head, CURSOR_HEAD);
	if (ok) {
		cursor_init(&c, bytes + 4, len - 4);
		a->query.has_after = true;
		a->query.after_id = (int64_t)cursor_u64(&c);
		put_head(a, a->query.after_id, &head);
		ok = buf_error(&head) == KERR_OK && a->query.after_id > 0 &&
		     memcmp(head.data, bytes, CURSOR_HEAD) == 0 && read_place(a, &c);
	}
	buf_clear(&head);
	return ok ? KERR_OK
		  : op_fault(a->op, KERR_INVALID, "after",
			    "that is no cursor of this list in this order: begin again "
			    "without it");
}

static enum kerr
put_item(void *with, struct record *row)
{
	struct asking *a = with;
	struct record *item;

	if (record_count(a->page, LIST_ITEMS) == a->limit) {
		a->more = true;
		return KERR_CLOSED;
	}
	item = record_add_record(a->page, LIST_ITEMS);
	if (item == NULL)
		return KERR_NOMEM;
	a->last = row;
	return a->list->fill(a->op, row, item);
}

static enum kerr
read_page(struct asking *a)
{
	struct store_query all = a->query;
	uint64_t total = 0;
	enum kerr err = store_read_begin(a->op->reader);

	if (err != KERR_OK)
		return err;
	all.has_after = false;
	err = store_count(a->op->reader, &all, &total);
	if (err == KERR_OK)
		err = store_select(a->op->reader, &a->query, a->op->arena, put_item, a);
	store_read_end(a->op->reader);
	if (err != KERR_OK)
		return err;
	record_set_int(a->page, LIST_TOTAL, (int64_t)total);
	return a->more ? put_cursor(a) : KERR_OK;
}

static enum kerr
read_ask(struct asking *a)
{
	const struct record *ask = a->op->asked;
	enum kerr err;

	if (ask == NULL)
		return KERR_OK;
	err = record_check(ask, RECORD_CHANGE, &a->op->fault);
	if (err == KERR_OK && record_has(ask, LIST_ASK_AT))
		return op_fault(a->op, KERR_UNSUPPORTED, "at",
			"lists show the present; keyd audit list shows what was changed, "
			"when and by whom");
	if (err == KERR_OK && record_has(ask, LIST_ASK_LIMIT))
		a->limit = (size_t)record_int(ask, LIST_ASK_LIMIT);
	if (err == KERR_OK)
		err = add_filters(a, ask);
	if (err == KERR_OK)
		err = set_sort(a, record_text(ask, LIST_ASK_SORT));
	if (err == KERR_OK && record_has(ask, LIST_ASK_AFTER))
		err = set_after(a, record_text(ask, LIST_ASK_AFTER));
	return err;
}

enum kerr
list_run(struct op *op, const struct list *l)
{
	struct asking a = {.op = op, .list = l, .limit = LIMIT_PRESET};
	enum kerr err;

	a.query = (struct store_query){.table = l->table, .conditions = a.conditions};
	err = add_sight(&a);
	if (err == KERR_OK)
		err = read_ask(&a);
	if (err != KERR_OK)
		return err;
	a.query.limit = a.limit + 1;
	a.page = record_new(op->arena, l->page);
	if (a.page == NULL)
		return KERR_NOMEM;
	record_set_empty(a.page, LIST_ITEMS);
	err = read_page(&a);
	if (err == KERR_OK)
		op->answer = a.page;
	return err;
}
