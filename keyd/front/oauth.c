#include "keyd/front/oauth.h"

#include <string.h>

#include "core/model/model.h"
#include "core/wire/json_record.h"
#include "keyd/front/flat.h"
#include "keyd/front/form.h"
#include "keyd/front/reply.h"

#define FORM_TYPE "application/x-www-form-urlencoded"
#define JSON_TYPE "application/json"

static const struct field parameters[] = {
	[OAUTH_CLIENT_ID] = {.name = "client_id", .type = FIELD_TEXT},
	[OAUTH_CLIENT_SECRET] = {.name = "client_secret", .type = FIELD_SECRET},
	[OAUTH_GRANT_TYPE] = {.name = "grant_type", .type = FIELD_TEXT},
	[OAUTH_SCOPE] = {.name = "scope", .type = FIELD_TEXT},
	[OAUTH_RESOURCE] = {.name = "resource", .type = FIELD_TEXT},
	[OAUTH_TOKEN] = {.name = "token", .type = FIELD_TEXT},
};
static const struct schema parameters_schema = {
	.name = "oauth", .fields = parameters, .count = OAUTH__COUNT};

static bool
invalid(struct exchange *ex, const char *why)
{
	reply_oauth(ex, 400, "invalid_request", why);
	return false;
}

static bool
unknown_client(struct exchange *ex)
{
	reply_oauth(ex, 401, "invalid_client", NULL);
	return false;
}

static bool
read_form(struct exchange *ex, struct oauth_ask *ret)
{
	struct fault fault = {0};
	struct form form;
	size_t len;
	uint8_t *body = exchange_body(ex, &len);

	if (form_read(&form, body, len, &fault) != KERR_OK)
		return invalid(ex, fault.text);
	for (unsigned i = 0; i < OAUTH__COUNT; i++) {
		const struct form_pair *pair = form_find(&form, parameters[i].name);

		if (!pair || !pair->value_len)
			continue;
		ret->values[i].text = pair->value;
		ret->values[i].len = pair->value_len;
	}
	return true;
}

static bool
read_json(struct exchange *ex, struct oauth_ask *ret)
{
	struct arena *a = exchange_arena(ex);
	struct fault fault = {0};
	size_t len;
	const uint8_t *body = exchange_body(ex, &len);
	enum kerr err = a ? json_record_read_loose(
				    &parameters_schema, a, body, len, &ret->json, &fault)
			  : KERR_NOMEM;

	if (err == KERR_NOMEM) {
		reply_error(ex, err);
		return false;
	}
	if (err != KERR_OK)
		return invalid(ex, fault.text);
	for (unsigned i = 0; i < OAUTH__COUNT; i++) {
		const struct secret *s;
		const uint8_t *bytes;

		if (!record_has(ret->json, i))
			continue;
		if (parameters[i].type == FIELD_SECRET) {
			s = record_secret(ret->json, i);
			bytes = secret_reveal(s);
			len = secret_len(s);
		} else {
			bytes = record_bytes(ret->json, i, &len);
		}
		ret->values[i].text = len ? (const char *)bytes : NULL;
		ret->values[i].len = len;
	}
	return true;
}

/* The media type without its parameters (RFC 9110 section 8.3.1). */
static struct http_span
media_type(const struct exchange *ex, struct http_span value)
{
	const uint8_t *p = ex->in.data + value.at;
	uint32_t len = 0;

	while (len < value.len && p[len] != ';' && p[len] != ' ' && p[len] != '\t')
		len++;
	value.len = len;
	return value;
}

bool
oauth_read(struct exchange *ex, struct oauth_ask *ret)
{
	struct http_span type;

	memset(ret->values, 0, sizeof(ret->values));
	ret->json = NULL;
	ret->auth.secret = NULL;
	ret->auth.user_len = 0;
	if (ex->http.query.len)
		return invalid(ex, "parameters belong in the body, never in the query");
	if (!http_in_field(&ex->http, &ex->in, "content-type", &type, NULL))
		return invalid(ex, "the body needs the type " FORM_TYPE);
	type = media_type(ex, type);
	if (http_span_is(&ex->in, type, FORM_TYPE))
		return read_form(ex, ret);
	if (http_span_is(&ex->in, type, JSON_TYPE))
		return read_json(ex, ret);
	return invalid(ex, "the body needs the type " FORM_TYPE);
}

void
oauth_clear(struct oauth_ask *ask)
{
	record_drop_secrets(ask->json);
	ask->json = NULL;
	basic_clear(&ask->auth);
}

/* Keys are printable ASCII; what is not could not even be asked for. */
static bool
is_plausible(const struct basic *auth)
{
	for (size_t i = 0; i < auth->user_len; i++) {
		if (auth->user[i] < 0x20 || auth->user[i] > 0x7e)
			return false;
	}
	return auth->user_len && auth->secret && secret_len(auth->secret);
}

static bool
client_in_header(struct exchange *ex, struct oauth_ask *ask, struct http_span value)
{
	const struct oauth_value *id = &ask->values[OAUTH_CLIENT_ID];
	const char *text = (const char *)ex->in.data + value.at;
	enum kerr err = basic_read(text, value.len, &ask->auth);

	if (err == KERR_INVALID)
		return invalid(ex, "the Authorization field is not Basic's form");
	if (err == KERR_NOMEM) {
		reply_error(ex, err);
		return false;
	}
	if (err != KERR_OK)
		return unknown_client(ex);
	if (ask->values[OAUTH_CLIENT_SECRET].text ||
		(id->text && (id->len != ask->auth.user_len ||
				     memcmp(id->text, ask->auth.user, id->len) != 0)))
		return invalid(ex, "credentials are in the Authorization field and in "
				   "the body; send them once");
	return is_plausible(&ask->auth) || unknown_client(ex);
}

static bool
client_in_body(struct exchange *ex, struct oauth_ask *ask)
{
	const struct oauth_value *id = &ask->values[OAUTH_CLIENT_ID];
	const struct oauth_value *secret = &ask->values[OAUTH_CLIENT_SECRET];

	if (!id->text || !secret->text || id->len > BASIC_USER_MAX ||
		secret->len > BASIC_PASSWORD_MAX)
		return unknown_client(ex);
	ask->auth.secret = secret_new(secret->text, secret->len);
	if (!ask->auth.secret) {
		reply_error(ex, KERR_NOMEM);
		return false;
	}
	memcpy(ask->auth.user, id->text, id->len);
	ask->auth.user[id->len] = '\0';
	ask->auth.user_len = id->len;
	return is_plausible(&ask->auth) || unknown_client(ex);
}

bool
oauth_client(struct exchange *ex, struct oauth_ask *ask)
{
	struct http_span value;
	unsigned count;

	if (http_in_field(&ex->http, &ex->in, "authorization", &value, &count))
		return client_in_header(ex, ask, value);
	if (count)
		return invalid(ex, "the Authorization field is given twice");
	return client_in_body(ex, ask);
}

void
oauth_put_client(struct flat *to, const struct oauth_ask *ask, const struct exchange *ex)
{
	flat_put(to, 0, ask->auth.user, ask->auth.user_len);
	flat_put_secret(to, 1, ask->auth.secret);
	flat_put(to, 2, ex->source, sizeof(ex->source));
}

void
oauth_ask(struct exchange *ex, uint16_t number, const struct flat *question,
	exchange_answered *answered)
{
	if (question->failed)
		reply_error(ex, KERR_INTERNAL);
	else
		exchange_ask(ex, number, question->bytes, question->len, answered);
}

bool
oauth_verify(struct front *f, const char *token, size_t len, struct jws_token *ret)
{
	struct token_tag tag;

	if (!len || len > JWS_TOKEN_MAX)
		return false;
	token_cache_tag(f->cache, token, len, &tag);
	if (token_cache_get(f->cache, &tag, ret)) {
		f->counters.cache_hits++;
		return true;
	}
	f->counters.cache_misses++;
	if (jws_verify(f->jws, token, len, ret) != KERR_OK)
		return false;
	token_cache_put(f->cache, &tag, ret);
	return true;
}

bool
oauth_has_keys(const struct front *f)
{
	return f->phase == PHASE_SERVING;
}
