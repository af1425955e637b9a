#include "keyd/cli/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/model/model.h"
#include "keyd/cli/call.h"
#include "keyd/cli/file.h"
#include "keyd/cli/render.h"
#include "keyd/cli/request.h"
#include "keyd/cli/run.h"
#include "keyd/cli/terminal.h"

/* A key and its secret on their way to the person: on the terminal, in a new file, or to
 * a script. keyd keeps its copy until the receipt, which is sent when they have arrived:
 * Enter, a file on disk, an output that took every byte. */

#define TEXT_SIZE 16384

struct delivery {
	struct cli *c;
	const uint8_t *body; /* the answer as it came */
	size_t len;
	struct record *answer;
	unsigned secret; /* field of the answer */
	struct new_file file;
};

void
put_secret(struct buf *out, const struct secret *s)
{
	buf_put(out, secret_reveal(s), secret_len(s));
}

/* What the holder needs, and no more: keyd's own numbers would be taken for OAuth's
 * client_id. */
static const char *const told[] = {"key", "secret", "token_url", "not_before",
	"not_after", "former_ends", "secret_number", "ods", "cache_seconds"};

void
put_credential(struct buf *out, const struct record *r)
{
	const struct schema *s = record_schema(r);

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		int f = schema_field(s, told[i]);

		if (f < 0 || !record_has(r, (unsigned)f))
			continue;
		buf_printf(out, "%s=", told[i]);
		if (s->fields[f].type == FIELD_SECRET)
			put_secret(out, record_secret(r, (unsigned)f));
		else
			render_value(out, r, (unsigned)f);
		buf_put_u8(out, '\n');
	}
}

static void
put_line(struct buf *out, const char *label, const struct record *r, const char *name)
{
	int f = schema_field(record_schema(r), name);

	if (f < 0 || !record_has(r, (unsigned)f))
		return;
	buf_printf(out, "  %-10s", label);
	render_value(out, r, (unsigned)f);
	buf_put_text(out, "\r\n");
}

/* Shown until Enter, on a screen that is gone then. KERR_NOTFOUND: there is none. */
static enum kerr
deliver_to_person(struct delivery *d)
{
	struct terminal *t = terminal_open();
	struct buf out;
	char answer[8];
	enum kerr err;

	if (!t)
		return KERR_NOTFOUND;
	buf_init(&out, TEXT_SIZE);
	buf_put_text(
		&out, "\r\nTake these over now; the secret is not shown again.\r\n\r\n");
	put_line(&out, "key", d->answer, "key");
	buf_put_text(&out, "  secret    ");
	put_secret(&out, record_secret(d->answer, d->secret));
	buf_put_text(&out, "\r\n");
	put_line(&out, "token URL", d->answer, "token_url");
	put_line(&out, "until", d->answer, "not_after");
	put_line(&out, "ODS", d->answer, "ods");
	buf_put_text(&out, "\r\n");
	err = buf_error(&out);
	if (err == KERR_OK) {
		terminal_enter(t);
		terminal_write(t, (const char *)out.data, out.len);
		err = terminal_line(
			t, "Press Enter when you have them: ", answer, sizeof(answer));
		if (err == KERR_TOO_LARGE)
			err = KERR_OK;
	}
	buf_clear(&out);
	terminal_close(t);
	return err;
}

static enum kerr
deliver_to_file(struct delivery *d)
{
	struct buf out;
	enum kerr err;

	buf_init(&out, 2 * TEXT_SIZE);
	if (cli_has(d->c, OPTION_JSON)) {
		buf_put(&out, d->body, d->len);
		buf_put_u8(&out, '\n');
	} else {
		put_credential(&out, d->answer);
	}
	err = buf_error(&out);
	if (err == KERR_OK)
		err = file_write(&d->file, out.data, out.len, &d->c->fault);
	if (err == KERR_OK)
		err = file_finish(&d->file, &d->c->fault);
	buf_clear(&out);
	file_drop(&d->file);
	return err;
}

static enum kerr
deliver_to_output(struct delivery *d)
{
	struct buf out;
	enum kerr err;

	buf_init(&out, 2 * TEXT_SIZE);
	if (cli_has(d->c, OPTION_JSON)) {
		buf_put(&out, d->body, d->len);
		buf_put_u8(&out, '\n');
	} else {
		put_credential(&out, d->answer);
	}
	err = print_buf(&out);
	buf_clear(&out);
	if (err != KERR_OK)
		fault_set(&d->c->fault, err, "", "writing to standard output failed");
	return err;
}

static enum kerr
hand_over(struct delivery *d, bool *ret_shown)
{
	enum kerr err;

	*ret_shown = false;
	if (cli_has(d->c, OPTION_TO))
		return deliver_to_file(d);
	if (!cli_has(d->c, OPTION_JSON) && isatty(STDOUT_FILENO)) {
		err = deliver_to_person(d);
		*ret_shown = err == KERR_OK;
		if (err == KERR_CLOSED)
			fault_set(&d->c->fault, KERR_INVALID, "",
				"broken off before Enter: keyd keeps the secret to be "
				"delivered");
		if (err != KERR_NOTFOUND)
			return err;
	}
	return deliver_to_output(d);
}

/* keyd's copy is no longer needed. That this fails takes nothing from what was
 * delivered. */
static void
send_receipt(struct delivery *d)
{
	struct call q = {.method = "POST"};
	struct record *act = record_new(d->c->arena, &client_act_schema);
	const uint8_t *body;
	char target[64];
	size_t len;

	if (!act || cli_has(d->c, OPTION_NO_RECEIPT))
		return;
	snprintf(target, sizeof(target), "/keyd/clients/%" PRId64 "/receipt",
		record_int(d->answer, ENVELOPE_CLIENT_ID));
	record_set_int(act, CLIENT_ACT_SECRET, record_int(d->answer, ENVELOPE_NUMBER));
	q.target = target;
	q.body = act;
	if (call(d->c, &q, &body, &len) != KERR_OK)
		remark("the secret is delivered, but keyd did not take the receipt: %s",
			d->c->fault.text);
}

/* How to ask again when the answer is lost: said before anything is sent. */
static enum kerr
announce(struct cli *c)
{
	const char *ref = c->args.operand_count ? c->args.operands[0] : "";
	enum kerr err;

	if (!command_takes(c->args.command, OPTION_RETRY) || cli_has(c, OPTION_DRY_RUN))
		return KERR_OK;
	err = call_name_request(c);
	if (err == KERR_OK && !cli_has(c, OPTION_JSON))
		remark("request %s; if the answer is lost: keyd %s '%s' --retry %s",
			c->request, c->args.command->words, ref, c->request);
	return err;
}

static int
show_delivered(struct delivery *d, bool shown)
{
	struct cli *c = d->c;

	if (record_has(d->answer, ENVELOPE_SHOWN_AGAIN) &&
		c->args.command->answer == &envelope_schema &&
		record_int(d->answer, ENVELOPE_SHOWN_AGAIN))
		remark("the same secret as before, not a new one");
	if (cli_has(c, OPTION_TO))
		remark("key and secret are in %.200s", c->args.options[OPTION_TO]);
	if (!shown && !cli_has(c, OPTION_TO))
		return EXIT_DONE;
	return show_record(c, d->answer);
}

static int
finish(struct delivery *d)
{
	struct cli *c = d->c;
	bool shown = false;
	int64_t id;
	enum kerr err = hand_over(d, &shown);

	if (err == KERR_OK) {
		if (c->args.command->answer == &envelope_schema)
			send_receipt(d);
		return show_delivered(d, shown);
	}
	if (!c->fault.text[0])
		fault_set(&c->fault, err, "", "%s", kerr_text(err));
	if (c->args.command->answer == &envelope_schema) {
		id = record_int(d->answer, ENVELOPE_CLIENT_ID);
		remark("the secret is made and not received: keyd client deliver %lld "
		       "shows it",
			(long long)id);
	} else if (c->request[0]) {
		remark("the secret is made and not received: --retry %s shows it within "
		       "ten minutes",
			c->request);
	}
	return report(c);
}

static int
deliver(struct cli *c, unsigned secret)
{
	struct delivery d = {.c = c, .secret = secret, .file = {.fd = -1}};
	const char *to = c->args.options[OPTION_TO];
	enum kerr err = request_check(c);
	int code;

	/* First, so that no secret is made that has nowhere to go. */
	if (err == KERR_OK && to && !cli_has(c, OPTION_DRY_RUN))
		err = file_create(to, &d.file, &c->fault);
	if (err == KERR_OK)
		err = announce(c);
	if (err == KERR_OK)
		err = request_send(c, &d.body, &d.len);
	if (err == KERR_OK)
		err = read_answer(c, c->args.command->answer, d.body, d.len, &d.answer);
	if (err != KERR_OK) {
		file_drop(&d.file);
		return report(c);
	}
	code = record_has(d.answer, secret) ? finish(&d) : show_answer(c, d.body, d.len);
	file_drop(&d.file);
	record_drop_secrets(d.answer);
	return code;
}

int
run_deliver(struct cli *c)
{
	return deliver(c, ENVELOPE_SECRET);
}

int
run_caller_add(struct cli *c)
{
	return deliver(c, CALLER_SECRET);
}
