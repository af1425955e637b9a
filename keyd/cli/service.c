#include <stdio.h>
#include <string.h>

#include "core/model/model.h"
#include "core/wire/json_record.h"
#include "keyd/cli/ask.h"
#include "keyd/cli/call.h"
#include "keyd/cli/request.h"
#include "keyd/cli/run.h"

/* The service itself: unseal, status, stop, slots. */

/* Sends the command's request with the secret in that field of its body, and shows the
 * answer. */
static int
send_with_secret(struct cli *c, unsigned field, struct secret *take)
{
	const uint8_t *body;
	size_t len;
	enum kerr err;

	if (take)
		record_set_secret(c->args.body, field, take);
	err = request_send(c, &body, &len);
	record_set_secret(c->args.body, field, NULL);
	return err == KERR_OK ? show_answer(c, body, len) : report(c);
}

static bool
has_dash(const struct cli *c, unsigned operand)
{
	return c->args.operand_count > operand &&
	       strcmp(c->args.operands[operand], "-") == 0;
}

static int
refuse_operand(struct cli *c, const char *text)
{
	return report_new(c, KERR_INVALID, "",
		"%.40s is not understood here: a passphrase or code is never an "
		"argument; it is asked for, or piped in with -",
		text);
}

int
run_unseal(struct cli *c)
{
	struct secret *typed = NULL;
	enum kerr err;

	if (c->args.operand_count && !has_dash(c, 0))
		return refuse_operand(c, c->args.operands[0]);
	err = ask_secret(c,
		"Passphrase or recovery code (Enter alone: the automatic slot): ", 0,
		&typed);
	/* Without a terminal the automatic slot is what is left. */
	if (err != KERR_OK && err != KERR_NOTFOUND)
		return report(c);
	return send_with_secret(c, UNSEAL_SECRET, typed);
}

int
run_seal_test(struct cli *c)
{
	struct secret *typed = NULL;
	enum kerr err;

	if (c->args.operand_count > 1 && !has_dash(c, 1))
		return refuse_operand(c, c->args.operands[1]);
	err = ask_secret(c,
		"Its passphrase or recovery code (Enter alone: the automatic slot): ", 1,
		&typed);
	if (err != KERR_OK && err != KERR_NOTFOUND)
		return report(c);
	return send_with_secret(c, SEAL_SLOT_SECRET, typed);
}

int
run_seal_add(struct cli *c)
{
	struct secret *typed = NULL, *again = NULL;
	enum kerr err;

	if (c->args.operand_count && !has_dash(c, 0))
		return refuse_operand(c, c->args.operands[0]);
	err = ask_secret(c, "New passphrase: ", 0, &typed);
	if (err == KERR_OK && !typed)
		err = fault_set(&c->fault, KERR_INVALID, "", "no passphrase was given");
	if (err == KERR_OK && !has_dash(c, 0)) {
		err = ask_secret(c, "The same again: ", 0, &again);
		if (err == KERR_OK && (!again || !secret_equal(typed, again)))
			err = fault_set(&c->fault, KERR_INVALID, "",
				"the two are not the same: nothing was changed");
		secret_free(again);
	}
	if (err != KERR_OK) {
		secret_free(typed);
		return report(c);
	}
	record_set_int(c->args.body, SEAL_SLOT_KIND, SLOT_KIND_PASSPHRASE);
	return send_with_secret(c, SEAL_SLOT_SECRET, typed);
}

static int
accept_damage(struct cli *c)
{
	struct call q = {
		.method = "POST", .target = "/keyd/damage/accept", .changes = true};
	const uint8_t *body;
	struct record *done;
	size_t len;
	enum kerr err;

	err = ask_confirmed(c,
		"What was damaged stays set aside, and keyd issues and answers again.\n"
		"Type accept to go on: ",
		"accept", NULL);
	if (err == KERR_OK)
		err = call(c, &q, &body, &len);
	if (err == KERR_OK)
		err = read_answer(c, &done_schema, body, len, &done);
	return err == KERR_OK ? show_record(c, done) : report(c);
}

int
run_status(struct cli *c)
{
	struct record *status;
	const uint8_t *body;
	size_t len;
	int code;

	if (cli_has(c, OPTION_ACCEPT_DAMAGE))
		return accept_damage(c);
	if (request_send(c, &body, &len) != KERR_OK ||
		read_answer(c, &status_schema, body, len, &status) != KERR_OK)
		return report(c);
	code = show_answer(c, body, len);
	return code == EXIT_DONE && !record_int(status, STATUS_READY) ? EXIT_AWAY : code;
}

int
run_stop(struct cli *c)
{
	const uint8_t *body;
	struct record *status;
	char prompt[256];
	size_t len;
	enum kerr err;

	err = call_show(c, "/keyd/status", "", &status_schema, &status);
	if (err != KERR_OK)
		return report(c);
	snprintf(prompt, sizeof(prompt),
		"keyd stops: %lld fronts, %lld clients whose tokens can be active; none "
		"is issued or checked until it serves again.\nType stop to go on: ",
		(long long)record_int(status, STATUS_FRONTS),
		(long long)record_int(status, STATUS_LIVE));
	err = ask_confirmed(c, prompt, "stop", NULL);
	if (err == KERR_OK)
		err = request_send(c, &body, &len);
	return err == KERR_OK ? show_answer(c, body, len) : report(c);
}
