#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/model/model.h"
#include "core/wire/json_write.h"
#include "keyd/cli/ask.h"
#include "keyd/cli/call.h"
#include "keyd/cli/request.h"
#include "keyd/cli/run.h"
#include "keyd/cli/stream.h"

/* Backups out and in. In, the body is application/x-keyd-restore: u32 little endian, the
 * length of a JSON object of backup_ask; the object; the backup. */

#define ASK_MAX    4096
#define ANSWER_MAX 65536

int
run_backup(struct cli *c)
{
	struct new_file file;
	struct stream s = {.method = "POST",
		.target = "/keyd/backup",
		.in = -1,
		.out = &file,
		.what = "writing the backup"};
	enum kerr err = file_create(c->args.operands[0], &file, &c->fault);

	if (err == KERR_OK)
		err = stream_call(c, &s, NULL);
	if (err == KERR_OK)
		err = file_finish(&file, &c->fault);
	file_drop(&file);
	if (err != KERR_OK)
		return report(c);
	return show_done(c,
		"the backup is in %.200s; keep it and the recovery code apart and "
		"elsewhere; keyd backup check reads it",
		c->args.operands[0]);
}

static enum kerr
put_ask(struct buf *out, const struct record *ask)
{
	struct buf json;
	enum kerr err;

	buf_init(&json, ASK_MAX);
	json_record_write(&json, ask, JSON_WITH_SECRETS);
	buf_put_u32(out, (uint32_t)json.len);
	buf_put(out, json.data, json.len);
	err = buf_error(&json);
	buf_clear(&json);
	return err == KERR_OK ? buf_error(out) : err;
}

/* Sends the file with the code in hand to the command's path. */
static int
upload(struct cli *c, int fd, uint64_t len, struct secret *take, const char *what)
{
	struct buf head, answer;
	struct stream s = {.method = "POST",
		.target = c->args.command->path,
		.type = "application/x-keyd-restore",
		.head = &head,
		.in = fd,
		.in_len = len,
		.what = what};
	enum kerr err;
	int code;

	buf_init(&head, 2 * ASK_MAX);
	buf_init(&answer, ANSWER_MAX);
	record_set_secret(c->args.body, BACKUP_ASK_CODE, take);
	err = put_ask(&head, c->args.body);
	record_set_secret(c->args.body, BACKUP_ASK_CODE, NULL);
	if (err != KERR_OK)
		err = call_broken(c, err);
	else
		err = stream_call(c, &s, &answer);
	code = err == KERR_OK ? show_answer(c, answer.data, answer.len) : report(c);
	buf_clear(&head);
	buf_clear(&answer);
	return code;
}

static int
send_backup(struct cli *c, const char *what)
{
	struct secret *code = NULL;
	uint64_t len = 0;
	int fd = -1, exit;
	enum kerr err = KERR_OK;

	if (c->args.operand_count > 1 && strcmp(c->args.operands[1], "-") != 0)
		err = fault_set(&c->fault, KERR_INVALID, "",
			"the code is never an argument: it is asked for, or piped in "
			"with -");
	if (err == KERR_OK)
		err = file_open(c->args.operands[0], &fd, &len, &c->fault);
	if (err == KERR_OK)
		err = ask_secret(
			c, "Recovery code or passphrase of the backup: ", 1, &code);
	if (err == KERR_OK && !code)
		err = fault_set(&c->fault, KERR_INVALID, "", "no code was given");
	exit = err == KERR_OK ? upload(c, fd, len, code, what) : report(c);
	if (err != KERR_OK)
		secret_free(code);
	if (fd >= 0)
		close(fd);
	return exit;
}

int
run_backup_check(struct cli *c)
{
	return send_backup(c, "sending the backup");
}

int
run_restore(struct cli *c)
{
	char prompt[512];
	enum kerr err = request_check(c);

	snprintf(prompt, sizeof(prompt),
		"restore fills this keyd, which must be empty, from %.200s. Every token "
		"issued before ends, and what the audit sink says has ended since ends "
		"again.\nType restore to go on: ",
		c->args.operands[0]);
	if (err == KERR_OK)
		err = ask_confirmed(c, prompt, "restore", NULL);
	return err == KERR_OK ? send_backup(c, "restoring") : report(c);
}
