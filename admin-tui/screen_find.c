#include "admin-tui/screens.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin-tui/act.h"
#include "admin-tui/console.h"
#include "admin-tui/list.h"
#include "admin-tui/value.h"
#include "core/arena.h"
#include "core/model/model.h"
#include "core/wire/json_record.h"
#include "core/wire/json_write.h"

/* Find: whose is it? What was pasted is kept until its secret is in quarantine or the
 * screen is left, in a slot that is wiped; it is never shown. */

#define ARENA_MAX    ((size_t)1 << 20)
#define KEPT_SECONDS 300
#define ASK_MAX      32768
#define TAIL         4 /* characters of the key that confirm */

struct find {
	struct screen *screen;
	char text[257];        /* what was asked for, "" for a paste */
	struct secret *pasted; /* NULL: it was no paste, or it is gone */
	bool whole;            /* a whole secret: that secret can be stopped */
	unsigned left;         /* seconds that it is kept for */
	struct arena *arena;
	struct record *answer; /* NULL: not there yet */
	struct fault fault;
	bool unasked; /* keyd was not reached: it is asked again by itself */
	struct list list;
	int height;
};

static const struct list_column columns[] = {
	{.field = FIND_HIT_WHAT, .title = "What", .width = 12},
	{.field = FIND_HIT_CLIENT_ID, .title = "Client", .width = 7},
	{.field = FIND_HIT_NAME, .title = "Name", .share = 2},
	{.field = FIND_HIT_VENDOR, .title = "Vendor"},
	{.field = FIND_HIT_KEY, .title = "Key", .width = 24, .from = 120},
	{.field = FIND_HIT_YEAR, .title = "Year", .width = 4},
	{.field = FIND_HIT_STATE, .title = "State", .width = 11, .state = true},
	{.field = FIND_HIT_LAST_USE, .title = "Last use", .width = 16},
};

static void
on_answer(void *with, const struct api_reply *reply)
{
	struct find *v = with;
	struct arena *arena = arena_new(ARENA_MAX);
	struct record *answer;

	console_changed(v->screen->console);
	v->fault = reply->fault;
	v->unasked = reply->unasked;
	if (reply->err == KERR_OK && arena != NULL &&
		json_record_read(&find_schema, arena, reply->body, reply->len, &answer,
			&v->fault) == KERR_OK) {
		arena_free(v->arena);
		v->arena = arena;
		v->answer = answer;
		return;
	}
	arena_free(arena);
	if (v->fault.err == KERR_OK)
		fault_set(
			&v->fault, KERR_PROTOCOL, "", "keyd's answer is not understood");
}

/* What is asked for, as the body of a question. Wiped by the caller. */
static enum kerr
put_ask(const struct find *v, struct buf *body)
{
	struct arena *arena = arena_new(65536);
	struct record *ask = arena != NULL ? record_new(arena, &find_ask_schema) : NULL;
	enum kerr err = ask != NULL ? KERR_OK : KERR_NOMEM;

	if (err == KERR_OK && v->pasted != NULL) {
		struct secret *copy = secret_copy(v->pasted);

		record_set_secret(ask, FIND_ASK_PASTED, copy);
		err = copy != NULL ? KERR_OK : KERR_NOMEM;
	} else if (err == KERR_OK) {
		err = record_set_text(ask, FIND_ASK_TEXT, v->text);
	}
	if (err == KERR_OK) {
		json_record_write(body, ask, JSON_WITH_SECRETS);
		err = buf_error(body);
	}
	record_drop_secrets(ask);
	arena_free(arena);
	return err;
}

static enum kerr
ask(struct find *v, const char *target, api_done *done, void *with)
{
	struct api_call call = {.lane = API_ACT,
		.method = "POST",
		.target = target,
		.done = done,
		.with = with};
	struct buf body;
	enum kerr err;

	buf_init(&body, ASK_MAX);
	err = put_ask(v, &body);
	call.body = body.data;
	call.body_len = body.len;
	if (err == KERR_OK)
		err = api_ask(console_api(v->screen->console), &call);
	buf_clear(&body);
	return err;
}

static void
look(struct find *v)
{
	enum kerr err = ask(v, "/keyd/find", on_answer, v);

	if (err != KERR_OK)
		fault_set(&v->fault, err, "", "%s", kerr_text(err));
}

static enum kerr
open_screen(struct screen *s, const char *argument, struct fault *fault)
{
	struct find *v = s->state;

	(void)fault;
	v->screen = s;
	snprintf(v->text, sizeof(v->text), "%s", argument);
	if (argument[0] != '\0')
		look(v);
	return KERR_OK;
}

static void
close_screen(struct screen *s)
{
	struct find *v = s->state;

	api_cancel(console_api(s->console), v);
	secret_free(v->pasted);
	v->pasted = NULL;
	arena_free(v->arena);
}

void
screen_find_pasted(struct console *c, const struct paste *pasted)
{
	struct screen *s = console_open(c, "find", "");
	struct find *v;

	if (s == NULL) {
		secret_free(pasted->secret);
		return;
	}
	v = s->state;
	v->pasted = pasted->secret;
	v->whole = pasted->whole;
	v->left = KEPT_SECONDS;
	look(v);
}

static const struct record *
hit_at(const void *with, size_t i)
{
	const struct find *v = with;

	return record_at(v->answer, FIND_ITEMS, i);
}

static const struct record *
selected(const struct find *v)
{
	return v->answer != NULL && v->list.at < record_count(v->answer, FIND_ITEMS)
		       ? record_at(v->answer, FIND_ITEMS, v->list.at)
		       : NULL;
}

/* Is it the pasted secret that Q stops, and not the client? */
static bool
stops_secret(const struct find *v, const struct record *hit)
{
	const char *state;

	if (hit == NULL || v->pasted == NULL || !v->whole ||
		!record_int(hit, FIND_HIT_MAY_STOP))
		return false;
	state = record_text(hit, FIND_HIT_SECRET_STATE);
	return strcmp(state, secret_states[SECRET_IS_QUARANTINED]) != 0 &&
	       strcmp(state, secret_states[SECRET_IS_REVOKED]) != 0;
}

static void
put_line(int row, const struct area *a, const char *label, const char *text)
{
	draw_text(row, a->column + 2, 11, DRAW_HEAD, label);
	draw_text(row, a->column + 13, a->columns - 13, DRAW_PLAIN, text);
}

/* The selected hit, in full. */
static int
draw_hit(const struct record *hit, const struct area *a, int row)
{
	struct buf text;

	buf_init(&text, 8192);
	if (record_has(hit, FIND_HIT_KEY)) {
		put_line(row++, a, "Key", record_text(hit, FIND_HIT_KEY));
		buf_printf(&text, "%s (client %" PRId64 "), of %s",
			record_text(hit, FIND_HIT_NAME),
			record_int(hit, FIND_HIT_CLIENT_ID),
			record_text(hit, FIND_HIT_VENDOR));
		put_line(row++, a, "Whose", buf_text(&text));
	}
	if (record_has(hit, FIND_HIT_NUMBER)) {
		buf_reset(&text);
		buf_printf(&text, "number %" PRId64 ", %s",
			record_int(hit, FIND_HIT_NUMBER),
			record_text(hit, FIND_HIT_SECRET_STATE));
		put_line(row++, a, "Secret", buf_text(&text));
	}
	if (record_count(hit, FIND_HIT_EDORGS) > 0) {
		buf_reset(&text);
		value_text(&text, hit, FIND_HIT_EDORGS);
		put_line(row++, a, "Districts", buf_text(&text));
	}
	if (record_has(hit, FIND_HIT_OFFICE))
		put_line(row++, a, record_has(hit, FIND_HIT_KEY) ? "Office" : "Call",
			record_text(hit, FIND_HIT_OFFICE));
	buf_clear(&text);
	return row + 1;
}

static void
draw(struct screen *s, const struct area *a)
{
	struct find *v = s->state;
	struct area list = *a;
	struct list_rows rows = {.row = hit_at, .with = v};
	const struct record *hit;
	int row;

	if (v->fault.err != KERR_OK) {
		draw_text(a->row + 1, a->column + 1, a->columns - 1, DRAW_BAD,
			v->fault.text);
		return;
	}
	if (v->answer == NULL) {
		draw_text(a->row + 1, a->column + 1, a->columns - 1, DRAW_DIM,
			"looking ...");
		return;
	}
	rows.count = record_count(v->answer, FIND_ITEMS);
	list.rows =
		rows.count + 1 < (size_t)a->rows / 2 ? (int)rows.count + 1 : a->rows / 2;
	v->height = list_height(&list);
	if (rows.count > 0)
		list_draw(&v->list, &list, columns, sizeof(columns) / sizeof(columns[0]),
			&rows);
	row = a->row + (rows.count > 0 ? list.rows + 1 : 1);
	hit = selected(v);
	if (hit != NULL && record_int(hit, FIND_HIT_WHAT) != FIND_IS_TYPING_ERROR)
		row = draw_hit(hit, a, row);
	for (size_t i = 0; i < record_count(v->answer, FIND_NOTES); i++, row++)
		draw_text(row, a->column + 2, a->columns - 2, DRAW_WARN,
			record_text_at(v->answer, FIND_NOTES, i));
	if (record_int(v->answer, FIND_MORE))
		draw_text(row++, a->column + 2, a->columns - 2, DRAW_DIM,
			"there are more: ask more exactly");
	if (stops_secret(v, hit))
		draw_text(row, a->column + 2, a->columns - 2, DRAW_KEY,
			record_int(hit, FIND_HIT_CLIENT_ID) != 0
				? "Q stops this secret at once; Q again then stops the "
				  "client."
				: "Q stops this secret at once.");
}

/* The quarantine of the pasted secret: one form at a time. */
struct stop {
	struct find *find;
	struct form *form;
	char tail[8]; /* what must be typed */
};

static void
forget(struct find *v)
{
	secret_free(v->pasted);
	v->pasted = NULL;
}

static void
on_stopped(void *with, const struct api_reply *reply)
{
	struct stop *stop = with;
	struct find *v = stop->find;
	struct console *c = v->screen->console;

	if (reply->err != KERR_OK) {
		form_fail(stop->form, reply->fault.text);
		console_changed(c);
		return;
	}
	console_form_close(c, stop->form);
	/* Its state is another one now; with that answer it goes. */
	look(v);
	forget(v);
	console_note(c, DRAW_GOOD,
		"in quarantine: no token is issued for that secret, none of it is "
		"active");
}

static void
stop_closed(struct form *f, void *with)
{
	struct stop *stop = with;

	(void)f;
	api_cancel(console_api(stop->find->screen->console), stop);
	mem_free(stop);
}

static void
stop_submit(struct form *f, void *with)
{
	struct stop *stop = with;
	struct find *v = stop->find;

	if (strcmp(form_text(f, 0), stop->tail) != 0)
		form_fail(f, "that is something else: nothing was done");
	else if (v->pasted == NULL)
		form_fail(f, "what was pasted is no longer kept: paste it again");
	else if (ask(v, "/keyd/find/quarantine", on_stopped, stop) != KERR_OK)
		form_fail(f, kerr_text(KERR_NOMEM));
	else
		form_wait(f);
}

/* The end of the key confirms; outside one's scope the key is not known. */
static void
stop_secret(struct find *v, const struct record *hit)
{
	struct stop *stop = mem_new(1, sizeof(*stop));
	const struct form_hooks hooks = {
		.submit = stop_submit, .closed = stop_closed, .with = stop};
	struct form *f = stop != NULL ? form_new(&hooks) : NULL;
	const char *key = record_text(hit, FIND_HIT_KEY);
	size_t len = strlen(key);

	if (f == NULL) {
		mem_free(stop);
		console_form(v->screen->console, NULL);
		return;
	}
	stop->find = v;
	stop->form = f;
	snprintf(stop->tail, sizeof(stop->tail), "%s",
		len >= TAIL ? key + len - TAIL : "stop");
	form_say(f, " Quarantine of the pasted secret: all tokens fetched with it end at "
		    "once.");
	if (len >= TAIL)
		form_say(f,
			"   Number %" PRId64 " of client %" PRId64
			", %s, of %s; its others go on.",
			record_int(hit, FIND_HIT_NUMBER),
			record_int(hit, FIND_HIT_CLIENT_ID),
			record_text(hit, FIND_HIT_NAME),
			record_text(hit, FIND_HIT_VENDOR));
	else
		form_say(f, "   It is of another office: call %s too.",
			record_text(hit, FIND_HIT_OFFICE));
	form_ask(f, len >= TAIL ? "Last 4 characters of the key:" : "Type stop:", "",
		sizeof(stop->tail) - 1, 0);
	console_form(v->screen->console, f);
}

static void
stop_client(struct find *v, const struct record *hit)
{
	struct act_target t = {.client = record_int(hit, FIND_HIT_CLIENT_ID)};
	struct buf text;

	if (t.client == 0) {
		console_note(v->screen->console, DRAW_WARN,
			"that client is of another office: call %s",
			record_text(hit, FIND_HIT_OFFICE));
		return;
	}
	snprintf(t.key, sizeof(t.key), "%s", record_text(hit, FIND_HIT_KEY));
	snprintf(t.name, sizeof(t.name), "%s", record_text(hit, FIND_HIT_NAME));
	snprintf(t.about[0], sizeof(t.about[0]), "%s, id %" PRId64 ", of %s", t.name,
		t.client, record_text(hit, FIND_HIT_VENDOR));
	buf_init(&text, 8192);
	value_text(&text, hit, FIND_HIT_EDORGS);
	snprintf(t.about[1], sizeof(t.about[1]), "%s; school year %" PRId64,
		buf_text(&text) != NULL ? buf_text(&text) : "",
		record_int(hit, FIND_HIT_YEAR));
	buf_clear(&text);
	act_begin(v->screen->console, ACTION_QUARANTINE, &t);
}

static bool
act(struct screen *s, enum action_id action, const char *argument)
{
	struct find *v = s->state;
	const struct record *hit = selected(v);
	size_t count = v->answer != NULL ? record_count(v->answer, FIND_ITEMS) : 0;
	char id[24];

	(void)argument;
	if (list_move(&v->list, action, count, v->height))
		return true;
	if (action != ACTION_OPEN && action != ACTION_QUARANTINE)
		return false;
	if (hit == NULL || record_int(hit, FIND_HIT_WHAT) == FIND_IS_TYPING_ERROR)
		return true;
	if (action == ACTION_QUARANTINE && stops_secret(v, hit)) {
		stop_secret(v, hit);
	} else if (action == ACTION_QUARANTINE) {
		stop_client(v, hit);
	} else if (record_int(hit, FIND_HIT_CLIENT_ID) != 0) {
		snprintf(id, sizeof(id), "%" PRId64, record_int(hit, FIND_HIT_CLIENT_ID));
		console_open(s->console, "client", id);
	}
	return true;
}

static bool
offers(const struct screen *s, enum action_id action)
{
	const struct find *v = s->state;
	const struct record *hit = selected(v);

	return action == ACTION_QUARANTINE && hit != NULL &&
	       record_int(hit, FIND_HIT_MAY_STOP);
}

static void
second(struct screen *s)
{
	struct find *v = s->state;

	if (v->pasted == NULL || --v->left > 0)
		return;
	forget(v);
	console_changed(s->console);
}

/* A search by a secret is a record of the audit chain, so only a person repeats it. */
static void
refresh(struct screen *s)
{
	struct find *v = s->state;

	struct fault fault;

	if (v->unasked && api_state(console_api(s->console), &fault) == KERR_OK) {
		v->unasked = false;
		look(v);
	}
}

const struct screen_kind screen_find = {
	.name = "find",
	.title = "Find",
	.size = sizeof(struct find),
	.every = 5,
	.open = open_screen,
	.close = close_screen,
	.draw = draw,
	.act = act,
	.offers = offers,
	.refresh = refresh,
	.second = second,
};
