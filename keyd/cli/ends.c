#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/model/model.h"
#include "core/wire/json_record.h"
#include "keyd/cli/ask.h"
#include "keyd/cli/call.h"
#include "keyd/cli/render.h"
#include "keyd/cli/request.h"
#include "keyd/cli/run.h"

/* What ends something: say what it touches, have it confirmed, do it to exactly that. */

#define TEXT_SIZE 8192

static void
put_field(struct buf *out, const struct record *r, unsigned f, const char *before)
{
	if (!record_has(r, f))
		return;
	buf_put_text(out, before);
	render_value(out, r, f);
}

static void
put_client(struct buf *out, const struct record *client)
{
	put_field(out, client, CLIENT_ID, "client ");
	put_field(out, client, CLIENT_NAME, ", ");
	put_field(out, client, CLIENT_KEY, "\n  key ");
	put_field(out, client, CLIENT_VENDOR, "\n  vendor ");
	put_field(out, client, CLIENT_YEAR, "\n  school year ");
	put_field(out, client, CLIENT_EDORGS, "\n  education organizations ");
	put_field(out, client, CLIENT_STATE, "\n  state ");
	put_field(out, client, CLIENT_LAST_USE, ", last used ");
	buf_put_u8(out, '\n');
	for (size_t i = 0; i < record_count(client, CLIENT_SECRETS); i++) {
		const struct record *s = record_at(client, CLIENT_SECRETS, i);

		put_field(out, s, SECRET_NUMBER, "  secret ");
		put_field(out, s, SECRET_STATE, " is ");
		put_field(out, s, SECRET_LABEL, ", ");
		put_field(out, s, SECRET_NOT_AFTER, ", until ");
		buf_put_u8(out, '\n');
	}
}

/* Which part of it ends, and how it comes back. */
static void
put_effect(struct buf *out, const struct cli *c)
{
	const char *verb = strchr(c->args.command->words, ' ') + 1;
	const struct record *act = c->args.body;

	buf_printf(out, "%s ", verb);
	if (act && record_has(act, CLIENT_ACT_SECRET))
		buf_printf(out, "stops secret %" PRId64 " of it alone: ",
			record_int(act, CLIENT_ACT_SECRET));
	else
		buf_put_text(out, "stops all of it: ");
	buf_put_text(out, "tokens made with it end at once and none is issued");
	buf_put_text(out, strcmp(verb, "suspend") == 0      ? ", until it is resumed.\n"
			  : strcmp(verb, "quarantine") == 0 ? ", until it is released.\n"
							    : ", for good.\n");
}

static enum kerr
say(struct cli *c, const struct buf *out)
{
	enum kerr err = buf_error(out);

	if (err != KERR_OK)
		return call_broken(c, err);
	if (!cli_has(c, OPTION_JSON))
		fwrite(out->data, 1, out->len, stderr);
	return KERR_OK;
}

int
run_client_end(struct cli *c)
{
	const uint8_t *body;
	struct record *client;
	struct buf out;
	const char *key;
	char ref[24];
	size_t len;
	enum kerr err = request_check(c);

	if (err == KERR_OK)
		err = call_show(c, "/keyd/clients/{ref}", c->args.operands[0],
			&client_schema, &client);
	if (err != KERR_OK)
		return report(c);
	buf_init(&out, TEXT_SIZE);
	put_client(&out, client);
	put_effect(&out, c);
	err = say(c, &out);
	buf_clear(&out);
	key = record_text(client, CLIENT_KEY);
	if (err == KERR_OK)
		err = ask_confirmed(c,
			"Type its name, or the last 4 characters of its key, to go on: ",
			record_text(client, CLIENT_NAME),
			strlen(key) > 4 ? key + strlen(key) - 4 : NULL);
	/* By number: a name could mean another client by now. */
	snprintf(ref, sizeof(ref), "%" PRId64, record_int(client, CLIENT_ID));
	if (err == KERR_OK)
		err = request_send_about(c, ref, &body, &len);
	return err == KERR_OK ? show_answer(c, body, len) : report(c);
}

/* The signing key that the person means: the whole kid, or its beginning. */
static enum kerr
find_key(struct cli *c, struct record **ret)
{
	struct call q = {.method = "GET", .target = "/keyd/signing-keys?limit=500"};
	const char *wanted = c->args.operands[0];
	struct record *found = NULL;
	struct json_list list;
	const uint8_t *body;
	size_t len, count = 0;
	enum kerr err = call(c, &q, &body, &len);

	if (err != KERR_OK)
		return err;
	if (json_list_read(&signing_key_schema, c->arena, body, len, &list, NULL) !=
		KERR_OK)
		return fault_set(
			&c->fault, KERR_PROTOCOL, "", "keyd's answer is not understood");
	for (size_t i = 0; i < list.count; i++) {
		const char *kid = record_text(list.items[i], SIGNING_KEY_KID);

		if (strncmp(kid, wanted, strlen(wanted)) != 0)
			continue;
		found = list.items[i];
		count++;
	}
	if (count != 1)
		return fault_set(&c->fault, count ? KERR_CONFLICT : KERR_NOTFOUND, "",
			count ? "several keys begin like that: give the whole kid"
			      : "there is no such key; keyd signing-key list names them");
	*ret = found;
	return KERR_OK;
}

int
run_key_withdraw(struct cli *c)
{
	const uint8_t *body;
	struct record *key;
	struct buf out;
	const char *kid;
	char start[9];
	size_t len;
	enum kerr err = find_key(c, &key);

	if (err != KERR_OK)
		return report(c);
	kid = record_text(key, SIGNING_KEY_KID);
	snprintf(start, sizeof(start), "%s", kid);
	buf_init(&out, TEXT_SIZE);
	render_record(&out, key, (struct render){0});
	buf_put_text(&out, "withdraw takes it out of the published set for good; every "
			   "token that it signed ends at once.\n");
	err = say(c, &out);
	buf_clear(&out);
	if (err == KERR_OK)
		err = ask_confirmed(c,
			"Type the first 8 characters of its kid to go on: ", start, kid);
	if (err == KERR_OK)
		err = request_send_about(c, kid, &body, &len);
	return err == KERR_OK ? show_answer(c, body, len) : report(c);
}
