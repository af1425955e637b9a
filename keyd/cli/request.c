#include "keyd/cli/request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/model/model.h"
#include "core/wire/json_record.h"
#include "core/wire/json_write.h"
#include "keyd/cli/call.h"
#include "keyd/cli/render.h"
#include "keyd/cli/run.h"

#define TEXT_MAX_  ((size_t)16 << 20)
#define TARGET_MAX (QUERY_MAX + 1024)

enum kerr
request_check(struct cli *c)
{
	const struct command *command = c->args.command;
	enum record_use use =
		command->flags & COMMAND_CHANGE ? RECORD_CHANGE : RECORD_ADD;

	return c->args.body ? record_check(c->args.body, use, &c->fault) : KERR_OK;
}

enum kerr
request_send_about(
	struct cli *c, const char *ref, const uint8_t **ret_body, size_t *ret_len)
{
	const struct command *command = c->args.command;
	struct call q = {.method = command->method,
		.body = c->args.body,
		.changes = true,
		.once = true};
	struct buf target;
	enum kerr err;

	buf_init(&target, TARGET_MAX);
	err = call_target(c, command->path, ref, &target);
	if (err == KERR_OK) {
		q.target = buf_text(&target);
		err = q.target ? call(c, &q, ret_body, ret_len)
			       : call_broken(c, buf_error(&target));
	}
	buf_clear(&target);
	return err;
}

enum kerr
request_send(struct cli *c, const uint8_t **ret_body, size_t *ret_len)
{
	const char *ref = c->args.operand_count ? c->args.operands[0] : "";

	return request_send_about(c, ref, ret_body, ret_len);
}

enum kerr
read_answer(struct cli *c, const struct schema *s, const uint8_t *body, size_t len,
	struct record **ret)
{
	enum kerr err = json_record_read(s, c->arena, body, len, ret, &c->fault);

	if (err == KERR_OK || err == KERR_NOMEM)
		return err == KERR_OK ? err : call_broken(c, err);
	return fault_set(&c->fault, KERR_PROTOCOL, "",
		"keyd's answer is not understood; keyd and its command line are of "
		"different releases");
}

static int
print_text(struct cli *c, const struct buf *out)
{
	enum kerr err = print_buf(out);

	if (err == KERR_OK)
		return EXIT_DONE;
	return report_new(c, err, "", "writing to standard output failed");
}

static int
show_list(struct cli *c, const uint8_t *body, size_t len)
{
	const struct schema *s = c->args.command->answer;
	struct json_list list;
	struct buf out;
	int code;

	if (json_list_read(s, c->arena, body, len, &list, &c->fault) != KERR_OK)
		return report_new(c, KERR_PROTOCOL, "",
			"keyd's answer is not understood; keyd and its command line are "
			"of different releases");
	buf_init(&out, TEXT_MAX_);
	if (list.count)
		render_table(&out, s, list.items, list.count, render_for_stdout());
	code = print_text(c, &out);
	buf_clear(&out);
	if (code != EXIT_DONE)
		return code;
	if (list.after && list.total >= 0)
		remark("%zu of %" PRId64 "; more with --after %s", list.count, list.total,
			list.after);
	else if (list.after)
		remark("%zu; more with --after %s", list.count, list.after);
	else if (!list.count)
		remark("nothing is there");
	return code;
}

int
show_record(struct cli *c, const struct record *r)
{
	struct buf out;
	int code;

	buf_init(&out, TEXT_MAX_);
	if (cli_has(c, OPTION_JSON)) {
		json_record_write(&out, r, 0);
		buf_put_u8(&out, '\n');
	} else if (record_schema(r) == &done_schema) {
		render_text(&out,
			record_has(r, DONE_TEXT) ? record_text(r, DONE_TEXT) : "done");
		buf_put_u8(&out, '\n');
	} else {
		render_record(&out, r, render_for_stdout());
	}
	code = print_text(c, &out);
	buf_clear(&out);
	return code;
}

int
show_done(struct cli *c, const char *fmt, ...)
{
	struct record *done = record_new(c->arena, &done_schema);
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!cli_has(c, OPTION_JSON)) {
		remark("%s", text);
		return EXIT_DONE;
	}
	if (!done || record_set_text(done, DONE_TEXT, text) != KERR_OK)
		return report_new(c, KERR_NOMEM, "", "%s", kerr_text(KERR_NOMEM));
	record_set_int(done, DONE_DONE, 1);
	return show_record(c, done);
}

int
show_answer(struct cli *c, const uint8_t *body, size_t len)
{
	const struct command *command = c->args.command;
	struct record *r;
	int code;

	if (cli_has(c, OPTION_JSON)) {
		if (print(body, len) == KERR_OK && print("\n", 1) == KERR_OK)
			return EXIT_DONE;
		return report_new(c, KERR_IO, "", "writing to standard output failed");
	}
	if (command->flags & COMMAND_LIST)
		return show_list(c, body, len);
	if (!command->answer)
		return EXIT_DONE;
	if (read_answer(c, command->answer, body, len, &r) != KERR_OK)
		return report(c);
	code = show_record(c, r);
	record_drop_secrets(r);
	return code;
}

int
run_request(struct cli *c)
{
	const uint8_t *body;
	size_t len;
	enum kerr err = request_send(c, &body, &len);

	return err == KERR_OK ? show_answer(c, body, len) : report(c);
}
