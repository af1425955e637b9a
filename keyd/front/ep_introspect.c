#include "keyd/front/endpoints.h"

#include "core/model/model.h"
#include "core/wire/json_write.h"
#include "keyd/front/flat.h"
#include "keyd/front/oauth.h"
#include "keyd/front/reply.h"
#include "keyd/role/gate.h"

_Static_assert(INTROSPECT_ASK_KEY == 0 && INTROSPECT_ASK_SECRET == 1 &&
		       INTROSPECT_ASK_SOURCE == 2,
	"oauth_put_client() writes these");
_Static_assert(INTROSPECTION__COUNT <= FLAT_FIELDS_MAX, "the values have their place");

static void
put_ints(struct buf *out, const struct flat_value *v)
{
	buf_put_u8(out, '[');
	for (size_t i = 0; i < v->len; i++) {
		if (i)
			buf_put_u8(out, ',');
		json_put_int(out, flat_int_at(v, i));
	}
	buf_put_u8(out, ']');
}

/* The members as the schema names them, without a tree and without a record. */
static void
put_member(struct buf *out, const struct field *field, const struct flat_value *v)
{
	buf_put(out, ",\"", 2);
	buf_put_text(out, field->name);
	buf_put(out, "\":", 2);
	if (field->type == FIELD_INT)
		json_put_int(out, v->number);
	else if (field->type == FIELD_INTS)
		put_ints(out, v);
	else
		json_put_string(out, (const char *)v->bytes, v->len);
}

/* RFC 7662 section 2.2. Of a token that is not active nothing is said but that. */
static void
answered(struct exchange *ex, const struct message *m)
{
	struct flat_value v[INTROSPECTION__COUNT];
	struct buf *out;

	if (m->status != KERR_OK) {
		reply_keeper_fault(ex, m);
		return;
	}
	if (flat_read(&introspection_schema, m->payload, m->length, v) != KERR_OK) {
		reply_error(ex, KERR_INTERNAL);
		return;
	}
	out = reply_body(ex);
	if (!v[INTROSPECTION_ACTIVE].number) {
		buf_put_text(out, "{\"active\":false}");
		reply_send(ex, 200, REPLY_JSON);
		return;
	}
	buf_put_text(out, "{\"active\":true");
	for (unsigned f = INTROSPECTION_ACTIVE + 1; f < INTROSPECTION__COUNT; f++) {
		if (v[f].has)
			put_member(out, &introspection_schema.fields[f], &v[f]);
	}
	buf_put_u8(out, '}');
	reply_send(ex, 200, REPLY_JSON);
}

void
ep_introspect(struct exchange *ex)
{
	struct oauth_ask ask;
	struct flat flat;

	flat_start(&flat);
	if (oauth_read(ex, &ask) && oauth_client(ex, &ask)) {
		const struct oauth_value *token = &ask.values[OAUTH_TOKEN];
		struct jws_token jws;

		oauth_put_client(&flat, &ask, ex);
		if (!token->text) {
			reply_oauth(ex, 400, "invalid_request", "token is missing");
		} else {
			/* The caller is looked at in any case: the keeper answers for a
			 * token without a jti as for one that is not active. */
			bool good =
				oauth_verify(ex->front, token->text, token->len, &jws);

			if (good)
				flat_put(&flat, INTROSPECT_ASK_JTI, jws.jti, jws.jti_len);
			if (!good && !oauth_has_keys(ex->front))
				reply_error(ex, KERR_NOT_READY);
			else
				oauth_ask(ex, MESSAGE_INTROSPECT, &flat, answered);
		}
	}
	flat_clear(&flat);
	oauth_clear(&ask);
}
