#include "admin-tui/listing.h"

#include <stdio.h>
#include <string.h>

#include "admin-tui/console.h"
#include "admin-tui/export.h"
#include "admin-tui/filter.h"
#include "admin-tui/value.h"

#define QUERY_MAX 1023

static void
on_rows(void *with)
{
	struct listing *l = with;

	console_changed(l->screen->console);
}

/* From one end or the other, with the filter and order at hand. */
static void
begin(struct listing *l, bool backward)
{
	const struct listing_order *order = &l->kind->orders[l->order];
	struct fault fault;
	struct buf query;
	const char *text = "";

	buf_init(&query, QUERY_MAX);
	if (filter_query(l->kind->schema, l->filter, &query, &fault) == KERR_OK &&
		query.len > 0)
		text = buf_text(&query);
	pager_begin(l->pager, text, backward ? order->backward : order->forward);
	l->list = (struct list){.backward = backward};
	buf_clear(&query);
}

/* The filter is taken only when it is one. */
static enum kerr
set_filter(struct listing *l, const char *filter, struct fault *fault)
{
	struct buf query;
	enum kerr err;

	if (strlen(filter) > LISTING_FILTER_MAX)
		return fault_set(fault, KERR_TOO_LARGE, "", "that is too long a filter");
	buf_init(&query, QUERY_MAX);
	err = filter_query(l->kind->schema, filter, &query, fault);
	buf_clear(&query);
	if (err != KERR_OK)
		return err;
	snprintf(l->filter, sizeof(l->filter), "%s", filter);
	begin(l, false);
	return KERR_OK;
}

enum kerr
listing_open(struct screen *s, const struct listing_kind *kind, const char *argument,
	struct fault *fault)
{
	struct listing *l = s->state;
	struct pager_source source = {.path = kind->path,
		.schema = kind->schema,
		.changed = on_rows,
		.with = l};

	l->kind = kind;
	l->screen = s;
	l->pager = pager_new(console_api(s->console), &source);
	if (l->pager == NULL)
		return fault_set(fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	return set_filter(l, argument, fault);
}

void
listing_close(struct screen *s)
{
	struct listing *l = s->state;

	pager_free(l->pager);
	l->pager = NULL;
}

static const struct record *
row_at(const void *with, size_t i)
{
	return pager_row(with, i);
}

void
listing_draw(struct screen *s, const struct area *a)
{
	struct listing *l = s->state;
	const struct list_rows rows = {
		.row = row_at, .with = l->pager, .count = pager_reach(l->pager)};
	struct fault fault;

	list_draw(&l->list, a, l->kind->columns, l->kind->column_count, &rows);
	pager_want(l->pager, l->list.top, (size_t)list_height(a));
	if (pager_fault(l->pager, &fault) != KERR_OK)
		draw_text(
			a->row + 2, a->column + 2, a->columns - 2, DRAW_BAD, fault.text);
	else if (pager_empty(l->pager))
		draw_text(a->row + 2, a->column + 2, a->columns - 2, DRAW_DIM,
			l->kind->none);
}

static void
run_filter(struct form *f, void *with)
{
	struct listing *l = with;
	struct fault fault;

	if (set_filter(l, form_text(f, 0), &fault) != KERR_OK)
		form_fail(f, fault.text);
	else
		console_form_close(l->screen->console, f);
}

static void
complete_filter(void *with, const char *text, struct buf *ret)
{
	const struct listing *l = with;

	filter_complete(l->kind->schema, text, ret);
}

static void
ask_filter(struct listing *l)
{
	const struct form_hooks hooks = {
		.submit = run_filter, .complete = complete_filter, .with = l};
	struct form *f = form_new(&hooks);

	if (f != NULL) {
		form_say(f,
			" field=value words, all must hold; empty shows everything. Tab "
			"completes.");
		form_ask(f, "Filter:", l->filter, LISTING_FILTER_MAX, 0);
	}
	console_form(l->screen->console, f);
}

static void
next_order(struct listing *l)
{
	const struct listing_order *orders = l->kind->orders;

	l->order++;
	if (l->order == LISTING_ORDERS || orders[l->order].name == NULL)
		l->order = 0;
	begin(l, false);
	console_note(
		l->screen->console, DRAW_PLAIN, "ordered by %s", orders[l->order].name);
}

static void export(struct listing *l, const char *file)
{
	const struct export_from from = {.console = l->screen->console,
		.path = l->kind->path,
		.schema = l->kind->schema,
		.filter = l->filter,
		.sort = l->kind->orders[l->order].forward};

	if (file[0] != '\0')
		export_start(&from, file);
	else
		export_ask(&from, l->kind->file);
}

/* To the other end: from there, since nobody waits for all that lies between. */
static bool
jump(struct listing *l, enum action_id action)
{
	bool to_end = action == ACTION_BOTTOM;

	if (action != ACTION_TOP && action != ACTION_BOTTOM)
		return false;
	if (to_end == l->list.backward)
		l->list.at = l->list.top = 0;
	else if (pager_has_end(l->pager))
		list_move(&l->list, action, pager_reach(l->pager),
			list_height(&l->screen->area));
	else
		begin(l, to_end);
	return true;
}

bool
listing_act(struct screen *s, enum action_id action, const char *argument)
{
	struct listing *l = s->state;
	struct fault fault;

	if (jump(l, action) ||
		list_move(&l->list, action, pager_reach(l->pager), list_height(&s->area)))
		return true;
	if (action == ACTION_FILTER && argument[0] == '\0')
		ask_filter(l);
	else if (action == ACTION_FILTER && set_filter(l, argument, &fault) != KERR_OK)
		console_fault(s->console, &fault);
	else if (action == ACTION_SORT)
		next_order(l);
	else if (action == ACTION_EXPORT)
		export(l, argument);
	else
		return action == ACTION_FILTER;
	return true;
}

void
listing_refresh(struct screen *s)
{
	const struct listing *l = s->state;

	pager_refresh(l->pager);
}

const struct record *
listing_selected(const struct screen *s)
{
	const struct listing *l = s->state;

	return pager_row(l->pager, l->list.at);
}

void
listing_place(const struct screen *s, struct buf *out)
{
	const struct listing *l = s->state;
	int64_t total = pager_total(l->pager);
	bool filtered = l->filter[0] != '\0';
	size_t reach = pager_reach(l->pager), at = l->list.at;

	if (pager_has_end(l->pager))
		total = (int64_t)reach;
	else if (filtered && l->kind->counts_all)
		total = -1;
	if (total > 0 && reach > 0) {
		value_number(
			out, l->list.backward ? total - (int64_t)at : (int64_t)at + 1);
		buf_put_text(out, " of ");
		value_number(out, total);
	} else if (pager_empty(l->pager)) {
		buf_put_text(out, "none");
	}
	if (filtered)
		buf_printf(out, "  [%s]", l->filter);
}
