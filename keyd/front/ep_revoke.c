#include "keyd/front/endpoints.h"

#include "core/model/model.h"
#include "keyd/front/flat.h"
#include "keyd/front/oauth.h"
#include "keyd/front/reply.h"
#include "keyd/role/gate.h"

_Static_assert(REVOKE_ASK_KEY == 0 && REVOKE_ASK_SECRET == 1 && REVOKE_ASK_SOURCE == 2,
	"oauth_put_client() writes these");

/* RFC 7009 section 2.2: a token that is unknown is as good as revoked. */
static void
answered(struct exchange *ex, const struct message *m)
{
	if (m->status == KERR_OK || m->status == KERR_NOTFOUND)
		reply_send(ex, 200, NULL);
	else
		reply_keeper_fault(ex, m);
}

void
ep_revoke(struct exchange *ex)
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
			bool good =
				oauth_verify(ex->front, token->text, token->len, &jws);

			if (good)
				flat_put(&flat, REVOKE_ASK_JTI, jws.jti, jws.jti_len);
			/* without the keys a good token looks like none: that it has
			 * ended must not be said */
			if (!good && !oauth_has_keys(ex->front))
				reply_error(ex, KERR_NOT_READY);
			else
				oauth_ask(ex, MESSAGE_REVOKE_TOKEN, &flat, answered);
		}
	}
	flat_clear(&flat);
	oauth_clear(&ask);
}
