#include "admin-tui/screens.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin-tui/console.h"
#include "admin-tui/listing.h"
#include "admin-tui/value.h"
#include "core/arena.h"
#include "core/model/model.h"
#include "core/wire/json_record.h"

/* The audit chain, newest first: who changed what, and does the chain hold. */

#define ARENA_MAX 65536

struct audit {
	struct listing listing; /* first: listing_…() take the state for one */
	bool verifying;
	char verdict[512]; /* "": not asked */
	enum draw_style style;
};

static const struct list_column columns[] = {
	{.field = AUDIT_SEQ, .title = "No", .width = 8},
	{.field = AUDIT_TIME, .title = "Time", .width = 16},
	{.field = AUDIT_WHO, .title = "Who"},
	{.field = AUDIT_ACTION, .title = "Action", .width = 18},
	{.field = AUDIT_OBJECT, .title = "Object", .width = 11},
	{.field = AUDIT_OBJECT_ID, .title = "Id", .width = 7},
	{.field = AUDIT_RESULT, .title = "Result", .width = 7, .from = 90},
	{.field = AUDIT_AFTER, .title = "After", .from = 140},
};

static const struct listing_kind kind = {
	.path = "/keyd/audit",
	.schema = &audit_schema,
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
	.orders = {{"", "sequence", "newest first"}},
	.file = "audit.csv",
	.none = "no record is like that",
	.counts_all = true,
};

static enum kerr
open_screen(struct screen *s, const char *argument, struct fault *fault)
{
	return listing_open(s, &kind, argument, fault);
}

static void
close_screen(struct screen *s)
{
	api_cancel(console_api(s->console), s->state);
	listing_close(s);
}

static void
say_verdict(struct audit *v, const struct record *r)
{
	const char *word = record_text(r, AUDIT_VERIFY_VERDICT);
	bool broken = record_int(r, AUDIT_VERIFY_VERDICT) == AUDIT_VERDICT_BROKEN;
	bool complete = record_int(r, AUDIT_VERIFY_VERDICT) == AUDIT_VERDICT_COMPLETE;

	v->style = value_style(word);
	if (broken)
		snprintf(v->verdict, sizeof(v->verdict),
			"BROKEN at record %" PRId64 ": %s",
			record_int(r, AUDIT_VERIFY_AT),
			record_text(r, AUDIT_VERIFY_TEXT));
	else
		snprintf(v->verdict, sizeof(v->verdict),
			"%s%s: records %" PRId64 " to %" PRId64 ", %" PRId64
			" signed heads",
			word, complete ? "" : ", not complete (no heads from outside)",
			record_int(r, AUDIT_VERIFY_FIRST),
			record_int(r, AUDIT_VERIFY_LAST),
			record_int(r, AUDIT_VERIFY_HEADS));
}

static void
on_verified(void *with, const struct api_reply *reply)
{
	struct audit *v = with;
	struct arena *arena = arena_new(ARENA_MAX);
	struct record *r;
	struct fault fault = reply->fault;

	v->verifying = false;
	if (reply->err == KERR_OK && arena != NULL &&
		json_record_read(&audit_verify_schema, arena, reply->body, reply->len, &r,
			&fault) == KERR_OK) {
		say_verdict(v, r);
	} else {
		v->style = DRAW_BAD;
		snprintf(v->verdict, sizeof(v->verdict), "not verified: %s", fault.text);
	}
	arena_free(arena);
	console_changed(v->listing.screen->console);
}

static void
verify(struct screen *s)
{
	struct audit *v = s->state;
	const struct api_call call = {.lane = API_ACT,
		.method = "GET",
		.target = "/keyd/audit/verify",
		.done = on_verified,
		.with = v};

	if (!v->verifying)
		v->verifying = api_ask(console_api(s->console), &call) == KERR_OK;
	if (v->verifying) {
		v->style = DRAW_DIM;
		snprintf(v->verdict, sizeof(v->verdict), "verifying the whole chain ...");
	}
}

static void
draw(struct screen *s, const struct area *a)
{
	const struct audit *v = s->state;
	struct area list = *a;

	if (v->verdict[0] != '\0') {
		draw_text(a->row, a->column + 1, a->columns - 1, v->style, v->verdict);
		list.row++;
		list.rows--;
	}
	listing_draw(s, &list);
}

/* One record, all its fields. */
static void
show(struct screen *s, const struct record *r)
{
	const struct schema *schema = record_schema(r);
	struct buf text;
	char title[48];

	buf_init(&text, 65536);
	for (unsigned f = 0; f < schema->count; f++) {
		if (!record_has(r, f) || schema->fields[f].type == FIELD_BYTES)
			continue;
		buf_printf(&text, " %-15s ", schema->fields[f].name);
		value_cell(&text, r, f);
		buf_put_u8(&text, '\n');
	}
	snprintf(title, sizeof(title), "Audit record %" PRId64, record_int(r, AUDIT_SEQ));
	if (buf_text(&text) != NULL)
		screen_text_show(s->console, title, buf_text(&text));
	buf_clear(&text);
}

static bool
act(struct screen *s, enum action_id action, const char *argument)
{
	const struct record *r;

	if (action == ACTION_VERIFY) {
		verify(s);
		return true;
	}
	if (action != ACTION_OPEN)
		return listing_act(s, action, argument);
	r = listing_selected(s);
	if (r != NULL)
		show(s, r);
	return true;
}

const struct screen_kind screen_audit = {
	.name = "audit",
	.title = "Audit",
	.size = sizeof(struct audit),
	.open = open_screen,
	.close = close_screen,
	.draw = draw,
	.act = act,
	.refresh = listing_refresh,
	.place = listing_place,
};
