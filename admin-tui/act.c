#include "admin-tui/act.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin-tui/screens.h"
#include "core/arena.h"
#include "core/model/model.h"
#include "core/text.h"
#include "core/wire/json_record.h"
#include "core/wire/json_write.h"

#define ARENA_MAX  ((size_t)1 << 20)
#define FIELD_MAX  320
#define NAME_FIELD (UINT32_MAX - 1) /* typed to confirm, not sent */

struct asked {
	const char *label; /* NULL: no more */
	unsigned field;    /* of client_act_schema, or NAME_FIELD */
};

struct kind {
	const char *path;            /* NULL: no act */
	const char *client, *secret; /* what it does; NULL: not to one of these */
	const char *done;
	struct asked asks[FORM_FIELDS];
	bool shows;      /* the answer is an envelope with a secret */
	bool repeatable; /* the same request id gives the same answer */
};

#define ASK_NAME                                                                         \
	{                                                                                \
		"Name or key, to confirm:", NAME_FIELD                                   \
	}
#define ASK_REASON                                                                       \
	{                                                                                \
		"Reason (may be empty):", CLIENT_ACT_REASON                              \
	}
#define ASK_LABEL                                                                        \
	{                                                                                \
		"Label (may be empty):", CLIENT_ACT_LABEL                                \
	}

static const struct kind kinds[ACTION__COUNT] = {
	[ACTION_ISSUE] = {.path = "issue",
		.client = "Issue: makes the first secret, which is shown once.",
		.asks = {ASK_LABEL},
		.shows = true,
		.repeatable = true},
	[ACTION_DELIVER] = {.path = "deliver",
		.client =
			"Deliver: shows the secret that was made and not delivered; that "
			"is recorded.",
		.shows = true},
	[ACTION_ROTATE] = {.path = "rotate",
		.client = "Rotate: a new secret beside the old one, which ends as said "
			  "here.",
		.asks = {ASK_LABEL,
			{"Old one ends in days at the latest:", CLIENT_ACT_OVERLAP},
			{"earlier, when unused for days:", CLIENT_ACT_QUIET}},
		.shows = true,
		.repeatable = true},
	[ACTION_SUSPEND] = {.path = "suspend",
		.client = "Suspend: all its tokens end at once; resume lets it go on.",
		.done = "suspended",
		.asks = {ASK_NAME, ASK_REASON}},
	[ACTION_RESUME] = {.path = "resume",
		.client = "Resume: it may fetch tokens again.",
		.done = "it goes on",
		.asks = {ASK_REASON}},
	[ACTION_QUARANTINE] = {.path = "quarantine",
		.client = "Quarantine: all its tokens end at once, none is issued.",
		.secret = "Quarantine of one secret: tokens fetched with it end at once.",
		.done = "in quarantine",
		.asks = {ASK_NAME, ASK_REASON}},
	[ACTION_RELEASE] = {.path = "release",
		.client =
			"Release: a new secret, shown once; all former ones are revoked.",
		.asks = {ASK_NAME, ASK_LABEL, ASK_REASON},
		.shows = true,
		.repeatable = true},
	[ACTION_REVOKE] = {.path = "revoke",
		.client = "Revoke: ends the client for ever. Nothing brings it back.",
		.secret = "Revoke of one secret: ends it for ever.",
		.done = "revoked",
		.asks = {ASK_NAME, ASK_REASON}},
};

/* One that is being asked for; lives as long as its form. */
struct act {
	struct console *console;
	const struct kind *kind;
	struct act_target target;
	struct form *form;
	char request[API_REQUEST_ID_SIZE];
};

bool
act_is(enum action_id action)
{
	return kinds[action].path != NULL;
}

bool
act_on_secret(enum action_id action)
{
	return kinds[action].secret != NULL;
}

static void
show_secret(struct act *a, const struct api_reply *reply)
{
	struct console *c = a->console;
	struct arena *arena = arena_new(ARENA_MAX);
	struct record *envelope;
	struct fault fault = {.text = "keyd's answer has no secret"};

	if (arena == NULL || json_record_read(&envelope_schema, arena, reply->body,
				     reply->len, &envelope, &fault) != KERR_OK) {
		form_fail(a->form, fault.text);
		arena_free(arena);
		return;
	}
	console_form_close(c, a->form);
	screen_secret_show(c, envelope);
	record_drop_secrets(envelope);
	arena_free(arena);
}

static void
on_reply(void *with, const struct api_reply *reply)
{
	struct act *a = with;
	struct console *c = a->console;

	if (reply->err != KERR_OK) {
		form_fail(a->form, reply->fault.text);
		console_refresh(c);
	} else if (a->kind->shows) {
		show_secret(a, reply);
	} else {
		char done[400];

		if (a->target.secret != 0)
			snprintf(done, sizeof(done), "secret %" PRId64 " of %s: %s",
				a->target.secret, a->target.name, a->kind->done);
		else
			snprintf(done, sizeof(done), "%s: %s", a->target.name,
				a->kind->done);
		console_form_close(c, a->form);
		console_note(c, DRAW_GOOD, "%s", done);
		console_refresh(c);
	}
	console_changed(c);
}

static void
closed(struct form *f, void *with)
{
	struct act *a = with;

	(void)f;
	api_cancel(console_api(a->console), a);
	mem_free(a);
}

/* As it stands, or as it is shown: nobody can type what cannot be seen. */
static bool
is_name(const struct act *a, const char *typed)
{
	struct buf shown;
	bool same;

	buf_init(&shown, 4096);
	text_scrub(&shown, a->target.name, strlen(a->target.name));
	same = strcmp(typed, a->target.name) == 0 ||
	       (a->target.key[0] != '\0' && strcmp(typed, a->target.key) == 0) ||
	       (buf_text(&shown) != NULL && strcmp(typed, (const char *)shown.data) == 0);
	buf_clear(&shown);
	return same;
}

static enum kerr
put_number(struct record *r, unsigned field, const char *text, struct fault *fault)
{
	int64_t v;

	if (text_to_int(text, strlen(text), &v) != KERR_OK)
		return fault_set(fault, KERR_INVALID, "", "that is no number of days");
	record_set_int(r, field, v);
	return KERR_OK;
}

/* What was typed, as the body of the request. */
static enum kerr
read_form(struct act *a, struct record *r, struct fault *fault)
{
	enum kerr err = KERR_OK;

	if (a->target.secret != 0)
		record_set_int(r, CLIENT_ACT_SECRET, a->target.secret);
	for (size_t i = 0;
		err == KERR_OK && i < FORM_FIELDS && a->kind->asks[i].label != NULL;
		i++) {
		unsigned field = a->kind->asks[i].field;
		const char *text = form_text(a->form, i);

		if (field == NAME_FIELD && !is_name(a, text))
			err = fault_set(fault, KERR_INVALID, "",
				"that is neither its name nor its key: nothing was done");
		else if (field == NAME_FIELD || text[0] == '\0')
			continue;
		else if (client_act_schema.fields[field].type == FIELD_INT)
			err = put_number(r, field, text, fault);
		else
			err = record_set_text(r, field, text);
	}
	return err == KERR_OK ? record_check(r, RECORD_ADD, fault) : err;
}

static enum kerr
send_act(struct act *a, const struct record *r)
{
	char target[96];
	struct api_call call = {.lane = API_ACT,
		.method = "POST",
		.target = target,
		/* A repeated request is told by its id; its own first try has changed the
		 * version. */
		.version = a->kind->repeatable ? 0 : a->target.version,
		.idempotency = a->kind->repeatable ? a->request : NULL,
		.done = on_reply,
		.with = a};
	struct buf body;
	enum kerr err;

	snprintf(target, sizeof(target), "/keyd/clients/%" PRId64 "/%s", a->target.client,
		a->kind->path);
	buf_init(&body, 8192);
	json_record_write(&body, r, 0);
	err = buf_error(&body);
	call.body = body.data;
	call.body_len = body.len;
	if (err == KERR_OK)
		err = api_ask(console_api(a->console), &call);
	buf_clear(&body);
	return err;
}

static void
submit(struct form *f, void *with)
{
	struct act *a = with;
	struct arena *arena = arena_new(65536);
	struct record *r = arena != NULL ? record_new(arena, &client_act_schema) : NULL;
	struct fault fault = {0};
	enum kerr err = r != NULL ? read_form(a, r, &fault) : KERR_NOMEM;

	if (err == KERR_OK)
		err = send_act(a, r);
	arena_free(arena);
	if (err == KERR_OK)
		form_wait(f);
	else
		form_fail(f, fault.text[0] != '\0' ? fault.text : kerr_text(err));
}

static void
fill_form(struct act *a, struct form *f)
{
	const struct act_target *t = &a->target;
	const struct kind *k = a->kind;

	form_say(f, " %s", t->secret != 0 ? k->secret : k->client);
	for (size_t i = 0; i < ACT_ABOUT_LINES; i++) {
		if (t->about[i][0] != '\0')
			form_say(f, "   %s", t->about[i]);
	}
	for (size_t i = 0; i < FORM_FIELDS && k->asks[i].label != NULL; i++)
		form_ask(f, k->asks[i].label, "", FIELD_MAX, 0);
}

void
act_begin(struct console *c, enum action_id action, const struct act_target *target)
{
	struct act *a = mem_new(1, sizeof(*a));
	const struct form_hooks hooks = {.submit = submit, .closed = closed, .with = a};
	struct form *f;

	if (a == NULL || api_request_id(a->request) != KERR_OK) {
		mem_free(a);
		console_note(c, DRAW_BAD, "%s", kerr_text(KERR_NOMEM));
		return;
	}
	a->console = c;
	a->kind = &kinds[action];
	a->target = *target;
	f = form_new(&hooks);
	if (f == NULL)
		mem_free(a);
	else
		fill_form(a, f);
	if (f != NULL)
		a->form = f;
	console_form(c, f);
}
