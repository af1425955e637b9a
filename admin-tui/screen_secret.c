#include "admin-tui/screens.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin-tui/console.h"
#include "admin-tui/value.h"
#include "core/arena.h"
#include "core/model/model.h"
#include "core/wire/json_write.h"

/* A secret, once: for a minute, past curses, then covered and wiped. Enter says that the
 * person has it, and keyd keeps only what verifies it; else it can be delivered again. */

#define SHOWN_SECONDS 60
#define SECRET_ROW    4 /* below the first row of the area */

struct shown {
	struct screen *screen;
	struct secret *secret;
	int row; /* where it was drawn; 0: not yet */
	int64_t client, number;
	int64_t not_after, former_ends;
	char key[32];
	char token_url[256];
	bool again;
	unsigned left; /* seconds */
};

/* A receipt outlives the screen it was given on. */
struct receipt {
	struct console *console;
};

static void
close_screen(struct screen *s)
{
	struct shown *v = s->state;

	if (v->secret != NULL && v->row > 0)
		draw_cover(v->row, secret_len(v->secret));
	secret_free(v->secret);
	v->secret = NULL;
}

static void
line(int *row, const struct area *a, const char *label, const char *text)
{
	draw_text(*row, a->column + 1, 13, DRAW_HEAD, label);
	draw_text(*row, a->column + 14, a->columns - 14, DRAW_PLAIN, text);
	(*row)++;
}

static void
time_line(int *row, const struct area *a, const char *label, int64_t t)
{
	struct buf text;

	if (t == 0)
		return;
	buf_init(&text, 64);
	value_time(&text, t);
	buf_put_u8(&text, 'Z');
	line(row, a, label, buf_text(&text));
	buf_clear(&text);
}

static void
draw(struct screen *s, const struct area *a)
{
	struct shown *v = s->state;
	int row = a->row + 1;
	char text[160];

	if (v->secret == NULL)
		return;
	line(&row, a, "Key", v->key);
	line(&row, a, "Secret",
		v->again ? "shown again, which is recorded" : "shown once");
	v->row = a->row + SECRET_ROW;
	draw_secret(v->row, v->secret);
	row = v->row + draw_secret_rows(v->secret) + 1;
	snprintf(text, sizeof(text), "client %" PRId64 ", secret %" PRId64, v->client,
		v->number);
	line(&row, a, "Of", text);
	time_line(&row, a, "Ends", v->not_after);
	time_line(&row, a, "The old one", v->former_ends);
	if (v->token_url[0] != '\0')
		line(&row, a, "Tokens from", v->token_url);
	row++;
	if (draw_secret_rows(v->secret) > 1)
		draw_text(row++, a->column + 1, a->columns - 1, DRAW_DIM,
			"It is one line of 81 characters; this terminal breaks it.");
	draw_text(row++, a->column + 1, a->columns - 1, DRAW_PLAIN,
		"Enter when you have it: keyd then keeps only what verifies it.");
	draw_text(row++, a->column + 1, a->columns - 1, DRAW_PLAIN,
		"Esc when not: d on the client shows it again.");
	snprintf(text, sizeof(text), "It goes from this screen in %u s.", v->left);
	draw_text(row, a->column + 1, a->columns - 1, DRAW_WARN, text);
}

static void
on_receipt(void *with, const struct api_reply *reply)
{
	struct receipt *r = with;

	if (reply->err != KERR_OK)
		console_note(r->console, DRAW_WARN,
			"keyd has no receipt (%s): the secret counts as undelivered",
			reply->fault.text);
	else
		console_note(r->console, DRAW_GOOD, "delivered");
	console_refresh(r->console);
	mem_free(r);
}

static void
send_receipt(struct screen *s)
{
	const struct shown *v = s->state;
	struct receipt *r = mem_new(1, sizeof(*r));
	char target[96], body[64];
	const struct api_call call = {.lane = API_ACT,
		.method = "POST",
		.target = target,
		.body = body,
		.body_len = (size_t)snprintf(
			body, sizeof(body), "{\"secret_number\":%" PRId64 "}", v->number),
		.done = on_receipt,
		.with = r};

	snprintf(target, sizeof(target), "/keyd/clients/%" PRId64 "/receipt", v->client);
	if (r != NULL)
		r->console = s->console;
	if (r == NULL || api_ask(console_api(s->console), &call) != KERR_OK) {
		mem_free(r);
		console_note(s->console, DRAW_WARN, "no memory for the receipt");
	}
}

static bool
act(struct screen *s, enum action_id action, const char *argument)
{
	struct console *c = s->console;

	(void)argument;
	if (action == ACTION_OPEN) {
		send_receipt(s);
		console_back(s);
		return true;
	}
	if (action != ACTION_BACK)
		return false;
	console_back(s);
	console_note(c, DRAW_WARN, "without a receipt: it counts as undelivered");
	return true;
}

static void
second(struct screen *s)
{
	struct shown *v = s->state;
	struct console *c = s->console;

	console_changed(c);
	if (v->left > 0)
		v->left--;
	if (v->left > 0)
		return;
	console_back(s);
	console_note(c, DRAW_WARN,
		"the secret is off the screen, without a receipt: d shows it again");
}

void
screen_secret_show(struct console *c, struct record *envelope)
{
	struct screen *s = console_open(c, "secret", "");
	struct shown *v;

	if (s == NULL)
		return;
	v = s->state;
	v->screen = s;
	v->secret = record_take_secret(envelope, ENVELOPE_SECRET);
	v->client = record_int(envelope, ENVELOPE_CLIENT_ID);
	v->number = record_int(envelope, ENVELOPE_NUMBER);
	v->not_after = record_int(envelope, ENVELOPE_NOT_AFTER);
	v->former_ends = record_int(envelope, ENVELOPE_HARD_END);
	v->again = record_int(envelope, ENVELOPE_SHOWN_AGAIN) != 0;
	v->left = SHOWN_SECONDS;
	snprintf(v->key, sizeof(v->key), "%s", record_text(envelope, ENVELOPE_KEY));
	snprintf(v->token_url, sizeof(v->token_url), "%s",
		record_text(envelope, ENVELOPE_TOKEN_URL));
	if (v->secret == NULL) {
		console_back(s);
		console_note(c, DRAW_BAD, "keyd's answer has no secret");
	}
}

const struct screen_kind screen_secret = {
	.name = "secret",
	.title = "Secret",
	.size = sizeof(struct shown),
	.modal = true,
	.close = close_screen,
	.draw = draw,
	.act = act,
	.second = second,
};
