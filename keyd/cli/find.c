#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "core/model/model.h"
#include "keyd/cli/ask.h"
#include "keyd/cli/call.h"
#include "keyd/cli/pasted.h"
#include "keyd/cli/render.h"
#include "keyd/cli/request.h"
#include "keyd/cli/run.h"
#include "keyd/cli/terminal.h"

/* keyd client find: whose is this, and stop it. What was pasted lives in locked memory
 * until the choice is made. */

#define TEXT_MAX_  65536
#define CHOICE_MAX 8

static enum kerr
read_paste(struct cli *c, char *text, size_t *ret_len)
{
	struct terminal *t;
	enum kerr err;

	if (c->args.operand_count) /* "-" */
		return ask_input(c, text, PASTE_MAX, ret_len);
	t = terminal_open();
	if (!t)
		return fault_set(&c->fault, KERR_INVALID, "",
			"there is no terminal to ask at: give a key, a name or an id, or "
			"pipe it in and say -");
	err = terminal_paste(t,
		"Key, secret, token or line of a log (not shown): ", false, text,
		PASTE_MAX, ret_len);
	terminal_close(t);
	if (err == KERR_CLOSED)
		return fault_set(&c->fault, KERR_INVALID, "", "broken off");
	if (err == KERR_TOO_LARGE)
		return fault_set(&c->fault, err, "",
			"that is more than %d bytes: paste "
			"the lines that matter",
			PASTE_MAX);
	return err;
}

/* What was pasted: what keyd is asked about, and the secret in it when there is one. */
struct pasted {
	struct secret *question; /* NULL: a text was searched for */
	struct secret *secret;   /* NULL: none, or several */
};

static enum kerr
take_paste(struct cli *c, struct pasted *ret)
{
	char *text = sodium_malloc(PASTE_MAX);
	size_t len = 0;
	enum kerr err;

	if (!text)
		return call_broken(c, KERR_NOMEM);
	err = read_paste(c, text, &len);
	if (err == KERR_OK) {
		err = pasted_reduce(text, len, &ret->question);
		if (err == KERR_OK)
			err = pasted_secret(text, len, &ret->secret);
		if (err != KERR_OK)
			err = call_broken(c, err);
		else if (!ret->question)
			err = fault_set(&c->fault, KERR_NOTFOUND, "",
				"nothing in it has the form of a key, a secret or a "
				"token of keyd");
	}
	sodium_free(text);
	return err;
}

static enum kerr
ask_keyd(struct cli *c, const char *target, const struct secret *pasted,
	const uint8_t **body, size_t *len)
{
	struct call q = {.method = "POST", .target = target, .body = c->args.body};
	struct secret *copy = pasted ? secret_copy(pasted) : NULL;
	enum kerr err;

	if (pasted && !copy)
		return call_broken(c, KERR_NOMEM);
	if (copy)
		record_set_secret(c->args.body, FIND_ASK_PASTED, copy);
	err = call(c, &q, body, len);
	record_set_secret(c->args.body, FIND_ASK_PASTED, NULL);
	return err;
}

static int
show_found(struct cli *c, const struct record *found)
{
	struct record *hits[100];
	size_t count = record_count(found, FIND_ITEMS);
	struct render how = render_for_stdout();
	struct buf out;
	enum kerr err;

	buf_init(&out, TEXT_MAX_);
	for (size_t i = 0; i < count && i < 100; i++)
		hits[i] = record_at(found, FIND_ITEMS, i);
	if (count == 1)
		render_record(&out, hits[0], how);
	else if (count)
		render_table(&out, &find_hit_schema, hits, count, how);
	for (size_t i = 0; i < record_count(found, FIND_NOTES); i++) {
		const char *note = record_text_at(found, FIND_NOTES, i);

		buf_put_text(&out, "note: ");
		render_text(&out, note);
		buf_put_u8(&out, '\n');
	}
	if (record_int(found, FIND_MORE))
		buf_put_text(&out, "note: there are more; ask more exactly\n");
	err = print_buf(&out);
	buf_clear(&out);
	return err == KERR_OK ? EXIT_DONE : report_new(c, err, "", "writing failed");
}

static int
stop_secret(struct cli *c, const struct secret *secret)
{
	struct record *found;
	const uint8_t *body;
	size_t len;

	if (ask_keyd(c, "/keyd/find/quarantine", secret, &body, &len) != KERR_OK ||
		read_answer(c, &find_schema, body, len, &found) != KERR_OK)
		return report(c);
	return show_found(c, found);
}

static int
stop_client(struct cli *c, int64_t id)
{
	struct call q = {.method = "POST"};
	struct record *client, *act = record_new(c->arena, &client_act_schema);
	const uint8_t *body;
	char target[64];
	size_t len;
	enum kerr err;

	if (!act || record_set_text(act, CLIENT_ACT_REASON,
			    "found by keyd client find") != KERR_OK)
		return report_new(c, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	snprintf(target, sizeof(target), "/keyd/clients/%" PRId64 "/quarantine", id);
	q.target = target;
	q.body = act;
	err = call(c, &q, &body, &len);
	if (err == KERR_OK)
		err = read_answer(c, &client_schema, body, len, &client);
	return err == KERR_OK ? show_record(c, client) : report(c);
}

/* The secret first: it takes away least, and who holds it may always do it. Nothing is
 * offered of several, since it would not be plain which one is meant. */
static int
offer(struct cli *c, const struct record *found, const struct pasted *pasted)
{
	const struct record *hit = record_at(found, FIND_ITEMS, 0);
	bool secret = pasted->secret && record_int(hit, FIND_HIT_WHAT) == FIND_IS_SECRET;
	bool client = record_has(hit, FIND_HIT_CLIENT_ID);
	struct terminal *t;
	char choice[CHOICE_MAX], prompt[160];
	enum kerr err;

	if (!record_int(hit, FIND_HIT_MAY_STOP) || (!secret && !client))
		return EXIT_DONE;
	t = terminal_open();
	if (!t)
		return EXIT_DONE;
	snprintf(prompt, sizeof(prompt),
		"%s%s[n] nothing: ", secret ? "[1] quarantine this secret  " : "",
		client ? "[2] quarantine the client  " : "");
	err = terminal_line(t, prompt, choice, sizeof(choice));
	terminal_close(t);
	if (err == KERR_OK && secret && strcmp(choice, "1") == 0)
		return stop_secret(c, pasted->secret);
	if (err == KERR_OK && client && strcmp(choice, "2") == 0)
		return stop_client(c, record_int(hit, FIND_HIT_CLIENT_ID));
	remark("nothing was changed");
	return EXIT_DONE;
}

int
run_find(struct cli *c)
{
	struct pasted pasted = {0};
	struct record *found = NULL;
	const uint8_t *body;
	size_t len;
	enum kerr err = KERR_OK;
	int code;

	if (!record_has(c->args.body, FIND_ASK_TEXT))
		err = take_paste(c, &pasted);
	if (err == KERR_OK)
		err = ask_keyd(c, "/keyd/find", pasted.question, &body, &len);
	if (err == KERR_OK)
		err = read_answer(c, &find_schema, body, len, &found);
	if (err != KERR_OK)
		code = report(c);
	else if (cli_has(c, OPTION_JSON))
		code = show_answer(c, body, len);
	else
		code = show_found(c, found);
	if (err == KERR_OK && code == EXIT_DONE && !record_count(found, FIND_ITEMS))
		code = EXIT_NOTFOUND;
	if (err == KERR_OK && code == EXIT_DONE && !cli_has(c, OPTION_JSON) &&
		record_count(found, FIND_ITEMS) == 1)
		code = offer(c, found, &pasted);
	secret_free(pasted.question);
	secret_free(pasted.secret);
	return code;
}
