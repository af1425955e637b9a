#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "core/model/model.h"
#include "keyd/cli/call.h"
#include "keyd/cli/deliver.h"
#include "keyd/cli/file.h"
#include "keyd/cli/request.h"
#include "keyd/cli/run.h"
#include "keyd/cli/terminal.h"

/* keyd init, in two steps: the recovery code is shown or written, then sent back as it
 * was typed or read; only then does anything depend on it. */

#define TRIES     3
#define TEXT_SIZE 4096

static enum kerr
confirm(struct cli *c, struct secret *code, struct record **ret)
{
	struct call q = {.method = "POST", .target = "/keyd/init/confirm"};
	struct record *body = record_new(c->arena, &init_schema);
	const uint8_t *answer;
	size_t len;
	enum kerr err;

	if (!body) {
		secret_free(code);
		return call_broken(c, KERR_NOMEM);
	}
	record_set_secret(body, INIT_CODE, code);
	q.body = body;
	err = call(c, &q, &answer, &len);
	record_drop_secrets(body);
	return err == KERR_OK ? read_answer(c, &done_schema, answer, len, ret) : err;
}

static void
show_code(struct terminal *t, const struct secret *code, bool again)
{
	struct buf out;

	buf_init(&out, TEXT_SIZE);
	if (again)
		buf_put_text(&out, "\nThat was not the code. Nothing is written yet.\n");
	buf_put_text(&out,
		"\nThe recovery code opens keyd and its backups when nothing else "
		"does:\n\n    ");
	put_secret(&out, code);
	buf_put_text(&out,
		"\n\nWrite it on paper and keep it where keyd is not. It is not "
		"shown again.\n\n");
	if (buf_error(&out) == KERR_OK)
		terminal_write(t, (const char *)out.data, out.len);
	buf_clear(&out);
}

/* Typed back without looking: the screen that showed it is gone. */
static enum kerr
have_typed_back(
	struct cli *c, struct terminal *t, const struct secret *code, struct record **ret)
{
	struct secret *typed;
	char enter[8];
	enum kerr err = KERR_INVALID;

	for (int i = 0; i < TRIES && err == KERR_INVALID; i++) {
		terminal_enter(t);
		show_code(t, code, i > 0);
		err = terminal_line(
			t, "Press Enter when it is written down: ", enter, sizeof(enter));
		terminal_leave(t);
		if (err == KERR_CLOSED)
			break;
		terminal_enter(t);
		typed = NULL;
		err = terminal_secret(t, "\nType the recovery code: ", true, &typed);
		terminal_leave(t);
		if (err != KERR_OK)
			break;
		err = typed ? confirm(c, typed, ret)
			    : fault_set(&c->fault, KERR_INVALID, "",
				      "the recovery code was not typed");
	}
	if (err == KERR_CLOSED && !c->fault.text[0])
		err = fault_set(&c->fault, KERR_INVALID, "",
			"broken off: nothing was written; keyd init begins anew");
	return err;
}

static enum kerr
write_code(struct cli *c, struct new_file *file, const struct secret *code,
	struct record **ret)
{
	struct secret *copy;
	struct buf out;
	enum kerr err;

	buf_init(&out, TEXT_SIZE);
	put_secret(&out, code);
	buf_put_u8(&out, '\n');
	err = buf_error(&out);
	if (err == KERR_OK)
		err = file_write(file, out.data, out.len, &c->fault);
	if (err == KERR_OK)
		err = file_finish(file, &c->fault);
	buf_clear(&out);
	if (err != KERR_OK)
		return err;
	copy = secret_copy(code);
	err = copy ? confirm(c, copy, ret) : call_broken(c, KERR_NOMEM);
	/* A code that opens nothing must not lie about. */
	if (err != KERR_OK)
		unlink(file->path);
	return err;
}

static enum kerr
begin(struct cli *c, struct record **ret)
{
	const uint8_t *body;
	size_t len;
	enum kerr err = request_send(c, &body, &len);

	if (err == KERR_OK)
		err = read_answer(c, &init_schema, body, len, ret);
	if (err == KERR_OK && !record_has(*ret, INIT_CODE))
		err = fault_set(&c->fault, KERR_PROTOCOL, "",
			"keyd's answer has no recovery code");
	return err;
}

int
run_init(struct cli *c)
{
	const char *to = c->args.options[OPTION_CODE_TO];
	struct new_file file = {.fd = -1};
	struct terminal *t = to ? NULL : terminal_open();
	struct record *begun = NULL, *done = NULL;
	enum kerr err = request_check(c);

	if (err == KERR_OK && !record_has(c->args.body, INIT_OWNER) && geteuid() == 0)
		err = fault_set(&c->fault, KERR_INVALID, "owner",
			"root does not become an owner: name one with --owner USER");
	if (err == KERR_OK && !to && !t)
		err = fault_set(&c->fault, KERR_INVALID, "",
			"there is no terminal to show the recovery code at: say "
			"--recovery-code-to NEWFILE");
	if (err == KERR_OK && to)
		err = file_create(to, &file, &c->fault);
	if (err == KERR_OK)
		err = begin(c, &begun);
	if (err == KERR_OK && to)
		err = write_code(c, &file, record_secret(begun, INIT_CODE), &done);
	else if (err == KERR_OK)
		err = have_typed_back(c, t, record_secret(begun, INIT_CODE), &done);
	file_drop(&file);
	terminal_close(t);
	record_drop_secrets(begun);
	if (err != KERR_OK)
		return report(c);
	if (to && !cli_has(c, OPTION_JSON))
		remark("the recovery code is in %.200s: print it, keep it where keyd is "
		       "not, and delete the file",
			to);
	return show_record(c, begun);
}
