#include "keyd/front/endpoints.h"

#include <ctype.h>
#include <string.h>

#include <sodium.h>

#include "core/model/model.h"
#include "core/wire/json_write.h"
#include "keyd/front/flat.h"
#include "keyd/front/oauth.h"
#include "keyd/front/reply.h"
#include "keyd/role/gate.h"

/* Ed-Fi's token_info: whoever holds a token may look at it. The members stand in the
 * order of ODS/API 7; what only an ODS knows (organizations below, resources) is left
 * out. */

#define CHALLENGE "Bearer realm=\"keyd\", error=\"invalid_token\""

/* RFC 6750 section 3. */
static void
refuse_token(struct exchange *ex)
{
	reply_field(ex, "WWW-Authenticate", CHALLENGE);
	reply_oauth(ex, 401, "invalid_token", NULL);
}

static void
put_texts(struct buf *out, const char *name, const struct record *r, unsigned f)
{
	buf_put_text(out, ",\"");
	buf_put_text(out, name);
	buf_put_text(out, "\":[");
	for (size_t i = 0; i < record_count(r, f); i++) {
		const char *text = record_text_at(r, f, i);

		if (i)
			buf_put_u8(out, ',');
		json_put_string(out, text, strlen(text));
	}
	buf_put_u8(out, ']');
}

/* "edfi.LocalEducationAgency" also gives local_education_agency_id. */
static void
put_own_id(struct buf *out, const char *type, int64_t id)
{
	const char *dot = strrchr(type, '.');
	const char *name = dot ? dot + 1 : type;

	if (!name[0])
		return;
	buf_put_text(out, ",\"");
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p))
			continue;
		if (isupper((unsigned char)*p) && p > name)
			buf_put_u8(out, '_');
		buf_put_u8(out, (uint8_t)tolower((unsigned char)*p));
	}
	buf_put_text(out, "_id\":");
	json_put_int(out, id);
}

static void
put_organizations(struct buf *out, const struct record *r)
{
	buf_put_text(out, ",\"education_organizations\":[");
	for (size_t i = 0; i < record_count(r, TOKEN_INFO_EDORGS); i++) {
		const struct record *e = record_at(r, TOKEN_INFO_EDORGS, i);
		int64_t id = record_int(e, EDORG_INFO_NUMBER);
		const char *type = record_text(e, EDORG_INFO_TYPE);

		buf_put_text(out, i ? ",{\"education_organization_id\":"
				    : "{\"education_organization_id\":");
		json_put_int(out, id);
		json_put_member(out, false, "name_of_institution",
			record_text(e, EDORG_INFO_NAME));
		json_put_member(out, false, "type", type);
		put_own_id(out, type, id);
		buf_put_u8(out, '}');
	}
	buf_put_u8(out, ']');
}

static void
put_info(struct buf *out, const struct record *r)
{
	buf_put_text(out, "{\"active\":true");
	json_put_member(out, false, "client_id", record_text(r, TOKEN_INFO_CLIENT_ID));
	put_texts(out, "namespace_prefixes", r, TOKEN_INFO_PREFIXES);
	put_organizations(out, r);
	put_texts(out, "assigned_profiles", r, TOKEN_INFO_PROFILES);
	if (record_has(r, TOKEN_INFO_CLAIMSET)) {
		buf_put_text(out, ",\"claim_set\":{");
		json_put_member(out, true, "name", record_text(r, TOKEN_INFO_CLAIMSET));
		buf_put_u8(out, '}');
	}
	if (record_has(r, TOKEN_INFO_YEAR)) {
		buf_put_text(out, ",\"school_year\":");
		json_put_int(out, record_int(r, TOKEN_INFO_YEAR));
	}
	if (record_has(r, TOKEN_INFO_EXP)) {
		buf_put_text(out, ",\"exp\":");
		json_put_int(out, record_int(r, TOKEN_INFO_EXP));
	}
	buf_put_u8(out, '}');
}

static void
answered(struct exchange *ex, const struct message *m)
{
	struct arena *a = exchange_arena(ex);
	struct record *r;

	if (m->status == KERR_DENIED || m->status == KERR_NOTFOUND ||
		m->status == KERR_EXPIRED || m->status == KERR_UNKNOWN_CALLER) {
		refuse_token(ex);
		return;
	}
	if (m->status != KERR_OK) {
		reply_keeper_fault(ex, m);
		return;
	}
	if (!a || record_decode(&token_info_schema, a, m->payload, m->length, &r) !=
			  KERR_OK) {
		reply_error(ex, KERR_INTERNAL);
		return;
	}
	if (!record_int(r, TOKEN_INFO_ACTIVE)) {
		refuse_token(ex);
		return;
	}
	put_info(reply_body(ex), r);
	reply_send(ex, 200, REPLY_JSON);
}

static void
ask(struct exchange *ex, const struct jws_token *jws)
{
	struct flat flat;

	flat_start(&flat);
	flat_put(&flat, TOKEN_INFO_ASK_JTI, jws->jti, jws->jti_len);
	flat_put(&flat, TOKEN_INFO_ASK_SOURCE, ex->source, sizeof(ex->source));
	oauth_ask(ex, MESSAGE_TOKEN_INFO, &flat, answered);
	flat_clear(&flat);
}

void
ep_token_info(struct exchange *ex)
{
	const struct oauth_value *body;
	struct oauth_ask parameters;
	struct http_span value;
	struct jws_token jws;
	const char *token = NULL;
	size_t len = 0;

	if (!oauth_read(ex, &parameters)) {
		oauth_clear(&parameters);
		return;
	}
	body = &parameters.values[OAUTH_TOKEN];
	if (!http_in_field(&ex->http, &ex->in, "authorization", &value, NULL) ||
		bearer_read((const char *)ex->in.data + value.at, value.len, &token,
			&len) != KERR_OK ||
		!oauth_verify(ex->front, token, len, &jws))
		refuse_token(ex);
	else if (!body->text || body->len != len ||
		 sodium_memcmp(body->text, token, len) != 0)
		reply_oauth(ex, 400, "invalid_request",
			"token must be the one that authorizes the request");
	else
		ask(ex, &jws);
	oauth_clear(&parameters);
}
