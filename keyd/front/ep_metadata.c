#include "keyd/front/endpoints.h"

#include <stdio.h>

#include "core/model/model.h"
#include "core/wire/json_write.h"
#include "keyd/front/exchange.h"
#include "keyd/front/reply.h"

/* Validators keep the key set for a day anyway, so five minutes are little. */
#define CACHE_SECONDS 300

/* RFC 7517 section 8.5.1. */
#define KEY_SET_TYPE "application/jwk-set+json"

#define METHODS "[\"client_secret_basic\",\"client_secret_post\"]"

static void
put_url(struct buf *out, const char *member, const char *issuer, const char *path)
{
	char url[320];

	snprintf(url, sizeof(url), "%s%s", issuer, path);
	json_put_member(out, false, member, url);
}

/* RFC 8414 section 2 and OpenID Connect Discovery 1.0 section 3, in one document: v8 of
 * the Ed-Fi API and OpenID clients read the second, of which keyd is no full provider. */
void
ep_metadata_write(struct front *f)
{
	struct buf *out = &f->metadata;
	const char *issuer = f->issuer;
	bool rs256 = jws_has_alg(f->jws, SIGNING_ALG_RS256);

	buf_reset(out);
	buf_put_u8(out, '{');
	json_put_member(out, true, "issuer", issuer);
	put_url(out, "token_endpoint", issuer, "/oauth/token");
	put_url(out, "jwks_uri", issuer, "/oauth/jwks");
	put_url(out, "introspection_endpoint", issuer, "/oauth/introspect");
	put_url(out, "revocation_endpoint", issuer, "/oauth/revoke");
	buf_put_text(out, ",\"grant_types_supported\":[\"client_credentials\"]"
			  ",\"response_types_supported\":[]"
			  ",\"subject_types_supported\":[\"public\"]"
			  ",\"token_endpoint_auth_methods_supported\":" METHODS
			  ",\"introspection_endpoint_auth_methods_supported\":" METHODS
			  ",\"revocation_endpoint_auth_methods_supported\":" METHODS
			  ",\"id_token_signing_alg_values_supported\":");
	buf_put_text(out, rs256 ? "[\"ES256\",\"RS256\"]}" : "[\"ES256\"]}");
}

static void
send_document(struct exchange *ex, const struct buf *document, const char *type)
{
	struct buf *out = reply_body(ex);

	buf_put(out, document->data, document->len);
	reply_cacheable(ex, CACHE_SECONDS);
	reply_send(ex, 200, type);
}

void
ep_metadata(struct exchange *ex)
{
	send_document(ex, &ex->front->metadata, REPLY_JSON);
}

void
ep_jwks(struct exchange *ex)
{
	/* Before the keeper has given its keys an empty set would be kept for a day. */
	if (!ex->front->key_set.len)
		reply_error(ex, KERR_NOT_READY);
	else
		send_document(ex, &ex->front->key_set, KEY_SET_TYPE);
}
