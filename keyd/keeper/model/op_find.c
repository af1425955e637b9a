#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/base64.h"
#include "core/credential.h"
#include "core/model/model.h"
#include "core/text.h"
#include "keyd/keeper/model/op.h"
#include "keyd/keeper/model/operations.h"
#include "keyd/keeper/model/secrets.h"
#include "keyd/keeper/tokens/tokens.h"

/* keyd client find: whose is this? By key, part of a key, name or id, or by something
 * pasted that may hold a secret, a token or a key. Nothing of what was pasted is kept;
 * that somebody searched by a secret is on record. Outside one's scope it says only which
 * office to call; whoever has a full secret may quarantine that secret. */

#define HITS_MAX  20
#define NOTES_MAX 16 /* as find_schema has it */

struct found {
	struct op *op;
	struct record *answer;
	int what;       /* enum find_kind_word */
	int64_t secret; /* row of the secret that was pasted; 0: none */
	bool possession;
};

static enum kerr
note(struct op *op, const char *text)
{
	if (record_count(op->answer, FIND_NOTES) == NOTES_MAX)
		return KERR_OK; /* a whole log was pasted: enough was said */
	return record_add_text(op->answer, FIND_NOTES, text, strlen(text));
}

/* The hub above an organization, else the state, else itself: whom to call. */
static enum kerr
office_of(struct op *op, int64_t edorg, struct record *hit)
{
	struct record *row;
	enum kerr err = store_get(op->reader, TABLE_edorg, edorg, op->arena, &row);

	while (err == KERR_OK && record_int(row, ROW_EDORG_KIND) > EDORG_KIND_ESA &&
		record_has(row, ROW_EDORG_PARENT_ID))
		err = store_get(op->reader, TABLE_edorg,
			record_int(row, ROW_EDORG_PARENT_ID), op->arena, &row);
	return err == KERR_OK ? record_set_text(hit, FIND_HIT_OFFICE,
					record_text(row, ROW_EDORG_NAME))
			      : err;
}

struct districts {
	struct op *op;
	struct record *hit;
	int64_t first;
	bool named;
};

static enum kerr
put_district(void *with, struct record *link)
{
	struct districts *d = with;
	int64_t id = record_int(link, ROW_APPLICATION_EDORG_EDORG_ID);
	struct record *row;
	char text[128];
	enum kerr err;

	if (d->first == 0)
		d->first = id;
	if (!d->named || record_count(d->hit, FIND_HIT_EDORGS) == 8)
		return KERR_CLOSED;
	err = store_get(d->op->reader, TABLE_edorg, id, d->op->arena, &row);
	if (err != KERR_OK)
		return err;
	snprintf(text, sizeof(text), "%s (%lld)", record_text(row, ROW_EDORG_NAME),
		(long long)record_int(row, ROW_EDORG_NUMBER));
	return record_add_text(d->hit, FIND_HIT_EDORGS, text, strlen(text));
}

static enum kerr
put_districts(struct op *op, int64_t application, bool named, struct record *hit)
{
	const struct store_condition c = {.column = ROW_APPLICATION_EDORG_APPLICATION_ID,
		.test = STORE_IS,
		.number = application};
	const struct store_query q = {
		.table = TABLE_application_edorg, .conditions = &c, .count = 1};
	struct districts d = {.op = op, .hit = hit, .named = named};
	enum kerr err = store_select(op->reader, &q, op->arena, put_district, &d);

	if (err != KERR_OK && err != KERR_CLOSED)
		return err;
	return d.first != 0 ? office_of(op, d.first, hit) : KERR_OK;
}

static enum kerr
put_secret_of_hit(struct found *f, struct record *hit)
{
	const struct store_condition c = {
		.column = ROW_USAGE_SECRET_ID, .test = STORE_IS, .number = f->secret};
	const struct store_query q = {.table = TABLE_usage, .conditions = &c, .count = 1};
	struct record *secret, *use;
	enum kerr err =
		store_get(f->op->reader, TABLE_secret, f->secret, f->op->arena, &secret);

	if (err != KERR_OK)
		return err;
	record_set_int(hit, FIND_HIT_NUMBER, record_int(secret, ROW_SECRET_NUMBER));
	err = record_set_text(
		hit, FIND_HIT_SECRET_STATE, record_text(secret, ROW_SECRET_STATE));
	if (err == KERR_OK &&
		store_first(f->op->reader, &q, f->op->arena, &use) == KERR_OK)
		record_set_int(hit, FIND_HIT_LAST_USE, record_int(use, ROW_USAGE_HOUR));
	return err;
}

static enum kerr
put_owner(struct found *f, const struct record *client, const struct record *application,
	struct record *hit)
{
	struct record *vendor;
	enum kerr err =
		record_set_text(hit, FIND_HIT_KEY, record_text(client, ROW_CLIENT_KEY));

	record_set_int(hit, FIND_HIT_CLIENT_ID, record_int(client, ROW_ID));
	record_set_int(hit, FIND_HIT_YEAR, record_int(application, ROW_APPLICATION_YEAR));
	if (err == KERR_OK)
		err = record_set_text(
			hit, FIND_HIT_NAME, record_text(client, ROW_CLIENT_NAME));
	if (err == KERR_OK)
		err = record_set_text(
			hit, FIND_HIT_STATE, record_text(client, ROW_CLIENT_STATE));
	if (err == KERR_OK)
		err = store_get(f->op->reader, TABLE_vendor,
			record_int(application, ROW_APPLICATION_VENDOR_ID), f->op->arena,
			&vendor);
	if (err == KERR_OK)
		err = record_set_text(
			hit, FIND_HIT_VENDOR, record_text(vendor, ROW_VENDOR_NAME));
	return err == KERR_OK && f->secret != 0 ? put_secret_of_hit(f, hit) : err;
}

static enum kerr
put_client(void *with, struct record *client)
{
	struct found *f = with;
	struct op *op = f->op;
	struct access_object object = {.table = TABLE_client,
		.application = record_int(client, ROW_CLIENT_APPLICATION_ID)};
	struct record *hit, *application;
	bool mine, may_stop;
	enum kerr err;

	if (record_count(f->answer, FIND_ITEMS) == HITS_MAX) {
		record_set_int(f->answer, FIND_MORE, 1);
		return KERR_CLOSED;
	}
	mine = op_allow(op, VERB_READ, &object) == KERR_OK;
	may_stop = f->possession || op_allow(op, VERB_QUARANTINE, &object) == KERR_OK;
	op->fault = (struct fault){0};
	if (!mine && !f->possession)
		return KERR_OK; /* a search by name does not list other offices' clients
				 */
	hit = record_add_record(f->answer, FIND_ITEMS);
	if (hit == NULL)
		return KERR_NOMEM;
	record_set_int(hit, FIND_HIT_WHAT, f->what);
	record_set_int(hit, FIND_HIT_MAY_STOP, may_stop);
	err = store_get(op->reader, TABLE_application, object.application, op->arena,
		&application);
	if (err == KERR_OK && mine)
		err = put_owner(f, client, application, hit);
	return err == KERR_OK ? put_districts(op, object.application, mine, hit) : err;
}

static enum kerr
search(struct found *f, unsigned column, enum store_test test, const char *text)
{
	const struct store_condition c = {.column = column, .test = test, .text = text};
	const struct store_query q = {.table = TABLE_client,
		.conditions = &c,
		.count = 1,
		.limit = HITS_MAX * 4};
	enum kerr err = store_select(f->op->reader, &q, f->op->arena, put_client, f);

	return err == KERR_CLOSED ? KERR_OK : err;
}

static enum kerr
by_id(struct found *f, int64_t id)
{
	struct record *client;
	enum kerr err = store_get(f->op->reader, TABLE_client, id, f->op->arena, &client);

	if (err == KERR_NOTFOUND)
		return KERR_OK;
	err = err == KERR_OK ? put_client(f, client) : err;
	return err == KERR_CLOSED ? KERR_OK : err;
}

/* Upper case but for the prefix, as keys are stored. */
static void
as_key_part(const char *text, char out[32])
{
	size_t i, n = strlen(text);
	bool prefixed = n >= 2 && (text[0] == 'k' || text[0] == 'K') &&
			(text[1] == 'd' || text[1] == 'D');

	for (i = 0; i < n && i < 31; i++)
		out[i] = i < 2 && prefixed                  ? (char)(text[i] | 0x20)
			 : text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32)
							    : text[i];
	out[i] = '\0';
}

static enum kerr
by_text(struct op *op, const char *text)
{
	struct found f = {.op = op, .answer = op->answer, .what = FIND_IS_CLIENT};
	char key[CREDENTIAL_KEY_LEN + 1], part[32];
	size_t len = strlen(text);
	int64_t id;
	enum kerr err = KERR_OK;

	if (credential_looks_secret(text, len))
		return op_fault(op, KERR_INVALID, "text",
			"that looks like a secret or a token: treat it as leaked, and "
			"paste it at the "
			"prompt instead (keyd client find without an argument)");
	if (credential_key_canonical(text, len, key) == KERR_OK)
		return search(&f, ROW_CLIENT_KEY, STORE_IS, key);
	if (text_to_int(text, len, &id) == KERR_OK)
		err = by_id(&f, id);
	if (err == KERR_OK && len < 4 && record_count(op->answer, FIND_ITEMS) == 0)
		return op_fault(op, KERR_INVALID, "text", "give at least 4 characters");
	if (len < 4)
		return err;
	as_key_part(text, part);
	if (err == KERR_OK && len <= CREDENTIAL_KEY_LEN && strchr(text, ' ') == NULL)
		err = search(&f, ROW_CLIENT_KEY, STORE_CONTAINS, part);
	if (err == KERR_OK && record_count(op->answer, FIND_ITEMS) == 0)
		err = search(&f, ROW_CLIENT_NAME, STORE_CONTAINS, text);
	if (err == KERR_OK && record_count(op->answer, FIND_ITEMS) == 0)
		err = note(op,
			"nothing in your scope has that key, part of a key, name or id");
	return err;
}

/* The secret row with that canonical secret: by its tag under each verifier key. */
static enum kerr
secret_by_tag(struct op *op, const struct secret *canonical, struct record **ret)
{
	uint8_t tag[VAULT_TAG_LEN];
	size_t i;
	enum kerr err = KERR_NOTFOUND;

	for (i = 0; err == KERR_NOTFOUND && i < vault_key_count(op->vault); i++) {
		struct vault_key key = vault_key_at(op->vault, i);
		struct store_condition c = {.column = ROW_SECRET_TAG,
			.test = STORE_IS,
			.text = (const char *)tag,
			.count = sizeof(tag)};
		const struct store_query q = {
			.table = TABLE_secret, .conditions = &c, .count = 1};

		if (key.purpose != KEY_VERIFIER || key.state == KEY_DESTROYED)
			continue;
		err = vault_secret_tag(op->vault, key.number, canonical, tag);
		if (err == KERR_OK)
			err = store_first(op->reader, &q, op->arena, ret);
	}
	return err;
}

static enum kerr
put_typing_error(struct op *op, int group)
{
	struct record *hit;
	char text[160];

	if (record_count(op->answer, FIND_ITEMS) == HITS_MAX) {
		record_set_int(op->answer, FIND_MORE, 1);
		return KERR_OK;
	}
	hit = record_add_record(op->answer, FIND_ITEMS);
	if (hit == NULL)
		return KERR_NOMEM;
	record_set_int(hit, FIND_HIT_WHAT, FIND_IS_TYPING_ERROR);
	record_set_int(hit, FIND_HIT_GROUP, group);
	if (group > 0)
		snprintf(text, sizeof(text),
			"this has the form of a secret with a typing error in group %d "
			"of 13",
			group);
	else
		snprintf(text, sizeof(text),
			"this has the form of a secret, but groups are missing or too "
			"many");
	return note(op, text);
}

static enum kerr
try_secret(struct op *op, const char *text, size_t len)
{
	struct found f = {.op = op,
		.answer = op->answer,
		.what = FIND_IS_SECRET,
		.possession = true};
	struct secret *canonical = NULL;
	struct record *row, *client;
	int group = 0;
	enum credential_form form = credential_secret_read(text, len, &canonical, &group);
	enum kerr err;

	if (form == CREDENTIAL_TYPING_ERROR)
		return put_typing_error(op, group);
	if (form != CREDENTIAL_SECRET || canonical == NULL)
		return KERR_NOTFOUND;
	err = secret_by_tag(op, canonical, &row);
	secret_free(canonical);
	if (err == KERR_NOTFOUND)
		return note(op,
			"a well-formed secret, but none that this keyd has ever made");
	if (err != KERR_OK)
		return err;
	f.secret = record_int(row, ROW_ID);
	err = store_get(op->reader, TABLE_client, record_int(row, ROW_SECRET_CLIENT_ID),
		op->arena, &client);
	err = err == KERR_OK ? put_client(&f, client) : err;
	return err == KERR_CLOSED ? KERR_OK : err;
}

/* The bytes of the jti in a token's payload, which is wiped on every path. KERR_INVALID:
 * no base64url; KERR_NOTFOUND: no jti of keyd's length. */
static enum kerr
jti_in(const char *part, size_t len, uint8_t ret[JTI_LEN], size_t *ret_len)
{
	char payload[2048];
	const char *at = NULL;
	size_t n = 0;
	enum kerr err = base64_decode(
		BASE64_URL, part, len, (uint8_t *)payload, sizeof(payload) - 1, &n);

	if (err == KERR_OK) {
		payload[n] = '\0';
		at = strstr(payload, "\"jti\":\"");
		if (at == NULL || strlen(at + 7) < JTI_TEXT_LEN ||
			base64_decode(BASE64_URL, at + 7, JTI_TEXT_LEN, ret, JTI_LEN,
				ret_len) != KERR_OK)
			err = KERR_NOTFOUND;
	}
	sodium_memzero(payload, sizeof(payload));
	return err;
}

/* A token's payload names its jti, which carries the keeper's own MAC: no parsing is
 * needed to believe it. */
static enum kerr
try_token(struct op *op, const char *text, size_t len)
{
	struct found f = {.op = op, .answer = op->answer, .what = FIND_IS_TOKEN};
	uint8_t jti_bytes[JTI_LEN];
	const char *dot = memchr(text, '.', len), *end;
	struct vault_macer *m;
	struct jti jti;
	uint32_t key;
	size_t got = 0;
	enum kerr err;

	end = dot != NULL ? memchr(dot + 1, '.', len - (size_t)(dot + 1 - text)) : NULL;
	if (len < 5 || memcmp(text, "eyJ", 3) != 0 || end == NULL)
		return KERR_NOTFOUND;
	err = jti_in(dot + 1, (size_t)(end - dot - 1), jti_bytes, &got);
	if (err == KERR_INVALID)
		return note(op, "this looks like a token, but it is cut or damaged");
	if (err != KERR_OK || jti_key(jti_bytes, got, &key) != KERR_OK)
		return note(op, "a token, but not one of this keyd");
	m = vault_macer_new(op->vault, key, JTI_USE);
	err = m != NULL ? jti_check(m, jti_bytes, got, &jti) : KERR_DENIED;
	vault_macer_free(m);
	if (err != KERR_OK)
		return note(op, "a token that claims to be of this keyd, but is not");
	err = by_id(&f, jti.client);
	if (err == KERR_OK && jti.expires <= op->now)
		err = note(op, "the token itself has expired");
	return err;
}

static bool
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

/* Each word of what was pasted may be a secret, a token or a key. */
static enum kerr
by_words(struct op *op, const char *text, size_t len)
{
	struct found f = {.op = op, .answer = op->answer, .what = FIND_IS_CLIENT};
	char key[CREDENTIAL_KEY_LEN + 1];
	size_t at = 0, n;
	enum kerr err = KERR_OK;

	while (err == KERR_OK && at < len) {
		for (n = 0; at + n < len && is_word(text[at + n]); n++)
			;
		if (n >= CREDENTIAL_KEY_LEN) {
			err = try_secret(op, text + at, n);
			if (err == KERR_NOTFOUND)
				err = try_token(op, text + at, n);
			if (err == KERR_NOTFOUND)
				err = credential_key_canonical(text + at, n, key) ==
						      KERR_OK
					      ? search(&f, ROW_CLIENT_KEY, STORE_IS, key)
					      : KERR_OK;
		}
		at += n + 1;
	}
	return err;
}

static enum kerr
by_paste(struct op *op, const struct secret *pasted)
{
	const char *text = (const char *)secret_reveal(pasted);
	size_t len = secret_len(pasted);
	enum kerr err = try_secret(op, text, len);

	if (err == KERR_NOTFOUND ||
		(err == KERR_OK && record_count(op->answer, FIND_ITEMS) == 0 &&
			record_count(op->answer, FIND_NOTES) == 0))
		err = by_words(op, text, len);
	if (err == KERR_OK && record_count(op->answer, FIND_ITEMS) == 0 &&
		record_count(op->answer, FIND_NOTES) == 0)
		err = note(op, "nothing in it has the form of a key, a secret or a token "
			       "of keyd; a "
			       "secret that an ODS made itself is not known to keyd");
	return err == KERR_OK ? op_note(op, "search.pasted", "client", 0, "done") : err;
}

static enum kerr
find(struct op *op)
{
	const struct record *ask = op_body(op);
	enum kerr err;

	op->answer = record_new(op->arena, &find_schema);
	if (op->answer == NULL)
		return KERR_NOMEM;
	if (op->who->operator_id == 0)
		return op_fault(op, KERR_DENIED, "",
			"only operators of keyd may search: ask the owner to add you");
	if (ask != NULL && record_has(ask, FIND_ASK_PASTED))
		return by_paste(op, record_secret(ask, FIND_ASK_PASTED));
	if (ask == NULL || !record_has(ask, FIND_ASK_TEXT))
		return op_fault(op, KERR_INVALID, "text", "say what to look for");
	err = record_check(ask, RECORD_ADD, &op->fault);
	return err == KERR_OK ? by_text(op, record_text(ask, FIND_ASK_TEXT)) : err;
}

/* Possession of a full secret is scope enough to quarantine that secret. */
static enum kerr
quarantine(struct op *op)
{
	const struct record *ask = op_body(op);
	struct secret *canonical = NULL;
	const struct secret *pasted =
		ask != NULL ? record_secret(ask, FIND_ASK_PASTED) : NULL;
	struct record *row;
	enum kerr err;

	op->answer = record_new(op->arena, &find_schema);
	if (op->answer == NULL)
		return KERR_NOMEM;
	if (pasted == NULL ||
		credential_secret_read((const char *)secret_reveal(pasted),
			secret_len(pasted), &canonical, NULL) != CREDENTIAL_SECRET ||
		canonical == NULL)
		return op_fault(op, KERR_INVALID, "pasted", "paste the whole secret");
	err = secret_by_tag(op, canonical, &row);
	secret_free(canonical);
	if (err == KERR_NOTFOUND)
		return op_fault(op, err, "pasted", "this keyd never made that secret");
	if (err == KERR_OK)
		err = secrets_move(op, row, SECRET_MOVE_QUARANTINE, "secret.quarantine");
	return err == KERR_OK ? note(op, "that secret is in quarantine: no token is "
					 "issued for it, "
					 "and none issued with it is active")
			      : err;
}

const struct op_row op_find_rows[] = {
	{MESSAGE_FIND, find},
	{MESSAGE_FIND_QUARANTINE, quarantine},
	{0, NULL},
};
