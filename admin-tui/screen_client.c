#include "admin-tui/screens.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin-tui/act.h"
#include "admin-tui/console.h"
#include "admin-tui/filter.h"
#include "admin-tui/list.h"
#include "admin-tui/value.h"
#include "core/arena.h"
#include "core/model/model.h"
#include "core/wire/json_record.h"

/* One client: whose it is, its secrets, what may be done next. The first row is the
 * client as a whole, the others are its secrets: what is done is done to the row. */

#define ARENA_MAX   ((size_t)1 << 20)
#define REF_MAX     128
#define LABEL_WIDTH 13

struct client {
	struct screen *screen;
	char ref[REF_MAX * 3 + 1]; /* encoded */
	struct arena *arena;
	struct record *record; /* NULL: not there yet */
	struct fault fault;
	struct list rows;    /* 0: the client; the secrets behind it */
	struct list secrets; /* as they are drawn */
};

static const struct list_column columns[] = {
	{.field = SECRET_NUMBER, .title = "No", .width = 4},
	{.field = SECRET_STATE, .title = "State", .width = 11, .state = true},
	{.field = SECRET_LABEL, .title = "Label"},
	{.field = SECRET_LAST_USE, .title = "Last use", .width = 16},
	{.field = SECRET_LAST_SOURCE, .title = "From", .width = 18, .from = 110},
	{.field = SECRET_CREATED, .title = "Made", .width = 16, .from = 130},
	{.field = SECRET_HARD_END, .title = "Retires by", .width = 16, .from = 150},
	{.field = SECRET_NOT_AFTER, .title = "Ends", .width = 16},
};

static size_t
row_count(const struct client *v)
{
	return v->record != NULL ? record_count(v->record, CLIENT_SECRETS) + 1 : 1;
}

static void
on_client(void *with, const struct api_reply *reply)
{
	struct client *v = with;
	struct arena *arena = arena_new(ARENA_MAX);
	struct record *record;

	console_changed(v->screen->console);
	v->fault = reply->fault;
	if (reply->err == KERR_OK && arena != NULL &&
		json_record_read(&client_schema, arena, reply->body, reply->len, &record,
			&v->fault) == KERR_OK) {
		arena_free(v->arena);
		v->arena = arena;
		v->record = record;
		list_fit(&v->rows, row_count(v), (int)row_count(v));
		return;
	}
	arena_free(arena);
	if (v->fault.err == KERR_OK)
		fault_set(&v->fault, KERR_PROTOCOL, "", "keyd's answer is no client");
}

static void
refresh(struct screen *s)
{
	struct client *v = s->state;
	char target[sizeof(v->ref) + 32];
	const struct api_call call = {.lane = API_READ,
		.method = "GET",
		.target = target,
		.done = on_client,
		.with = v};

	snprintf(target, sizeof(target), "/keyd/clients/%s", v->ref);
	api_cancel(console_api(s->console), v);
	if (api_ask(console_api(s->console), &call) != KERR_OK)
		fault_set(&v->fault, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
}

static enum kerr
open_screen(struct screen *s, const char *argument, struct fault *fault)
{
	struct client *v = s->state;
	struct buf ref;

	v->screen = s;
	if (argument[0] == '\0')
		return fault_set(
			fault, KERR_INVALID, "", "which client? its id, key or name");
	if (strlen(argument) > REF_MAX)
		return fault_set(fault, KERR_TOO_LARGE, "", "no client is called that");
	buf_init(&ref, sizeof(v->ref) - 1);
	filter_encode(&ref, argument);
	snprintf(v->ref, sizeof(v->ref), "%s", buf_text(&ref));
	buf_clear(&ref);
	refresh(s);
	return KERR_OK;
}

static void
close_screen(struct screen *s)
{
	struct client *v = s->state;

	api_cancel(console_api(s->console), v);
	arena_free(v->arena);
}

static void
line(const struct area *a, int *row, const char *label, const char *text)
{
	draw_text(*row, a->column + 1, LABEL_WIDTH, DRAW_HEAD, label);
	draw_text(*row, a->column + 1 + LABEL_WIDTH, a->columns - LABEL_WIDTH - 1,
		DRAW_PLAIN, text);
	(*row)++;
}

static void
field_line(const struct area *a, int *row, const char *label, const struct record *r,
	unsigned field)
{
	struct buf text;

	buf_init(&text, 8192);
	value_text(&text, r, field);
	line(a, row, label, buf_text(&text) != NULL ? buf_text(&text) : "");
	buf_clear(&text);
}

/* The client's own row of the list. */
static void
draw_whole(struct client *v, const struct area *a, int row)
{
	bool selected = v->rows.at == 0;
	const char *state = record_text(v->record, CLIENT_STATE);
	char text[256];

	snprintf(text, sizeof(text), "%s the client, all of it",
		selected ? draw_sign(DRAW_MARK) : " ");
	draw_text(
		row, a->column, a->columns, selected ? DRAW_SELECTED : DRAW_PLAIN, text);
	draw_text(row, a->column + 28, 12, selected ? DRAW_SELECTED : value_style(state),
		state);
	if (record_has(v->record, CLIENT_REASON))
		draw_text(row, a->column + 40, a->columns - 40,
			selected ? DRAW_SELECTED : DRAW_DIM,
			record_text(v->record, CLIENT_REASON));
}

static const struct record *
secret_at(const void *with, size_t i)
{
	const struct client *v = with;

	return record_at(v->record, CLIENT_SECRETS, i);
}

static void
draw_secrets(struct client *v, const struct area *a)
{
	const struct list_rows rows = {.row = secret_at,
		.with = v,
		.count = record_count(v->record, CLIENT_SECRETS)};

	v->secrets.at = v->rows.at > 0 ? v->rows.at - 1 : LIST_NONE;
	list_draw(&v->secrets, a, columns, sizeof(columns) / sizeof(columns[0]), &rows);
}

/* What the columns have no room for, of the selected secret. */
static void
draw_detail(const struct client *v, const struct area *a)
{
	const struct record *s;
	struct buf text;

	if (v->rows.at == 0)
		return;
	s = secret_at(v, v->rows.at - 1);
	buf_init(&text, 1024);
	buf_printf(&text, "secret %" PRId64 ": made ", record_int(s, SECRET_NUMBER));
	value_text(&text, s, SECRET_CREATED);
	if (record_has(s, SECRET_LAST_SOURCE))
		buf_printf(&text, ", used from %s", record_text(s, SECRET_LAST_SOURCE));
	if (record_has(s, SECRET_HARD_END)) {
		buf_put_text(&text, ", ends by ");
		value_text(&text, s, SECRET_HARD_END);
	}
	if (record_has(s, SECRET_QUIET_DAYS))
		buf_printf(&text, " or %" PRId64 " quiet days",
			record_int(s, SECRET_QUIET_DAYS));
	draw_text(a->row + a->rows - 1, a->column + 1, a->columns - 1, DRAW_DIM,
		buf_text(&text));
	buf_clear(&text);
}

static void
draw_head(struct client *v, const struct area *a, int *row)
{
	const struct record *r = v->record;
	char text[512];

	field_line(a, row, "Name", r, CLIENT_NAME);
	snprintf(text, sizeof(text), "%s   id %" PRId64 ", version %" PRId64,
		record_text(r, CLIENT_KEY), record_int(r, CLIENT_ID),
		record_int(r, CLIENT_VERSION));
	line(a, row, "Key", text);
	field_line(a, row, "Vendor", r, CLIENT_VENDOR);
	snprintf(text, sizeof(text), "%s, school year %" PRId64 ", claimset %s",
		record_text(r, CLIENT_APPLICATION), record_int(r, CLIENT_YEAR),
		record_text(r, CLIENT_CLAIMSET));
	line(a, row, "Application", text);
	field_line(a, row, "Districts", r, CLIENT_EDORGS);
	field_line(a, row, "Last use", r, CLIENT_LAST_USE);
	field_line(a, row, "Next moves", r, CLIENT_MOVES);
}

static void
draw(struct screen *s, const struct area *a)
{
	struct client *v = s->state;
	struct area list = *a;
	int row = a->row + 1;

	if (v->fault.err != KERR_OK && v->record == NULL) {
		draw_text(row, a->column + 1, a->columns - 1, DRAW_BAD, v->fault.text);
		return;
	}
	if (v->record == NULL) {
		draw_text(row, a->column + 1, a->columns - 1, DRAW_DIM,
			draw_sign(DRAW_MORE));
		return;
	}
	draw_head(v, a, &row);
	row++;
	draw_whole(v, a, row++);
	list.row = row;
	list.rows = a->row + a->rows - row - 1;
	draw_secrets(v, &list);
	draw_detail(v, a);
}

/* Secrets that a vendor can use now. */
static unsigned
usable(const struct record *r)
{
	unsigned count = 0;

	for (size_t i = 0; i < record_count(r, CLIENT_SECRETS); i++) {
		int64_t state = record_int(record_at(r, CLIENT_SECRETS, i), SECRET_STATE);

		count += state == SECRET_IS_SEALED || state == SECRET_IS_DELIVERED ||
			 state == SECRET_IS_LIVE || state == SECRET_IS_RETIRING;
	}
	return count;
}

static void
put_about(const struct client *v, struct act_target *t)
{
	const struct record *r = v->record;
	struct buf text;

	buf_init(&text, 8192);
	snprintf(t->about[0], sizeof(t->about[0]), "%s, id %" PRId64 ", of %s", t->name,
		t->client, record_text(r, CLIENT_VENDOR));
	value_text(&text, r, CLIENT_EDORGS);
	snprintf(t->about[1], sizeof(t->about[1]),
		"usable secrets: %u; districts: %zu (%s); school year %" PRId64,
		usable(r), record_count(r, CLIENT_EDORGS),
		buf_text(&text) != NULL ? buf_text(&text) : "",
		record_int(r, CLIENT_YEAR));
	buf_reset(&text);
	if (t->secret != 0) {
		const struct record *s = record_at(r, CLIENT_SECRETS, v->rows.at - 1);

		buf_printf(&text, "secret %" PRId64 ", %s, last used ", t->secret,
			record_text(s, SECRET_STATE));
		if (record_has(s, SECRET_LAST_USE))
			value_text(&text, s, SECRET_LAST_USE);
		else
			buf_put_text(&text, "never");
	} else {
		buf_put_text(&text, "last used ");
		if (record_has(r, CLIENT_LAST_USE))
			value_text(&text, r, CLIENT_LAST_USE);
		else
			buf_put_text(&text, "never");
	}
	snprintf(t->about[2], sizeof(t->about[2]), "%s", buf_text(&text));
	buf_clear(&text);
}

static void
begin(struct screen *s, enum action_id action)
{
	struct client *v = s->state;
	const struct record *r = v->record;
	struct act_target t = {0};

	if (r == NULL)
		return;
	t.client = record_int(r, CLIENT_ID);
	t.version = record_int(r, CLIENT_VERSION);
	snprintf(t.key, sizeof(t.key), "%s", record_text(r, CLIENT_KEY));
	snprintf(t.name, sizeof(t.name), "%s", record_text(r, CLIENT_NAME));
	if (v->rows.at > 0 && act_on_secret(action))
		t.secret = record_int(
			record_at(r, CLIENT_SECRETS, v->rows.at - 1), SECRET_NUMBER);
	put_about(v, &t);
	act_begin(s->console, action, &t);
}

static void
open_history(struct screen *s)
{
	const struct client *v = s->state;
	char filter[64];

	if (v->record == NULL)
		return;
	snprintf(filter, sizeof(filter), "object=client object_id=%" PRId64,
		record_int(v->record, CLIENT_ID));
	console_open(s->console, "audit", filter);
}

static bool
act(struct screen *s, enum action_id action, const char *argument)
{
	struct client *v = s->state;

	(void)argument;
	if (list_move(&v->rows, action, row_count(v), (int)row_count(v)))
		return true;
	if (act_is(action))
		begin(s, action);
	else if (action == ACTION_HISTORY)
		open_history(s);
	else
		return action == ACTION_OPEN;
	return true;
}

static bool
has_undelivered(const struct record *r)
{
	for (size_t i = 0; i < record_count(r, CLIENT_SECRETS); i++) {
		if (record_int(record_at(r, CLIENT_SECRETS, i), SECRET_STATE) ==
			SECRET_IS_SEALED)
			return true;
	}
	return false;
}

/* What keyd lists as next moves; to a secret, what can be done to one. */
static bool
offers(const struct screen *s, enum action_id action)
{
	const struct client *v = s->state;

	if (v->record == NULL || action == ACTION_HISTORY)
		return v->record != NULL;
	if (v->rows.at > 0 && act_on_secret(action))
		return record_int(record_at(v->record, CLIENT_SECRETS, v->rows.at - 1),
			       SECRET_STATE) != SECRET_IS_REVOKED;
	if (action == ACTION_DELIVER)
		return has_undelivered(v->record);
	if (action == ACTION_ISSUE && usable(v->record) > 0)
		return false;
	for (size_t i = 0; i < record_count(v->record, CLIENT_MOVES); i++) {
		if (strcmp(record_text_at(v->record, CLIENT_MOVES, i),
			    action_at(action)->name) == 0)
			return true;
	}
	return false;
}

const struct screen_kind screen_client = {
	.name = "client",
	.title = "Client",
	.size = sizeof(struct client),
	.every = 5,
	.open = open_screen,
	.close = close_screen,
	.draw = draw,
	.act = act,
	.offers = offers,
	.refresh = refresh,
};
