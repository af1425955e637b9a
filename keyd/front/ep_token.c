#include "keyd/front/endpoints.h"

#include <string.h>
#include <strings.h>

#include "core/model/model.h"
#include "core/wire/json_write.h"
#include "keyd/front/flat.h"
#include "keyd/front/oauth.h"
#include "keyd/front/reply.h"
#include "keyd/role/gate.h"

#define GRANT     "client_credentials"
#define SCOPE_MAX 256

_Static_assert(TOKEN_ASK_KEY == 0 && TOKEN_ASK_SECRET == 1 && TOKEN_ASK_SOURCE == 2,
	"oauth_put_client() writes these");

/* RFC 6749 section 5.1. */
static void
answered(struct exchange *ex, const struct message *m)
{
	struct flat_value v[TOKEN__COUNT];
	struct buf *out;

	if (m->status != KERR_OK) {
		reply_keeper_fault(ex, m);
		return;
	}
	if (flat_read(&token_schema, m->payload, m->length, v) != KERR_OK ||
		!v[TOKEN_TOKEN].len) {
		reply_error(ex, KERR_INTERNAL);
		return;
	}
	out = reply_body(ex);
	buf_put_text(out, "{\"access_token\":");
	json_put_string(out, (const char *)v[TOKEN_TOKEN].bytes, v[TOKEN_TOKEN].len);
	buf_put_text(out, ",\"token_type\":\"Bearer\",\"expires_in\":");
	json_put_int(out, v[TOKEN_EXPIRES_IN].number);
	if (v[TOKEN_SCOPE].len) {
		buf_put_text(out, ",\"scope\":");
		json_put_string(
			out, (const char *)v[TOKEN_SCOPE].bytes, v[TOKEN_SCOPE].len);
	}
	buf_put_u8(out, '}');
	reply_send(ex, 200, REPLY_JSON);
}

static void
trim(struct oauth_value *v)
{
	while (v->len && *v->text == ' ') {
		v->text++;
		v->len--;
	}
	while (v->len && v->text[v->len - 1] == ' ')
		v->len--;
	if (!v->len)
		v->text = NULL;
}

/* scope-token and blanks: RFC 6749 section 3.3. */
static bool
is_scope(const struct oauth_value *v)
{
	for (size_t i = 0; i < v->len; i++) {
		char c = v->text[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			return false;
	}
	return v->len <= SCOPE_MAX;
}

/* An absolute URI without fragment: RFC 8707 section 2. */
static bool
is_resource(const struct oauth_value *v)
{
	for (size_t i = 0; i < v->len; i++) {
		char c = v->text[i];

		if (c <= 0x20 || c > 0x7e || c == '#')
			return false;
	}
	return v->len <= SCOPE_MAX && memchr(v->text, ':', v->len);
}

static bool
check(struct exchange *ex, struct oauth_ask *ask)
{
	const struct oauth_value *grant = &ask->values[OAUTH_GRANT_TYPE];
	struct oauth_value *scope = &ask->values[OAUTH_SCOPE];
	const struct oauth_value *resource = &ask->values[OAUTH_RESOURCE];

	if (!grant->text) {
		reply_oauth(ex, 400, "invalid_request", "grant_type is missing");
		return false;
	}
	/* In any case, as Ed-Fi's own token endpoints take it. */
	if (grant->len != strlen(GRANT) ||
		strncasecmp(grant->text, GRANT, grant->len) != 0) {
		reply_oauth(ex, 400, "unsupported_grant_type", NULL);
		return false;
	}
	trim(scope);
	if (scope->text && !is_scope(scope)) {
		reply_oauth(ex, 400, "invalid_scope", "the scope is not well-formed");
		return false;
	}
	if (resource->text && !is_resource(resource)) {
		reply_oauth(ex, 400, "invalid_target",
			"the resource must be an absolute URI without a fragment");
		return false;
	}
	return oauth_client(ex, ask);
}

void
ep_token(struct exchange *ex)
{
	struct oauth_ask ask;
	struct flat flat;

	flat_start(&flat);
	if (oauth_read(ex, &ask) && check(ex, &ask)) {
		const struct oauth_value *scope = &ask.values[OAUTH_SCOPE];
		const struct oauth_value *resource = &ask.values[OAUTH_RESOURCE];

		oauth_put_client(&flat, &ask, ex);
		if (scope->text)
			flat_put(&flat, TOKEN_ASK_SCOPE, scope->text, scope->len);
		if (resource->text)
			flat_put(
				&flat, TOKEN_ASK_RESOURCE, resource->text, resource->len);
		oauth_ask(ex, MESSAGE_TOKEN, &flat, answered);
	}
	flat_clear(&flat);
	oauth_clear(&ask);
}
